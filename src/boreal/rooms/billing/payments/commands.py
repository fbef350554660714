"""Recording payments and keeping payment methods. The caller holds the lock of the checkout or of the customer."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from boreal.core.payments import Payment, PaymentMethod, PaymentStatus
from boreal.kit.tx import Tx
from boreal.providers.ports import Payment as Attempt
from boreal.rooms.billing.payments.tables import PaymentMethodRow, PaymentRow

_PAYMENT_ID = sa.select(PaymentRow.c.id).where(
    PaymentRow.c.processor == sa.bindparam("processor"), PaymentRow.c.processor_id == sa.bindparam("processor_id")
)
_METHOD_ID = sa.select(PaymentMethodRow.c.id).where(
    PaymentMethodRow.c.customer_id == sa.bindparam("customer_id"),
    PaymentMethodRow.c.processor == sa.bindparam("processor"),
    PaymentMethodRow.c.processor_id == sa.bindparam("processor_id"),
)


async def record_payment(
    tx: Tx,
    *,
    processor: str,
    processor_id: str,
    intent_id: str,
    status: PaymentStatus,
    amount: int,
    currency: str,
    method: str,
    method_metadata: Mapping[str, Any] | None = None,
    method_country: str | None = None,
    customer_email: str | None = None,
    checkout_id: UUID | None = None,
    order_id: UUID | None = None,
    decline_reason: str | None = None,
    decline_message: str | None = None,
    risk_level: str | None = None,
    risk_score: int | None = None,
    processor_metadata: Mapping[str, Any] | None = None,
) -> Payment:
    """One row for an attempt, whatever its outcome (orders spec 4.1). The processor's id again brings it up to date.

    `amount` is in minor units. An attempt that has ended is left as it is. A message without a reason is dropped.
    """
    told: dict[str, Any] = {
        "decline_reason": decline_reason,
        "decline_message": decline_message if decline_reason else None,
        "risk_level": risk_level,
        "risk_score": risk_score,
    }
    payment = Payment(
        id=uuid.uuid4(),
        created_at=tx.now,
        modified_at=None,
        organization_id=tx.organization_id,
        checkout_id=checkout_id,
        order_id=order_id,
        processor=processor,
        processor_id=processor_id,
        intent_id=intent_id,
        status=status,
        amount=amount,
        currency=currency,
        method=method,
        method_metadata=dict(method_metadata or {}),
        method_country=method_country,
        customer_email=customer_email,
        processor_metadata=dict(processor_metadata or {}),
        **told,
    )
    stored = await tx.save_unless_taken(payment)
    if stored is not None:
        return stored
    known = await tx.fetchval(_PAYMENT_ID, processor=processor, processor_id=processor_id)
    return await update_payment(tx, known, status=status, order_id=order_id, **told)


async def record_attempt(
    tx: Tx,
    made: Attempt,
    *,
    processor: str,
    status: PaymentStatus,
    customer_email: str | None,
    checkout_id: UUID | None = None,
    order_id: UUID | None = None,
    decline_reason: str | None = None,
    decline_message: str | None = None,
) -> Payment:
    """What the processor tells of an attempt, on record as by `record_payment`: by its charge, once there is one."""
    card, risk = made.method.card, made.charge.risk if made.charge else None
    return await record_payment(
        tx,
        processor=processor,
        processor_id=made.charge.id if made.charge else made.id,
        intent_id=made.id,
        status=status,
        amount=made.amount,
        currency=made.currency,
        method=made.method.type,
        method_metadata={"brand": card.brand, "last4": card.last4} if card else {},
        method_country=card.country if card else None,
        customer_email=customer_email,
        checkout_id=checkout_id,
        order_id=order_id,
        decline_reason=decline_reason,
        decline_message=decline_message,
        risk_level=risk.level if risk else None,
        risk_score=risk.score if risk else None,
    )


async def update_payment(
    tx: Tx,
    id: UUID,
    *,
    status: PaymentStatus | None = None,
    order_id: UUID | None = None,
    decline_reason: str | None = None,
    decline_message: str | None = None,
    risk_level: str | None = None,
    risk_score: int | None = None,
) -> Payment:
    """The payment with what has become known of it; None leaves a value as it is.

    How an attempt ended never changes: its status, reason and risk are kept, only the order can still be linked.
    """
    before = await tx.lock(Payment, id)
    assert before is not None
    after = replace(before, order_id=order_id or before.order_id)
    if before.status is PaymentStatus.PENDING:
        reason = decline_reason or before.decline_reason
        after = replace(
            after,
            status=status or before.status,
            decline_reason=reason,
            decline_message=(decline_message or before.decline_message) if reason else None,
            risk_level=risk_level or before.risk_level,
            risk_score=before.risk_score if risk_score is None else risk_score,
        )
    return before if after == before else await tx.save(before, replace(after, modified_at=tx.now))


async def save_payment_method(
    tx: Tx,
    *,
    customer_id: UUID,
    processor: str,
    processor_id: str,
    type: str,
    method_metadata: Mapping[str, Any],
) -> PaymentMethod:
    """The customer's method as the processor keeps it; adding a deleted one again restores it (catalog spec 7.4)."""
    known = await tx.fetchval(_METHOD_ID, customer_id=customer_id, processor=processor, processor_id=processor_id)
    before = await tx.lock(PaymentMethod, known) if known is not None else None
    if before is None:
        method = PaymentMethod(
            id=uuid.uuid4(),
            created_at=tx.now,
            modified_at=None,
            deleted_at=None,
            organization_id=tx.organization_id,
            customer_id=customer_id,
            processor=processor,
            processor_id=processor_id,
            type=type,
            method_metadata=dict(method_metadata),
        )
        return await tx.save(None, method)
    after = replace(before, deleted_at=None, type=type, method_metadata=dict(method_metadata))
    return before if after == before else await tx.save(before, replace(after, modified_at=tx.now))
