"""Quantities: what a meter counted, interval by interval (usage spec 4.4).

The caller's grid has a label at its start and one an interval after the other, up to its end. Each label stands for the
whole calendar interval, in UTC, that it is in; weeks begin on Mondays.

>>> noon, end = datetime(2025, 1, 1, 12, tzinfo=UTC), datetime(2025, 1, 3, 6, tzinfo=UTC)
>>> [f"{label:%d %H:%M}" for label in labels(noon, end, TimeInterval.DAY)]
['01 12:00', '02 12:00']
>>> bucket_of(noon, TimeInterval.WEEK).isoformat()
'2024-12-30T00:00:00+00:00'
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal

from boreal.core import periods
from boreal.core.calendar import TimeInterval, add
from boreal.core.metering import EXACT, SUMMABLE, AggregationFunction

_DIVISION = Context(prec=34)


def is_too_long(start: datetime, end: datetime, interval: TimeInterval) -> bool:
    """Whether there would be too many intervals: by calendar days, in UTC."""
    return periods.is_too_long(start.astimezone(UTC).date(), end.astimezone(UTC).date(), interval)


def next_of(moment: datetime, interval: TimeInterval) -> datetime:
    """One interval later; a month that is too short ends on its last day."""
    return moment + timedelta(hours=1) if interval is TimeInterval.HOUR else add(moment, interval, 1)


def labels(start: datetime, end: datetime, interval: TimeInterval) -> list[datetime]:
    """The labels of a grid. Each step begins at the label before it."""
    found = []
    label = start.astimezone(UTC)
    while label <= end:
        found.append(label)
        label = next_of(label, interval)
    return found


def bucket_of(moment: datetime, interval: TimeInterval) -> datetime:
    """Where the calendar interval begins that a moment is in."""
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if interval is TimeInterval.HOUR:
        return hour
    day = hour.replace(hour=0)
    if interval is TimeInterval.WEEK:
        return day - timedelta(days=day.weekday())
    if interval is TimeInterval.DAY:
        return day
    return day.replace(day=1) if interval is TimeInterval.MONTH else day.replace(month=1, day=1)


def combined(function: AggregationFunction, values: Sequence[Decimal]) -> Decimal:
    """What a function makes of the values of several customers; 0 of none."""
    if not values:
        return Decimal(0)
    match function:
        case AggregationFunction.COUNT:
            return Decimal(len(values))
        case AggregationFunction.SUM:
            return _sum(values)
        case AggregationFunction.MAX:
            return max(values)
        case AggregationFunction.MIN:
            return min(values)
        case AggregationFunction.AVG:
            return _DIVISION.divide(_sum(values), Decimal(len(values)))
        case AggregationFunction.UNIQUE:
            return Decimal(len(set(values)))


def total(function: AggregationFunction, values: Sequence[Decimal]) -> Decimal:
    """What a meter makes of the buckets that had events; an average weighs them alike.

    >>> total(AggregationFunction.AVG, [Decimal(15), Decimal(10)])
    Decimal('12.5')
    """
    return combined(AggregationFunction.SUM if function in SUMMABLE else function, values)


def _sum(values: Iterable[Decimal]) -> Decimal:
    result = Decimal(0)
    for value in values:
        result = EXACT.add(result, value)
    return result
