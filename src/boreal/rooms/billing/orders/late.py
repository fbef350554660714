"""Money that comes after its attempt was given up: found by the processor's event, or by looking for it.

An attempt that nobody knew the end of is closed as failed after most of a day, since it cannot be repeated any longer
(`charges.KEYS_LAST`). If it took money all the same, the order is paid with it if it still waits. Otherwise the money
is given back.
"""

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.customers import Customer
from boreal.core.orders import Order, OrderStatus
from boreal.core.payments import PaymentStatus
from boreal.kit.app import App
from boreal.kit.work import Later, Work
from boreal.providers.ports import (
    Canceled,
    Declined,
    Payment,
    PaymentProcessor,
    ProcessorEvent,
    ProcessorUnavailable,
    Succeeded,
)
from boreal.rooms.billing.orders import surplus
from boreal.rooms.billing.orders.charges import open_charge_of, order_of_intent
from boreal.rooms.billing.orders.collection import look_at, settle_late
from boreal.rooms.billing.orders.tables import OrderRow
from boreal.rooms.billing.payments.tables import PaymentRow

_log = structlog.get_logger("boreal.billing")

SOON = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=12)
LOOKED_FOR = timedelta(days=7)
"""For how long what an attempt may have taken is looked for."""

_RECORDED = sa.select(
    sa.exists().where(
        PaymentRow.c.intent_id == sa.bindparam("intent_id"), PaymentRow.c.status == PaymentStatus.SUCCEEDED.value
    )
)
_ORGANIZATION = sa.select(OrderRow.c.organization_id).where(OrderRow.c.id == sa.bindparam("id", type_=PgUUID))


async def hear(app: App, event: ProcessorEvent) -> None:
    """Takes an event of the processor: who waits for this payment looks now; one that nobody knows is looked at."""
    found = await order_of_intent(app.database, event.object_id)
    if found is not None:
        await look_at(app, *found)
        return
    if await app.database.fetchval(_RECORDED, intent_id=event.object_id):
        return
    payment = await app.get(PaymentProcessor).get_payment(event.object_id)
    if payment is None or not isinstance(payment.outcome, Succeeded):
        return
    order_id = _order_id(payment)
    organization_id = await app.database.fetchval(_ORGANIZATION, id=order_id) if order_id is not None else None
    if organization_id is None:
        return
    async with app.transaction(organization_id) as tx:
        payload = {"order_id": str(order_id), "intent_id": payment.id, "since": tx.real_now.isoformat()}
        tx.enqueue("find_payment", payload=payload, unique_key=payment.id, due_at=tx.now + SOON)


def _order_id(payment: Payment) -> UUID | None:
    try:
        return UUID(payment.metadata.get("order_id", ""))
    except ValueError:
        return None


async def find(app: App, work: Work) -> None:
    """Kind of work `find_payment`: takes the money of an attempt that was given up, should there be any.

    By the payload's `intent_id`, or by the `charge_id` under which it was asked for and the `customer`. Raises `Later`
    while nothing is certain. Safe to run again.
    """
    told, now = work.payload, app.clock.now()
    waited = now - datetime.fromisoformat(told["since"])
    processor = app.get(PaymentProcessor)
    if "intent_id" in told and await app.database.fetchval(_RECORDED, intent_id=told["intent_id"]):
        return
    try:
        if "intent_id" in told:
            found = await processor.get_payment(told["intent_id"])
        else:
            sought = await processor.find_by_idempotency_key(told["charge_id"], customer=told["customer"])
            found = sought if isinstance(sought, Payment) else None
    except ProcessorUnavailable as silence:
        _log.warning("processor_silent", kind=work.kind, key=work.unique_key, reason=str(silence))
        raise Later(now + _pause(waited), counts=False) from None
    if found is not None and isinstance(found.outcome, Succeeded):
        if not await _take(app, work.organization_id, UUID(told["order_id"]), found):
            raise Later(now + SOON, counts=False)
        return
    if found is not None and isinstance(found.outcome, Declined | Canceled):
        return
    if waited < LOOKED_FOR:
        raise Later(now + _pause(waited), counts=False)


def _pause(waited: timedelta) -> timedelta:
    """How long to wait for the next look."""
    return min(max(SOON, waited / 2), LONGEST_PAUSE)


async def _take(app: App, organization_id: UUID, order_id: UUID, payment: Payment) -> bool:
    """The order is paid with what came, or it is kept to be given back; False while another attempt is under way."""
    async with app.transaction(organization_id) as tx:
        seen = await tx.load(Order, order_id)
        assert seen is not None
        customer = await tx.lock(Customer, seen.customer_id)
        order = await tx.lock(Order, order_id)
        assert customer is not None
        assert order is not None
        if await tx.fetchval(_RECORDED, intent_id=payment.id):
            return True
        if await open_charge_of(tx, order_id) is not None:
            return False
        is_right = (payment.amount, payment.currency) == (order.due_amount, order.currency)
        if order.status is OrderStatus.PENDING and is_right:
            await settle_late(app, tx, order, customer, payment)
        else:
            await surplus.keep(app, tx, payment, order=order, customer=customer)
    return True
