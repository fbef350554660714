"""Boundaries of periods: the specification's examples, and that periods tile time whatever they start from."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core.calendar import RecurringInterval, TrialInterval, add


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ends(start: str, interval: str, count: int, number: int) -> list[str]:
    """The ends of the first periods of a run that begins at `start`."""
    anchor = end = day(start)
    found = []
    for _ in range(number):
        end = add(end, interval, count, anchor_day=anchor.day)
        found.append(end.date().isoformat())
    return found


@pytest.mark.example("orders 18.1")
def test_monthly_keeps_the_anchor_day() -> None:
    assert ends("2025-01-31", "month", 1, 4) == ["2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31"]


@pytest.mark.example("orders 18.2")
def test_monthly_into_a_leap_february() -> None:
    assert ends("2024-01-31", "month", 1, 1) == ["2024-02-29"]


@pytest.mark.example("orders 18.3")
def test_yearly_from_a_leap_day() -> None:
    assert ends("2024-02-29", "year", 1, 4) == ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]


@pytest.mark.example("orders 18.4")
def test_quarterly_from_the_end_of_august() -> None:
    assert ends("2025-08-31", "month", 3, 2) == ["2025-11-30", "2026-02-28"]


@pytest.mark.example("orders 18.5")
def test_every_two_months() -> None:
    assert ends("2024-01-15", "month", 2, 3) == ["2024-03-15", "2024-05-15", "2024-07-15"]


@pytest.mark.example("orders 18.6")
def test_first_paid_period_follows_the_trial() -> None:
    trial_end = add(day("2025-01-20"), TrialInterval.DAY, 14)
    assert trial_end == day("2025-02-03")
    assert add(trial_end, RecurringInterval.MONTH, 1, anchor_day=trial_end.day) == day("2025-03-03")


@pytest.mark.example("catalog 11.23")
def test_trials_are_clamped_to_the_end_of_a_month() -> None:
    assert add(day("2026-01-31T12:00"), TrialInterval.MONTH, 1) == day("2026-02-28T12:00")
    assert add(day("2026-08-31"), TrialInterval.MONTH, 3) == day("2026-11-30")


def test_days_and_weeks_are_multiples_of_24_hours() -> None:
    start = day("2025-03-29T22:30")
    assert add(start, "day", 3) - start == timedelta(hours=72)
    assert add(start, "week", 2, anchor_day=31) - start == timedelta(days=14)


def test_any_zone_is_counted_in_utc() -> None:
    late = datetime.fromisoformat("2025-01-30T23:30:00-02:00")
    assert add(late, "month", 1) == day("2025-02-28T01:30")


@pytest.mark.parametrize(("start", "count"), [(datetime(2025, 1, 1), 1), (day("2025-01-01"), 0)])  # noqa: DTZ001
def test_refuses_what_is_no_period(start: datetime, count: int) -> None:
    with pytest.raises(ValueError, match="at least one interval"):
        add(start, "month", count)


def _months_from(start: datetime, months: int) -> tuple[int, int]:
    index = start.year * 12 + start.month - 1 + months
    return index // 12, index % 12 + 1


def test_every_start_day_keeps_its_day_for_48_months() -> None:
    """Each boundary is on the anchor day, or on the last day of a month that has no such day; none is skipped."""
    first = day("2023-01-01T17:45:12.345678")
    for offset in range(4 * 365 + 1):
        anchor = end = first + timedelta(days=offset)
        for number in range(1, 49):
            end = add(end, "month", 1, anchor_day=anchor.day)
            assert (end.year, end.month) == _months_from(anchor, number)
            assert end.day == anchor.day or (end.day < anchor.day and (end + timedelta(days=1)).day == 1)
            assert end.timetz() == anchor.timetz()


@given(
    start=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    interval=st.sampled_from(RecurringInterval),
    count=st.integers(1, 24),
    number=st.integers(1, 48),
)
def test_periods_tile_and_equal_multiples_of_the_anchor(
    start: datetime, interval: RecurringInterval, count: int, number: int
) -> None:
    """Stepping from boundary to boundary never drifts: the n-th end is n counts from the anchor."""
    boundaries = [start]
    for _ in range(number):
        boundaries.append(add(boundaries[-1], interval, count, anchor_day=start.day))
    assert boundaries == sorted(set(boundaries))
    assert boundaries[-1] == add(start, interval, count * number)
