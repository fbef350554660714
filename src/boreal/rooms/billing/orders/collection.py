"""Collecting orders: the charge, what follows from how it ended, and the retries (orders spec 1.7, 4.3, 12).

`collect_order` is one row of work per order. It opens an attempt when the order is due, asks the processor, and comes
back when the answer is not there yet or when dunning says so. How an attempt ended is applied once, under the
customer's lock, whoever finds it out first: this work, the customer's own retry, or an event of the processor.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core import dunning
from boreal.core.billing_run import MINIMUM_CHARGE
from boreal.core.customers import Customer
from boreal.core.orders import Order, OrderStatus
from boreal.core.payments import Payment as PaymentRecord
from boreal.core.payments import PaymentMethod, PaymentStatus
from boreal.core.subscriptions import Subscription, SubscriptionStatus
from boreal.kit.app import App
from boreal.kit.tx import Tx
from boreal.kit.work import Later, Work
from boreal.providers.ports import (
    Canceled,
    Declined,
    MethodUnusable,
    Payment,
    PaymentProcessor,
    ProcessorRefused,
    ProcessorUnavailable,
    RequiresAction,
    Succeeded,
)
from boreal.rooms.billing.orders.charges import (
    OrderCharge,
    charge_request,
    close_charge,
    open_charge,
    open_charge_of,
    perform,
)
from boreal.rooms.billing.orders.recovery import recover
from boreal.rooms.billing.orders.settlement import settle_order
from boreal.rooms.billing.orders.tables import OrderRow
from boreal.rooms.billing.payments.asking import after_silence, keep_method, next_look
from boreal.rooms.billing.payments.commands import record_attempt
from boreal.rooms.billing.subscriptions.commands import end_now, enter_past_due
from boreal.rooms.platform.public import organization_by_id

POLL = timedelta(seconds=30)
"""How soon a payment that is not decided yet is asked about again, should no event tell of it."""
LONGEST_POLL = timedelta(hours=1)
SAFETY_NET = timedelta(seconds=60)
"""When an attempt that nobody finished is taken up again; longer than any call to a processor lasts."""
PATIENCE = timedelta(hours=1)
"""How long a customer may leave a challenge unanswered before the attempt is given up."""


UNKNOWN = "unknown"
"""Why an attempt is closed whose end cannot be found out any more."""

_CUSTOMER, _NEXT_ATTEMPT = (
    sa.select(column).where(OrderRow.c.id == sa.bindparam("id", type_=PgUUID))
    for column in (
        OrderRow.c.customer_id,
        sa.case((OrderRow.c.status == OrderStatus.PENDING.value, OrderRow.c.next_payment_attempt_at)),
    )
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why nothing came of an attempt. `payment` is there if the processor knows one; `unusable`: forget the method."""

    reason: str
    message: str
    payment: Payment | None = None
    unusable: bool = False


def collect_later(tx: Tx, order: Order) -> None:
    """Asks for the collection of an order: at once, or when its next attempt is due."""
    key = str(order.id)
    due_at = order.next_payment_attempt_at or tx.now
    tx.enqueue("collect_order", payload={"order_id": key}, due_at=due_at, unique_key=key, sooner=True)


def collect_soon(tx: Tx, order_id: UUID) -> None:
    """Asks for a look at the open attempt of an order, should whoever makes it not live to see its end."""
    key = str(order_id)
    due_at = tx.now + SAFETY_NET
    tx.enqueue("collect_order", payload={"order_id": key}, due_at=due_at, unique_key=key, sooner=True)


async def look_at(app: App, organization_id: UUID, order_id: UUID) -> None:
    """Asks for a look at an order now."""
    async with app.transaction(organization_id) as tx:
        key = str(order_id)
        tx.enqueue("collect_order", payload={"order_id": key}, unique_key=key, sooner=True)


async def collect(app: App, work: Work) -> None:
    """Kind of work `collect_order`: brings a pending order to its payment, or to the next attempt. Safe to run again.

    Raises `Later` for what is not decided yet, and for the next day of the dunning schedule. A challenge that nobody
    answers is given up.
    """
    order_id = UUID(work.payload["order_id"])
    charge = await open_charge_of(app.database, order_id)
    if charge is None:
        charge = await _begin(app, work.organization_id, order_id)
    if charge is not None:
        try:
            result = await ask(app, charge)
            if _is_left_alone(app, charge, result):
                result = await stop(app, charge, result)
        except ProcessorUnavailable as silence:
            raise after_silence(app, work, silence, now=await app.times.now(work.organization_id)) from None
        if isinstance(result, Payment) and not isinstance(result.outcome, Succeeded):
            waited = app.clock.now() - charge.created_at
            now = await app.times.now(work.organization_id)
            raise next_look(now, waited=waited, first=POLL, longest=LONGEST_POLL)
        await apply(app, work.organization_id, charge, result)
        if isinstance(result, Payment):
            return
    await _wait_for_next(app, order_id)


def _is_left_alone(app: App, charge: OrderCharge, result: Payment | Failure) -> bool:
    """Whether a customer has left their bank's question unanswered for too long."""
    is_asking = isinstance(result, Payment) and isinstance(result.outcome, RequiresAction)
    return is_asking and app.clock.now() - charge.created_at >= PATIENCE


async def ask(app: App, charge: OrderCharge) -> Payment | Failure:
    """How an attempt stands: a payment that succeeded or is not decided yet, or why nothing came of it.

    Raises `ProcessorUnavailable`.
    """
    try:
        payment = await perform(app, charge)
    except MethodUnusable as refused:
        return Failure(refused.code, refused.message, unusable=True)
    except ProcessorRefused as refused:
        return Failure(refused.code, refused.message)
    return _read(payment) if payment is not None else Failure(UNKNOWN, "Payment failed. Please try again.")


async def stop(app: App, charge: OrderCharge, payment: Payment | Failure) -> Payment | Failure:
    """How an attempt ended that nobody waits for any more; it may have succeeded meanwhile.

    Raises `ProcessorUnavailable`.
    """
    assert isinstance(payment, Payment)
    return _read(await app.get(PaymentProcessor).cancel_payment(payment.id, idempotency_key=f"{charge.id}-cancel"))


def _read(payment: Payment) -> Payment | Failure:
    match payment.outcome:
        case Declined() as declined:
            return Failure(declined.reason, declined.message, payment)
        case Canceled():
            return Failure("canceled", "The payment was canceled.", payment)
    return payment


async def _wait_for_next(app: App, order_id: UUID) -> None:
    """Raises `Later` if another attempt is planned."""
    next_at = await app.database.fetchval(_NEXT_ATTEMPT, id=order_id)
    if next_at is not None:
        raise Later(next_at, counts=False, unless_asked=True)


async def _begin(app: App, organization_id: UUID, order_id: UUID) -> OrderCharge | None:
    """Opens an automatic attempt if one is due; None if there is nothing to ask the processor.

    Without a usable method the attempt fails here. What is below the minimum becomes a debt. A subscription that has
    been revoked meanwhile ends the retries.
    """
    async with app.transaction(organization_id) as tx:
        customer_id = await tx.fetchval(_CUSTOMER, id=order_id)
        locked = await _lock(tx, order_id, customer_id) if customer_id is not None else None
        if locked is None:
            return None
        order, customer = locked
        if order.next_payment_attempt_at is not None and order.next_payment_attempt_at > tx.now:
            return None
        if await open_charge_of(tx, order.id) is not None:
            return None
        if order.due_amount < MINIMUM_CHARGE:
            await _paid(tx, order, payment=None)
            return None
        subscription = await _subscription(tx, order)
        if subscription is not None and _was_revoked(subscription, order):
            await tx.save(order, replace(order, next_payment_attempt_at=None))
            return None
        method = await _method(tx, subscription)
        if method is None:
            await fail(tx, order, schedule=app.settings.dunning_days)
            return None
        return await open_automatic(tx, order, customer, subscription, method)


async def open_automatic(
    tx: Tx, order: Order, customer: Customer, subscription: Subscription | None, method: PaymentMethod
) -> OrderCharge:
    """The attempt to charge an order to a kept method, without the customer being there."""
    organization = await organization_by_id(tx.connection, tx.organization_id)
    assert organization is not None
    follows_trial = subscription is not None and subscription.trial_end == order.period_start
    request = charge_request(order, customer, organization, method=method, follows_trial=follows_trial)
    return await open_charge(tx, order, request, is_automatic=True, payment_method_id=method.id)


def _was_revoked(subscription: Subscription, order: Order) -> bool:
    """Whether it was ended after the order: one that had ended before it was billed for the last time."""
    return subscription.status is SubscriptionStatus.CANCELED and (
        subscription.ended_at is not None and subscription.ended_at > order.created_at
    )


async def apply(app: App, organization_id: UUID, charge: OrderCharge, result: Payment | Failure) -> None:
    """Writes down how an attempt ended, with everything that follows. Nothing, if somebody else did it before."""
    async with app.transaction(organization_id) as tx:
        locked = await _lock(tx, charge.order_id, charge.customer_id)
        outcome = "succeeded" if isinstance(result, Payment) else "failed"
        if not await close_charge(tx, charge.id, outcome) or locked is None:
            return
        order, customer = locked
        if isinstance(result, Failure) and result.reason == UNKNOWN:
            _look_later(tx, charge, customer)
        payment = result if isinstance(result, Payment) else result.payment
        record = await _record(app, tx, order, customer, payment, result) if payment is not None else None
        if isinstance(result, Payment):
            assert record is not None
            method_id = None if charge.is_automatic else await _method_used(app, tx, customer, charge, result)
            await _paid(tx, order, payment=record, method_id=method_id)
            return
        if result.unusable and charge.payment_method_id is not None:
            await _forget_method(tx, charge.payment_method_id)
        if charge.is_automatic:
            await fail(tx, order, schedule=app.settings.dunning_days)


def _look_later(tx: Tx, charge: OrderCharge, customer: Customer) -> None:
    """Asks for money to be looked for that the attempt may have taken all the same."""
    known = customer.processor_customer_id or charge.request.get("known_customer")
    if known is None:
        return
    payload = {
        "order_id": str(charge.order_id),
        "charge_id": str(charge.id),
        "customer": known,
        "since": tx.real_now.isoformat(),
    }
    tx.enqueue("find_payment", payload=payload, unique_key=str(charge.id))


async def settle_late(app: App, tx: Tx, order: Order, customer: Customer, payment: Payment) -> None:
    """A pending order is paid with a payment whose attempt was given up; order and customer are locked."""
    await _paid(tx, order, payment=await _record(app, tx, order, customer, payment, payment))


async def _lock(tx: Tx, order_id: UUID, customer_id: UUID) -> tuple[Order, Customer] | None:
    """A pending order and its customer, both locked; None if it is not pending any more."""
    customer = await tx.lock(Customer, customer_id)
    order = await tx.lock(Order, order_id)
    assert customer is not None
    assert order is not None
    return (order, customer) if order.status is OrderStatus.PENDING else None


async def _subscription(tx: Tx, order: Order) -> Subscription | None:
    return await tx.load(Subscription, order.subscription_id) if order.subscription_id is not None else None


async def _method(tx: Tx, subscription: Subscription | None) -> PaymentMethod | None:
    if subscription is None or subscription.payment_method_id is None:
        return None
    method = await tx.load(PaymentMethod, subscription.payment_method_id)
    return method if method is not None and method.deleted_at is None else None


async def _method_used(app: App, tx: Tx, customer: Customer, charge: OrderCharge, payment: Payment) -> UUID:
    """The method with which a customer paid themselves, kept for the next orders (orders spec 4.4)."""
    if charge.payment_method_id is not None:
        return charge.payment_method_id
    return (await keep_method(app, tx, customer.id, payment.method)).id


async def _paid(tx: Tx, order: Order, *, payment: PaymentRecord | None, method_id: UUID | None = None) -> None:
    """The order is paid, and its subscription active again if that was all it waited for (orders spec 4.3, 12.4).

    `method_id` is charged from now on.
    """
    subscription = None
    if order.subscription_id is not None:
        subscription = await recover(tx, order.subscription_id, order_id=order.id, method_id=method_id)
    settled = await settle_order(tx, order, payment=payment, subscription=subscription)
    await tx.save(order, replace(settled, modified_at=tx.now))
    if order.first_failed_at is not None:
        tx.enqueue("send_receipt", payload={"subject_id": str(order.id)})


async def fail(tx: Tx, order: Order, *, schedule: Sequence[int]) -> Order:
    """The order after an automatic attempt that failed: the next one, or the end of the subscription (spec 12.2).

    Orders without a subscription are never tried again. The first failure makes the subscription past due.
    """
    if order.subscription_id is None:
        return order
    first = order.first_failed_at or tx.now
    next_at = dunning.next_attempt(first, now=tx.now, schedule=schedule)
    after = await tx.save(order, replace(order, first_failed_at=first, next_payment_attempt_at=next_at))
    if next_at is None:
        await end_now(tx, order.subscription_id)
    elif order.first_failed_at is None:
        await enter_past_due(tx, order.subscription_id)
    return after


async def _forget_method(tx: Tx, id: UUID) -> None:
    """A method that the processor does not know any more is deleted, whoever uses it (orders spec 4.3)."""
    before = await tx.lock(PaymentMethod, id)
    if before is not None and before.deleted_at is None:
        await tx.save(before, replace(before, deleted_at=tx.now, modified_at=tx.now))


async def _record(
    app: App, tx: Tx, order: Order, customer: Customer, payment: Payment, result: Payment | Failure
) -> PaymentRecord:
    failure = result if isinstance(result, Failure) else None
    return await record_attempt(
        tx,
        payment,
        processor=app.get(PaymentProcessor).name,
        status=PaymentStatus.FAILED if failure else PaymentStatus.SUCCEEDED,
        customer_email=customer.email,
        order_id=order.id,
        decline_reason=failure.reason if failure else None,
        decline_message=failure.message if failure else None,
    )
