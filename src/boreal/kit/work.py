"""Work: everything that happens later, in one table, written in the transaction that wants it.

A row says what to do (`kind`), for whom, with which `payload`, and not before `due_at`. A worker claims due rows with
SKIP LOCKED, in turn between organizations, by moving `due_at` on by a lease (`kit.claims`): whatever dies in the middle
is claimed again when the lease is over. So a handler runs at least once and must be able to run twice.

A row with a `unique_key` exists once per kind, with the payload of the first asking. Asking for it again while it waits
or runs only makes sure that it runs once more after the moment of asking (`version`); its time moves only if the
request says `sooner`, and never while it runs.

Work of an organization with a test clock that is due later by that clock is `on_clock`: no worker sees it, and its
times are the organization's (`kit.times`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.db import FAILURES, Connection, Runs, metadata
from boreal.kit.times import NO_CLOCKS, OrganizationClock

_log = structlog.get_logger("boreal.work")

LONGEST_PAUSE_S = 3600
NOBODY = UUID(int=1)
"""The organization of work that belongs to the installation itself."""

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
    sa.Column("on_clock", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("ix_work_failed", "failed_at", postgresql_where=sa.text("failed_at IS NOT NULL")),
    sa.Index("ix_work_due", "queue", "due_at", "id", postgresql_where=sa.text("failed_at IS NULL AND NOT on_clock")),
    sa.Index(
        "ix_work_fair",
        "queue",
        "organization_id",
        "due_at",
        "id",
        postgresql_where=sa.text("failed_at IS NULL AND NOT on_clock"),
    ),
    sa.Index(
        "ix_work_on_clock",
        "organization_id",
        "due_at",
        "id",
        postgresql_where=sa.text("failed_at IS NULL AND on_clock"),
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
    claimed_at: datetime | None = None
    """Which of the row's claims this is: who comes too late finds another time there, and changes nothing."""


class Later(Exception):
    """Raised by a handler: do it again at `due_at`.

    With `counts=False` nothing failed: the row begins anew, with all its attempts. With `unless_asked=True` it is done
    again at once if somebody asked for it while it ran.
    """

    def __init__(self, due_at: datetime, *, counts: bool = True, unless_asked: bool = False) -> None:
        super().__init__(f"again at {due_at.isoformat()}")
        self.due_at = due_at
        self.counts = counts
        self.unless_asked = unless_asked


Handler = Callable[[Any, Work], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of work is done: by which handler, in which queue, and how long a claim holds.

    `real_time` is for work that waits for the outside world, such as a delivery: it never waits for a test clock.
    The handler of any other kind takes `tx.now` or `app.times.now` for the time, not the system's.
    `pace_s` is for work that takes all there is each time it runs: a worker that has done what was due lets so long
    pass before it looks again, and what was asked for meanwhile is done at once.
    """

    handler: Handler
    queue: str = "default"
    lease_s: float = 30.0
    max_attempts: int = 20
    real_time: bool = False
    pace_s: float = 0.0

    def backoff(self, attempts: int) -> timedelta:
        """The pause after the n-th failed attempt: 1, 2, 4, … seconds, at most an hour."""
        return timedelta(seconds=min(2 ** min(attempts - 1, 12), LONGEST_PAUSE_S))


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
    INSERT INTO work (organization_id, queue, kind, unique_key, payload, due_at, created_at, trace, on_clock)
    VALUES (:organization_id, :queue, :kind, :unique_key, :payload, :due_at, :created_at, :trace, :on_clock)
    ON CONFLICT (kind, unique_key) WHERE unique_key IS NOT NULL DO UPDATE SET
        version = work.version + 1,
        due_at = CASE
            WHEN work.failed_at IS NOT NULL THEN excluded.due_at
            WHEN NOT :sooner OR work.claimed_at IS NOT NULL THEN work.due_at
            WHEN work.on_clock = excluded.on_clock THEN least(work.due_at, excluded.due_at)
            WHEN work.on_clock THEN excluded.due_at
            ELSE work.due_at END,
        on_clock = CASE
            WHEN work.failed_at IS NOT NULL THEN excluded.on_clock
            WHEN :sooner AND work.claimed_at IS NULL THEN work.on_clock AND excluded.on_clock
            ELSE work.on_clock END,
        attempts = CASE WHEN work.failed_at IS NULL THEN work.attempts ELSE 0 END,
        failed_at = NULL
    """
).bindparams(
    sa.bindparam("organization_id", type_=PgUUID),
    sa.bindparam("payload", type_=JSONB),
    sa.bindparam("due_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("created_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("sooner", type_=sa.Boolean),
    sa.bindparam("on_clock", type_=sa.Boolean),
)


async def enqueue(
    connection: Connection,
    requests: Sequence[Request],
    *,
    kinds: Mapping[str, Kind],
    now: datetime,
    trace: str | None,
    clocks: Mapping[UUID, OrganizationClock] = NO_CLOCKS,
) -> None:
    """Writes rows of work in the caller's transaction, whose commit concerns their queues.

    `KeyError` names a kind that no room declares. `now` is real time; `clocks` are those of the organizations that have
    one.
    """
    rows = []
    for request in requests:
        kind = kinds[request.kind]
        due_at, on_clock = _due(request, kind, now=now, clock=clocks.get(request.organization_id))
        rows.append(
            {
                "organization_id": request.organization_id,
                "queue": kind.queue,
                "kind": request.kind,
                "unique_key": request.unique_key,
                "payload": dict(request.payload),
                "due_at": due_at,
                "created_at": now,
                "trace": trace,
                "sooner": request.sooner,
                "on_clock": on_clock,
            }
        )
    await connection.execute_many(_ENQUEUE, rows)
    connection.concerns.update(kinds[request.kind].queue for request in requests)


def _due(request: Request, kind: Kind, *, now: datetime, clock: OrganizationClock | None) -> tuple[datetime, bool]:
    """When a row is due, and whether that is a time of the organization's clock."""
    if clock is None:
        return request.due_at or now, False
    due_at = max(request.due_at or clock.time, clock.time)
    if kind.real_time:
        return now + (due_at - clock.time), False
    if clock.is_advancing or due_at > clock.time:
        return due_at, True
    return now, False


DISPATCH = "dispatch"
"""What a commit with facts concerns, as one with work concerns its queues."""


class Wakeups:
    """Tells the loops of this process, and at most once per interval those of others, that something may be due.

    Each loop waits for one concern: a queue, or `DISPATCH`.
    """

    CHANNEL = "boreal_work"

    def __init__(self, *, interval_s: float = 0.05) -> None:
        self._events: dict[tuple[str, str], asyncio.Event] = {}
        self._interval_s = interval_s
        self._notify: Callable[[frozenset[str]], Awaitable[None]] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._untold: set[str] = set()

    def event(self, concern: str, *, waiter: str = "") -> asyncio.Event:
        """The event that a loop waits on and clears; each waiter of a concern has its own."""
        return self._events.setdefault((concern, waiter), asyncio.Event())

    def tell_others(self, notify: Callable[[frozenset[str]], Awaitable[None]]) -> None:
        """Other processes work too: call `notify` with what concerns them."""
        self._notify = notify

    def wake(self, concerns: Collection[str]) -> None:
        """Wakes the loops of this process that are concerned; those of others hear of it within the interval.

        Outside of an event loop nobody is told: those who wait look by themselves every few seconds.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self.wake_here(concerns)
        self._untold.update(concerns)
        if self._untold and self._notify is not None and (self._telling is None or self._telling.done()):
            self._telling = loop.create_task(self._tell(self._notify))

    def wake_here(self, concerns: Collection[str] | None = None) -> None:
        """Wakes the loops of this process that are concerned; None: every one."""
        for (concern, _), event in self._events.items():
            if concerns is None or concern in concerns:
                event.set()

    async def _tell(self, notify: Callable[[frozenset[str]], Awaitable[None]]) -> None:
        """Tells at once, then once per interval for as long as there is something new to tell."""
        while self._untold:
            concerns = frozenset(self._untold)
            self._untold.clear()
            try:
                await notify(concerns)
            except FAILURES as error:
                _log.warning("notify_failed", error=str(error))
            await asyncio.sleep(self._interval_s)


NOTIFY = sa.text("SELECT pg_notify('boreal_work', :concerns)")
"""`concerns` are joined by spaces."""

_FAILED = sa.select(WorkRow).where(WorkRow.c.failed_at.is_not(None)).order_by(WorkRow.c.id).limit(sa.bindparam("limit"))
_RETRY = sa.text(
    """
    UPDATE work SET failed_at = NULL, attempts = 0, due_at = :now, on_clock = false
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
