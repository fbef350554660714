"""Customers: what a record of one holds, what its changes mean, and how it is merged, labelled and forgotten.

A customer is a buyer of one organization. Its e-mail is unique there in any case of letters, its external id can be
given once; deletion frees both. A purchase under a known e-mail belongs to the customer that is there: what the buyer
entered replaces what was known, the e-mail and the external id stay (catalog spec 6.14, usage spec 12).

Invoice numbers carry a short id: 42 bits of milliseconds since 2023 and 10 bits of sequence, as letters.

>>> short_id_text(short_id(26, 1))
'AAAABNKB'
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class CustomerType(StrEnum):
    """A label that restricts nothing; none means individual (usage spec 12.1)."""

    INDIVIDUAL = "individual"
    TEAM = "team"


class MemberRole(StrEnum):
    """What a member of a customer may do; each customer has exactly one owner (usage spec 14)."""

    OWNER = "owner"
    BILLING_MANAGER = "billing_manager"
    MEMBER = "member"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A buyer of one organization.

    `billing_address` has the members of the wire's Address, `tax_id` is the number and its format. `billing_name`,
    `short_id`, `invoice_next_number` (the number of the next invoice) and `processor_customer_id` are not shown to
    merchants.
    """

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    deleted_at: datetime | None
    organization_id: UUID
    external_id: str | None
    email: str
    email_verified: bool
    type: CustomerType | None
    name: str | None
    billing_name: str | None
    billing_address: dict[str, Any] | None
    tax_id: list[str] | None
    metadata: dict[str, Any]
    short_id: int
    invoice_next_number: int
    processor_customer_id: str | None
    default_payment_method_id: UUID | None = None


_BOOKKEEPING = frozenset({"invoice_next_number", "processor_customer_id"})
_TOLD = tuple(item.name for item in fields(Customer) if item.name not in _BOOKKEEPING)


def facts(before: Customer | None, after: Customer) -> tuple[str, ...]:
    """`customer.created`, `customer.deleted`, or `customer.updated` for any other write (platform spec 9).

    The next invoice number and the processor's id are our own bookkeeping: their changes are no news.
    """
    if before is None:
        return ("customer.created",)
    if before.deleted_at is None and after.deleted_at is not None:
        return ("customer.deleted",)
    if all(getattr(before, name) == getattr(after, name) for name in _TOLD):
        return ()
    return ("customer.updated",)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCustomer:
    """Who buys, as far as it is known; None is not known.

    `customer_id` is a customer that is already linked, for a checkout; `external_id`, `type` and
    `processor_customer_id` are for a customer that has to be made.
    """

    email: str
    customer_id: UUID | None = None
    external_id: str | None = None
    type: CustomerType | None = None
    name: str | None = None
    billing_name: str | None = None
    billing_address: Mapping[str, Any] | None = None
    tax_id: list[str] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    processor_customer_id: str | None = None


def born(details: NewCustomer, *, id: UUID, organization_id: UUID, short_id: int, now: datetime) -> Customer:
    """A new customer; its e-mail is not verified yet."""
    return Customer(
        id=id,
        created_at=now,
        modified_at=None,
        deleted_at=None,
        organization_id=organization_id,
        external_id=details.external_id,
        email=details.email,
        email_verified=False,
        type=details.type,
        name=details.name,
        billing_name=details.billing_name,
        billing_address=dict(details.billing_address) if details.billing_address is not None else None,
        tax_id=details.tax_id,
        metadata=dict(details.metadata),
        short_id=short_id,
        invoice_next_number=1,
        processor_customer_id=details.processor_customer_id,
    )


def merged(customer: Customer, details: NewCustomer, *, now: datetime) -> Customer:
    """A known customer after a purchase: what is known now replaces what was, metadata key by key.

    E-mail, external id and type stay (catalog spec 6.14). Unchanged if nothing new is known.
    """
    told: dict[str, Any] = {
        "name": details.name,
        "billing_name": details.billing_name,
        "billing_address": dict(details.billing_address) if details.billing_address is not None else None,
        "tax_id": details.tax_id,
    }
    known = {name: value for name, value in told.items() if value is not None}
    after = replace(customer, **known, metadata={**customer.metadata, **details.metadata})
    return customer if after == customer else replace(after, modified_at=now)


def changed(customer: Customer, changes: Mapping[str, Any], *, now: datetime) -> Customer:
    """A customer after the changes that somebody sent, field by field; None clears a field (usage spec 12.2).

    A null e-mail or type leaves what is there, and so does an e-mail that differs in case only. Another e-mail is not
    verified yet.
    """
    values = dict(changes)
    if values.get("type") is None:
        values.pop("type", None)
    email = values.pop("email", None)
    if email is not None and email.lower() != customer.email.lower():
        values.update(email=email, email_verified=False)
    return replace(customer, **values, modified_at=now)


def refuses_external_id(customer: Customer, changes: Mapping[str, Any]) -> bool:
    """Whether the changes would give another external id, or none, to a customer that has one (usage spec 12.2)."""
    has = customer.external_id
    return has is not None and changes.get("external_id", has) != has


EXTERNAL_ID_KEY = "__external_id"
"""Where the metadata of a deleted customer keeps its external id."""

ANONYMOUS = "@anonymized.invalid"
"""How the e-mail of a customer ends of whom nothing is known any more."""


def deleted(customer: Customer, *, anonymize: bool, now: datetime) -> Customer:
    """A customer after its deletion: external id and e-mail are free again (usage spec 12.3).

    The external id is kept under the metadata key `__external_id`. With `anonymize` names, address and tax id are
    gone and the e-mail becomes a placeholder from which nothing can be learned; invoices keep what they need.
    """
    kept = {EXTERNAL_ID_KEY: customer.external_id} if customer.external_id is not None else {}
    after = replace(customer, deleted_at=now, modified_at=now, external_id=None, metadata={**customer.metadata, **kept})
    if not anonymize:
        return after
    return replace(
        after,
        email=f"customer-{customer.id}{ANONYMOUS}",
        email_verified=False,
        name=None,
        billing_name=None,
        billing_address=None,
        tax_id=None,
    )


def avatar_url(email: str) -> str:
    """The Gravatar of an e-mail address; a 404 there when it has none (usage spec 12.1).

    >>> avatar_url("Customer@example.com")[:49]
    'https://www.gravatar.com/avatar/e233d4a29013e9d87'
    """
    return f"https://www.gravatar.com/avatar/{hashlib.sha256(email.lower().encode()).hexdigest()}?d=404"


SHORT_ID_EPOCH = datetime(2023, 1, 1, tzinfo=UTC)
"""Where the milliseconds of short ids begin."""


def short_id(milliseconds: int, sequence: int) -> int:
    """52 bits: milliseconds since `SHORT_ID_EPOCH` (42 bits), then the sequence modulo 1024 (orders spec 2.1)."""
    return (milliseconds % 2**42) << 10 | sequence % 1024


def short_id_text(number: int) -> str:
    """A short id in base 26 with the digits A to Z, at least eight letters (orders spec 2.1).

    >>> short_id_text(0), short_id_text(26)
    ('AAAAAAAA', 'AAAAAABA')
    """
    letters = ""
    while number:
        number, digit = divmod(number, 26)
        letters = chr(ord("A") + digit) + letters
    return letters.rjust(8, "A")
