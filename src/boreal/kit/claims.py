"""Claiming due work, fairly and at a steady price, and recording how it ended.

A claim looks at the oldest due rows of its queue and takes the first of every organization, then the second of each,
and so on. While more is due than it looks at, the oldest rows may all belong to one organization; then a claim first
walks over some organizations, in the order of their ids and from where the last one stopped, and takes what each of
them has due. So a flood delays nobody else for long, nobody's slots stay idle during a flood, and the price of a claim
depends neither on how much waits for later nor on how much is due.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.db import Database, Record
from boreal.kit.work import Kind, Later, Work

WINDOW = 200
"""How many of the oldest due rows a claim looks at; when there are as many, that is a flood."""

STEPS = 200
"""How many organizations a claim visits during a flood."""

_BEFORE_ALL = UUID(int=0)

_DUE = sa.text("SELECT min(due_at) FROM work WHERE queue = :queue AND failed_at IS NULL AND NOT on_clock")

_LEASE = """
    UPDATE work SET due_at = :now + make_interval(secs => :lease_s), attempts = work.attempts + 1, claimed_at = :now
    FROM chosen WHERE work.id = chosen.id
    RETURNING chosen.due_at, work.id, work.organization_id, work.kind, work.unique_key, work.payload, work.attempts,
        work.version, work.trace, work.claimed_at
"""
_TYPES = (
    sa.bindparam("queue", type_=sa.Text),
    sa.bindparam("now", type_=sa.DateTime(timezone=True)),
    sa.bindparam("lease_s", type_=sa.Double),
)

# The window is a constant in the text, so that no plan is made for a larger one.
_OLDEST = sa.text(
    f"""
    WITH oldest AS MATERIALIZED (
        SELECT id, organization_id, due_at FROM work
        WHERE queue = :queue AND failed_at IS NULL AND NOT on_clock AND due_at <= :now
        ORDER BY due_at, id LIMIT {WINDOW}
    ), ranked AS (
        SELECT id, due_at, row_number() OVER (PARTITION BY organization_id ORDER BY due_at, id) AS turn FROM oldest
    ), chosen AS (
        SELECT free.id, free.due_at FROM (SELECT id FROM ranked ORDER BY turn, due_at, id) AS next, LATERAL (
            SELECT id, due_at FROM work WHERE id = next.id AND failed_at IS NULL AND NOT on_clock AND due_at <= :now
            FOR UPDATE SKIP LOCKED) AS free
        LIMIT :batch_size
    ) {_LEASE}, (SELECT count(*) FROM oldest) AS seen
    """  # noqa: S608  # made of constants
).bindparams(*_TYPES, sa.bindparam("batch_size", type_=sa.Integer))

_WALK = sa.text(
    """
    WITH RECURSIVE walk AS (
        (SELECT organization_id, due_at <= :now AS is_due, 1 AS step, 0 AS found FROM work
         WHERE queue = :queue AND failed_at IS NULL AND NOT on_clock AND organization_id > :after
         ORDER BY organization_id, due_at LIMIT 1)
        UNION ALL
        SELECT next.organization_id, next.due_at <= :now, walk.step + 1, walk.found + walk.is_due::integer
        FROM walk, LATERAL (
            SELECT organization_id, due_at FROM work
            WHERE queue = :queue AND failed_at IS NULL AND NOT on_clock AND organization_id > walk.organization_id
            ORDER BY organization_id, due_at LIMIT 1) AS next
        WHERE walk.step < :steps AND walk.found + walk.is_due::integer < :wanted
    )
    SELECT organization_id, is_due FROM walk ORDER BY step
    """
).bindparams(
    sa.bindparam("queue", type_=sa.Text),
    sa.bindparam("now", type_=sa.DateTime(timezone=True)),
    sa.bindparam("after", type_=PgUUID),
    sa.bindparam("steps", type_=sa.Integer),
    sa.bindparam("wanted", type_=sa.Integer),
)

_IN_TURN = sa.text(
    f"""
    WITH chosen AS (
        SELECT due.id, due.due_at FROM unnest(:organization_ids) AS turn (organization_id), LATERAL (
            SELECT id, due_at FROM work
            WHERE queue = :queue AND failed_at IS NULL AND NOT on_clock
                AND organization_id = turn.organization_id AND due_at <= :now
            ORDER BY due_at, id LIMIT :share FOR UPDATE SKIP LOCKED) AS due
    ) {_LEASE}
    """  # noqa: S608  # made of constants
).bindparams(*_TYPES, sa.bindparam("organization_ids", type_=ARRAY(PgUUID)), sa.bindparam("share", type_=sa.Integer))

_FINISH = sa.text("DELETE FROM work WHERE id = :id AND claimed_at = :claimed_at AND version = :version").bindparams(
    sa.bindparam("claimed_at", type_=sa.DateTime(timezone=True))
)
_ONCE_MORE = sa.text(
    """
    UPDATE work SET due_at = :now, attempts = 0, claimed_at = NULL
    WHERE id = :id AND claimed_at = :claimed_at AND version > :version
    """
).bindparams(
    sa.bindparam("now", type_=sa.DateTime(timezone=True)),
    sa.bindparam("claimed_at", type_=sa.DateTime(timezone=True)),
)
_RESCHEDULE = sa.text(
    """
    UPDATE work SET
        due_at = CASE WHEN :unless_asked AND version > :version THEN claimed_at ELSE :due_at END,
        attempts = :attempts, last_error = :error, failed_at = :failed_at, claimed_at = NULL
    WHERE id = :id AND claimed_at = :claimed_at
    """
).bindparams(
    sa.bindparam("unless_asked", type_=sa.Boolean),
    sa.bindparam("due_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("failed_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("claimed_at", type_=sa.DateTime(timezone=True)),
)

_GIVE_BACK = sa.text(
    """
    UPDATE work SET due_at = :now, attempts = attempts - 1, claimed_at = NULL
    FROM unnest(:ids, :claimed) AS taken (id, claim) WHERE work.id = taken.id AND work.claimed_at = taken.claim
    """
).bindparams(
    sa.bindparam("now", type_=sa.DateTime(timezone=True)),
    sa.bindparam("ids", type_=ARRAY(sa.BigInteger)),
    sa.bindparam("claimed", type_=ARRAY(sa.DateTime(timezone=True))),
)
_TAKE_BACK = sa.text(
    "UPDATE work SET due_at = :now, claimed_at = NULL WHERE claimed_at IS NOT NULL AND NOT on_clock AND due_at > :now"
).bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True)))


async def take_back(database: Database, *, now: datetime) -> None:
    """Whatever is claimed is due now: for the start of the only worker of a database, whose predecessor is gone."""
    await database.execute(_TAKE_BACK, now=now)


class Claims:
    """Claims due work of one queue and records how it ended. Remembers whose turn is next in a flood."""

    def __init__(self, database: Database, queue: str) -> None:
        self._database = database
        self._queue = queue
        self._after = _BEFORE_ALL
        self._flooded = False

    async def next_due_at(self) -> datetime | None:
        """When the next row is due, or None if nothing waits."""
        due_at: datetime | None = await self._database.fetchval(_DUE, queue=self._queue)
        return due_at

    async def claim(self, *, now: datetime, batch_size: int, lease_s: float) -> list[Work]:
        """Takes up to `batch_size` due rows, each leased for `lease_s` seconds, the longest due first."""
        if not self._flooded:
            due_at = await self.next_due_at()
            if due_at is None or due_at > now:
                return []
        rows: list[Record] = []
        if self._flooded:
            rows += await self._claim_in_turn(now=now, batch_size=batch_size, lease_s=lease_s)
        if len(rows) < batch_size:
            oldest = await self._database.fetch(
                _OLDEST, queue=self._queue, now=now, batch_size=batch_size - len(rows), lease_s=lease_s
            )
            self._flooded = bool(oldest) and oldest[0]["seen"] == WINDOW
            rows += oldest
        return [_work(row) for row in sorted(rows, key=lambda row: (row["due_at"], row["id"]))]

    async def _claim_in_turn(self, *, now: datetime, batch_size: int, lease_s: float) -> list[Record]:
        passed = await self._database.fetch(
            _WALK, queue=self._queue, now=now, after=self._after, steps=STEPS, wanted=batch_size
        )
        due = [row["organization_id"] for row in passed if row["is_due"]]
        more = len(passed) == STEPS or len(due) == batch_size
        self._after = passed[-1]["organization_id"] if more else _BEFORE_ALL
        if not due:
            return []
        share = max(batch_size // len(due), 1)
        return await self._database.fetch(
            _IN_TURN, queue=self._queue, organization_ids=due, now=now, share=share, lease_s=lease_s
        )

    async def give_back(self, taken: Sequence[Work], *, now: datetime) -> None:
        """Rows that nobody has begun are due again, as if they had not been claimed."""
        if taken:
            claimed = [work.claimed_at for work in taken]
            await self._database.execute(_GIVE_BACK, ids=[work.id for work in taken], claimed=claimed, now=now)

    async def finish(self, work: Work, *, now: datetime) -> None:
        """Removes the row, or makes it due again if it was asked for while it ran."""
        claim = {"id": work.id, "claimed_at": work.claimed_at, "version": work.version}
        if await self._database.execute(_FINISH, **claim) == "DELETE 0":
            await self._database.execute(_ONCE_MORE, **claim, now=now)

    async def postpone(self, work: Work, later: Later) -> None:
        """Moves the row to the time that its handler asked for."""
        await self._reschedule(
            work, due_at=later.due_at, attempts=work.attempts if later.counts else 0, unless_asked=later.unless_asked
        )

    async def fail(self, work: Work, kind: Kind, error: str, *, now: datetime) -> None:
        """Records a failed attempt: again after a growing pause, or given up after the last one (kept for a person)."""
        await self._reschedule(
            work,
            due_at=now + kind.backoff(work.attempts),
            attempts=work.attempts,
            error=error[:2000],
            failed_at=now if work.attempts >= kind.max_attempts else None,
        )

    async def _reschedule(
        self,
        work: Work,
        *,
        due_at: datetime,
        attempts: int,
        unless_asked: bool = False,
        error: str | None = None,
        failed_at: datetime | None = None,
    ) -> None:
        await self._database.execute(
            _RESCHEDULE,
            id=work.id,
            claimed_at=work.claimed_at,
            version=work.version,
            unless_asked=unless_asked,
            due_at=due_at,
            attempts=attempts,
            error=error,
            failed_at=failed_at,
        )


def _work(row: Record) -> Work:
    values = dict(row)
    values.pop("due_at")
    values.pop("seen", None)
    return Work(**values)
