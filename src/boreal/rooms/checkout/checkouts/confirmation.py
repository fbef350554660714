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
from boreal.core.discounts import discount_amount, is_redeemable
from boreal.core.organizations import payments_are_ready
from boreal.kit.app import App
from boreal.kit.db import Row
from boreal.kit.problems import Fault, Invalid, Problem
from boreal.kit.tx import Tx
from boreal.kit.work import Work
from boreal.providers.ports import Canceled, Declined, Payment, ProcessorRefused, ProcessorUnavailable, Setup, Succeeded
from boreal.rooms.billing.public import after_silence
from boreal.rooms.catalog.public import lock_discount, redeem, release_redemption
from boreal.rooms.checkout.checkouts import attempts, payments, trials
from boreal.rooms.checkout.checkouts.attempts import Attempt
from boreal.rooms.checkout.checkouts.changes import Change, Sent
from boreal.rooms.checkout.checkouts.claims import ClaimHeld, release_claim, take_claim, take_upgrade
from boreal.rooms.checkout.checkouts.errors import (
    AlreadyActiveSubscriptionError,
    CheckoutLocked,
    PaymentError,
    PaymentNotReady,
    TrialAlreadyRedeemed,
    fault,
    no_longer_redeemable,
    refuse_blocked,
)
from boreal.rooms.checkout.checkouts.fulfilment import POLL, complete_later, withdraw
from boreal.rooms.checkout.checkouts.shelf import Shelf, read_shelf
from boreal.rooms.checkout.checkouts.updates import (
    ATTEMPTS,
    lock,
    open_for_buyer,
    refuse_unless_open,
    work_out,
)
from boreal.rooms.customers.public import lock_or_create, new_session, set_processor_customer

_log = structlog.get_logger("boreal.checkout")

SAFETY_NET = timedelta(seconds=60)
"""When an attempt that nobody finished is taken up again; longer than any call to a processor lasts."""
SOON = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A confirmed session, what it sells, and the token that lets its buyer into the portal."""

    checkout: Checkout
    shelf: Shelf
    customer_session_token: str


async def confirm(app: App, client_secret: str, sent: Sent, token: str | None) -> Confirmed:
    """Confirms the session with the last changes of the buyer and the one-time token of the payment form.

    Raises `ResourceNotFound`, `ExpiredCheckoutError`, `NotOpenCheckout`, `CheckoutLocked`, `NotPermitted`,
    `PaymentNotReady`, `AlreadyActiveSubscriptionError`, `TrialAlreadyRedeemed`, `Invalid` with everything that is
    missing, and `PaymentError` when the payment was refused: then the session is as it was before.
    """
    for _ in range(ATTEMPTS):
        seen = await open_for_buyer(app, client_secret)
        checkout = seen.checkout
        refuse_unless_open(checkout)
        refuse_blocked(seen.organization)
        shelf = await read_shelf(app.database, seen)
        changed, flags = await _prepare(app, checkout, shelf, sent, token)
        shelf = replace(shelf, discount=changed.discount)
        try:
            confirmed = await _confirm(app, checkout, changed, shelf, flags, token)
        except ClaimHeld as held:
            await _make_way(app, held)
            continue
        if confirmed is not None:
            return Confirmed(confirmed[0], shelf, confirmed[1])
    raise CheckoutLocked


async def _confirm(
    app: App, checkout: Checkout, changed: Change, shelf: Shelf, flags: book.Flags, token: str | None
) -> tuple[Checkout, str] | None:
    """The confirmed session with a token for its buyer; None if it changed meanwhile. Raises `ClaimHeld`, too."""
    if not flags.is_payment_form_required:
        return await _confirm_free(app, checkout, changed)
    request = payments.request(app, changed.checkout, shelf, flags, changed.buyer, token=token)
    attempt = await _begin(app, checkout, changed, request)
    return await _pay(app, attempt) if attempt else None


async def _make_way(app: App, held: ClaimHeld) -> None:
    """Brings the session to its end that the same buyer left at a challenge, so that this one can be confirmed.

    Raises `CheckoutLocked` while that one is being confirmed, and `AlreadyActiveSubscriptionError` once it is paid.
    """
    if held.checkout_id is None:
        return
    if not await withdraw(app, held.checkout_id):
        raise AlreadyActiveSubscriptionError


async def _prepare(
    app: App, checkout: Checkout, shelf: Shelf, sent: Sent, token: str | None
) -> tuple[Change, book.Flags]:
    """The session as it will be confirmed. Everything that is missing or wrong is raised at once."""
    changed = await work_out(app, checkout, shelf, sent, confirming=True)
    if changed.discount is not None and not is_redeemable(
        changed.discount, now=await app.times.now(checkout.organization_id)
    ):
        raise no_longer_redeemable(changed.discount)
    flags = book.flags(changed.checkout, changed.selection, changed.discount)
    if flags.is_payment_required and not _is_ready(app, shelf.organization):
        raise PaymentNotReady
    faults = _faults(changed, flags, token)
    if faults:
        raise Invalid(*faults)
    return changed, flags


def _is_ready(app: App, organization: Row) -> bool:
    return payments_are_ready(
        sandbox=app.settings.is_sandbox,
        status=organization["status"],
        blocked_at=organization["blocked_at"],
        details_submitted_at=organization["details_submitted_at"],
    )


def _faults(changed: Change, flags: book.Flags, token: str | None) -> list[Fault]:
    candidate, faults = changed.checkout, []
    if changed.tax_refusal:
        faults.append(Fault(("body", "customer_billing_address"), changed.tax_refusal))
    if changed.selection.price.is_archived:
        faults.append(Fault(("body", "product_price_id"), "Price is archived.", input=str(candidate.product_price_id)))
    refusals = book.missing(candidate, form_required=flags.is_payment_form_required, token=token)
    return faults + [fault(refusal) for refusal in refusals]


async def _confirm_free(app: App, checkout: Checkout, changed: Change) -> tuple[Checkout, str] | None:
    """Confirms what needs no payment form, in one transaction; None if the session changed meanwhile."""
    async with app.transaction(checkout.organization_id) as tx:
        before = await lock(tx, checkout.id)
        if before != checkout or not await _reserve(tx, changed):
            return None
        customer = await _customer(tx, changed.checkout)
        after = _confirmed(before, changed.checkout, customer, tx)
        await tx.save(before, after)
        complete_later(tx, after.id)
        return after, await _session_token(app, tx, customer.id)


async def _reserve(tx: Tx, changed: Change) -> bool:
    """Takes what a locked session needs and others want, too: redemption of its discount, one subscription, upgrade.

    False if the discount takes off another amount than was reckoned with. Raises `Invalid` if it cannot be redeemed
    any more, and as `take_claim`. The order is that of everybody who locks: discount, claims, customer.
    """
    reckoned, amount = changed.discount, changed.checkout.amount
    if reckoned is not None:
        current = await lock_discount(tx, reckoned.id)
        if discount_amount(current, amount) != discount_amount(reckoned, amount):
            return False
        if not await redeem(tx, current, changed.checkout.id):
            raise no_longer_redeemable(current)
    if changed.upgrades is not None:
        await take_upgrade(tx, changed.checkout, changed.upgrades)
    elif changed.is_only_one:
        await take_claim(tx, changed.checkout, changed.buyer)
    return True


async def _begin(app: App, checkout: Checkout, changed: Change, request: Mapping[str, Any]) -> Attempt | None:
    """The first transaction: reservations, attempt, busy mark, safety net; None if the session changed meanwhile."""
    async with app.transaction(checkout.organization_id) as tx:
        before = await lock(tx, checkout.id)
        if before != checkout or not await _reserve(tx, changed):
            return None
        attempt = await attempts.begin(tx, changed.checkout, request)
        await tx.save(before, replace(before, attempt_id=attempt.id))
        _settle_later(tx, attempt, after=SAFETY_NET)
    return attempt


def _settle_later(tx: Tx, attempt: Attempt, *, after: timedelta) -> None:
    key = str(attempt.id)
    tx.enqueue("settle_attempt", payload={"attempt_id": key}, due_at=tx.now + after, unique_key=key, sooner=True)


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
            _settle_later(tx, attempt, after=SOON)
        raise CheckoutLocked from unknown
    return await settle(app, attempt, result)


async def settle(app: App, attempt: Attempt, result: Payment | Setup) -> tuple[Checkout, str]:
    """The second transaction: applies an attempt that was accepted and returns the session with a token for its buyer.

    Discards one that was refused and raises `PaymentError` or `TrialAlreadyRedeemed`. Whoever comes second finds the
    attempt settled, and only hands out what it led to.
    """
    if isinstance(result.outcome, Declined | Canceled):
        await discard(app, attempt, result)
        raise PaymentError(result.outcome.message if isinstance(result.outcome, Declined) else None)
    if attempt.request["one_trial"] and await trials.is_taken(app, attempt.candidate, result):
        await discard(app, attempt)
        raise TrialAlreadyRedeemed
    async with app.transaction(attempt.organization_id) as tx:
        before = await tx.lock(Checkout, attempt.checkout_id)
        assert before is not None
        if not await attempts.close(tx, attempt.id, "applied"):
            return await _settled_before(app, tx, before)
        customer = await _customer(tx, attempt.candidate, result.customer)
        # None, or one that the processor no longer knows and has replaced
        if customer.processor_customer_id in (None, attempt.request["known_customer"]):
            customer = await set_processor_customer(tx, customer, result.customer)
        after = _confirmed(before, attempt.candidate, customer, tx, result)
        await tx.save(before, after)
        await payments.record(app, tx, after, result)
        complete_later(tx, after.id, after=timedelta(0) if isinstance(result.outcome, Succeeded) else POLL)
        return after, await _session_token(app, tx, customer.id)


async def _settled_before(app: App, tx: Tx, checkout: Checkout) -> tuple[Checkout, str]:
    """What an attempt led to that somebody else has settled; raises `CheckoutLocked` if that was nothing."""
    if checkout.status not in (CheckoutStatus.CONFIRMED, CheckoutStatus.SUCCEEDED):
        raise CheckoutLocked
    assert checkout.customer_id is not None
    # Whoever confirms is told so, even if the order is there already.
    shown = replace(checkout, status=CheckoutStatus.CONFIRMED)
    return shown, await _session_token(app, tx, checkout.customer_id)


async def discard(app: App, attempt: Attempt, result: Payment | Setup | None = None) -> None:
    """Throws an attempt away: the session is open again as it was; a refused payment is on record."""
    async with app.transaction(attempt.organization_id) as tx:
        before = await tx.lock(Checkout, attempt.checkout_id)
        assert before is not None
        if await attempts.close(tx, attempt.id, "discarded"):
            await tx.save(before, replace(before, attempt_id=None))
            if attempt.candidate.discount_id is not None:
                await release_redemption(tx, before.id)
            await release_claim(tx, before.id)
            await payments.record(app, tx, attempt.candidate, result)


async def settle_attempt(app: App, work: Work) -> None:
    """The safety net (kind of work): finishes an attempt that its process could not finish."""
    attempt = await attempts.read(app.database, UUID(work.payload["attempt_id"]))
    if attempt is None:
        return
    try:
        result = await attempts.repeat(app, attempt)
    except ProcessorUnavailable as silence:
        raise after_silence(app, work, silence, now=app.clock.now()) from None
    except ProcessorRefused:
        result = None
    if result is None:
        await discard(app, attempt)
        return
    try:
        await settle(app, attempt, result)
    except Problem as refused:
        _log.info("payment_refused_late", attempt_id=str(attempt.id), reason=refused.detail)


def _confirmed(
    before: Checkout, candidate: Checkout, customer: Customer, tx: Tx, result: Payment | Setup | None = None
) -> Checkout:
    told = before.payment_processor_metadata
    if result is not None:
        told = {
            **told,
            "customer_id": result.customer,
            "intent_status": result.outcome.status,
            "intent_client_secret": result.client_secret,
        }
    return replace(
        candidate,
        status=CheckoutStatus.CONFIRMED,
        attempt_id=None,
        customer_id=customer.id,
        modified_at=tx.now,
        intent_id=result.id if result is not None else None,
        payment_processor_metadata=told,
    )


async def _customer(tx: Tx, candidate: Checkout, processor_customer_id: str | None = None) -> Customer:
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
            processor_customer_id=processor_customer_id,
        ),
    )


async def _session_token(app: App, tx: Tx, customer_id: UUID) -> str:
    token, _expires_at = await new_session(
        tx, keyring=app.keyring, customer_id=customer_id, organization_id=tx.organization_id
    )
    return token
