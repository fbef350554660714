"""Reading meters."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.auth import Actor, read_visible, visible_to
from boreal.kit.db import Record, Row, Runs
from boreal.kit.listing import ListSpec, any_of, flag, search
from boreal.kit.schemas import UUID4
from boreal.rooms.usage.meters.tables import MeterFillRow, MeterRow

M = MeterRow.c

METERS = ListSpec(
    select=sa.select(MeterRow),
    visible=visible_to(M.organization_id),
    key=M.id,
    sorts={"created_at": M.created_at, "name": sa.func.lower(M.name)},
    default="name",
    filters=(
        any_of("organization_id", M.organization_id, UUID4),
        search("query", M.name),
        flag("is_archived", M.archived_at.is_not(None)),
    ),
    metadata=M.metadata,
    sort_name="MeterSortProperty",
)

_VISIBLE = sa.select(MeterRow).where(M.id == sa.bindparam("id", type_=PgUUID), visible_to(M.organization_id))
LOCK = _VISIBLE.with_for_update(key_share=True)
_IS_FILLING = sa.select(sa.exists().where(MeterFillRow.c.meter_id == sa.bindparam("id", type_=PgUUID)))

_SHOWN = (
    "id",
    "created_at",
    "modified_at",
    "metadata",
    "name",
    "filter",
    "aggregation",
    "organization_id",
    "archived_at",
)


async def get(runs: Runs, actor: Actor, id: UUID) -> Record:
    """A meter that the actor may see; raises `ResourceNotFound`."""
    return await read_visible(runs, _VISIBLE, actor, id)


async def is_filling(runs: Runs, id: UUID) -> bool:
    """Whether there are older events that the meter has not counted yet, so that reads have to look at events."""
    filling: bool = await runs.fetchval(_IS_FILLING, id=id)
    return filling


def render(meter: Row) -> dict[str, Any]:
    """A meter as the wire has it (contract `Meter`)."""
    return {name: meter[name] for name in _SHOWN}
