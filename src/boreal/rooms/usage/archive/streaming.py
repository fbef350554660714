"""Raw events for an archive outside of the database, in the order in which they were counted.

What bills and balances need are aggregates, which stay in PostgreSQL. Events themselves only grow, and this is the seam
at which they leave for a store that is made for that. Boreal's own archive is a file (`boreal events export`).
"""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.app import App
from boreal.kit.db import Record, compile_statement
from boreal.rooms.usage.events.tables import EventRow
from boreal.rooms.usage.meters.generations import NEXT_PLACE

PAGE = 1000
"""How many events are handed over at once."""

_ORGANIZATION_ID = sa.bindparam("organization_id", type_=PgUUID)
# Ingestion holds the row, shared, until its commit. Whoever has it alone has seen the end of all that has begun.
_ALONE = sa.text(
    """
    INSERT INTO meter_generations (organization_id, generation) VALUES (:organization_id, 0)
    ON CONFLICT (organization_id) DO UPDATE SET generation = meter_generations.generation
    """
).bindparams(_ORGANIZATION_ID)
_BETWEEN = (
    sa.select(EventRow)
    .where(
        EventRow.c.organization_id == _ORGANIZATION_ID,
        EventRow.c.seq > sa.bindparam("after", type_=sa.BigInteger),
        EventRow.c.seq < sa.bindparam("place", type_=sa.BigInteger),
    )
    .order_by(EventRow.c.seq)
)


class EventArchive(Protocol):
    """Where raw events are kept for good."""

    async def append(self, events: Sequence[Record]) -> None:
        """Keeps events, rows of `events`, behind those before. After a failure the same ones may come again."""


async def stream(app: App, archive: EventArchive, *, organization_id: UUID, after: int = -1) -> int:
    """Hands over what an organization's events are since a place in their order; the place to go on from next time.

    Nothing that is ingested meanwhile is missed: it comes behind that place. Memory does not grow with the events.
    """
    async with app.transaction(organization_id) as tx:
        await tx.execute(_ALONE, organization_id=organization_id)
        place: int = await tx.fetchval(NEXT_PLACE)
    sql = compile_statement(_BETWEEN)
    arguments = sql.arguments({"organization_id": organization_id, "after": after, "place": place})
    async with app.database.transaction() as connection:
        cursor = await connection.raw.cursor(sql.text, *arguments)
        while page := await cursor.fetch(PAGE):
            await archive.append(page)
    return place
