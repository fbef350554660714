"""The periods of a report: what a range of days is cut into, in somebody's time zone (usage spec 7.1, 7.3).

A report covers whole local days, from the first midnight to the last. A period is one local hour, day, week (from
Monday), month or year; the first and the last may reach beyond the days of the report, what happened there still does
not count. Where clocks change, a day has 23 or 25 hours:

>>> paris = grid(date(2025, 3, 29), date(2025, 3, 31), TimeInterval.DAY, zone=ZoneInfo("Europe/Paris"))
>>> [label.strftime("%d %H:%M") for label in paris.labels]
['28 23:00', '29 23:00', '30 22:00']
>>> [len(grid(day, day, TimeInterval.HOUR, zone=paris.zone).labels) for day in (date(2025, 3, 30), date(2025, 10, 26))]
[23, 25]
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from boreal.core.calendar import TimeInterval

MIN_DATE = date(2023, 1, 1)
"""From when on there is something to report (usage spec 7.1); only advice, too."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many days a report by an interval should and may span (usage spec 7.1); the least is only advice."""

    min_days: int
    max_days: int


LIMITS = {
    TimeInterval.HOUR: Limit(0, 7),
    TimeInterval.DAY: Limit(0, 366),
    TimeInterval.WEEK: Limit(14, 371),
    TimeInterval.MONTH: Limit(60, 1460),
    TimeInterval.YEAR: Limit(366, 3650),
}


@dataclass(frozen=True, slots=True)
class Grid:
    """Periods and the range that counts. All instants are in UTC.

    `bounds` are the beginnings of the periods and the end of the last one; what counts is `start <= t < end`.
    """

    interval: TimeInterval
    zone: ZoneInfo
    start: datetime
    end: datetime
    bounds: tuple[datetime, ...]

    @property
    def labels(self) -> tuple[datetime, ...]:
        """The beginning of each period, by which a report names it."""
        return self.bounds[:-1]

    def period_of(self, moment: datetime) -> datetime:
        """The beginning of the period around a moment, which may lie outside of the report."""
        local = moment.astimezone(self.zone)
        if self.interval is TimeInterval.HOUR:
            return moment - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return _midnight(_first_day(local.date(), self.interval), self.zone)


def is_too_long(start: date, end: date, interval: TimeInterval) -> bool:
    """Whether a report from one day to another may not be cut into these intervals (usage spec 7.1)."""
    return (end - start).days > LIMITS[interval].max_days


def grid(start: date, end: date, interval: TimeInterval, *, zone: ZoneInfo) -> Grid:
    """The periods from the first day to the last, both included; raises `ValueError` if the last is before the first.

    Days at the very ends of the calendar count as the nearest ones that have neighbours.
    """
    if end < start:
        raise ValueError("a report does not end before it starts")
    start, end = (min(max(day, _EARLIEST), _LATEST) for day in (start, end))
    first, after = _midnight(start, zone), _midnight(end + timedelta(days=1), zone)
    bounds = _hours(first, after) if interval is TimeInterval.HOUR else _days(start, end, interval, zone)
    # A zone that skipped a whole day has two midnights at one instant.
    return Grid(interval, zone, first, after, tuple(dict.fromkeys(bounds)))


_EARLIEST, _LATEST = date(2, 1, 1), date(9998, 12, 1)


def _hours(start: datetime, end: datetime) -> Iterator[datetime]:
    bound = start
    while bound < end:
        yield bound
        bound += timedelta(hours=1)
    yield end


def _days(start: date, end: date, interval: TimeInterval, zone: ZoneInfo) -> Iterator[datetime]:
    day = _first_day(start, interval)
    while day <= end:
        yield _midnight(day, zone)
        day = _first_day(day + _AT_MOST[interval], interval)
    yield _midnight(day, zone)


_AT_MOST = {
    TimeInterval.DAY: timedelta(days=1),
    TimeInterval.WEEK: timedelta(days=7),
    TimeInterval.MONTH: timedelta(days=31),
    TimeInterval.YEAR: timedelta(days=366),
}
"""How long a period may be: that much after the first day of one, it is another day of the next."""


def _first_day(day: date, interval: TimeInterval) -> date:
    """The first day of the week, month or year around a day; the day itself for days."""
    match interval:
        case TimeInterval.WEEK:
            return day - timedelta(days=day.weekday())
        case TimeInterval.MONTH:
            return day.replace(day=1)
        case TimeInterval.YEAR:
            return day.replace(month=1, day=1)
    return day


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a local day begins: where clocks jump over midnight, at the jump; where there are two, the first."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
