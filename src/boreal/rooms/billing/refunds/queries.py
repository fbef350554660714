"""Reading refunds."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.refunds import RefundStatus, Split
from boreal.kit.auth import visible_to
from boreal.kit.db import Connection, Row, Runs
from boreal.kit.listing import ListSpec, any_of, flag
from boreal.kit.schemas import UUID4
from boreal.kit.tx import Tx
from boreal.rooms.billing.disputes import queries as disputes
from boreal.rooms.billing.disputes.tables import DisputeRow
from boreal.rooms.billing.refunds.tables import RefundAttemptRow, RefundRow
from boreal.rooms.customers.public import CustomerRow

R = RefundRow.c

_DISPUTE = {column.name: f"dispute__{column.name}" for column in DisputeRow.columns}
_JOINED = sa.select(RefundRow, *(DisputeRow.c[name].label(label) for name, label in _DISPUTE.items())).outerjoin_from(
    RefundRow, DisputeRow, DisputeRow.c.id == R.dispute_id
)

REFUNDS = ListSpec(
    select=_JOINED.join(CustomerRow, CustomerRow.c.id == R.customer_id),
    visible=visible_to(R.organization_id),
    key=R.id,
    sorts={"created_at": R.created_at, "amount": R.amount},
    default="-created_at",
    filters=(
        any_of("id", R.id, UUID4),
        any_of("organization_id", R.organization_id, UUID4),
        any_of("order_id", R.order_id, UUID4),
        any_of("subscription_id", R.subscription_id, UUID4),
        any_of("customer_id", R.customer_id, UUID4),
        any_of("external_customer_id", CustomerRow.c.external_id, str),
        flag("succeeded", R.status == RefundStatus.SUCCEEDED.value),
    ),
    sort_name="RefundSortProperty",
)

_BY_ID = _JOINED.where(R.id == sa.bindparam("id", type_=PgUUID))

_ORDER_ID = sa.bindparam("order_id", type_=PgUUID)


def _sums(table: sa.Table, *also: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(table.c.amount, table.c.tax_amount).where(table.c.order_id == _ORDER_ID, *also)


_PARTS = sa.union_all(_sums(RefundAttemptRow), _sums(RefundRow, R.status == RefundStatus.PENDING.value)).subquery()
_PENDING = sa.select(
    sa.cast(sa.func.coalesce(sa.func.sum(_PARTS.c.amount), 0), sa.BigInteger).label("amount"),
    sa.cast(sa.func.coalesce(sa.func.sum(_PARTS.c.tax_amount), 0), sa.BigInteger).label("tax_amount"),
)

_AS_STORED = (
    "id",
    "created_at",
    "modified_at",
    "metadata",
    "status",
    "reason",
    "amount",
    "tax_amount",
    "currency",
    "organization_id",
    "order_id",
    "subscription_id",
    "customer_id",
    "revoke_benefits",
)


async def pending_of(tx: Tx, order_id: UUID) -> Split:
    """What is on its way back from an order, or about to be, without having arrived."""
    row = await tx.fetchrow(_PENDING, order_id=order_id)
    assert row is not None
    return Split(row["amount"], row["tax_amount"])


def render(row: Row) -> dict[str, Any]:
    """A refund as the API shows it (contract `Refund`)."""
    dispute: Mapping[str, Any] = {name: row[label] for name, label in _DISPUTE.items()}
    return {
        **{name: row[name] for name in _AS_STORED},
        "dispute": disputes.render(dispute) if dispute["id"] is not None else None,
    }


async def read(runs: Runs, id: UUID) -> dict[str, Any]:
    """A refund that exists, as the API shows it."""
    row = await runs.fetchrow(_BY_ID, id=id)
    assert row is not None
    return render(row)


async def payload(connection: Connection, id: UUID) -> dict[str, Any]:
    """The `data` of the refund events."""
    return await read(connection, id)
