"""Reading disputes."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.disputes import DisputeStatus, is_closed, is_resolved
from boreal.kit.auth import visible_to
from boreal.kit.db import Row
from boreal.kit.listing import ListSpec, any_of
from boreal.kit.schemas import UUID4
from boreal.rooms.billing.disputes.tables import DisputeRow

D = DisputeRow.c

DISPUTES = ListSpec(
    select=sa.select(DisputeRow),
    visible=visible_to(D.organization_id),
    key=D.id,
    sorts={"created_at": D.created_at, "amount": D.amount},
    default="-created_at",
    filters=(
        any_of("organization_id", D.organization_id, UUID4),
        any_of("order_id", D.order_id, UUID4),
        any_of("status", D.status, DisputeStatus),
    ),
    sort_name="DisputeSortProperty",
)

GET = sa.select(DisputeRow).where(D.id == sa.bindparam("id", type_=PgUUID), visible_to(D.organization_id))

_AS_STORED = (
    "id",
    "created_at",
    "modified_at",
    "status",
    "amount",
    "tax_amount",
    "currency",
    "order_id",
    "payment_id",
)


def render(row: Row | Mapping[str, Any]) -> dict[str, Any]:
    """A dispute as the API shows it (contract `Dispute`)."""
    status = DisputeStatus(row["status"])
    return {
        **{name: row[name] for name in _AS_STORED},
        "resolved": is_resolved(status),
        "closed": is_closed(status),
    }
