"""The grid of a report in SQL: in which period a moment lies."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from boreal.core.periods import Grid

BOUNDS = sa.bindparam("bounds", type_=ARRAY(sa.DateTime(timezone=True)))
START = sa.bindparam("start", type_=sa.DateTime(timezone=True))
END = sa.bindparam("end", type_=sa.DateTime(timezone=True))
CURRENT = sa.bindparam("current", type_=sa.DateTime(timezone=True))


def binds(grid: Grid, *, now: datetime) -> dict[str, Any]:
    """The values for everything of this module."""
    return {"bounds": grid.bounds, "start": grid.start, "end": grid.end, "current": grid.period_of(now)}


def period_of(moment: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """The number of its period, from 1; 0 before all of them, one more than there are after."""
    return sa.func.width_bucket(moment, BOUNDS, type_=sa.Integer)


def counts(moment: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a moment belongs to the report."""
    return sa.and_(moment >= START, moment < END)
