"""Attempts to refund: written down before the processor is asked, gone once a refund has come of them or nothing did.

What an attempt would give back counts as given, so that any number of them at once never give back too much. Its id is
that of the refund and the key of the request; whatever dies in between, the same request gives the same answer.
"""

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from pydantic import TypeAdapter

from boreal.core.payments import Payment
from boreal.core.refunds import Refund
from boreal.kit.app import App
from boreal.kit.db import Runs
from boreal.kit.tx import Tx
from boreal.providers.ports import PaymentProcessor, RefundRequest
from boreal.providers.ports import Refund as Outcome
from boreal.rooms.billing.payments.asking import KEYS_LAST
from boreal.rooms.billing.refunds.tables import RefundAttemptRow

A = RefundAttemptRow.c

SAFETY_NET = timedelta(seconds=60)
"""When somebody else looks after an attempt whose process may be gone."""

SOON = timedelta(seconds=30)
"""When a refund that has not arrived is first asked about again, should no event tell of it."""


_REFUND: TypeAdapter[Refund] = TypeAdapter(Refund)
_INSERT = RefundAttemptRow.insert()
_BY_ID = sa.select(RefundAttemptRow).where(A.id == sa.bindparam("id"))
_DELETE = sa.delete(RefundAttemptRow).where(A.id == sa.bindparam("id"))


class KeyForgotten(Exception):
    """A request is too old to be repeated; a person has to look at the processor's books."""


async def begin(tx: Tx, refund: Refund) -> None:
    """Writes an attempt down, with its safety net."""
    await tx.execute(
        _INSERT,
        id=refund.id,
        created_at=tx.real_now,
        organization_id=refund.organization_id,
        order_id=refund.order_id,
        amount=refund.amount,
        tax_amount=refund.tax_amount,
        refund=_REFUND.dump_python(refund, mode="json"),
    )
    settle_later(tx, refund.id, after=SAFETY_NET)


def settle_later(tx: Tx, refund_id: UUID, *, after: timedelta = timedelta(0)) -> None:
    """Asks for a look at how the processor has the refund; the work knows since when it has been asked for."""
    key = str(refund_id)
    payload = {"refund_id": key, "since": tx.real_now.isoformat()}
    tx.enqueue("settle_refund", payload=payload, due_at=tx.now + after, unique_key=key, sooner=True)


async def read(runs: Runs, id: UUID) -> Refund | None:
    """The refund that an attempt is about, if it is still under way."""
    row = await runs.fetchrow(_BY_ID, id=id)
    return _REFUND.validate_python(row["refund"]) if row is not None else None


async def close(tx: Tx, id: UUID) -> bool:
    """Ends an attempt; False if it had ended before."""
    return await tx.execute(_DELETE, id=id) == "DELETE 1"


async def perform(app: App, refund: Refund, payment: Payment, *, since: datetime) -> Outcome:
    """Asks the processor, as was done first at `since`; asking again within `KEYS_LAST` changes nothing.

    Raises `KeyForgotten` afterwards, and what the port raises.
    """
    if app.clock.now() - since > KEYS_LAST:
        raise KeyForgotten(f"refund {refund.id} of payment {payment.processor_id}")
    assert payment.intent_id is not None, f"payment {payment.id} is not known by its intent"
    request = RefundRequest(
        payment=payment.intent_id,
        amount=refund.total_amount,
        reason=refund.reason,
        metadata={"refund_id": str(refund.id), "order_id": str(refund.order_id)},
    )
    return await app.get(PaymentProcessor).refund(request, idempotency_key=str(refund.id))
