"""Reading test clocks."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from boreal.kit.auth import visible_to
from boreal.kit.db import Row, Runs
from boreal.kit.listing import ListSpec, any_of
from boreal.kit.schemas import UUID4
from boreal.kit.times import ClockRow, ClockStatus

C = ClockRow.c

CLOCKS = ListSpec(
    select=sa.select(ClockRow),
    visible=visible_to(C.organization_id),
    key=C.id,
    sorts={"created_at": C.created_at},
    default="-created_at",
    filters=(any_of("organization_id", C.organization_id, UUID4),),
    sort_name="TestClockSortProperty",
)

GET = sa.select(ClockRow).where(C.id == sa.bindparam("id"), visible_to(C.organization_id))
LOCK = GET.with_for_update()
OF_ORGANIZATION = sa.select(ClockRow).where(C.organization_id == sa.bindparam("organization_id"))


async def of_organization(runs: Runs, organization_id: UUID) -> dict[str, Any] | None:
    """The clock of an organization as the API shows it; None if it has none."""
    row = await runs.fetchrow(OF_ORGANIZATION, organization_id=organization_id)
    return render(row) if row else None


def render(row: Row) -> dict[str, Any]:
    """A clock as the API shows it."""
    return {
        "created_at": row["created_at"],
        "modified_at": row["modified_at"],
        "id": row["id"],
        "organization_id": row["organization_id"],
        "name": row["name"],
        "status": ClockStatus.READY if row["target_time"] is None else ClockStatus.ADVANCING,
        "time": row["time"],
        "target_time": row["target_time"],
    }
