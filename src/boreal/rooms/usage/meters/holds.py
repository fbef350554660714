"""Holds: a meter that something uses cannot be archived (usage spec 4.1).

What uses meters is above this room, so it says so here, and this room need not ask.
"""

from collections.abc import Iterable
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.db import Runs
from boreal.kit.tx import Tx
from boreal.rooms.usage.meters.tables import MeterRow

HolderKind = Literal["product", "benefit"]

_IDS = sa.bindparam("ids", type_=ARRAY(PgUUID))
# Shared locks: until the transaction is over, nobody archives what it is about to use.
_KNOWN = (
    sa.select(MeterRow.c.id, MeterRow.c.name)
    .where(MeterRow.c.id == sa.func.any(_IDS), MeterRow.c.organization_id == sa.bindparam("organization_id"))
    .order_by(MeterRow.c.id)
    .with_for_update(read=True)
)
_RELEASE = sa.text(
    "DELETE FROM meter_holds WHERE holder_kind = :kind AND holder_id = :holder_id AND meter_id <> ALL(:ids)"
).bindparams(sa.bindparam("holder_id", type_=PgUUID), _IDS)
_HOLD = sa.text(
    """
    INSERT INTO meter_holds (meter_id, holder_kind, holder_id)
    SELECT unnest(CAST(:ids AS uuid[])), CAST(:kind AS text), CAST(:holder_id AS uuid) ON CONFLICT DO NOTHING
    """
).bindparams(sa.bindparam("holder_id", type_=PgUUID), _IDS)
_HELD = sa.text("SELECT DISTINCT holder_kind FROM meter_holds WHERE meter_id = :id").bindparams(
    sa.bindparam("id", type_=PgUUID)
)


async def meter_names(runs: Runs, organization_id: UUID, ids: Iterable[UUID]) -> dict[UUID, str]:
    """The names of those of `ids` that are meters of the organization; none is archived until the transaction ends."""
    wanted = list(ids)
    if not wanted:
        return {}
    return {row["id"]: row["name"] for row in await runs.fetch(_KNOWN, ids=wanted, organization_id=organization_id)}


async def set_holds(tx: Tx, *, kind: HolderKind, holder_id: UUID, meter_ids: Iterable[UUID]) -> None:
    """From now on the holder uses exactly these meters. Those that are new to it come from `meter_names`."""
    ids = sorted(set(meter_ids))
    await tx.execute(_RELEASE, kind=kind, holder_id=holder_id, ids=ids)
    if ids:
        await tx.execute(_HOLD, kind=kind, holder_id=holder_id, ids=ids)


async def held_by(runs: Runs, meter_id: UUID) -> set[str]:
    """The kinds of holders that use the meter."""
    return {row["holder_kind"] for row in await runs.fetch(_HELD, id=meter_id)}
