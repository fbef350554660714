"""Counts kept periods anew and compares (`boreal check`); all of it reads one moment."""

from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from boreal.core.calendar import TimeInterval
from boreal.core.periods import Grid
from boreal.kit.db import Connection, Database, Record
from boreal.rooms.insights.metrics import sales
from boreal.rooms.insights.metrics.kept import EVERYTHING, count
from boreal.rooms.insights.metrics.tables import NUMBERS, MetricHistoryRow, MetricMarkRow, MetricPeriodRow

P, H, M = MetricPeriodRow.c, MetricHistoryRow.c, MetricMarkRow.c

_ONE_MOMENT = sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
_PERIODS = (
    sa.select(MetricPeriodRow)
    .where(~sa.exists().where(M.organization_id == P.organization_id, M.at >= P.starts_at, M.at < P.ends_at))
    .order_by(P.organization_id, P.interval, P.zone, P.ends_at)
)
_HISTORIES = (
    sa.select(MetricHistoryRow)
    .where(~sa.exists().where(M.organization_id == H.organization_id, M.at < H.ends_at))
    .order_by(H.organization_id, H.ends_at)
)


async def differences(database: Database) -> list[dict[str, Any]]:
    """Every kept period that holds and is not what counting anew gives, with both; none if all is well."""
    found: list[dict[str, Any]] = []
    async with database.transaction() as connection:
        await connection.execute(_ONE_MOMENT)
        rows = await connection.fetch(_PERIODS)
        for _, group in groupby(rows, key=lambda row: (row["organization_id"], row["interval"], row["zone"])):
            found += await _compared(connection, list(group))
        for row in await connection.fetch(_HISTORIES):
            binds = {"actor_organization_ids": [row["organization_id"]], "start": row["ends_at"]}
            counted = await connection.fetchrow(sales.history(EVERYTHING), **binds)
            assert counted is not None
            if (counted["net"], counted["payout"]) != (row["net"], row["payout"]):
                found.append({"kept": dict(row), "counted": dict(counted)})
    return found


async def _compared(connection: Connection, rows: list[Record]) -> list[dict[str, Any]]:
    """The kept periods of one organization and grid that differ."""
    bounds = sorted({row[name] for row in rows for name in ("starts_at", "ends_at")})
    places = {row["starts_at"]: bounds.index(row["starts_at"]) for row in rows}
    grid = Grid(TimeInterval(rows[0]["interval"]), ZoneInfo(rows[0]["zone"]), bounds[0], bounds[-1], tuple(bounds))
    binds = {"bounds": bounds, "actor_organization_ids": [rows[0]["organization_id"]]}
    counted = await count(connection, grid, sorted(places.values()), binds)
    return [
        {"kept": dict(row), "counted": dict(zip(NUMBERS, sold, strict=True))}
        for row in rows
        if (sold := counted[places[row["starts_at"]]]) != [row[name] for name in NUMBERS]
    ]
