"""Test clocks: an organization of a sandbox may live in a time of its own, which stands still until it is moved.

`tx.now` of such an organization is its clock's time. Its work that is due later than that is flagged (`on_clock`) and
no worker sees it; moving the clock does that work, row by row, each at the time for which it was due, together with
everything that comes of it. Kinds of work in `real_time`, such as deliveries over the network, go on in real time.

Hardly any organization has a clock, and a transaction must not pay for looking: each process remembers which ones do
(`OrganizationTimes.refresh`), and only those are asked for the time. Whoever sets a clock up waits until all know.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.clock import Clock
from boreal.kit.db import Database, Runs, metadata

ClockRow = sa.Table(
    "test_clocks",
    metadata,
    sa.Column("id", PgUUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", PgUUID, sa.ForeignKey("organizations.id"), nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("target_time", sa.DateTime(timezone=True)),
    sa.CheckConstraint("target_time >= time", name="only_forward"),
)


REFRESH_S = 1.0
"""How often a process looks which organizations have a clock."""


class ClockStatus(StrEnum):
    """Whether a clock stands still or is being moved."""

    READY = "ready"
    ADVANCING = "advancing"


@dataclass(frozen=True, slots=True)
class OrganizationClock:
    """The time of an organization that has a clock of its own."""

    time: datetime
    is_advancing: bool


NO_CLOCKS: Mapping[UUID, OrganizationClock] = {}

C = ClockRow.c

_HOLDERS = sa.select(C.organization_id)
_CLOCKS = sa.select(C.organization_id, C.time, C.target_time).where(
    C.organization_id == sa.func.any(sa.bindparam("ids", type_=ARRAY(PgUUID)))
)


class OrganizationTimes:
    """The time of each organization. One per process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._holders: frozenset[UUID] = frozenset()
        self.settle_s = 0.0
        """How long until every process knows of a new clock; 0 where there is no other."""

    async def refresh(self) -> None:
        """Learns which organizations have a clock."""
        self._holders = frozenset(row["organization_id"] for row in await self._database.fetch(_HOLDERS))

    async def settle(self) -> None:
        """Every process knows what this one did with a clock."""
        await self.refresh()
        await asyncio.sleep(self.settle_s)

    async def clocks_of(self, runs: Runs, organization_ids: Iterable[UUID]) -> dict[UUID, OrganizationClock]:
        """The clocks of those organizations that have one; asks the database for them alone."""
        holders = self._holders.intersection(organization_ids) if self._holders else ()
        if not holders:
            return {}
        return {
            row["organization_id"]: OrganizationClock(row["time"], row["target_time"] is not None)
            for row in await runs.fetch(_CLOCKS, ids=list(holders))
        }

    async def now(self, organization_id: UUID) -> datetime:
        """The organization's time outside of a transaction."""
        clocks = await self.clocks_of(self._database, (organization_id,))
        return clocks[organization_id].time if clocks else self._clock.now()
