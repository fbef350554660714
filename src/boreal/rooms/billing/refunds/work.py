"""What becomes of refunds after the request: late answers, late failures, refunds that were made elsewhere."""

import uuid
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
import structlog

from boreal.core import refunds as book
from boreal.core.customers import Customer
from boreal.core.orders import Order
from boreal.core.payments import Payment
from boreal.core.refunds import Refund, RefundReason, RefundStatus
from boreal.kit.app import App
from boreal.kit.work import Later, Work
from boreal.providers.ports import PaymentProcessor, ProcessorRefused, ProcessorUnavailable
from boreal.providers.ports import Refund as Outcome
from boreal.rooms.billing.payments.asking import after_silence, next_look
from boreal.rooms.billing.payments.tables import PaymentRow
from boreal.rooms.billing.refunds import attempts, queries
from boreal.rooms.billing.refunds.commands import settle_attempt
from boreal.rooms.billing.refunds.effects import moved, save_refund
from boreal.rooms.billing.refunds.tables import RefundRow

_log = structlog.get_logger("boreal.billing")

LONGEST_POLL = timedelta(hours=6)

_KNOWN = sa.select(RefundRow.c.id, RefundRow.c.organization_id).where(
    RefundRow.c.processor == sa.bindparam("processor"), RefundRow.c.processor_id == sa.bindparam("processor_id")
)
_PAYMENT = sa.select(PaymentRow.c.id, PaymentRow.c.organization_id).where(
    PaymentRow.c.processor == sa.bindparam("processor"), PaymentRow.c.processor_id == sa.bindparam("processor_id")
)


async def hear_refund(app: App, processor_id: str) -> None:
    """Takes an event of the processor about a refund: ours is looked at again, one made elsewhere is taken over."""
    processor = app.get(PaymentProcessor)
    known = await app.database.fetchrow(_KNOWN, processor=processor.name, processor_id=processor_id)
    if known is not None:
        async with app.transaction(known["organization_id"]) as tx:
            attempts.settle_later(tx, known["id"])
        return
    result = await processor.get_refund(processor_id)
    # Ours, and still on its way to be stored by who asked for it.
    if result is None or "refund_id" in result.metadata:
        return
    payment = await app.database.fetchrow(_PAYMENT, processor=processor.name, processor_id=result.charge)
    if payment is None:
        return
    async with app.transaction(payment["organization_id"]) as tx:
        payload = {"processor_id": processor_id, "payment_id": str(payment["id"])}
        tx.enqueue("adopt_refund", payload=payload, unique_key=processor_id)


async def settle_refund(app: App, work: Work) -> None:
    """Kind of work: brings a refund to its end, from wherever it stands. Safe to run again."""
    id, since = UUID(work.payload["refund_id"]), datetime.fromisoformat(work.payload["since"])
    attempt = await attempts.read(app.database, id)
    if attempt is not None:
        await _settle_attempt(app, attempt, since=since)
    async with app.transaction(work.organization_id) as tx:
        refund = await tx.load(Refund, id)
        payment = await tx.load(Payment, refund.payment_id) if refund is not None else None
    if refund is None or payment is None or not book.TRANSITIONS[refund.status]:
        return
    try:
        status, processor_id = await _ask(app, refund, payment, since=since)
    except ProcessorUnavailable as silence:
        raise after_silence(app, work, silence, now=app.clock.now()) from None
    async with app.transaction(work.organization_id) as tx:
        await tx.lock(Customer, refund.customer_id)
        before = await tx.lock(Refund, id)
        assert before is not None
        after = moved(before, status, tx=tx, processor_id=processor_id)
        if after != before and _may_follow(before, after):
            await save_refund(tx, before, after)
    if status is RefundStatus.PENDING:
        waited = app.clock.now() - since
        raise next_look(app.clock.now(), waited=waited, first=attempts.SOON, longest=LONGEST_POLL)


def _may_follow(before: Refund, after: Refund) -> bool:
    """Answers may overtake each other; what has ended differently stays."""
    return before.status is after.status or after.status in book.TRANSITIONS[before.status]


async def _settle_attempt(app: App, attempt: Refund, *, since: datetime) -> None:
    async with app.transaction(attempt.organization_id) as tx:
        payment = await tx.load(Payment, attempt.payment_id)
    assert payment is not None
    try:
        await settle_attempt(app, attempt, payment, since=since)
    except ProcessorRefused as refused:
        _log.info("refund_refused_late", refund_id=str(attempt.id), reason=refused.message)


async def _ask(app: App, refund: Refund, payment: Payment, *, since: datetime) -> tuple[RefundStatus, str | None]:
    """How the processor has the refund; one that it never got is asked for again, and failed if it is refused."""
    if refund.processor_id is not None:
        result = await app.get(PaymentProcessor).get_refund(refund.processor_id)
        return (RefundStatus(result.status), result.id) if result is not None else (refund.status, None)
    if refund.dispute_id is not None:
        return refund.status, None
    try:
        result = await attempts.perform(app, refund, payment, since=since)
    except ProcessorRefused as refused:
        _log.info("refund_refused_late", refund_id=str(refund.id), reason=refused.message)
        return RefundStatus.FAILED, None
    return RefundStatus(result.status), result.id


async def adopt_refund(app: App, work: Work) -> None:
    """Kind of work: takes over a refund that somebody made at the processor itself. Safe to run again."""
    processor_id, payment_id = str(work.payload["processor_id"]), UUID(work.payload["payment_id"])
    result = await app.get(PaymentProcessor).get_refund(processor_id)
    assert result is not None, f"the processor does not know {processor_id}"
    async with app.transaction(work.organization_id) as tx:
        payment = await tx.load(Payment, payment_id)
        assert payment is not None
        order = await tx.load(Order, payment.order_id) if payment.order_id is not None else None
        if order is None:
            raise Later(app.clock.now() + attempts.SOON)
        await tx.lock(Customer, order.customer_id)
        order = await tx.load(Order, order.id)
        assert order is not None
        if await tx.fetchrow(_KNOWN, processor=payment.processor, processor_id=processor_id) is not None:
            return
        left = book.left_of(order, pending=await queries.pending_of(tx, order.id))
        if result.amount > left.total:
            _log.error("refund_exceeds_order", processor_id=processor_id, order_id=str(order.id))
            return
        part = book.split_gross(result.amount, tax=order.tax_amount, total=order.total_amount, left=left)
        refund = Refund(
            id=uuid.uuid4(),
            created_at=tx.now,
            modified_at=None,
            organization_id=order.organization_id,
            order_id=order.id,
            customer_id=order.customer_id,
            subscription_id=order.subscription_id,
            payment_id=payment.id,
            processor=payment.processor,
            processor_id=processor_id,
            status=RefundStatus(result.status),
            reason=_reason(result),
            amount=part.amount,
            tax_amount=part.tax,
            currency=order.currency,
            comment=None,
            revoke_benefits=False,
            metadata={},
        )
        await save_refund(tx, None, refund)
        if refund.status is RefundStatus.PENDING:
            attempts.settle_later(tx, refund.id, after=attempts.SOON)


def _reason(result: Outcome) -> RefundReason:
    try:
        return RefundReason(result.reason or "other")
    except ValueError:
        return RefundReason.OTHER
