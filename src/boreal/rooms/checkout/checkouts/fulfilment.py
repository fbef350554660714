"""What follows a confirmed session: the order and the subscription, or the way back to open (catalog spec 6.14, 7.4).

`complete_checkout` is one row of work per session. It asks the processor how things stand rather than believing an
event, so that events may come twice, late, or never.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from boreal.core import checkouts as book
from boreal.core.checkouts import Checkout, CheckoutStatus
from boreal.core.customers import Customer
from boreal.core.orders import Purchase, PurchaseItem
from boreal.kit.app import App
from boreal.kit.tx import Tx
from boreal.kit.work import Later, Work
from boreal.providers.ports import Canceled, Declined, Payment, PaymentProcessor, ProcessorEvent, Setup, Succeeded
from boreal.rooms.billing.public import save_payment_method, settle_purchase, update_payment
from boreal.rooms.checkout.checkouts import queries
from boreal.rooms.checkout.checkouts.confirmation import POLL, complete_later, record
from boreal.rooms.checkout.checkouts.shelf import Shelf, read_shelf

PATIENCE = timedelta(hours=24)
"""How long a buyer may leave a challenge unanswered before the session is given back."""


async def complete(app: App, work: Work) -> None:
    """Kind of work `complete_checkout`: brings a confirmed session to its end. Safe to run again."""
    checkout = await queries.by_id(app.database, UUID(work.payload["checkout_id"]))
    if checkout is None or checkout.status is not CheckoutStatus.CONFIRMED:
        return
    result = await _ask(app, checkout)
    if result is None or isinstance(result.outcome, Succeeded):
        await _fulfil(app, checkout, result)
    elif isinstance(result.outcome, Declined | Canceled):
        await _reopen(app, checkout, result)
    elif checkout.modified_at and app.clock.now() > checkout.modified_at + PATIENCE:
        await _give_up(app, checkout, result)
    else:
        raise Later(app.clock.now() + POLL, counts=False)


async def hear(app: App, event: ProcessorEvent) -> None:
    """Takes an event of the processor: the session that waits for it is completed now."""
    checkout = await queries.by_intent(app.database, event.object_id)
    if checkout is None:
        return
    async with app.transaction(checkout.organization_id) as tx:
        complete_later(tx, checkout.id)


async def _ask(app: App, checkout: Checkout) -> Payment | Setup | None:
    """How the payment or the setup of the session stands; None if it needed neither."""
    if checkout.intent_id is None:
        return None
    processor = app.get(PaymentProcessor)
    result = await processor.get_payment(checkout.intent_id) or await processor.get_setup(checkout.intent_id)
    assert result is not None, f"the processor does not know {checkout.intent_id}"
    return result


async def _give_up(app: App, checkout: Checkout, result: Payment | Setup) -> None:
    """Stops a payment that nobody completes; should it have succeeded meanwhile, it is fulfilled."""
    processor = app.get(PaymentProcessor)
    key = f"{checkout.id}-cancel"
    stopped: Payment | Setup
    if isinstance(result, Payment):
        stopped = await processor.cancel_payment(result.id, idempotency_key=key)
    else:
        stopped = await processor.cancel_setup(result.id, idempotency_key=key)
    if isinstance(stopped.outcome, Succeeded):
        await _fulfil(app, checkout, stopped)
    elif isinstance(stopped.outcome, Canceled | Declined):
        await _reopen(app, checkout, stopped)
    else:
        raise Later(app.clock.now() + POLL, counts=False)


async def _fulfil(app: App, seen: Checkout, result: Payment | Setup | None) -> None:
    async with app.transaction(seen.organization_id) as tx:
        before = await tx.lock(Checkout, seen.id)
        assert before is not None
        if before.status is not CheckoutStatus.CONFIRMED or before.intent_id != seen.intent_id:
            return
        shelf = await read_shelf(tx.connection, before)
        assert before.customer_id is not None
        customer = await tx.lock(Customer, before.customer_id)
        assert customer is not None
        purchase = _purchase(before, shelf)
        name = app.get(PaymentProcessor).name
        if isinstance(result, Payment):
            purchase = replace(purchase, payment_id=await record(tx, name, before, result))
        if result is not None and purchase.product.is_recurring:
            purchase = replace(purchase, payment_method_id=await _keep_method(tx, name, customer, result))
        order = await settle_purchase(tx, purchase, customer=customer, organization=dict(shelf.organization))
        if purchase.payment_id is not None:
            await update_payment(tx, purchase.payment_id, order_id=order.id)
        status = {"intent_status": "succeeded"} if result is not None else {}
        after = replace(
            before,
            status=CheckoutStatus.SUCCEEDED,
            subscription_id=order.subscription_id,
            modified_at=tx.now,
            payment_processor_metadata={**before.payment_processor_metadata, **status},
        )
        await tx.save(before, after)


def _purchase(checkout: Checkout, shelf: Shelf) -> Purchase:
    """The session as billing needs to know it. Metered prices are no item, but belong to the subscription."""
    selection = shelf.selection(checkout)
    money = book.totals(amount=checkout.amount, discount_amount=0, tax_amount=checkout.tax_amount)
    price = selection.price
    items = (PurchaseItem(amount=checkout.amount, product_price_id=price.id),) if price.is_static else ()
    return Purchase(
        organization_id=checkout.organization_id,
        checkout_id=checkout.id,
        product=selection.product,
        items=items,
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
        trial_end=checkout.trial_end,
        price_ids=(price.id, *(other.id for other in selection.prices if not other.is_static and other.id != price.id)),
    )


async def _keep_method(tx: Tx, processor: str, customer: Customer, result: Payment | Setup) -> UUID:
    """Remembers the method that renewals are charged to."""
    card = result.method.card
    metadata = (
        {
            "brand": card.brand,
            "last4": card.last4,
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
            "wallet": card.wallet,
        }
        if card
        else {}
    )
    method = await save_payment_method(
        tx,
        customer_id=customer.id,
        processor=processor,
        processor_id=result.method.id,
        type=result.method.type,
        method_metadata=metadata,
    )
    return method.id


async def _reopen(app: App, seen: Checkout, result: Payment | Setup) -> None:
    """A payment that failed after the confirmation: the session is open again, or expired if its hour is over.

    The customer stays linked, so their e-mail is fixed from now on (catalog spec 7.4).
    """
    async with app.transaction(seen.organization_id) as tx:
        before = await tx.lock(Checkout, seen.id)
        assert before is not None
        if before.status is not CheckoutStatus.CONFIRMED or before.intent_id != seen.intent_id:
            return
        if isinstance(result, Payment):
            await record(tx, app.get(PaymentProcessor).name, before, result)
        over = tx.now >= before.expires_at
        kept = {
            name: value
            for name, value in before.payment_processor_metadata.items()
            if name not in ("intent_status", "intent_client_secret")
        }
        after = replace(
            before,
            status=CheckoutStatus.EXPIRED if over else CheckoutStatus.OPEN,
            intent_id=None,
            payment_processor_metadata=kept,
            modified_at=tx.now,
        )
        await tx.save(before, after)
