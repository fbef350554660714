"""A world without billing for tests of the kit: lamps, their facts, and an app that knows nothing else.

async with open_lamps(dsn, kinds={"dust": Kind(dust)}) as lamps:
    lamp = await lamps.add()
    async with lamps.app.transaction(lamps.organization_id) as tx: ...
"""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.app import App
from boreal.kit.auth import Authenticator
from boreal.kit.clock import Clock, ManualClock
from boreal.kit.db import Connection, Database, Record, one_of
from boreal.kit.facts import Dispatcher, FanOut, Renderer, Renderers
from boreal.kit.secrets import Keyring
from boreal.kit.settings import Settings
from boreal.kit.tx import Noun, Nouns, Transactions
from boreal.kit.work import Kind, Wakeups

START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


class LampStatus(StrEnum):
    """How a lamp is."""

    OFF = "off"
    ON = "on"
    BROKEN = "broken"


class Colour(StrEnum):
    """The colour of its light."""

    WHITE = "white"
    AMBER = "amber"


@dataclass(frozen=True, kw_only=True)
class Lamp:
    """One lamp."""

    id: UUID
    status: LampStatus
    colour: Colour | None
    brightness: int
    tags: dict[str, Any]


def lamp_facts(before: Lamp | None, after: Lamp) -> tuple[str, ...]:
    """What a change of a lamp means."""
    if before is None:
        return ("lamp.created",)
    if before == after:
        return ()
    lit = after.status is LampStatus.ON and before.status is not LampStatus.ON
    return ("lamp.updated", "lamp.lit") if lit else ("lamp.updated",)


LampRow = sa.Table(
    "lamps",
    sa.MetaData(),
    sa.Column("id", PgUUID, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("colour", sa.Text),
    sa.Column("brightness", sa.Integer, nullable=False),
    sa.Column("tags", JSONB, nullable=False),
    one_of("status", LampStatus),
)

LAMP = Noun(
    "lamp",
    Lamp,
    LampRow,
    facts=lamp_facts,
    transitions={
        None: frozenset({"off"}),
        "off": frozenset({"on", "broken"}),
        "on": frozenset({"off", "broken"}),
        "broken": frozenset(),
    },
)

_EMPTY = f"""
    DROP TABLE IF EXISTS lamps, runs;
    {sa.schema.CreateTable(LampRow).compile(dialect=postgresql.dialect())};
    CREATE TABLE runs (work_id bigint, mark text, pid int, number bigint GENERATED ALWAYS AS IDENTITY);
    TRUNCATE work, facts, fact_cursor RESTART IDENTITY CASCADE;
"""

_LAMP = sa.select(LampRow).where(LampRow.c.id == sa.bindparam("id"))


async def render_lamp(connection: Connection, subject_id: UUID) -> Mapping[str, Any]:
    """A lamp as a webhook shows it."""
    row = await connection.fetchrow(_LAMP, id=subject_id)
    assert row is not None
    return {"id": row["id"], "status": row["status"], "brightness": row["brightness"]}


async def ignore(connection: Connection, facts: Sequence[Record], now: datetime) -> None:
    """A fan-out that makes nothing."""


@dataclass
class Lamps:
    """The world. `listeners` are the endpoints that the organization has, with the facts that each subscribed to."""

    app: App
    listeners: list[tuple[UUID, frozenset[str]]]
    organization_id: UUID = field(default_factory=uuid.uuid4)

    @property
    def clock(self) -> ManualClock:
        """Time, which stands still."""
        assert isinstance(self.app.clock, ManualClock)
        return self.app.clock

    def dispatcher(self, fan_out: FanOut = ignore, react: FanOut = ignore) -> Dispatcher:
        """A dispatcher of the facts."""
        return Dispatcher(self.app.database, fan_out=fan_out, react=react, wake=self.app.wakeups.wake)

    async def add(self, **values: Any) -> Lamp:
        """A new lamp: off, white, dark, without tags."""
        made: dict[str, Any] = {"status": LampStatus.OFF, "colour": Colour.WHITE, "brightness": 0, "tags": {}}
        lamp = Lamp(id=uuid.uuid4(), **{**made, **values})
        async with self.app.transaction(self.organization_id) as tx:
            await tx.save(None, lamp)
        return lamp

    async def rows(self, query: str, **binds: Any) -> list[dict[str, Any]]:
        """The rows of a query written as text."""
        return [dict(row) for row in await self.app.database.fetch(sa.text(query), **binds)]

    async def facts(self) -> list[str]:
        """The names of all facts, in order."""
        return [row["name"] for row in await self.rows("SELECT name FROM facts ORDER BY id")]


@asynccontextmanager
async def open_lamps(
    dsn: str,
    *,
    kinds: Mapping[str, Kind] | None = None,
    clock: Clock | None = None,
    renderers: Mapping[str, Renderer] | None = None,
    pool_size: int = 8,
    fresh: bool = True,
) -> AsyncIterator[Lamps]:
    """The world on a migrated database; unless `fresh` is False everything in it is thrown away first."""
    database = await Database.connect(dsn, pool_size=pool_size)
    if fresh:
        async with database.pool.acquire() as raw:
            await raw.execute(_EMPTY)
    clock = clock or ManualClock(START)
    listeners: list[tuple[UUID, frozenset[str]]] = []
    wakeups = Wakeups()

    async def interest(_connection: Connection, _organization_id: UUID) -> list[tuple[UUID, frozenset[str]]]:
        return listeners

    keyring = Keyring({"test": b"k" * 32})
    known = dict(kinds or {})
    app = App(
        settings=Settings(),
        database=database,
        clock=clock,
        keyring=keyring,
        transactions=Transactions(
            database,
            clock,
            nouns=Nouns([LAMP]),
            renderers=Renderers({"lamp": render_lamp, **(renderers or {})}),
            interest=interest,
            kinds=known,
            wakeups=wakeups,
        ),
        authenticator=Authenticator(keyring, clock, {}),
        wakeups=wakeups,
        kinds=known,
    )
    try:
        yield Lamps(app, listeners)
    finally:
        await database.close()
