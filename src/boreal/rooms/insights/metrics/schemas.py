"""The wire shapes of metrics (usage spec 7.1, 7.2)."""

from datetime import date, datetime
from typing import Any

from pydantic import create_model

from boreal.core.metrics import METRICS, MetricType
from boreal.kit.schemas import Schema


class Metric(Schema):
    """What a number means: its slug, its name, and how to read it."""

    slug: str
    display_name: str
    type: MetricType


def _of_each(kind: Any) -> dict[str, Any]:
    """A member per metric; those that were not asked for are left out."""
    return dict.fromkeys(METRICS, (kind | None, None))


MetricPeriod = create_model(
    "MetricPeriod",
    __base__=Schema,
    __doc__="The metrics of one period, named by its beginning.",
    timestamp=(datetime, ...),
    **_of_each(int | float),
)
MetricsTotals = create_model(
    "MetricsTotals", __base__=Schema, __doc__="The metrics of all periods together.", **_of_each(int | float)
)
Metrics = create_model("Metrics", __base__=Schema, __doc__="The metrics that the numbers are of.", **_of_each(Metric))


class MetricsResponse(Schema):
    """A report: the metrics of each period, their totals, and what they are."""

    periods: list[MetricPeriod]
    totals: MetricsTotals
    metrics: Metrics


class MetricsIntervalLimit(Schema):
    """How many days a report by an interval may span; the least is only advice."""

    min_days: int
    max_days: int


class MetricsIntervalsLimits(Schema):
    """The limits of each interval."""

    hour: MetricsIntervalLimit
    day: MetricsIntervalLimit
    week: MetricsIntervalLimit
    month: MetricsIntervalLimit
    year: MetricsIntervalLimit


class MetricsLimits(Schema):
    """What can be asked for."""

    min_date: date
    intervals: MetricsIntervalsLimits
