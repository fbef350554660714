"""Periods of a report, against a plain walk through time."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from boreal.core.calendar import TimeInterval
from boreal.core.periods import LIMITS, grid

_ZONES = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo")


@given(
    start=st.dates(date(2015, 1, 1), date(2026, 12, 31)),
    days=st.integers(0, 400),
    interval=st.sampled_from(TimeInterval),
    zone=st.sampled_from(_ZONES).map(ZoneInfo),
)
def test_every_moment_of_the_report_has_one_period(
    start: date, days: int, interval: TimeInterval, zone: ZoneInfo
) -> None:
    end = start + timedelta(days=min(days, LIMITS[interval].max_days))
    made = grid(start, end, interval, zone=zone)
    assert list(made.bounds) == sorted(set(made.bounds))
    assert made.bounds[0] <= made.start < made.end <= made.bounds[-1]
    assert made.start.astimezone(zone).date() == start
    assert (made.end - timedelta(microseconds=1)).astimezone(zone).date() == end
    if interval is not TimeInterval.HOUR:
        for label in made.labels:
            assert made.period_of(label) == label
            assert made.period_of(label - timedelta(microseconds=1)) < label


def test_the_period_around_a_moment() -> None:
    made = grid(date(2026, 1, 1), date(2026, 1, 1), TimeInterval.HOUR, zone=ZoneInfo("Asia/Kathmandu"))
    assert made.period_of(datetime(2026, 3, 1, 12, 30, tzinfo=UTC)) == datetime(2026, 3, 1, 12, 15, tzinfo=UTC)
