"""Events of the sandbox: durable rows first, calls of listeners second.

A row is written in the transaction that makes the change. After its commit the listeners are called; a call that fails,
or a process that dies first, loses nothing, because `events_since` reads the rows.

Rows get their `position` in that list not when they are written but when somebody reads it, under a lock: a row that
commits late can then never slip in before a cursor that has passed already.
"""

import asyncio
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
import structlog

from boreal.kit.db import Connection, Record
from boreal.providers.payments.sandbox.faults import Faults
from boreal.providers.payments.sandbox.tables import SandboxEventRow
from boreal.providers.ports import EventPage, Listener, ProcessorEvent

_log = structlog.get_logger("sandbox")

INSERT_EVENT = (
    sa.insert(SandboxEventRow)
    .values(
        {name: sa.bindparam(name, type_=SandboxEventRow.c[name].type) for name in ("kind", "object_id", "happened_at")}
    )
    .returning(SandboxEventRow)
)

_LOCK_POSITIONS = sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended("sandbox_events", 0)))
_PLACE = sa.text(
    """
    UPDATE sandbox_events SET position = last.position + fresh.number
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM sandbox_events WHERE position IS NULL) AS fresh,
         (SELECT coalesce(max(position), 0) AS position FROM sandbox_events) AS last
    WHERE sandbox_events.id = fresh.id
    """
)
_SINCE = (
    sa.select(SandboxEventRow)
    .where(SandboxEventRow.c.position > sa.bindparam("after", type_=sa.BigInteger))
    .order_by(SandboxEventRow.c.position)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)

_NEWEST = sa.select(sa.func.max(SandboxEventRow.c.position))


def load_event(row: Record) -> ProcessorEvent:
    """The event of a row."""
    return ProcessorEvent(
        id=f"evt_{row['id']}", kind=row["kind"], object_id=row["object_id"], happened_at=row["happened_at"]
    )


async def events_after(connection: Connection, cursor: str | None, *, limit: int) -> EventPage:
    """The page of events after a cursor; every committed event has its place when it returns."""
    await connection.execute(_LOCK_POSITIONS)
    await connection.execute(_PLACE)
    rows = await connection.fetch(_SINCE, after=int(cursor or 0), limit=limit)
    return EventPage([load_event(row) for row in rows], str(rows[-1]["position"]) if rows else cursor)


async def newest(connection: Connection) -> str | None:
    """The cursor behind every committed event; None if there is none."""
    await connection.execute(_LOCK_POSITIONS)
    await connection.execute(_PLACE)
    position = await connection.fetchval(_NEWEST)
    return None if position is None else str(position)


class Announcer:
    """Calls the listeners, in tasks of its own: whoever made the change does not wait for them unless it wants to."""

    def __init__(self, listeners: Sequence[Listener], faults: Faults) -> None:
        self.listeners = list(listeners)
        self.faults = faults
        self._tasks: set[asyncio.Task[None]] = set()

    def announce(self, events: Iterable[ProcessorEvent]) -> list[asyncio.Task[None]]:
        """Starts a call per event and listener; returns those that are not held back."""
        prompt = []
        for event in events:
            subject = f"{event.kind}:{event.object_id}"
            if self.faults.happens("silent", subject, self.faults.silent):
                continue
            late = self.faults.happens("late", subject, self.faults.late)
            calls = 2 if self.faults.happens("doubled", subject, self.faults.doubled) else 1
            for listener in self.listeners * calls:
                call = _call(listener, event, self.faults.late_s if late else 0.0)
                task = asyncio.create_task(call, name=event.id)
                self._tasks.add(task)
                task.add_done_callback(self._ended)
                if not late:
                    prompt.append(task)
        return prompt

    async def drain(self) -> None:
        """Returns when every call that was started has ended."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        """Ends the calls that still wait; their events stay in the list."""
        for task in self._tasks:
            task.cancel()
        await self.drain()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("listener_failed", event_id=task.get_name(), exc_info=error)


async def _call(listener: Listener, event: ProcessorEvent, pause_s: float) -> None:
    await asyncio.sleep(pause_s)
    await listener(event)
