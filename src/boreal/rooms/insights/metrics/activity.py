"""What a report counts of events: what they cost, and how many different customers they are about (usage spec 6, 7.4).

Customers are counted as often as they are known by another id: by their own and by the merchant's (usage spec 7.5).
Where every period is made of whole days in UTC, they are found in the days that ingestion rolled up.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.metrics import Figures
from boreal.core.periods import Grid
from boreal.kit.auth import visible_to
from boreal.kit.db import Record
from boreal.rooms.insights.metrics.grids import END, START, counts, period_of
from boreal.rooms.usage.public import ALL_SUBJECTS, EventRow, MeterRollupRow

E = EventRow.c
R = MeterRollupRow.c

_SUBJECTS = sa.bindparam("subjects", type_=ARRAY(PgUUID))
_DAY_S = 86_400
_HAS_COST = E.metadata.op("?", return_type=sa.Boolean)(sa.literal_column("'_cost'"))
_AMOUNT = sa.cast(E.metadata.op("#>>")(sa.literal_column("'{_cost,amount}'")), sa.Numeric)


@cache
def costs(of_subjects: bool) -> sa.Select[Any]:
    """Per period: what the events cost, exactly."""
    period = period_of(E.timestamp).label("period")
    columns: tuple[Any, ...] = (period, sa.func.sum(_AMOUNT).label("costs"))
    return (
        _events(sa.select(*columns), of_subjects)
        .where(_HAS_COST, E.source == sa.literal_column("'user'"))
        .group_by(period)
    )


@cache
def users(of_subjects: bool) -> sa.Select[Any]:
    """Per period: how many customers there were events of, looking at every event."""
    period = period_of(E.timestamp).label("period")
    columns: tuple[Any, ...] = (period, sa.func.count(E.subject.distinct()).label("users"))
    return _events(sa.select(*columns), of_subjects).where(E.subject.is_not(None)).group_by(period)


def _events(statement: sa.Select[Any], of_subjects: bool) -> sa.Select[Any]:
    statement = statement.where(visible_to(E.organization_id), counts(E.timestamp))
    return statement.where(E.subject == sa.func.any(_SUBJECTS)) if of_subjects else statement


@cache
def users_by_day(of_subjects: bool) -> sa.Select[Any]:
    """Per period: how many customers there were events of, from the days that were rolled up."""
    day = sa.func.to_timestamp(R.bucket * _DAY_S)
    period = period_of(day).label("period")
    first, last = (sa.cast(sa.func.extract("epoch", bound), sa.BigInteger) / _DAY_S for bound in (START, END))
    columns: tuple[Any, ...] = (period, sa.func.count(R.subject.distinct()).label("users"))
    statement = sa.select(*columns).where(
        visible_to(R.meter_id), R.hours == 24, R.subject != ALL_SUBJECTS, R.bucket >= first, R.bucket < last
    )
    if of_subjects:
        statement = statement.where(R.subject == sa.func.any(_SUBJECTS))
    return statement.group_by(period)


def is_made_of_days(grid: Grid) -> bool:
    """Whether all periods begin at midnight in UTC."""
    return all(_is_midnight(moment) for moment in (grid.start, grid.end, *grid.bounds))


def _is_midnight(moment: datetime) -> bool:
    at = moment.astimezone(UTC)
    return not (at.hour or at.minute or at.second)


def add_costs(figures: Figures, rows: list[Record]) -> None:
    """Enters what `costs` found."""
    for row in rows:
        figures.add("costs", row["period"] - 1, row["costs"])


def add_users(figures: Figures, rows: list[Record]) -> None:
    """Enters what `users` found."""
    for row in rows:
        figures.add("active_user_by_event", row["period"] - 1, row["users"])
