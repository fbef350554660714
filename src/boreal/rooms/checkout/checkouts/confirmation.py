"""Confirming a session: the buyer pays, or sets up a method, or takes what is free (catalog spec 7).

Two short transactions with the call to the processor between them. The first writes down an attempt and marks the
session as busy; the second applies it or throws it away, so that a refused confirmation leaves nothing behind. A
delayed row of work stands by: if this process dies in between, it asks again with the same key and finishes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout, CheckoutStatus
from boreal.core.customers import Customer, NewCustomer
from boreal.core.organizations import payments_are_ready
from boreal.core.payments import PaymentStatus
from boreal.kit.app import App
from boreal.kit.problems import Fault, Invalid
from boreal.kit.tx import Tx
from boreal.kit.work import Work
from boreal.providers.ports import (
    Canceled,
    Declined,
    Payment,
    PaymentProcessor,
    ProcessorRefused,
    ProcessorUnavailable,
    Setup,
    Succeeded,
)
from boreal.rooms.billing.public import record_payment
from boreal.rooms.checkout.checkouts import attempts, queries
from boreal.rooms.checkout.checkouts.attempts import Attempt
from boreal.rooms.checkout.checkouts.changes import Change, Sent, change
from boreal.rooms.checkout.checkouts.errors import CheckoutLocked, PaymentError, PaymentNotReady, fault
from boreal.rooms.checkout.checkouts.shelf import Shelf, read_shelf
from boreal.rooms.checkout.checkouts.taxes import with_tax
from boreal.rooms.checkout.checkouts.updates import (
    ATTEMPTS,
    lock,
    open_for_buyer,
    refuse_second_subscription,
    refuse_unless_open,
)
from boreal.rooms.customers.public import lock_or_create, new_session, set_processor_customer
from boreal.rooms.customers.public import read as read_customer

_log = structlog.get_logger("boreal.checkout")

SAFETY_NET = timedelta(seconds=60)
"""When an attempt that nobody finished is taken up again; longer than any call to a processor lasts."""
SOON = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A confirmed session, and the token that lets its buyer into the portal; None if another process confirmed it."""

    checkout: Checkout
    shelf: Shelf
    customer_session_token: str


async def confirm(app: App, client_secret: str, sent: Sent, token: str | None) -> Confirmed:
    """Confirms the session with the last changes of the buyer and the one-time token of the payment form.

    Raises `ResourceNotFound`, `ExpiredCheckoutError`, `NotOpenCheckout`, `CheckoutLocked`, `PaymentNotReady`,
    `AlreadyActiveSubscriptionError`, `Invalid` with everything that is missing, and `PaymentError` when the payment
    was refused: then the session is as it was before.
    """
    checkout = await open_for_buyer(app, client_secret)
    for _ in range(ATTEMPTS):
        refuse_unless_open(checkout)
        shelf = await read_shelf(app.database, checkout)
        candidate, flags = await _prepare(app, checkout, shelf, sent, token)
        if not flags.is_payment_form_required:
            confirmed = await _confirm_free(app, checkout, candidate)
        else:
            request = await _request(app, candidate, shelf, flags, token)
            attempt = await _begin(app, checkout, candidate, request)
            confirmed = await _pay(app, attempt) if attempt else None
        if confirmed is not None:
            return Confirmed(confirmed[0], shelf, confirmed[1])
        checkout = await open_for_buyer(app, client_secret)
    raise CheckoutLocked


async def _prepare(
    app: App, checkout: Checkout, shelf: Shelf, sent: Sent, token: str | None
) -> tuple[Checkout, book.Flags]:
    """The session as it will be confirmed. Everything that is missing or wrong is raised at once."""
    changed = change(checkout, shelf, sent, now=app.clock.now())
    await refuse_second_subscription(app, shelf, changed)
    candidate, tax_refusal = await with_tax(app, changed.checkout, changed.selection)
    money = book.totals(amount=candidate.amount, discount_amount=0, tax_amount=candidate.tax_amount)
    flags = book.flags(changed.selection, money, trial_end=candidate.trial_end)
    organization = shelf.organization
    if flags.is_payment_required and not payments_are_ready(
        sandbox=app.settings.is_sandbox,
        status=organization["status"],
        blocked_at=organization["blocked_at"],
        details_submitted_at=organization["details_submitted_at"],
    ):
        raise PaymentNotReady
    faults = _faults(candidate, changed, flags, tax_refusal, token)
    if faults:
        raise Invalid(*faults)
    return candidate, flags


def _faults(
    candidate: Checkout, changed: Change, flags: book.Flags, tax_refusal: str | None, token: str | None
) -> list[Fault]:
    faults = []
    if tax_refusal:
        faults.append(Fault(("body", "customer_billing_address"), tax_refusal))
    if changed.selection.price.is_archived:
        faults.append(Fault(("body", "product_price_id"), "Price is archived.", input=str(candidate.product_price_id)))
    refusals = book.missing(candidate, form_required=flags.is_payment_form_required, token=token)
    return faults + [fault(refusal) for refusal in refusals]


async def _request(app: App, candidate: Checkout, shelf: Shelf, flags: book.Flags, token: str | None) -> dict[str, Any]:
    """What the processor is asked (catalog spec 7.3), as JSON."""
    product = shelf.details[candidate.product_id].product
    organization = shelf.organization
    money = book.totals(amount=candidate.amount, discount_amount=0, tax_amount=candidate.tax_amount)
    address = {name: value for name, value in (candidate.customer_billing_address or {}).items() if value}
    customer = await read_customer(app.database, candidate.customer_id) if candidate.customer_id else None
    metadata = {
        "checkout_id": str(candidate.id),
        "type": "product",
        "tax_amount": str(money.tax_amount or 0),
        **({"tax_country": address["country"]} if "country" in address else {}),
        **({"tax_state": address["state"].partition("-")[2] or address["state"]} if "state" in address else {}),
    }
    return {
        "kind": "payment" if flags.is_payment_required else "setup",
        "amount": money.total_amount,
        "currency": candidate.currency,
        "token": token,
        "save_for_later": product.is_recurring,
        "description": f"{organization['name']} — {product.name}",
        "statement_suffix": organization["slug"][:15],
        "return_url": f"{queries.page_url(app.settings, candidate)}/confirmation",
        "metadata": metadata,
        "known_customer": customer.processor_customer_id if customer else None,
        "customer": {
            "reference": str(customer.id if customer else candidate.id),
            "email": candidate.customer_email,
            "name": candidate.customer_billing_name or candidate.customer_name,
            "address": address or None,
            "tax_id": candidate.customer_tax_id[0] if candidate.customer_tax_id else None,
        },
    }


async def _begin(app: App, checkout: Checkout, candidate: Checkout, request: Mapping[str, Any]) -> Attempt | None:
    """The first transaction: the attempt, the busy mark and the safety net; None if the session changed meanwhile."""
    async with app.transaction(checkout.organization_id) as tx:
        before = await lock(tx, checkout.id)
        if before != checkout:
            return None
        attempt = await attempts.begin(tx, candidate, request)
        await tx.save(before, replace(before, attempt_id=attempt.id))
        tx.enqueue(
            "settle_attempt",
            payload={"attempt_id": str(attempt.id)},
            due_at=tx.now + SAFETY_NET,
            unique_key=str(attempt.id),
        )
    return attempt


async def _pay(app: App, attempt: Attempt) -> tuple[Checkout, str]:
    """The call to the processor, and the second transaction."""
    try:
        result = await attempts.perform(app, attempt)
    except ProcessorRefused as refused:
        await discard(app, attempt)
        raise PaymentError(refused.message) from refused
    except ProcessorUnavailable as unknown:
        _log.warning("payment_outcome_unknown", attempt_id=str(attempt.id), reason=str(unknown))
        async with app.transaction(attempt.organization_id) as tx:
            tx.enqueue(
                "settle_attempt",
                payload={"attempt_id": str(attempt.id)},
                due_at=tx.now + SOON,
                unique_key=str(attempt.id),
                sooner=True,
            )
        raise CheckoutLocked from unknown
    return await settle(app, attempt, result)


async def settle(app: App, attempt: Attempt, result: Payment | Setup) -> tuple[Checkout, str]:
    """The second transaction: applies an attempt that was accepted, or discards it and raises `PaymentError`.

    Whoever comes second finds the attempt settled, and only hands out what it led to.
    """
    if isinstance(result.outcome, Declined | Canceled):
        await discard(app, attempt, result)
        message = result.outcome.message if isinstance(result.outcome, Declined) else None
        raise PaymentError(message)
    async with app.transaction(attempt.organization_id) as tx:
        before = await tx.lock(Checkout, attempt.checkout_id)
        assert before is not None
        if not await attempts.close(tx, attempt.id, "applied"):
            if before.customer_id is None or before.status is CheckoutStatus.OPEN:
                raise CheckoutLocked
            return replace(before, status=CheckoutStatus.CONFIRMED), await _session_token(app, tx, before.customer_id)
        customer = await _customer(tx, attempt.candidate)
        if customer.processor_customer_id is None:
            customer = await set_processor_customer(tx, customer, result.customer)
        after = replace(
            _confirmed(before, attempt.candidate, customer, tx),
            intent_id=result.id,
            payment_processor_metadata={
                **before.payment_processor_metadata,
                "customer_id": result.customer,
                "intent_status": result.outcome.status,
                "intent_client_secret": result.client_secret,
            },
        )
        await tx.save(before, after)
        if isinstance(result, Payment):
            await record(tx, app.get(PaymentProcessor).name, after, result)
        due_at = tx.now if isinstance(result.outcome, Succeeded) else tx.now + POLL
        complete_later(tx, after.id, due_at=due_at)
        return after, await _session_token(app, tx, customer.id)


POLL = timedelta(seconds=30)
"""How often a payment that waits for its buyer or its bank is asked about, should no event tell of it."""


def complete_later(tx: Tx, checkout_id: UUID, *, due_at: Any = None) -> None:
    """Asks for the completion of a confirmed session: the order, or the way back to open."""
    tx.enqueue(
        "complete_checkout",
        payload={"checkout_id": str(checkout_id)},
        due_at=due_at,
        unique_key=str(checkout_id),
        sooner=True,
    )


async def discard(app: App, attempt: Attempt, result: Payment | Setup | None = None) -> None:
    """Throws an attempt away: the session is open again as it was; a refused payment is on record."""
    async with app.transaction(attempt.organization_id) as tx:
        before = await tx.lock(Checkout, attempt.checkout_id)
        assert before is not None
        if not await attempts.close(tx, attempt.id, "discarded"):
            return
        await tx.save(before, replace(before, attempt_id=None))
        if isinstance(result, Payment):
            await record(tx, app.get(PaymentProcessor).name, attempt.candidate, result)


async def settle_attempt(app: App, work: Work) -> None:
    """The safety net (kind of work): finishes an attempt that its process could not finish."""
    attempt = await attempts.read(app.database, UUID(work.payload["attempt_id"]))
    if attempt.state != "started":
        return
    try:
        result = await attempts.perform(app, attempt)
    except ProcessorRefused:
        await discard(app, attempt)
        return
    try:
        await settle(app, attempt, result)
    except PaymentError as refused:
        _log.info("payment_refused_late", attempt_id=str(attempt.id), reason=refused.detail)


async def _confirm_free(app: App, checkout: Checkout, candidate: Checkout) -> tuple[Checkout, str] | None:
    """Confirms what needs no payment form, in one transaction; None if the session changed meanwhile."""
    async with app.transaction(checkout.organization_id) as tx:
        before = await lock(tx, checkout.id)
        if before != checkout:
            return None
        customer = await _customer(tx, candidate)
        after = _confirmed(before, candidate, customer, tx)
        await tx.save(before, after)
        complete_later(tx, after.id)
        return after, await _session_token(app, tx, customer.id)


def _confirmed(before: Checkout, candidate: Checkout, customer: Customer, tx: Tx) -> Checkout:
    return replace(
        candidate,
        status=CheckoutStatus.CONFIRMED,
        attempt_id=None,
        customer_id=customer.id,
        modified_at=tx.now,
        payment_processor_metadata=before.payment_processor_metadata,
    )


async def _customer(tx: Tx, candidate: Checkout) -> Customer:
    """The customer of the purchase, locked: linked, found by e-mail, or new (catalog spec 6.14)."""
    assert candidate.customer_email is not None
    return await lock_or_create(
        tx,
        NewCustomer(
            email=candidate.customer_email,
            customer_id=candidate.customer_id,
            external_id=candidate.external_customer_id,
            name=candidate.customer_name,
            billing_name=candidate.customer_billing_name,
            billing_address=candidate.customer_billing_address,
            tax_id=candidate.customer_tax_id,
            metadata=candidate.customer_metadata,
        ),
    )


async def _session_token(app: App, tx: Tx, customer_id: UUID) -> str:
    token, _expires_at = await new_session(
        tx, keyring=app.keyring, customer_id=customer_id, organization_id=tx.organization_id
    )
    return token


_STATUS = {"succeeded": PaymentStatus.SUCCEEDED, "declined": PaymentStatus.FAILED, "canceled": PaymentStatus.FAILED}


async def record(tx: Tx, processor: str, checkout: Checkout, payment: Payment) -> UUID:
    """Puts an attempt to pay on record, whatever came of it, and returns the record's id (catalog spec 7.4)."""
    declined = payment.outcome if isinstance(payment.outcome, Declined) else None
    card = payment.method.card
    risk = payment.charge.risk if payment.charge else None
    stored = await record_payment(
        tx,
        processor=processor,
        processor_id=payment.charge.id if payment.charge else payment.id,
        status=_STATUS.get(payment.outcome.status, PaymentStatus.PENDING),
        amount=payment.amount,
        currency=payment.currency,
        method=payment.method.type,
        method_metadata={"brand": card.brand, "last4": card.last4} if card else {},
        customer_email=checkout.customer_email,
        checkout_id=checkout.id,
        decline_reason=declined.reason if declined else None,
        decline_message=declined.message if declined else None,
        risk_level=risk.level if risk else None,
        risk_score=risk.score if risk else None,
    )
    return stored.id
