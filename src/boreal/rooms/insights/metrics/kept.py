"""What is kept of periods that are over, so that a report counts only what is new (docs/decisions/0020).

A period is kept once it has been over for a while, and holds until a mark lies in it: both are read by one statement,
so a report never uses what has changed. Who finds periods missing counts them and keeps them, one at a time per
organization: first the marks are taken and what they spoil is dropped, then it is counted, by a later snapshot. What
changes after that leaves another mark.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.metrics import Figures
from boreal.core.periods import Grid
from boreal.kit.db import Connection, Database, Runs
from boreal.rooms.insights.metrics import grids, sales
from boreal.rooms.insights.metrics.scope import Given
from boreal.rooms.insights.metrics.tables import KINDS, NUMBERS, MetricHistoryRow, MetricMarkRow, MetricPeriodRow

MARGIN = timedelta(hours=25)
"""How long a period must be over. Triggers leave no mark of what is at most an hour old; no transaction takes a day."""

MAX_RUNS = 8
"""Into how many stretches at most the missing periods are divided, each of which takes two statements."""

EVERYTHING: Given = frozenset()

_RENEWED, _OPENED = NUMBERS.index("renewed"), NUMBERS.index("opened")

P, H, M = MetricPeriodRow.c, MetricHistoryRow.c, MetricMarkRow.c
_ORGANIZATION = sa.bindparam("organization_id", type_=PgUUID)
_IS_MARKED = sa.exists().where(M.organization_id == P.organization_id, M.at >= P.starts_at, M.at < P.ends_at)
_PLACES = (
    sa.func.unnest(
        sa.bindparam("starts", type_=ARRAY(sa.DateTime(timezone=True))),
        sa.bindparam("ends", type_=ARRAY(sa.DateTime(timezone=True))),
    )
    .table_valued("starts_at", "ends_at", with_ordinality="place")
    .render_derived(name="asked")
)
_KEPT = (
    sa.select(sa.func.array_agg(_PLACES.c.place), *(sa.func.array_agg(P[name]).label(name) for name in NUMBERS))
    .join_from(_PLACES, MetricPeriodRow, sa.and_(P.ends_at == _PLACES.c.ends_at, P.starts_at == _PLACES.c.starts_at))
    .where(
        P.organization_id == _ORGANIZATION,
        P.interval == sa.bindparam("interval"),
        P.zone == sa.bindparam("zone"),
        ~_IS_MARKED,
    )
)
"""One row of arrays, which are cheaper to read than a row per period."""
_HISTORY = sa.select(H.net, H.payout).where(
    H.organization_id == _ORGANIZATION,
    H.ends_at == grids.START,
    ~sa.exists().where(M.organization_id == H.organization_id, M.at < H.ends_at),
)
_LOCK = sa.select(sa.func.pg_try_advisory_xact_lock(sa.func.hashtextextended(sa.bindparam("key"), 0)))
_TAKE_MARKS = sa.delete(MetricMarkRow).where(M.organization_id == _ORGANIZATION).returning(M.at)
_HOURS = sa.bindparam("hours", type_=ARRAY(sa.DateTime(timezone=True)))
_DROP = sa.delete(MetricPeriodRow).where(
    P.organization_id == _ORGANIZATION,
    sa.exists()
    .select_from(hour := sa.func.unnest(_HOURS).table_valued("at").render_derived(name="hour"))
    .where(P.starts_at < hour.c.at + sa.literal_column("interval '1 hour'"), P.ends_at > hour.c.at),
)
_DROP_HISTORIES = sa.delete(MetricHistoryRow).where(
    H.organization_id == _ORGANIZATION, H.ends_at > sa.bindparam("first", type_=sa.DateTime(timezone=True))
)
_NEW = insert(MetricPeriodRow)
_KEEP = _NEW.values({column.name: sa.bindparam(column.name, type_=column.type) for column in P}).on_conflict_do_update(
    index_elements=["organization_id", "interval", "zone", "ends_at"],
    set_={name: _NEW.excluded[name] for name in ("starts_at", *NUMBERS)},
)
_NEW_HISTORY = insert(MetricHistoryRow)
_KEEP_HISTORY = _NEW_HISTORY.values(
    {column.name: sa.bindparam(column.name, type_=column.type) for column in H}
).on_conflict_do_update(
    index_elements=["organization_id", "ends_at"],
    set_={name: _NEW_HISTORY.excluded[name] for name in ("net", "payout")},
)


Sales = list[int]
"""What was sold in one period: a number for each of `NUMBERS`."""


async def add_sales(
    database: Database, organization_id: UUID, periods: Grid, figures: Figures, *, history: bool, now: datetime
) -> None:
    """Enters what one organization sold, period by period; with `history` also what it had sold before.

    `now` is the world's time.
    """
    binds = {**grids.binds(periods, now=now), "actor_organization_ids": [organization_id]}
    of = {"organization_id": organization_id}
    known = await _known(database, organization_id, periods)
    before = await database.fetchrow(_HISTORY, **of, **binds) if history else None
    missing = [index for index in range(figures.periods) if index not in known]
    over = [index for index in missing if _is_over(periods, index, now)]
    needs_history = history and before is None
    if over or (needs_history and periods.start <= now - MARGIN):
        async with database.transaction() as connection:
            if await connection.fetchval(_LOCK, key=f"metrics:{organization_id}"):
                await _drop_marked(connection, organization_id)
                known |= await _keep(connection, organization_id, periods, over, binds)
                if needs_history and periods.start <= now - MARGIN:
                    before = await connection.fetchrow(sales.history(EVERYTHING), **binds)
                    assert before is not None
                    row = {"net": before["net"], "payout": before["payout"]}
                    await connection.execute(_KEEP_HISTORY, **of, ends_at=periods.start, **row)
    known |= await count(database, periods, [index for index in missing if index not in known], binds)
    if history and before is None:
        before = await database.fetchrow(sales.history(EVERYTHING), **binds)
    _enter(figures, known)
    if before is not None:
        sales.add_history(figures, [before])


def _is_over(periods: Grid, index: int, now: datetime) -> bool:
    """Whether a period is all in the report, and has been over for long enough."""
    return _is_whole(periods, index) and periods.bounds[index + 1] <= now - MARGIN


def _is_whole(periods: Grid, index: int) -> bool:
    """Whether a period is all in the report, which may begin and end within one; only whole ones are kept."""
    return periods.start <= periods.bounds[index] and periods.bounds[index + 1] <= periods.end


async def _known(runs: Runs, organization_id: UUID, periods: Grid) -> dict[int, Sales]:
    row = await runs.fetchrow(
        _KEPT,
        organization_id=organization_id,
        interval=periods.interval.value,
        zone=periods.zone.key,
        starts=periods.bounds[:-1],
        ends=periods.bounds[1:],
    )
    if row is None or row[0] is None:
        return {}
    places, *numbers = row
    found = {place - 1: list(sold) for place, *sold in zip(places, *numbers, strict=True)}
    return {index: sold for index, sold in found.items() if _is_whole(periods, index)}


async def _drop_marked(connection: Connection, organization_id: UUID) -> None:
    marks = await connection.fetch(_TAKE_MARKS, organization_id=organization_id)
    if marks:
        hours = sorted({mark["at"].replace(minute=0, second=0, microsecond=0) for mark in marks})
        await connection.execute(_DROP, organization_id=organization_id, hours=hours)
        await connection.execute(_DROP_HISTORIES, organization_id=organization_id, first=hours[0])


async def _keep(
    connection: Connection, organization_id: UUID, periods: Grid, wanted: Sequence[int], binds: Mapping[str, Any]
) -> dict[int, Sales]:
    counted = await count(connection, periods, wanted, binds)
    rows = [
        {
            "organization_id": organization_id,
            "interval": periods.interval.value,
            "zone": periods.zone.key,
            "starts_at": periods.bounds[index],
            "ends_at": periods.bounds[index + 1],
            **dict(zip(NUMBERS, sold, strict=True)),
        }
        for index, sold in counted.items()
    ]
    if rows:
        await connection.execute_many(_KEEP, rows)
    return counted


async def count(
    runs: Runs | Connection, periods: Grid, wanted: Sequence[int], binds: Mapping[str, Any]
) -> dict[int, Sales]:
    """What was sold in some periods, counted from the orders and checkout sessions themselves."""
    found = {index: [0] * len(NUMBERS) for index in wanted}
    for first, last in _runs(wanted):
        start = max(periods.bounds[first], periods.start)
        end = min(periods.bounds[last + 1], periods.end)
        stretch = {**binds, "bounds": periods.bounds[first : last + 2], "start": start, "end": end}
        for row in await runs.fetch(sales.orders(EVERYTHING), **stretch):
            sold = found.get(first + row["period"] - 1)
            if sold is not None:
                place = 3 * KINDS.index(row["kind"])
                sold[place : place + 3] = row["orders"], row["net"], row["payout"]
                if row["kind"] == "renewed_subscriptions":
                    sold[_RENEWED] = row["subscriptions"]
        for row in await runs.fetch(sales.checkouts(EVERYTHING), **stretch):
            sold = found.get(first + row["period"] - 1)
            if sold is not None:
                sold[_OPENED : _OPENED + 2] = row["opened"], row["succeeded"]
    return found


def _runs(indices: Sequence[int]) -> Iterable[tuple[int, int]]:
    """First and last of each stretch of periods that follow one another; one stretch around all if they are many."""
    found = []
    for _, group in groupby(enumerate(indices), key=lambda pair: pair[1] - pair[0]):
        members = [index for _, index in group]
        found.append((members[0], members[-1]))
    return found if len(found) <= MAX_RUNS else [(indices[0], indices[-1])]


def _enter(figures: Figures, known: Mapping[int, Sales]) -> None:
    columns = dict(zip(NUMBERS, zip(*(known[index] for index in range(figures.periods)), strict=True), strict=True))
    totals: dict[str, list[tuple[int, ...]]] = {"orders": [], "net": [], "payout": []}
    for kind in KINDS:
        for what, parts in totals.items():
            parts.append(columns[f"{kind}_{what}"])
        figures[f"{kind}_revenue"], figures[f"{kind}_net_revenue"] = columns[f"{kind}_net"], columns[f"{kind}_payout"]
    orders, net, payout = (list(map(sum, zip(*parts, strict=True))) for parts in totals.values())
    figures.update(
        orders=orders,
        revenue=net,
        net_revenue=payout,
        one_time_products=columns["one_time_products_orders"],
        renewed_subscriptions=columns["renewed"],
        checkouts=columns["opened"],
        succeeded_checkouts=columns["succeeded"],
    )
