"""Work: everything that happens later, in one table, written in the transaction that wants it.

A row says what to do (`kind`), for whom, with which `payload`, and not before `due_at`. A worker claims due rows with
SKIP LOCKED, in turn between organizations, by moving `due_at` on by a lease: whatever dies in the middle is claimed
again when the lease is over. So a handler runs at least once and must be able to run twice.

A row with a `unique_key` exists once per kind. Asking for it again while it waits or runs only makes sure that it runs
once more after the moment of asking (`version`); its time moves only if the request says `sooner`, and never while it
runs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.db import Connection, Database, Runs, metadata

NOBODY = UUID(int=1)
"""The organization of work that belongs to the installation itself."""

_BEFORE_ALL = UUID(int=0)

WorkRow = sa.Table(
    "work",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("organization_id", PgUUID, nullable=False),
    sa.Column("queue", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("unique_key", sa.Text),
    sa.Column("payload", JSONB, nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("claimed_at", sa.DateTime(timezone=True)),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("version", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failed_at", sa.DateTime(timezone=True)),
    sa.Column("last_error", sa.Text),
    sa.Column("trace", sa.Text),
    sa.Index("ix_work_due", "queue", "due_at", "id", postgresql_where=sa.text("failed_at IS NULL")),
    sa.Index(
        "ix_work_fair",
        "queue",
        "organization_id",
        "due_at",
        "id",
        postgresql_where=sa.text("failed_at IS NULL"),
    ),
    sa.Index(
        "uq_work_kind_unique_key",
        "kind",
        "unique_key",
        unique=True,
        postgresql_where=sa.text("unique_key IS NOT NULL"),
    ),
)


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed row, as its handler gets it."""

    id: int
    organization_id: UUID
    kind: str
    unique_key: str | None
    payload: Mapping[str, Any]
    attempts: int
    version: int
    trace: str | None


class Later(Exception):
    """Raised by a handler: do it again at `due_at`. With `counts=False` the attempt does not count."""

    def __init__(self, due_at: datetime, *, counts: bool = True) -> None:
        super().__init__(f"again at {due_at.isoformat()}")
        self.due_at = due_at
        self.counts = counts


Handler = Callable[[Any, Work], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of work is done: by which handler, in which queue, and how long a claim holds."""

    handler: Handler
    queue: str = "default"
    lease_s: float = 30.0
    max_attempts: int = 20

    def backoff(self, attempts: int) -> timedelta:
        """The pause after the n-th failed attempt: 1, 2, 4, … seconds, at most an hour."""
        return timedelta(seconds=min(2.0 ** (attempts - 1), 3600.0))


@dataclass(frozen=True, slots=True)
class Request:
    """Work that a transaction asks for. With `sooner`, a row of the same key that waits longer is brought forward."""

    kind: str
    organization_id: UUID
    payload: Mapping[str, Any] = field(default_factory=dict)
    due_at: datetime | None = None
    unique_key: str | None = None
    sooner: bool = False


_ENQUEUE = sa.text(
    """
    INSERT INTO work (organization_id, queue, kind, unique_key, payload, due_at, created_at, trace)
    VALUES (:organization_id, :queue, :kind, :unique_key, :payload, :due_at, :created_at, :trace)
    ON CONFLICT (kind, unique_key) WHERE unique_key IS NOT NULL DO UPDATE SET
        version = work.version + 1,
        due_at = CASE
            WHEN work.failed_at IS NOT NULL THEN excluded.due_at
            WHEN :sooner AND work.claimed_at IS NULL THEN least(work.due_at, excluded.due_at)
            ELSE work.due_at END,
        attempts = CASE WHEN work.failed_at IS NULL THEN work.attempts ELSE 0 END,
        failed_at = NULL
    """
).bindparams(
    sa.bindparam("organization_id", type_=PgUUID),
    sa.bindparam("payload", type_=JSONB),
    sa.bindparam("due_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("created_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("sooner", type_=sa.Boolean),
)


async def enqueue(
    connection: Connection,
    requests: Sequence[Request],
    *,
    kinds: Mapping[str, Kind],
    now: datetime,
    trace: str | None,
) -> None:
    """Writes rows of work in the caller's transaction. `KeyError` names a kind that no room declares."""
    rows = [
        {
            "organization_id": request.organization_id,
            "queue": kinds[request.kind].queue,
            "kind": request.kind,
            "unique_key": request.unique_key,
            "payload": dict(request.payload),
            "due_at": request.due_at or now,
            "created_at": now,
            "trace": trace,
            "sooner": request.sooner,
        }
        for request in requests
    ]
    await connection.execute_many(_ENQUEUE, rows)


_DUE = sa.text("SELECT min(due_at) FROM work WHERE queue = :queue AND failed_at IS NULL")

# Walks the organizations from where the last claim stopped, one index probe each, and takes a few rows of every one
# that has something due, so that a flood of one organization never delays the others.
_CLAIM = sa.text(
    """
    WITH RECURSIVE heads AS (
        (SELECT organization_id, due_at FROM work
         WHERE queue = :queue AND failed_at IS NULL AND organization_id > :after
         ORDER BY organization_id, due_at LIMIT 1)
        UNION ALL
        SELECT head.organization_id, head.due_at FROM heads, LATERAL (
            SELECT organization_id, due_at FROM work
            WHERE queue = :queue AND failed_at IS NULL AND organization_id > heads.organization_id
            ORDER BY organization_id, due_at LIMIT 1) AS head
    ), chosen AS (
        SELECT due.id FROM heads, LATERAL (
            SELECT id FROM work
            WHERE queue = :queue AND failed_at IS NULL AND organization_id = heads.organization_id AND due_at <= :now
            ORDER BY due_at, id LIMIT :share FOR UPDATE SKIP LOCKED) AS due
        WHERE heads.due_at <= :now LIMIT :batch_size
    )
    UPDATE work SET due_at = :now + make_interval(secs => :lease_s), attempts = work.attempts + 1, claimed_at = :now
    FROM chosen WHERE work.id = chosen.id
    RETURNING work.id, work.organization_id, work.kind, work.unique_key, work.payload, work.attempts, work.version,
        work.trace
    """
).bindparams(
    sa.bindparam("queue", type_=sa.Text),
    sa.bindparam("after", type_=PgUUID),
    sa.bindparam("now", type_=sa.DateTime(timezone=True)),
    sa.bindparam("share", type_=sa.Integer),
    sa.bindparam("batch_size", type_=sa.Integer),
    sa.bindparam("lease_s", type_=sa.Double),
)
_FINISH = sa.text("DELETE FROM work WHERE id = :id AND attempts = :attempts AND version = :version")
_ONCE_MORE = sa.text(
    """
    UPDATE work SET due_at = :now, attempts = 0, claimed_at = NULL
    WHERE id = :id AND attempts = :attempts AND version > :version
    """
).bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True)))
_RESCHEDULE = sa.text(
    """
    UPDATE work SET due_at = :due_at, attempts = :attempts_after, last_error = :error, failed_at = :failed_at,
        claimed_at = NULL
    WHERE id = :id AND attempts = :attempts
    """
).bindparams(
    sa.bindparam("due_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("failed_at", type_=sa.DateTime(timezone=True)),
)


class Claims:
    """Claims due work of one queue and records how it ended. Remembers whose turn is next."""

    def __init__(self, database: Database, queue: str) -> None:
        self._database = database
        self._queue = queue
        self._after = _BEFORE_ALL

    async def next_due_at(self) -> datetime | None:
        """When the next row is due, or None if nothing waits."""
        due_at: datetime | None = await self._database.fetchval(_DUE, queue=self._queue)
        return due_at

    async def claim(self, *, now: datetime, batch_size: int, lease_s: float, share: int = 4) -> list[Work]:
        """Takes up to `batch_size` due rows, at most `share` of one organization, each leased for `lease_s` seconds."""
        due_at = await self.next_due_at()
        if due_at is None or due_at > now:
            return []
        taken: list[Work] = []
        starts = [self._after, _BEFORE_ALL] if self._after != _BEFORE_ALL else [_BEFORE_ALL]
        for after in starts:
            rows = await self._database.fetch(
                _CLAIM,
                queue=self._queue,
                after=after,
                now=now,
                share=share,
                batch_size=batch_size - len(taken),
                lease_s=lease_s,
            )
            taken += [Work(**dict(row)) for row in rows]
            if len(taken) >= batch_size:
                break
        self._after = max((work.organization_id for work in taken), default=_BEFORE_ALL) if taken else _BEFORE_ALL
        return sorted(taken, key=lambda work: work.id)

    async def finish(self, work: Work, *, now: datetime) -> None:
        """Removes the row, or makes it due again if it was asked for while it ran."""
        done = await self._database.execute(_FINISH, id=work.id, attempts=work.attempts, version=work.version)
        if done == "DELETE 0":
            await self._database.execute(_ONCE_MORE, id=work.id, attempts=work.attempts, version=work.version, now=now)

    async def postpone(self, work: Work, later: Later) -> None:
        """Moves the row to the time that its handler asked for."""
        await self._reschedule(work, later.due_at, work.attempts - (0 if later.counts else 1), None, None)

    async def fail(self, work: Work, kind: Kind, error: str, *, now: datetime) -> None:
        """Records a failed attempt: again after a growing pause, or given up after the last one (kept for a person)."""
        gone = now if work.attempts >= kind.max_attempts else None
        await self._reschedule(work, now + kind.backoff(work.attempts), work.attempts, error[:2000], gone)

    async def _reschedule(
        self, work: Work, due_at: datetime, attempts_after: int, error: str | None, failed_at: datetime | None
    ) -> None:
        await self._database.execute(
            _RESCHEDULE,
            id=work.id,
            attempts=work.attempts,
            due_at=due_at,
            attempts_after=attempts_after,
            error=error,
            failed_at=failed_at,
        )


class Wakeups:
    """Tells the loops of this process, and at most once per interval those of others, that something may be due."""

    CHANNEL = "boreal_work"

    def __init__(self, *, interval_s: float = 0.05) -> None:
        self._events: dict[str, asyncio.Event] = {}
        self._interval_s = interval_s
        self._notify: Callable[[], Awaitable[None]] | None = None
        self._pending: asyncio.Task[None] | None = None

    def event(self, name: str) -> asyncio.Event:
        """The event that a loop waits on and clears."""
        return self._events.setdefault(name, asyncio.Event())

    def tell_others(self, notify: Callable[[], Awaitable[None]]) -> None:
        """Other processes work too: call `notify` when there is something for them."""
        self._notify = notify

    def wake(self) -> None:
        """Wakes every loop of this process; the others hear of it within the interval."""
        self.wake_here()
        if self._notify and (self._pending is None or self._pending.done()):
            self._pending = asyncio.create_task(self._notify_soon(self._notify))

    def wake_here(self) -> None:
        """Wakes every loop of this process."""
        for event in self._events.values():
            event.set()

    async def _notify_soon(self, notify: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(self._interval_s)
        await notify()


NOTIFY = sa.text("SELECT pg_notify('boreal_work', '')")

_FAILED = sa.select(WorkRow).where(WorkRow.c.failed_at.is_not(None)).order_by(WorkRow.c.id).limit(sa.bindparam("limit"))
_RETRY = sa.text(
    """
    UPDATE work SET failed_at = NULL, attempts = 0, due_at = :now
    WHERE failed_at IS NOT NULL AND (:id = 0 OR id = :id)
    """
).bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True)), sa.bindparam("id", type_=sa.BigInteger))


async def failed(database: Runs, *, limit: int = 100) -> list[Any]:
    """Rows that were given up, oldest first."""
    return await database.fetch(_FAILED, limit=limit)


async def retry(database: Runs, *, now: datetime, id: int | None = None) -> int:
    """Makes given-up work due again: one row, or all. Returns how many."""
    tag = await database.execute(_RETRY, now=now, id=id or 0)
    return int(tag.split()[-1])
