"""Facts: what happened, written with the change itself, and read by everything that reacts to it.

Nobody sends a webhook. `tx.save` asks the noun's `facts(before, after)` what a change means and stores one row per
fact in the same transaction. A fact that somebody subscribed to carries its payload, rendered at the end of the
transaction that made it. After commit one dispatcher at a time gives facts their `position` in id order and, in the
same transaction, turns them into deliveries (the `fan_out` given by the platform room) and into rows of work (the
`reactions` declared in the rooms' manifests).

A subject is locked while it changes, so its facts have ids in the order in which they happened.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.db import Connection, Database, Record, metadata

FactRow = sa.Table(
    "facts",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("organization_id", PgUUID, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("subject_kind", sa.Text, nullable=False),
    sa.Column("subject_id", PgUUID, nullable=False),
    sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("details", JSONB, nullable=False),
    sa.Column("payload", sa.Text),
    sa.Column("endpoint_ids", ARRAY(PgUUID), nullable=False),
    sa.Column("trace", sa.Text),
    sa.Column("position", sa.BigInteger),
    # What else the change tells, until it was written down: name, whom it is about, and more (`Tx.note`).
    sa.Column("notes", JSONB),
    sa.Index("ix_facts_undispatched", "id", postgresql_where=sa.text("position IS NULL")),
    sa.Index("ix_facts_organization_id_position", "organization_id", "position"),
    sa.Index("ix_facts_notes", "organization_id", "id", postgresql_where=sa.text("notes IS NOT NULL")),
)

FactCursorRow = sa.Table(
    "fact_cursor",
    metadata,
    sa.Column("singleton", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("position", sa.BigInteger, nullable=False, server_default="0"),
    sa.CheckConstraint("singleton", name="one_row"),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened to one subject. `occurred_at` is the organization's time."""

    name: str
    subject_kind: str
    subject_id: UUID
    details: Mapping[str, Any] = field(default_factory=dict)


Renderer = Callable[[Connection, UUID], Awaitable[Mapping[str, Any]]]
"""Reads a subject through its read schema, inside the transaction that changed it."""

Listeners = Sequence[tuple[UUID, frozenset[str]]]
"""Enabled endpoints, and the facts each subscribed to."""

Interest = Callable[[Connection, UUID], Awaitable[Listeners]]
"""Who listens in an organization."""

FanOut = Callable[[Connection, Sequence[Record], datetime], Awaitable[None]]
"""Creates the deliveries of dispatched facts that name endpoints."""


class Renderers:
    """Finds the renderer of a fact: by its whole name, else by the part before the dot."""

    def __init__(self, by_name: Mapping[str, Renderer]) -> None:
        self._by_name = dict(by_name)

    def of(self, name: str) -> Renderer | None:
        """The renderer, or None for a fact that never leaves the house."""
        return self._by_name.get(name) or self._by_name.get(name.partition(".")[0])


def payload(*, name: str, occurred_at: datetime, data: Mapping[str, Any]) -> str:
    """The bytes to send: compact JSON with the members `type`, `timestamp`, `data` (platform spec 8.2)."""
    body = {"type": name, "timestamp": occurred_at, "data": data}
    return orjson.dumps(body, default=str, option=orjson.OPT_UTC_Z).decode()


_INSERT = sa.text(
    """
    INSERT INTO facts (
        organization_id, name, subject_kind, subject_id, occurred_at, details, payload, endpoint_ids, trace,
        notes)
    VALUES (
        :organization_id, :name, :subject_kind, :subject_id, :occurred_at, :details, :payload, :endpoint_ids, :trace,
        :notes)
    """
).bindparams(
    sa.bindparam("organization_id", type_=PgUUID),
    sa.bindparam("subject_id", type_=PgUUID),
    sa.bindparam("occurred_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("details", type_=JSONB),
    sa.bindparam("endpoint_ids", type_=ARRAY(PgUUID)),
    sa.bindparam("notes", type_=JSONB),
)


async def record(
    connection: Connection,
    facts: Sequence[Fact],
    *,
    organization_id: UUID,
    occurred_at: datetime,
    listeners: Listeners,
    renderers: Renderers,
    trace: str | None,
    notes: Sequence[Any] = (),
) -> None:
    """Stores facts in the order given, with the payload of those that a listener subscribed to.

    The first of them carries the notes.
    """
    rendered: dict[tuple[Renderer, UUID], Mapping[str, Any]] = {}
    rows = []
    for index, fact in enumerate(facts):
        renderer = renderers.of(fact.name)
        endpoint_ids = [endpoint_id for endpoint_id, names in listeners if fact.name in names] if renderer else []
        text = None
        if endpoint_ids and renderer:
            key = (renderer, fact.subject_id)
            if key not in rendered:
                rendered[key] = await renderer(connection, fact.subject_id)
            text = payload(name=fact.name, occurred_at=occurred_at, data=rendered[key])
        rows.append(
            {
                "organization_id": organization_id,
                "name": fact.name,
                "subject_kind": fact.subject_kind,
                "subject_id": fact.subject_id,
                "occurred_at": occurred_at,
                "details": dict(fact.details),
                "payload": text,
                "endpoint_ids": endpoint_ids,
                "trace": trace,
                "notes": [list(note) for note in notes] if notes and index == 0 else None,
            }
        )
    await connection.execute_many(_INSERT, rows)


_LOCK = sa.select(sa.func.pg_try_advisory_xact_lock(sa.text("hashtext('boreal:dispatch')")))
# Locked in the order of their ids, as by whoever takes notes off them: else the two could wait for each other.
_UNDISPATCHED = (
    sa.select(FactRow)
    .where(FactRow.c.position.is_(None))
    .order_by(FactRow.c.id)
    .limit(sa.bindparam("batch_size"))
    .with_for_update(key_share=True)
)
_ADVANCE = sa.text(
    """
    INSERT INTO fact_cursor AS cursor (position) VALUES (:step)
    ON CONFLICT (singleton) DO UPDATE SET position = cursor.position + :step
    RETURNING position
    """
).bindparams(sa.bindparam("step", type_=sa.BigInteger))
_POSITION = sa.text(
    """
    UPDATE facts SET position = placed.position
    FROM unnest(:ids, :positions) AS placed (id, position) WHERE facts.id = placed.id
    """
).bindparams(
    sa.bindparam("ids", type_=ARRAY(sa.BigInteger)),
    sa.bindparam("positions", type_=ARRAY(sa.BigInteger)),
)


class Dispatcher:
    """Turns committed facts into deliveries and work, each exactly once."""

    def __init__(
        self, database: Database, *, fan_out: FanOut, react: FanOut, wake: Callable[[Collection[str]], None]
    ) -> None:
        self._database = database
        self._wake = wake
        self._fan_out = fan_out
        self._react = react

    async def run_once(self, *, now: datetime, batch_size: int = 500) -> int:
        """Dispatches up to `batch_size` facts and returns how many; 0 also when another dispatcher is at it."""
        async with self._database.transaction() as connection:
            if not await connection.fetchval(_LOCK):
                return 0
            facts = await connection.fetch(_UNDISPATCHED, batch_size=batch_size)
            if not facts:
                return 0
            last = await connection.fetchval(_ADVANCE, step=len(facts))
            positions = list(range(last - len(facts) + 1, last + 1))
            await connection.execute(_POSITION, ids=[fact["id"] for fact in facts], positions=positions)
            await self._fan_out(connection, facts, now)
            await self._react(connection, facts, now)
        self._wake(connection.concerns)
        return len(facts)
