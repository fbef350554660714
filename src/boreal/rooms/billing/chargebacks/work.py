"""Hearing of disputes and following them. The processor is asked, whatever an event said (platform spec 14)."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from boreal.core import disputes as book
from boreal.core import refunds as refund_rules
from boreal.core.customers import Customer
from boreal.core.disputes import Dispute, DisputeStatus
from boreal.core.orders import Order
from boreal.core.payments import Payment
from boreal.kit.app import App
from boreal.kit.db import Record
from boreal.kit.tx import Tx
from boreal.kit.work import NOBODY, Later, Work
from boreal.providers.ports import Dispute as Reported
from boreal.providers.ports import PaymentProcessor, ProcessorUnavailable
from boreal.rooms.billing.chargebacks.effects import save_dispute
from boreal.rooms.billing.disputes.tables import DisputeRow
from boreal.rooms.billing.payments.asking import after_silence
from boreal.rooms.billing.payments.tables import PaymentRow

_log = structlog.get_logger("boreal.billing")

SOON = timedelta(seconds=10)
PATIENCE = timedelta(days=1)
"""For how long the order of a disputed payment may be on its way."""

_PAYMENT = sa.select(PaymentRow.c.id, PaymentRow.c.organization_id, PaymentRow.c.order_id).where(
    PaymentRow.c.processor == sa.bindparam("processor"), PaymentRow.c.processor_id == sa.bindparam("processor_id")
)
_KNOWN = sa.select(DisputeRow.c.id).where(
    DisputeRow.c.processor == sa.bindparam("processor"), DisputeRow.c.processor_id == sa.bindparam("processor_id")
)


async def hear_dispute(app: App, processor_id: str) -> None:
    """Takes an event of the processor about a dispute. Its payment may not be on record yet, so it is nobody's work."""
    async with app.transaction(NOBODY) as tx:
        payload = {"processor_id": processor_id, "since": tx.real_now.isoformat()}
        tx.enqueue("follow_dispute", payload=payload, unique_key=processor_id, sooner=True)


async def follow_dispute(app: App, work: Work) -> None:
    """Kind of work: brings a dispute up to what the processor knows of it. Safe to run again."""
    processor, processor_id = app.get(PaymentProcessor), str(work.payload["processor_id"])
    now = app.clock.now()
    try:
        reported = await processor.get_dispute(processor_id)
    except ProcessorUnavailable as silence:
        raise after_silence(app, work, silence, now=now) from None
    if reported is None:
        return
    paid = await app.database.fetchrow(_PAYMENT, processor=processor.name, processor_id=reported.charge)
    if paid is None or paid["order_id"] is None:
        if now - datetime.fromisoformat(work.payload["since"]) < PATIENCE:
            raise Later(now + SOON, counts=False, unless_asked=True)
        _log.error("dispute_of_unknown_payment", processor_id=processor_id, charge=reported.charge)
        return
    async with app.transaction(paid["organization_id"]) as tx:
        await _follow(tx, reported, paid)


async def _follow(tx: Tx, reported: Reported, paid: Record) -> None:
    order = await tx.load(Order, paid["order_id"])
    assert order is not None
    await tx.lock(Customer, order.customer_id)
    order = await tx.load(Order, order.id)
    payment = await tx.load(Payment, paid["id"])
    assert order is not None
    assert payment is not None
    known = await tx.fetchval(_KNOWN, processor=payment.processor, processor_id=reported.id)
    before = await tx.lock(Dispute, known) if known is not None else None
    status = DisputeStatus(reported.status)
    if before is None:
        await save_dispute(tx, None, _new(tx, reported, order=order, payment=payment), order=order)
    elif before.status is not status and status in book.TRANSITIONS[before.status]:
        after = replace(before, status=status, fee=reported.fee, fee_currency=reported.fee_currency, modified_at=tx.now)
        await save_dispute(tx, before, after, order=order)


def _new(tx: Tx, reported: Reported, *, order: Order, payment: Payment) -> Dispute:
    """A dispute that was not known; its amount is shared with tax as the whole order is (orders spec 15.3)."""
    whole = refund_rules.left_of(replace(order, refunded_amount=0, refunded_tax_amount=0))
    gross = min(reported.amount, whole.total)
    part = refund_rules.split_gross(gross, tax=order.tax_amount, total=order.total_amount, left=whole)
    return Dispute(
        id=uuid.uuid4(),
        created_at=tx.now,
        modified_at=None,
        organization_id=tx.organization_id,
        order_id=order.id,
        payment_id=payment.id,
        processor=payment.processor,
        processor_id=reported.id,
        status=DisputeStatus(reported.status),
        amount=part.amount,
        tax_amount=part.tax,
        currency=order.currency,
        fee=reported.fee,
        fee_currency=reported.fee_currency,
    )
