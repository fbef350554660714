"""Which meters count now: read by ingestion, changed under a lock that ingestion holds shared."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.db import Runs
from boreal.kit.tx import Tx
from boreal.rooms.usage.meters.counting import CountedMeter, Meters
from boreal.rooms.usage.meters.tables import MeterRow

_ORGANIZATION_ID = sa.bindparam("organization_id", type_=PgUUID)
_BEGIN = sa.text(
    "INSERT INTO meter_generations (organization_id, generation) VALUES (:organization_id, 0) ON CONFLICT DO NOTHING"
).bindparams(_ORGANIZATION_ID)
# One statement, so that generation and meters are of one moment.
_READ = (
    sa.text(
        """
    SELECT now.generation, meter.id, meter.filter, meter.aggregation
    FROM meter_generations AS now LEFT JOIN meters AS meter
        ON meter.organization_id = now.organization_id AND meter.archived_at IS NULL
    WHERE now.organization_id = :organization_id
    """
    )
    .bindparams(_ORGANIZATION_ID)
    .columns(filter=MeterRow.c.filter.type, aggregation=MeterRow.c.aggregation.type)
)
_CHANGE = sa.text(
    """
    INSERT INTO meter_generations (organization_id, generation) VALUES (:organization_id, 1)
    ON CONFLICT (organization_id) DO UPDATE SET generation = meter_generations.generation + 1
    """
).bindparams(_ORGANIZATION_ID)
NEXT_PLACE = sa.text("SELECT nextval('events_seq')")
"""Takes a place in the order of events, which no event has."""


async def read_meters(runs: Runs, organization_id: UUID) -> Meters:
    """The meters that count now."""
    rows = await runs.fetch(_READ, organization_id=organization_id)
    if not rows:
        await runs.execute(_BEGIN, organization_id=organization_id)
        rows = await runs.fetch(_READ, organization_id=organization_id)
    meters = tuple(CountedMeter.of(row) for row in rows if row["id"] is not None)
    return Meters(rows[0]["generation"], meters)


_HOLD = sa.text(
    "SELECT generation FROM meter_generations WHERE organization_id = :organization_id FOR SHARE"
).bindparams(_ORGANIZATION_ID)


async def read_generation(tx: Tx, organization_id: UUID) -> int:
    """The generation now, which does not change until the end of the transaction."""
    found = await tx.fetchval(_HOLD, organization_id=organization_id)
    if found is None:
        await tx.execute(_BEGIN, organization_id=organization_id)
        found = await tx.fetchval(_HOLD, organization_id=organization_id)
    generation: int = found
    return generation


async def change_meters(tx: Tx) -> int:
    """Begins another generation. Until the end of the transaction nothing of the organization is counted.

    Returns the place in the order of events where the new generation begins: everything counted by the old one is
    before it, everything that will be counted by the new one behind.
    """
    await tx.execute(_CHANGE, organization_id=tx.organization_id)
    place: int = await tx.fetchval(NEXT_PLACE)
    return place
