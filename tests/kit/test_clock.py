"""Clocks: the real one, and the one that stands still until it is told to move."""

from datetime import UTC, datetime, timedelta

from boreal.kit.clock import Clock, ManualClock

START = datetime(2026, 1, 15, 12, tzinfo=UTC)


def test_real_time_is_in_utc_and_passes() -> None:
    clock = Clock()
    first, began_s = clock.now(), clock.monotonic_s()
    second, ended_s = clock.now(), clock.monotonic_s()
    assert first.tzinfo is UTC
    assert timedelta(0) <= second - first < timedelta(seconds=5)
    assert 0 <= ended_s - began_s < 5


def test_a_manual_clock_moves_when_it_is_told_to() -> None:
    clock = ManualClock(START)
    assert clock.now() == clock.now() == START
    assert clock.advance(timedelta(days=31)) == clock.now() == START + timedelta(days=31)
    clock.set(START)
    assert clock.now() == START
