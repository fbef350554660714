"""Giving money back: checked and written down, asked of the processor, applied (orders spec 15.2).

Two short transactions with the call between them. The first holds the customer's lock, so that refunds at the same time
see each other; the second is the same for whoever makes it, the request or its safety net.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core import refunds as book
from boreal.core.customers import Customer
from boreal.core.orders import Order, OrderStatus
from boreal.core.payments import Payment, PaymentStatus
from boreal.core.refunds import Refund, RefundReason, RefundStatus
from boreal.kit.app import App
from boreal.kit.auth import Actor, visible_to
from boreal.kit.problems import Fault, Invalid, Problem
from boreal.kit.tx import Tx
from boreal.providers.ports import ProcessorRefused, ProcessorUnavailable
from boreal.rooms.billing.orders.tables import OrderRow
from boreal.rooms.billing.payments.tables import PaymentRow
from boreal.rooms.billing.refunds import attempts, queries
from boreal.rooms.billing.refunds.effects import save_refund
from boreal.rooms.billing.refunds.errors import (
    RefundedAlready,
    RefundsBlocked,
    RefundUnknownPayment,
    RevokeSubscriptionBenefitsProhibited,
)

_log = structlog.get_logger("boreal.billing")

_VISIBLE = sa.select(OrderRow.c.organization_id, OrderRow.c.customer_id).where(
    OrderRow.c.id == sa.bindparam("id", type_=PgUUID), visible_to(OrderRow.c.organization_id)
)
_PAID_BY = (
    sa.select(PaymentRow.c.id)
    .where(
        PaymentRow.c.order_id == sa.bindparam("order_id", type_=PgUUID),
        PaymentRow.c.status == PaymentStatus.SUCCEEDED.value,
    )
    .order_by(PaymentRow.c.created_at.desc(), PaymentRow.c.id)
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRefund:
    """What a merchant asks for; `amount` is without tax."""

    order_id: UUID
    amount: int
    reason: RefundReason
    comment: str | None
    revoke_benefits: bool
    metadata: Mapping[str, Any]


async def create(app: App, actor: Actor, asked: NewRefund) -> UUID:
    """The id of a new refund of one of the actor's orders, made at the processor.

    If the processor does not answer the refund is pending, and goes on by itself. Raises `Invalid`, `RefundsBlocked`,
    `RefundedAlready`, `RevokeSubscriptionBenefitsProhibited` and `RefundUnknownPayment`; nothing is kept then.
    """
    order = await app.database.fetchrow(_VISIBLE, id=asked.order_id, **actor.binds())
    if order is None:
        raise Invalid(Fault(("body", "order_id"), "Order not found", input=str(asked.order_id)))
    async with app.transaction(order["organization_id"]) as tx:
        await tx.lock(Customer, order["customer_id"])
        refund, payment = await _decide(tx, asked)
        await attempts.begin(tx, refund)
        since = tx.real_now
    try:
        await settle_attempt(app, refund, payment, since=since)
    except ProcessorRefused as refused:
        raise _problem(refused, asked) from refused
    return refund.id


async def settle_attempt(app: App, refund: Refund, payment: Payment, *, since: datetime) -> None:
    """Asks the processor for the refund of an attempt and stores what comes of it; harmless if somebody else has.

    Raises `ProcessorRefused`; then the attempt is gone and nothing was given back.
    """
    try:
        result = await attempts.perform(app, refund, payment, since=since)
        status, processor_id = RefundStatus(result.status), result.id
    except ProcessorUnavailable as silence:
        _log.warning("refund_outcome_unknown", refund_id=str(refund.id), reason=str(silence))
        status, processor_id = RefundStatus.PENDING, None
    except ProcessorRefused:
        async with app.transaction(refund.organization_id) as tx:
            await attempts.close(tx, refund.id)
        raise
    async with app.transaction(refund.organization_id) as tx:
        await tx.lock(Customer, refund.customer_id)
        if await attempts.close(tx, refund.id):
            await save_refund(tx, None, replace(refund, status=status, processor_id=processor_id))
            if status is RefundStatus.PENDING:
                attempts.settle_later(tx, refund.id, after=attempts.SOON)


async def _decide(tx: Tx, asked: NewRefund) -> tuple[Refund, Payment]:
    """The refund as it will be made, and the payment that it is taken from. The checks are in the order of the spec."""
    order = await tx.load(Order, asked.order_id)
    assert order is not None
    if order.status is OrderStatus.REFUNDED:
        raise RefundedAlready(order.id)
    if asked.revoke_benefits and order.subscription_id is not None:
        raise RevokeSubscriptionBenefitsProhibited
    left = book.left_of(order, pending=await queries.pending_of(tx, order.id))
    if asked.amount > left.amount:
        raise _exceeds(asked)
    payment_id = await tx.fetchval(_PAID_BY, order_id=order.id)
    payment = await tx.load(Payment, payment_id) if payment_id is not None else None
    if payment is None:
        raise RefundUnknownPayment(order.id)
    part = book.split_net(asked.amount, net=order.net_amount, tax=order.tax_amount, left=left)
    refund = Refund(
        id=uuid.uuid4(),
        created_at=tx.now,
        modified_at=None,
        organization_id=tx.organization_id,
        order_id=order.id,
        customer_id=order.customer_id,
        subscription_id=order.subscription_id,
        payment_id=payment.id,
        processor=payment.processor,
        processor_id=None,
        status=RefundStatus.PENDING,
        reason=asked.reason,
        amount=part.amount,
        tax_amount=part.tax,
        currency=order.currency,
        comment=asked.comment,
        revoke_benefits=asked.revoke_benefits,
        metadata=dict(asked.metadata),
    )
    return refund, payment


def _exceeds(asked: NewRefund) -> Invalid:
    return Invalid(Fault(("body", "amount"), "Refund amount exceeds refundable amount", input=asked.amount))


def _problem(refused: ProcessorRefused, asked: NewRefund) -> Problem:
    """What the merchant is told when the processor refuses, because something happened there that we had not heard."""
    match refused.code:
        case "charge_already_refunded":
            return RefundedAlready(asked.order_id)
        case "charge_disputed":
            return RefundsBlocked(asked.order_id)
        case "amount_too_large":
            return _exceeds(asked)
    return RefundUnknownPayment(asked.order_id)
