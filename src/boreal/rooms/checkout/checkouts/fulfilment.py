"""What follows a confirmed session: the order and the subscription, or the way back to open (catalog spec 6.14, 7.4).

`complete_checkout` is one row of work per session. It asks the processor how things stand rather than believing an
event, so that events may come twice, late, or never.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout, CheckoutStatus
from boreal.core.customers import Customer
from boreal.core.orders import Purchase, PurchaseItem
from boreal.kit.app import App
from boreal.kit.tx import Tx
from boreal.kit.work import Work
from boreal.providers.ports import (
    Canceled,
    Declined,
    Payment,
    PaymentProcessor,
    ProcessorEvent,
    ProcessorUnavailable,
    RequiresAction,
    Setup,
    Succeeded,
)
from boreal.rooms.billing.public import (
    after_silence,
    hear_dispute,
    hear_order_payment,
    hear_refund,
    keep_method,
    next_look,
    record_tax_later,
    settle_purchase,
)
from boreal.rooms.catalog.public import link_redemption, release_redemption
from boreal.rooms.checkout.checkouts import payments, queries, trials
from boreal.rooms.checkout.checkouts.claims import release_claim
from boreal.rooms.checkout.checkouts.errors import CheckoutLocked
from boreal.rooms.checkout.checkouts.shelf import Seen, Shelf, read_shelf

POLL = timedelta(seconds=30)
"""How soon a payment that waits for its buyer or its bank is first asked about, should no event tell of it."""
LONGEST_POLL = timedelta(hours=1)
LEFT_ALONE = timedelta(minutes=5)
"""How long a challenge stands in the way of another session of the same buyer (catalog spec 6.11)."""
PATIENCE = timedelta(hours=24)
"""How long a buyer may leave a challenge unanswered before the session is given back."""


def complete_later(tx: Tx, checkout_id: UUID, *, after: timedelta = timedelta(0)) -> None:
    """Asks for the completion of a confirmed session: the order, or the way back to open."""
    key = str(checkout_id)
    tx.enqueue(
        "complete_checkout",
        payload={"checkout_id": key, "since": tx.real_now.isoformat()},
        due_at=tx.now + after,
        unique_key=key,
        sooner=True,
    )


async def hear(app: App, event: ProcessorEvent) -> None:
    """Takes an event of the processor: the confirmed session or the order that waits for it is completed now.

    Refunds and disputes are billing's.
    """
    if event.kind == "refund":
        await hear_refund(app, event.object_id)
        return
    if event.kind == "dispute":
        await hear_dispute(app, event.object_id)
        return
    checkout = await queries.by_intent(app.database, event.object_id)
    if checkout is None and event.kind == "payment":
        await hear_order_payment(app, event)
    if checkout is not None and checkout.status is CheckoutStatus.CONFIRMED:
        async with app.transaction(checkout.organization_id) as tx:
            complete_later(tx, checkout.id)


async def complete(app: App, work: Work) -> None:
    """Kind of work `complete_checkout`: brings a confirmed session to its end. Safe to run again."""
    seen = await queries.by_id(app.database, UUID(work.payload["checkout_id"]))
    if seen is None or seen.checkout.status is not CheckoutStatus.CONFIRMED:
        return
    checkout = seen.checkout
    assert checkout.modified_at is not None
    since = work.payload.get("since")
    waited = app.clock.now() - (datetime.fromisoformat(since) if since else checkout.modified_at)
    try:
        result = await _ask(app, checkout)
        if result is not None and not _has_ended(result) and waited >= PATIENCE:
            result = await _stop(app, checkout, result)
    except ProcessorUnavailable as silence:
        raise after_silence(app, work, silence, now=app.clock.now()) from None
    if not await _end(app, seen, result):
        raise next_look(app.clock.now(), waited=waited, first=POLL, longest=LONGEST_POLL)


async def withdraw(app: App, checkout_id: UUID) -> bool:
    """Brings a confirmed session to its end; stops its payment if its buyer left a challenge. False if it goes on.

    It may also turn out to be paid: then it is fulfilled. Raises `CheckoutLocked` while it is being confirmed, while
    the buyer may still be answering, or if the processor does not answer.
    """
    seen = await queries.by_id(app.database, checkout_id)
    assert seen is not None
    if seen.checkout.attempt_id is not None:
        raise CheckoutLocked
    if seen.checkout.status is not CheckoutStatus.CONFIRMED:
        return True
    try:
        result = await _ask(app, seen.checkout)
        if result is not None and isinstance(result.outcome, RequiresAction):
            if not await _has_been_left(app, seen.checkout):
                raise CheckoutLocked
            result = await _stop(app, seen.checkout, result)
    except ProcessorUnavailable as silence:
        raise CheckoutLocked from silence
    return await _end(app, seen, result)


async def _has_been_left(app: App, checkout: Checkout) -> bool:
    """Whether a challenge has waited for so long that its buyer may begin anew elsewhere.

    Until then nobody else who knows the buyer's e-mail address can take it away from them.
    """
    assert checkout.modified_at is not None
    return await app.times.now(checkout.organization_id) - checkout.modified_at >= LEFT_ALONE


async def _end(app: App, seen: Seen, result: Payment | Setup | None) -> bool:
    """Fulfils or reopens the session if its payment has come to an end; False if it has not."""
    if result is None or isinstance(result.outcome, Succeeded):
        await _fulfil(app, seen, result)
    elif _has_ended(result):
        await _reopen(app, seen.checkout, result)
    else:
        return False
    return True


def _has_ended(result: Payment | Setup) -> bool:
    return isinstance(result.outcome, Succeeded | Declined | Canceled)


async def _ask(app: App, checkout: Checkout) -> Payment | Setup | None:
    """How the payment or the setup of the session stands; None if it needed neither."""
    if checkout.intent_id is None:
        return None
    processor = app.get(PaymentProcessor)
    result = await processor.get_payment(checkout.intent_id) or await processor.get_setup(checkout.intent_id)
    assert result is not None, f"the processor does not know {checkout.intent_id}"
    return result


async def _stop(app: App, checkout: Checkout, result: Payment | Setup) -> Payment | Setup:
    """Stops a payment that nobody completes, and tells how it stands then: it may have succeeded meanwhile."""
    processor = app.get(PaymentProcessor)
    key = f"{result.id}-cancel"
    if isinstance(result, Payment):
        return await processor.cancel_payment(result.id, idempotency_key=key)
    return await processor.cancel_setup(result.id, idempotency_key=key)


async def _fulfil(app: App, seen: Seen, result: Payment | Setup | None) -> None:
    async with app.transaction(seen.checkout.organization_id) as tx:
        before = await _lock(tx, seen.checkout)
        if before is None:
            return
        shelf = await read_shelf(tx.connection, replace(seen, checkout=before))
        assert before.customer_id is not None
        customer = await tx.lock(Customer, before.customer_id)
        assert customer is not None
        purchase = replace(_purchase(before, shelf), payment_id=await payments.record(app, tx, before, result))
        if result is not None and purchase.product.is_recurring:
            method_id = (await keep_method(app, tx, customer.id, result.method)).id
            purchase = replace(purchase, payment_method_id=method_id)
        order = await settle_purchase(tx, purchase, customer=customer, organization=shelf.organization)
        if before.trial_end is None:  # the order that begins a trial sells nothing (catalog spec 10.1)
            await record_tax_later(tx, order_id=order.id, calculation_id=before.tax_calculation_id)
        if purchase.product.is_recurring:
            await release_claim(tx, before.id)
        if before.discount_id is not None and order.subscription_id is not None:
            await link_redemption(tx, before.id, order.subscription_id)
        if before.trial_end is not None:
            await trials.record(app, tx, before, result)
        told = {"intent_status": "succeeded"} if result is not None else {}
        after = replace(
            before,
            status=CheckoutStatus.SUCCEEDED,
            subscription_id=order.subscription_id,
            modified_at=tx.now,
            payment_processor_metadata={**before.payment_processor_metadata, **told},
        )
        await tx.save(before, after)


async def _lock(tx: Tx, seen: Checkout) -> Checkout | None:
    """The session, locked, if it still waits for what was seen; None if somebody else brought it to its end."""
    now = await tx.lock(Checkout, seen.id)
    is_waiting = now is not None and now.status is CheckoutStatus.CONFIRMED and now.intent_id == seen.intent_id
    return now if is_waiting else None


def _purchase(checkout: Checkout, shelf: Shelf) -> Purchase:
    """The session as billing needs to know it. Metered prices are no item, but belong to the subscription."""
    selection = shelf.selection(checkout)
    money = book.money(checkout, shelf.discount)
    price = selection.price
    metered = [other for other in selection.prices if not other.is_static]
    metered_ids = tuple(other.id for other in metered)
    return Purchase(
        organization_id=checkout.organization_id,
        checkout_id=checkout.id,
        product=selection.product,
        items=(PurchaseItem(amount=checkout.amount, product_price_id=price.id),) if price.is_static else (),
        seats=checkout.seats,
        subtotal_amount=money.amount,
        discount_amount=money.discount_amount,
        tax_amount=money.tax_amount or 0,
        currency=checkout.currency,
        discount_id=checkout.discount_id,
        taxability_reason=checkout.taxability_reason,
        tax_rate=checkout.tax_rate,
        metadata=checkout.metadata,
        custom_field_data=checkout.custom_field_data,
        subscription_id=checkout.subscription_id,
        trial_end=checkout.trial_end,
        price_ids=(price.id, *metered_ids) if price.is_static else metered_ids,
        meter_ids=tuple(other.meter_id for other in metered if other.meter_id is not None),
    )


async def _reopen(app: App, seen: Checkout, result: Payment | Setup) -> None:
    """A payment that failed after the confirmation: the session is open again, or expired if its hour is over.

    The customer stays linked, so their e-mail is fixed from now on (catalog spec 7.4).
    """
    async with app.transaction(seen.organization_id) as tx:
        before = await _lock(tx, seen)
        if before is None:
            return
        if before.discount_id is not None:
            await release_redemption(tx, before.id)
        await release_claim(tx, before.id)
        await payments.record(app, tx, before, result)
        told = before.payment_processor_metadata
        after = replace(
            before,
            status=CheckoutStatus.EXPIRED if tx.now >= before.expires_at else CheckoutStatus.OPEN,
            intent_id=None,
            payment_processor_metadata={
                name: told[name] for name in told if name not in ("intent_status", "intent_client_secret")
            },
            modified_at=tx.now,
        )
        await tx.save(before, after)
