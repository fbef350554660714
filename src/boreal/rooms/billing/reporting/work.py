"""Telling the source of taxes which of its quotes became sales, and what was given back (catalog spec 10.1).

Only a source that gives its quotes an id wants to know. A sale is told when its order is paid, under the order's id; a
refund when it has succeeded, under its own. One that fails after that is not taken back there.
"""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.orders import OrderStatus
from boreal.core.refunds import RefundStatus
from boreal.kit.app import App
from boreal.kit.work import Kind, Later, Work
from boreal.providers.ports import TaxRecords, TaxUnavailable
from boreal.rooms.billing.orders.tables import OrderRow
from boreal.rooms.billing.payments.asking import next_look
from boreal.rooms.billing.refunds.tables import RefundRow
from boreal.rooms.billing.taxes.tables import TaxRecordRow

FIRST_LOOK = timedelta(seconds=30)
"""How soon it is looked again whether an order is paid."""
LONGEST_LOOK = timedelta(days=1)
QUOTES_LAST = timedelta(days=85)
"""For how long an unpaid order is waited for: sources forget their quotes after 90 days."""

R = TaxRecordRow.c

_ID = sa.bindparam("id", type_=PgUUID)
_TOLD = sa.update(TaxRecordRow).where(R.order_id == sa.bindparam("key")).values(record_id=sa.bindparam("told"))
_FORGET = sa.delete(TaxRecordRow).where(R.order_id == sa.bindparam("key"))
_SALE = (
    sa.select(TaxRecordRow, OrderRow.c.status)
    .join_from(TaxRecordRow, OrderRow, OrderRow.c.id == R.order_id)
    .where(R.order_id == _ID)
)
_REFUND = (
    sa.select(RefundRow.c.status, (RefundRow.c.amount + RefundRow.c.tax_amount).label("total"), R.record_id)
    .join_from(RefundRow, TaxRecordRow, R.order_id == RefundRow.c.order_id)
    .where(RefundRow.c.id == _ID)
)


async def record(app: App, work: Work) -> None:
    """Kind of work `record_tax`: safe to run again, as the order's id is the reference."""
    order_id, source = UUID(work.payload["order_id"]), app.adapters.get(TaxRecords)
    sale = await app.database.fetchrow(_SALE, id=order_id)
    if source is None or sale is None or sale["record_id"] is not None:
        return
    now = app.clock.now()
    if sale["status"] == OrderStatus.PENDING:
        waited = now - sale["created_at"]
        if waited < QUOTES_LAST:
            raise next_look(now, waited=waited, first=FIRST_LOOK, longest=LONGEST_LOOK)
        await app.database.execute(_FORGET, key=order_id)
        return
    try:
        told = await source.record(sale["calculation_id"], reference=str(order_id))
    except TaxUnavailable:
        raise Later(now + app.kinds[work.kind].backoff(work.attempts)) from None
    if told is None:
        await app.database.execute(_FORGET, key=order_id)
    else:
        await app.database.execute(_TOLD, key=order_id, told=told)


async def record_refund(app: App, work: Work) -> None:
    """Kind of work `record_tax_refund`: safe to run again, as the refund's id is the reference."""
    refund_id, source = UUID(work.payload["subject_id"]), app.adapters.get(TaxRecords)
    if source is None:
        return
    refund = await app.database.fetchrow(_REFUND, id=refund_id)
    if refund is None or refund["status"] != RefundStatus.SUCCEEDED:
        return
    again = Later(app.clock.now() + app.kinds[work.kind].backoff(work.attempts))
    if refund["record_id"] is None:
        raise again  # the sale is told first
    try:
        await source.reverse(refund["record_id"], amount=refund["total"], reference=str(refund_id))
    except TaxUnavailable:
        raise again from None


KINDS = {
    "record_tax": Kind(record, queue="taxes", real_time=True),
    "record_tax_refund": Kind(record_refund, queue="taxes", real_time=True),
}
REACTIONS = {
    "refund.created": ("record_tax_refund",),
    "refund.updated": ("record_tax_refund",),
}
