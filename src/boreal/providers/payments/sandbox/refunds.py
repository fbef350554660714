"""Refunds of the sandbox, within one transaction each: never more than was paid, however many ask at once.

The row of the payment is locked while a refund is made, and a CHECK on it holds the sum.
"""

import sqlalchemy as sa

from boreal.providers.payments.sandbox import disputes
from boreal.providers.payments.sandbox.behaviours import BEHAVIOURS
from boreal.providers.payments.sandbox.intents import LOCK_BY_ID
from boreal.providers.payments.sandbox.records import SELECT_REFUNDS, load_refund
from boreal.providers.payments.sandbox.step import Step
from boreal.providers.payments.sandbox.tables import SandboxIntentRow, SandboxRefundRow
from boreal.providers.ports import ProcessorRefused, Refund, RefundRequest

_FAILURE = "expired_or_canceled_card"

_INSERT = sa.insert(SandboxRefundRow).values(
    {
        name: sa.bindparam(name, type_=SandboxRefundRow.c[name].type)
        for name in ("id", "intent_id", "amount", "status", "reason", "metadata", "settles_at", "created_at")
    }
)
_TAKE = (
    sa.update(SandboxIntentRow)
    .where(SandboxIntentRow.c.id == sa.bindparam("intent"))
    .values(amount_refunded=SandboxIntentRow.c.amount_refunded + sa.bindparam("taken", type_=sa.BigInteger))
)
_LOCK_DUE = (
    sa.select(SandboxRefundRow)
    .where(SandboxRefundRow.c.settles_at <= sa.bindparam("now", type_=sa.DateTime(timezone=True)))
    .order_by(SandboxRefundRow.c.settles_at, SandboxRefundRow.c.id)
    .limit(100)
    .with_for_update(skip_locked=True)
)
_SETTLE = (
    sa.update(SandboxRefundRow)
    .where(SandboxRefundRow.c.id == sa.bindparam("refund"))
    .values(
        settles_at=None,
        status=sa.bindparam("new_status", type_=sa.Text),
        failure_reason=sa.bindparam("new_failure_reason", type_=sa.Text),
    )
)

BY_ID = SELECT_REFUNDS.where(SandboxRefundRow.c.id == sa.bindparam("id"))


async def give_back(step: Step, request: RefundRequest, *, key: str) -> Refund:
    """Makes the refund, or raises `ProcessorRefused` as the port says."""
    paid = await step.connection.fetchrow(LOCK_BY_ID, id=request.payment)
    if paid is None or paid["kind"] != "payment":
        raise ProcessorRefused("resource_missing", "There is no such payment.")
    if paid["status"] != "succeeded":
        raise ProcessorRefused("payment_not_refundable", "Only a payment that succeeded can be refunded.")
    if await disputes.is_taken_back(step, request.payment):
        raise ProcessorRefused("charge_disputed", "The customer's bank has taken this payment back.")
    left = paid["amount"] - paid["amount_refunded"]
    if left == 0:
        raise ProcessorRefused("charge_already_refunded", "The payment has been refunded already.")
    if request.amount > left:
        raise ProcessorRefused("amount_too_large", "The refund is larger than what is left of the payment.")
    if request.amount <= 0:
        raise ProcessorRefused("amount_too_small", "A refund has to be positive.")
    course = BEHAVIOURS[paid["method_behaviour"]].refunds
    refund = step.identity.new_id("re", key)
    await step.connection.execute(_TAKE, intent=request.payment, taken=request.amount)
    await step.connection.execute(
        _INSERT,
        id=refund,
        intent_id=request.payment,
        amount=request.amount,
        status="pending" if course == "pending" else "succeeded",
        reason=request.reason,
        metadata=dict(request.metadata),
        settles_at=None if course == "succeeds" else step.settles_at,
        created_at=step.now,
    )
    await step.changed("refund", refund)
    if request.amount == left:
        await disputes.prevent(step, request.payment)
    row = await step.connection.fetchrow(BY_ID, id=refund)
    assert row is not None
    return load_refund(row)


async def settle_due(step: Step) -> None:
    """Lets pending refunds succeed, and those of a card that returns them fail, when their time has come."""
    for row in await step.connection.fetch(_LOCK_DUE, now=step.now):
        pending = row["status"] == "pending"
        await step.connection.execute(
            _SETTLE,
            refund=row["id"],
            new_status="succeeded" if pending else "failed",
            new_failure_reason=None if pending else _FAILURE,
        )
        if not pending:
            await step.connection.execute(_TAKE, intent=row["intent_id"], taken=-row["amount"])
        await step.changed("refund", row["id"])
