"""Disputes of the sandbox, within one transaction each.

They arise with a payment whose card is made for it. Afterwards nothing happens by itself: whoever plays the bank moves
them on with `SandboxProcessor.move_dispute`, along the lines that disputes take at Stripe.
"""

import sqlalchemy as sa

from boreal.core.money import split
from boreal.kit.db import Row
from boreal.providers.payments.sandbox.behaviours import BEHAVIOURS, DISPUTE_FEE
from boreal.providers.payments.sandbox.records import SELECT_DISPUTES, load_dispute
from boreal.providers.payments.sandbox.step import Step
from boreal.providers.payments.sandbox.tables import SandboxDisputeRow
from boreal.providers.ports import Dispute, DisputeStatus, ProcessorRefused

_COURSES: dict[str, frozenset[str]] = {
    "early_warning": frozenset({"prevented"}),
    "needs_response": frozenset({"under_review", "won", "lost", "prevented"}),
    "under_review": frozenset({"won", "lost", "prevented"}),
    "prevented": frozenset({"needs_response", "under_review"}),
}

_INSERT = sa.insert(SandboxDisputeRow).values(
    {
        name: sa.bindparam(name, type_=SandboxDisputeRow.c[name].type)
        for name in ("id", "intent_id", "amount", "status", "reason", "fee", "created_at")
    }
)
_LOCK = sa.select(SandboxDisputeRow).where(SandboxDisputeRow.c.id == sa.bindparam("id")).with_for_update()
_MOVE = (
    sa.update(SandboxDisputeRow)
    .where(SandboxDisputeRow.c.id == sa.bindparam("dispute"))
    .values(status=sa.bindparam("new_status", type_=sa.Text), fee=sa.bindparam("new_fee", type_=sa.BigInteger))
)
_TAKEN_BACK = sa.text(
    """
    SELECT EXISTS (SELECT FROM sandbox_disputes WHERE intent_id = :intent AND fee > 0
        AND status IN ('needs_response', 'under_review', 'lost'))
    """
)
_WARNINGS = sa.text(
    """
    SELECT id FROM sandbox_disputes WHERE intent_id = :intent AND fee = 0
        AND status IN ('early_warning', 'needs_response', 'under_review') ORDER BY created_at, id
    """
)

BY_ID = SELECT_DISPUTES.where(SandboxDisputeRow.c.id == sa.bindparam("id"))


async def arise(step: Step, paid: Row) -> None:
    """The disputes that follow a payment which has just succeeded; they share its amount."""
    contested = BEHAVIOURS[paid["method_behaviour"]].disputes
    amounts = split(paid["amount"], [1] * len(contested)) if contested else ()
    for number, (dispute, amount) in enumerate(zip(contested, amounts, strict=True)):
        id = step.identity.new_id("dp", f"{paid['id']}:{number}")
        await step.connection.execute(
            _INSERT,
            id=id,
            intent_id=paid["id"],
            amount=amount,
            status=dispute.status,
            reason=dispute.reason,
            fee=dispute.fee,
            created_at=step.now,
        )
        await step.changed("dispute", id)


async def move(step: Step, dispute: str, status: DisputeStatus) -> Dispute:
    """The dispute in its next status. One that is prevented costs nothing; if it is opened again it is a chargeback.

    Raises `ProcessorRefused`: `resource_missing`, or `dispute_unexpected_state` for a status that cannot follow.
    """
    row = await step.connection.fetchrow(_LOCK, id=dispute)
    if row is None:
        raise ProcessorRefused("resource_missing", "There is no such dispute.")
    if status not in _COURSES.get(row["status"], ()):
        raise ProcessorRefused("dispute_unexpected_state", f"A dispute that is {row['status']} cannot be {status}.")
    fee = 0 if status == "prevented" else DISPUTE_FEE if row["status"] == "prevented" else row["fee"]
    await step.connection.execute(_MOVE, dispute=dispute, new_status=status, new_fee=fee)
    await step.changed("dispute", dispute)
    moved = await step.connection.fetchrow(BY_ID, id=dispute)
    assert moved is not None
    return load_dispute(moved)


async def is_taken_back(step: Step, payment: str) -> bool:
    """Whether the customer's bank has the money of the payment, so that it cannot be refunded."""
    return bool(await step.connection.fetchval(_TAKEN_BACK, intent=payment))


async def prevent(step: Step, payment: str) -> None:
    """Warnings end when the payment they are about has been given back."""
    for row in await step.connection.fetch(_WARNINGS, intent=payment):
        await move(step, row["id"], "prevented")
