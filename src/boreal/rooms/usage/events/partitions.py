"""Month partitions of events, made two months ahead by a row of work that comes back every day.

What has no partition of its own month goes to `events_default`: everything that was taken in before this began, and
whatever comes while no worker runs. It stays there; only months whose events are all still to come are set apart.

Setting a month apart needs `events_default` alone for a moment, in which nothing is read. Whoever holds it is waited
for `LOCK_TIMEOUT`, since everybody else has to wait behind us, and tried again later. That no event in it belongs to
the month is proved before, by a constraint that is validated while everything goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import sqlalchemy as sa

from boreal.core.calendar import TimeInterval, add
from boreal.kit.app import App
from boreal.kit.db import Connection, Database
from boreal.kit.work import Later, Work

AHEAD = 2
"""How many months beyond the one that it is."""
LOCK_TIMEOUT = "50ms"
LEASE_S = 3600.0
"""How long reading all of `events_default` once may take."""
AGAIN = timedelta(days=1)
SOON = timedelta(minutes=1)

_NOW = sa.text("SELECT now()")
_PARTITIONS = sa.text("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'events'::regclass")
_IS_USED = sa.text("SELECT EXISTS (SELECT FROM events_default)")
_BRIEFLY = sa.text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
_ALONE = sa.text("LOCK TABLE events_default IN ACCESS EXCLUSIVE MODE")


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in UTC, and the partition that holds what is taken in during it."""

    first: datetime

    @property
    def end(self) -> datetime:
        """Where the next one begins."""
        return add(self.first, TimeInterval.MONTH, 1)

    @property
    def partition(self) -> str:
        """Its name."""
        return f"events_{self.first:%Y_%m}"

    @property
    def proof(self) -> str:
        """The name of the constraint by which `events_default` has nothing of it."""
        return f"without_{self.first:%Y_%m}"


def months(now: datetime) -> Iterator[Month]:
    """The month that it is, and those after it."""
    month = Month(now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0))
    for _ in range(1 + AHEAD):
        yield month
        month = Month(month.end)


async def part_events(app: App, work: Work) -> None:
    """Sets months apart, and comes back tomorrow, or soon where somebody held what it needs."""
    try:
        await set_apart(app.database)
    except asyncpg.LockNotAvailableError:
        raise Later(app.clock.now() + SOON, counts=False) from None
    raise Later(app.clock.now() + AGAIN, counts=False)


async def set_apart(database: Database) -> None:
    """Makes the partitions that are missing, by the clock of the database.

    Raises `LockNotAvailableError` where somebody held `events_default` too long; it may be called again at any time.
    """
    now = await database.fetchval(_NOW)
    known = {row["name"] for row in await database.fetch(_PARTITIONS)}
    for month in months(now):
        if month.partition in known:
            continue
        is_used = await database.fetchval(_IS_USED)
        if not is_used or (month.first > now and await _prove(database, month)):
            await _attach(database, month, unless_used=not is_used)


async def _prove(database: Database, month: Month) -> bool:
    """Whether `events_default` has nothing of a month, which it cannot get any more if so."""
    within = f"ingested_at >= '{month.first.isoformat()}' AND ingested_at < '{month.end.isoformat()}'"
    async with database.transaction() as connection:
        await connection.execute(_BRIEFLY)
        await _alter_default(connection, f"DROP CONSTRAINT IF EXISTS {month.proof}")
        await _alter_default(connection, f"ADD CONSTRAINT {month.proof} CHECK (NOT ({within})) NOT VALID")
    try:
        async with database.transaction() as connection:
            await connection.raw.execute(
                f"ALTER TABLE events_default VALIDATE CONSTRAINT {month.proof}", timeout=LEASE_S
            )
    except asyncpg.CheckViolationError:
        async with database.transaction() as connection:
            await _alter_default(connection, f"DROP CONSTRAINT {month.proof}")
        return False
    return True


async def _attach(database: Database, month: Month, *, unless_used: bool) -> None:
    bounds = f"FROM ('{month.first.isoformat()}') TO ('{month.end.isoformat()}')"
    async with database.transaction() as connection:
        await connection.execute(sa.text(f"CREATE TABLE {month.partition} (LIKE events INCLUDING ALL)"))
        await connection.execute(_BRIEFLY)
        await connection.execute(_ALONE)
        if unless_used and await connection.fetchval(_IS_USED):
            raise asyncpg.LockNotAvailableError("an event came first")
        await connection.execute(sa.text(f"ALTER TABLE events ATTACH PARTITION {month.partition} FOR VALUES {bounds}"))
        await _alter_default(connection, f"DROP CONSTRAINT IF EXISTS {month.proof}")


async def _alter_default(connection: Connection, what: str) -> None:
    await connection.execute(sa.text(f"ALTER TABLE events_default {what}"))
