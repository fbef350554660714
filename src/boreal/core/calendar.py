"""Billing periods: intervals, and the arithmetic of their boundaries (orders spec 8.1; design 11.1).

A period begins where the one before it ended and lasts a number of days, weeks, months or years. Days and weeks are
multiples of 24 hours. Months and years keep the day on which the run of periods began, its *anchor day*, and its time
of day; a month that is too short for that day ends on its last one, and only there. All in UTC, so no hour is ever
lost or repeated.

Monthly from 31 January, the boundaries are:

    >>> end = datetime(2025, 1, 31, tzinfo=UTC)
    >>> for _ in range(4):
    ...     end = add(end, "month", 1, anchor_day=31)
    ...     print(end.date())
    2025-02-28
    2025-03-31
    2025-04-30
    2025-05-31

A trial is one such step from its start; the first paid period has the day on which the trial ended as its anchor:

    >>> trial_end = add(datetime(2026, 1, 31, 12, tzinfo=UTC), TrialInterval.MONTH, 1)
    >>> trial_end.isoformat(), add(trial_end, "month", 1).isoformat()
    ('2026-02-28T12:00:00+00:00', '2026-03-28T12:00:00+00:00')
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class RecurringInterval(StrEnum):
    """Unit of a billing period (contract ``SubscriptionRecurringInterval``)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class TrialInterval(StrEnum):
    """Unit of a trial (contract ``TrialInterval``)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class TimeInterval(StrEnum):
    """Unit of a series of figures over time (contract ``TimeInterval``)."""

    YEAR = "year"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    HOUR = "hour"


_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def add(start: datetime, interval: str, count: int, *, anchor_day: int | None = None) -> datetime:
    """The end of a period of `count` intervals that begins at `start`, in UTC with the time of day of `start`.

    `anchor_day` (1 to 31) is the day of the month on which the run of periods began; without it, the day of `start`.
    Days and weeks have no use for it. Raises `ValueError` for a naive `start` or a count below 1, `KeyError` for an
    unknown interval, and `OverflowError` or `ValueError` past the year 9999.

    >>> add(datetime(2024, 2, 29, tzinfo=UTC), "year", 1).date().isoformat()
    '2025-02-28'
    >>> add(datetime(2027, 2, 28, tzinfo=UTC), "year", 1, anchor_day=29).date().isoformat()
    '2028-02-29'
    """
    if start.tzinfo is None or count < 1:
        raise ValueError("a period has a start with a time zone and at least one interval")
    start = start.astimezone(UTC)
    if interval in _DAYS:
        return start + timedelta(days=_DAYS[interval] * count)
    months = start.year * 12 + start.month - 1 + _MONTHS[interval] * count
    year, month = months // 12, months % 12 + 1
    day = min(anchor_day or start.day, monthrange(year, month)[1])
    return start.replace(year=year, month=month, day=day)
