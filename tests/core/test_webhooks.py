"""The rules of delivery: when to try again, when an event is decided, when an endpoint is switched off."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core.webhooks import (
    MAX_RETRIES,
    STREAK,
    Progress,
    after_attempt,
    after_redelivery,
    is_delivered,
    must_disable,
    next_night,
    retry_delay_s,
    skipped,
)

BOUNDS_S = [(2, 4), (4, 8), (8, 16), (16, 32), (32, 64), (64, 128), (128, 256), (256, 512), (512, 1024), (1024, 2048)]
NEW = Progress(pending=True, succeeded=None, skipped=False, attempts=0)

progress = st.builds(
    Progress,
    pending=st.just(False),
    succeeded=st.sampled_from([None, True, False]),
    skipped=st.booleans(),
    attempts=st.integers(0, MAX_RETRIES + 1),
) | st.builds(Progress, pending=st.just(True), succeeded=st.none(), skipped=st.just(False), attempts=st.integers(0, 10))


@pytest.mark.parametrize(("retry", "bounds"), list(enumerate(BOUNDS_S, start=1)))
def test_the_pause_doubles(retry: int, bounds: tuple[int, int]) -> None:
    least, most = bounds
    assert retry_delay_s(retry, draw=0.0) == least
    delay = retry_delay_s(retry, draw=0.9999999)
    assert delay is not None and most * 0.999 < delay < most


def test_the_eleventh_attempt_is_the_last() -> None:
    assert retry_delay_s(11, draw=0.0) is None
    assert sum(retry_delay_s(n, draw=0.0) or 0 for n in range(1, 12)) == 2046


def test_only_2xx_is_received() -> None:
    assert [status for status in (101, 199, 200, 204, 299, 300, 302, 400, 410, 429, 500) if is_delivered(status)] == [
        200,
        204,
        299,
    ]


def test_an_event_fails_after_its_eleventh_attempt() -> None:
    event = NEW
    for attempt in range(1, 12):
        assert event.pending
        event = after_attempt(event, delivered=False)
        assert event.attempts == attempt
    assert event == Progress(pending=False, succeeded=False, skipped=False, attempts=11)


def test_a_success_decides_at_once() -> None:
    assert after_attempt(NEW, delivered=True) == Progress(pending=False, succeeded=True, skipped=False, attempts=1)


@given(progress, st.booleans(), st.integers(1, MAX_RETRIES + 1))
def test_what_was_received_stays_received(event: Progress, delivered: bool, attempts: int) -> None:
    for after in (
        after_attempt(event, delivered=delivered),
        after_redelivery(event, delivered=delivered, attempts=attempts),
    ):
        if event.succeeded or delivered:
            assert after.succeeded is True
        assert not (after.pending and not event.pending)
        assert not (after.pending and (after.succeeded is not None or after.skipped))


def test_an_event_decided_meanwhile_is_not_decided_again() -> None:
    off = skipped(NEW)
    assert off == Progress(pending=False, succeeded=None, skipped=True, attempts=0)
    for _ in range(12):
        off = after_attempt(off, delivered=False)
    assert (off.succeeded, off.skipped) == (None, True)


def test_a_redelivery_fails_what_had_no_outcome_and_leaves_the_turn_alone() -> None:
    waiting = Progress(pending=False, succeeded=None, skipped=False, attempts=0)
    assert after_redelivery(waiting, delivered=False, attempts=10) == waiting
    assert after_redelivery(waiting, delivered=False, attempts=11).succeeded is False
    assert after_redelivery(NEW, delivered=False, attempts=11) == NEW


@pytest.mark.example("platform W36")
def test_the_last_failure_of_ten_switches_off() -> None:
    outcomes = [False] * 9 + [True] + [False] * 9
    assert not must_disable(outcomes[::-1])  # with the success among the last ten
    assert must_disable([*outcomes, False][::-1])
    assert not must_disable([False] * 9)


@given(st.lists(st.booleans(), max_size=20))
def test_ten_failures_in_a_row_switch_off(outcomes: list[bool]) -> None:
    assert must_disable(outcomes) == (len(outcomes) >= STREAK and True not in outcomes[:STREAK])


@pytest.mark.parametrize(("hour", "day"), [(2, 15), (3, 16), (23, 16)])
def test_the_next_night(hour: int, day: int) -> None:
    assert next_night(datetime(2026, 1, 15, hour, tzinfo=UTC)) == datetime(2026, 1, day, 3, tzinfo=UTC)
