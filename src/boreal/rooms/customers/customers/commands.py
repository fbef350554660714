"""Making, changing and deleting customers (usage spec 12, catalog spec 6.14).

Two requests may claim one e-mail at the same moment, so the unique indexes decide: a refused write is taken back to a
savepoint and everything is looked at again. Locking order: checkout, discount, customer.
"""

import itertools
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from asyncpg import UniqueViolationError

from boreal.core import customers as book
from boreal.core.customers import Customer, NewCustomer
from boreal.kit.app import App
from boreal.kit.auth import REVOKE, Actor
from boreal.kit.problems import Fault, Invalid, ResourceNotFound
from boreal.kit.tx import Tx
from boreal.rooms.customers.customers import queries
from boreal.rooms.customers.tax_ids import InvalidTaxId, validate_tax_id

ATTEMPTS = 20
MAX_EXTERNAL_ID_BYTES = 2000
"""What fits into an index entry."""

_NOBODY = UUID(int=0)
_sequence = itertools.count(secrets.randbelow(1024))


async def create(app: App, *, organization_id: UUID, details: NewCustomer) -> Customer:
    """A new customer. Raises `Invalid` for an e-mail or an external id that another one has (usage spec 12.2)."""
    async with app.transaction(organization_id) as tx:
        for attempt in range(ATTEMPTS):
            faults = await _faults(tx, email=details.email, external_id=details.external_id)
            if faults:
                raise Invalid(*faults)
            customer = await _insert(tx, details, attempt)
            if customer is not None:
                return customer
        raise RuntimeError(f"no room for a customer after {ATTEMPTS} attempts")


async def update(
    app: App,
    actor: Actor,
    *,
    id: UUID | None = None,
    external_id: str | None = None,
    changes: Mapping[str, Any],
) -> Customer:
    """Changes the fields that were sent; see `core.customers.changed`.

    The customer is meant by id or external id. Raises `ResourceNotFound`, and `Invalid` with every fault of usage spec
    12.2.
    """
    found = await queries.get(app.database, actor, id=id, external_id=external_id)
    async with app.transaction(found["organization_id"]) as tx:
        before = await _lock(tx, found["id"])
        after = book.changed(before, changes, now=tx.now)
        for _ in range(ATTEMPTS):
            faults = await _faults_of_changes(tx, before, after, changes)
            if faults:
                raise Invalid(*faults)
            try:
                async with tx.connection.raw.transaction():
                    return await tx.save(before, after)
            except UniqueViolationError:
                continue
        raise RuntimeError(f"customer {before.id} could not be changed in {ATTEMPTS} attempts")


async def update_own(
    app: App,
    actor: Actor,
    *,
    billing_name: str | None,
    billing_address: Mapping[str, Any] | None,
    tax_id: str | None,
) -> Customer:
    """Changes the authenticated customer; what is None stays (usage spec 16).

    A tax id is validated for the country, a known one again when the country changes. Raises `Invalid`.
    """
    assert actor.customer_id is not None
    async with app.transaction(actor.organization_id) as tx:
        before = await _lock(tx, actor.customer_id)
        address = dict(billing_address) if billing_address is not None else before.billing_address
        number = tax_id
        if number is None and before.tax_id is not None and address != before.billing_address:
            number = before.tax_id[0]
        after = replace(
            before,
            billing_name=before.billing_name if billing_name is None else billing_name,
            billing_address=address,
            tax_id=before.tax_id if number is None else _tax_id(number, address),
        )
        return await tx.save(before, after if after == before else replace(after, modified_at=tx.now))


def _tax_id(number: str, address: Mapping[str, Any] | None) -> list[str]:
    if address is None:
        words = "Country is required to validate tax ID."
        raise Invalid(Fault(("body", "billing_address"), words, "missing"))
    try:
        return list(validate_tax_id(number, address["country"]))
    except InvalidTaxId:
        raise Invalid(Fault(("body", "tax_id"), "Invalid tax ID.", "invalid", number)) from None


async def delete(
    app: App, actor: Actor, *, id: UUID | None = None, external_id: str | None = None, anonymize: bool = False
) -> None:
    """Deletes a customer, whose tokens die at once; subscriptions and grants end by reactions to the fact.

    See `core.customers.deleted` for what is kept. Raises `ResourceNotFound`.
    """
    found = await queries.get(app.database, actor, id=id, external_id=external_id)
    async with app.transaction(found["organization_id"]) as tx:
        customer = await _lock(tx, found["id"])
        await tx.save(customer, book.deleted(customer, anonymize=anonymize, now=tx.now))
        # Sessions stand above customers in this room: every remembered token is looked up once more.
        await tx.execute(REVOKE, token_hash="*")
        tx.after_commit(lambda: app.authenticator.forget("*"))


async def lock_or_create(tx: Tx, details: NewCustomer) -> Customer:
    """The customer of a purchase, locked until the end of the transaction (catalog spec 6.14).

    It is the linked one, else the one with the same e-mail in any case of letters, else the one with the external id,
    else a new one. A known customer is merged with the details: see `core.customers.merged`. Any number of purchases
    at the same time make one customer.
    """
    for attempt in range(ATTEMPTS):
        row = await tx.fetchrow(
            queries.LOCK_BUYER,
            organization_id=tx.organization_id,
            id=details.customer_id,
            email=details.email,
            external_id=details.external_id,
        )
        if row is not None:
            known = queries.load(row)
            return await tx.save(known, book.merged(known, details, now=tx.now))
        customer = await _insert(tx, details, attempt)
        if customer is not None:
            return customer
    raise RuntimeError(f"no room for a customer after {ATTEMPTS} attempts")


async def set_processor_customer(tx: Tx, customer: Customer, processor_customer_id: str) -> Customer:
    """Remembers who the locked customer is at the payment processor; no fact."""
    if customer.processor_customer_id == processor_customer_id:
        return customer
    return await tx.save(customer, replace(customer, processor_customer_id=processor_customer_id))


async def set_default_payment_method(tx: Tx, customer: Customer, id: UUID | None) -> Customer:
    """From now on the locked customer prefers this payment method, or none; always told as a change."""
    return await tx.save(customer, replace(customer, default_payment_method_id=id, modified_at=tx.now))


async def take_invoice_number(tx: Tx, customer: Customer) -> int:
    """The number of the next invoice of the locked customer: 1, 2, 3, … without a gap; once per lock, and no fact."""
    await tx.save(customer, replace(customer, invoice_next_number=customer.invoice_next_number + 1))
    return customer.invoice_next_number


async def _lock(tx: Tx, id: UUID) -> Customer:
    customer = await tx.lock(Customer, id)
    if customer is None or customer.deleted_at is not None:
        raise ResourceNotFound
    return customer


async def _insert(tx: Tx, details: NewCustomer, attempt: int) -> Customer | None:
    """The stored new customer, or None if its e-mail, external id or short id turned out to be taken."""
    elapsed = (tx.now - book.SHORT_ID_EPOCH) // timedelta(milliseconds=1)
    # A test clock stands still, and its one millisecond has room for 1,024 customers: look further and further ahead.
    milliseconds = elapsed + secrets.randbelow(2**attempt)
    customer = book.born(
        details,
        id=uuid.uuid4(),
        organization_id=tx.organization_id,
        short_id=book.short_id(milliseconds, next(_sequence)),
        now=tx.now,
    )
    return await tx.save_unless_taken(customer)


async def _faults_of_changes(tx: Tx, before: Customer, after: Customer, changes: Mapping[str, Any]) -> list[Fault]:
    if not book.refuses_external_id(before, changes):
        return await _faults(tx, id=before.id, email=after.email, external_id=after.external_id)
    fixed = _fault("external_id", "Customer external ID cannot be updated.", changes["external_id"])
    return [*await _faults(tx, id=before.id, email=after.email, external_id=None), fixed]


async def _faults(tx: Tx, *, id: UUID = _NOBODY, email: str, external_id: str | None) -> list[Fault]:
    """What customers other than `id` have already, and an external id that is too long."""
    taken = await tx.fetchrow(
        queries.TAKEN, organization_id=tx.organization_id, id=id, email=email, external_id=external_id
    )
    assert taken is not None
    faults = []
    if taken["email"]:
        faults.append(_fault("email", "A customer with this email address already exists.", email))
    if taken["external_id"]:
        faults.append(_fault("external_id", "A customer with this external ID already exists.", external_id))
    if external_id is not None and len(external_id.encode()) > MAX_EXTERNAL_ID_BYTES:
        words = f"External ID must have at most {MAX_EXTERNAL_ID_BYTES} bytes."
        faults.append(_fault("external_id", words, external_id))
    return faults


def _fault(name: str, message: str, given: Any) -> Fault:
    return Fault(("body", name), message, "value_error", given)
