"""Moving a test clock: everything that an organization has ahead of it, done in the order in which it would happen.

One row of the organization's work at a time, in the order `(due_at, id)`, at the time for which it is due. What a row
brings about at once, by reactions to its facts too, is done before anything later. While the clock moves all of this
is flagged, so that nobody else does a part of it. A process that dies on the way leaves the clock where it was: the
next one goes on from there.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.app import App
from boreal.kit.claims import Claims
from boreal.kit.times import ClockRow
from boreal.kit.work import Later, Work
from boreal.kit.worker import run

POLL_S = 0.005
BUDGET = timedelta(seconds=60)
"""How long one claim of the moving goes on; the rest is done by another."""

_WHOSE = (sa.bindparam("organization_id", type_=PgUUID),)
_MOMENT = sa.bindparam("now", type_=sa.DateTime(timezone=True))

_FLAG = sa.text(
    """
    UPDATE work SET on_clock = true, due_at = least(due_at, :time), claimed_at = NULL
    WHERE organization_id = :organization_id AND NOT on_clock AND failed_at IS NULL
        AND NOT kind = ANY(:real_time) AND (claimed_at IS NULL OR due_at <= :now)
    """
).bindparams(
    *_WHOSE,
    _MOMENT,
    sa.bindparam("time", type_=sa.DateTime(timezone=True)),
    sa.bindparam("real_time", type_=ARRAY(sa.Text)),
)
_BUSY = sa.text(
    """
    SELECT EXISTS (SELECT FROM facts WHERE position IS NULL AND organization_id = :organization_id)
        OR EXISTS (SELECT FROM work WHERE organization_id = :organization_id AND NOT on_clock AND failed_at IS NULL
            AND NOT kind = ANY(:real_time))
    """
).bindparams(*_WHOSE, sa.bindparam("real_time", type_=ARRAY(sa.Text)))
_NEXT = sa.text(
    """
    UPDATE work SET claimed_at = :now, attempts = attempts + 1 FROM (
        SELECT id AS next_id FROM work
        WHERE organization_id = :organization_id AND on_clock AND failed_at IS NULL AND due_at <= :until
        ORDER BY due_at, id LIMIT 1 FOR UPDATE) AS next
    WHERE id = next_id
    RETURNING id, organization_id, kind, unique_key, payload, attempts, version, trace, claimed_at, due_at, queue
    """
).bindparams(*_WHOSE, _MOMENT, sa.bindparam("until", type_=sa.DateTime(timezone=True)))
_MOVE = sa.text("UPDATE test_clocks SET time = :time WHERE id = :id AND time < :time").bindparams(
    sa.bindparam("id", type_=PgUUID), sa.bindparam("time", type_=sa.DateTime(timezone=True))
)
_ARRIVE = sa.text(
    "UPDATE test_clocks SET time = target_time, target_time = NULL, modified_at = :now WHERE id = :id"
).bindparams(sa.bindparam("id", type_=PgUUID), _MOMENT)
_CLOCK = sa.select(ClockRow).where(ClockRow.c.id == sa.bindparam("id"))


@dataclass(frozen=True)
class _Movement:
    """One clock on its way. `real_time` names the kinds of work that do not wait for it."""

    app: App
    clock_id: UUID
    organization_id: UUID
    real_time: list[str]

    async def all_is_flagged(self, time: datetime) -> None:
        """What happened is dispatched, and all that follows now waits for the clock alone."""
        database, now = self.app.database, self.app.clock.now
        assert self.app.dispatch is not None
        while True:
            await self.app.dispatch()
            await database.execute(
                _FLAG, organization_id=self.organization_id, now=now(), time=time, real_time=self.real_time
            )
            if not await database.fetchval(_BUSY, organization_id=self.organization_id, real_time=self.real_time):
                return
            await asyncio.sleep(POLL_S)

    async def next(self, until: datetime) -> tuple[Work, str, datetime] | None:
        """The next row up to a time, with its queue and when it was due."""
        row = await self.app.database.fetchrow(
            _NEXT, organization_id=self.organization_id, now=self.app.clock.now(), until=until
        )
        if row is None:
            return None
        values = dict(row)
        due_at, queue = values.pop("due_at"), values.pop("queue")
        return Work(**values), queue, due_at


async def move(app: App, clock_id: UUID) -> None:
    """Moves a clock to its target, and does all work that is due on the way, in order. Safe to run again.

    Raises `Later` when it takes long, to go on with a claim of its own. A clock that is gone, or has arrived, is left.
    """
    clock = await app.database.fetchrow(_CLOCK, id=clock_id)
    if clock is None or clock["target_time"] is None:
        return
    real_time = [name for name, kind in app.kinds.items() if kind.real_time]
    movement = _Movement(app, clock_id, clock["organization_id"], real_time)
    began, time = app.clock.monotonic_s(), clock["time"]
    while True:
        await movement.all_is_flagged(time)
        if app.clock.monotonic_s() - began > BUDGET.total_seconds():
            raise Later(app.clock.now(), counts=False)
        found = await movement.next(clock["target_time"])
        if found is None:
            break
        work, queue, due_at = found
        time = max(time, due_at)
        await app.database.execute(_MOVE, id=clock_id, time=time)
        await run(app, work, Claims(app.database, queue), now=time)
    await app.database.execute(_ARRIVE, id=clock_id, now=app.clock.now())
