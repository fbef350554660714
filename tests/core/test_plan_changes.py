"""Changes within a period: the specification's examples of proration, and what holds for all of them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core.billing_run import EntryType
from boreal.core.discounts import Discount, discount_amount
from boreal.core.plan_changes import PlanChange, change_period_end, change_plan, change_seats, change_trial, end_trial
from boreal.core.plans import Plan
from boreal.core.subscriptions import SubscriptionStatus
from tests.support.billing import MONTH, YEAR, at, off, percent, plan, seat_plan, subscription

STANDARD = ((1, 4, 1000), (5, 9, 900), (10, None, 800))


def amounts(change: PlanChange) -> list[int]:
    return [entry.amount for entry in change.entries]


@pytest.mark.parametrize(
    ("old", "new", "start", "end", "moment", "expected"),
    [
        pytest.param(1000, 3000, "2025-02-01", "2025-03-01", "2025-02-15", [-500, 1500], id="18.8"),
        pytest.param(1000, 3000, "2025-06-01", "2025-07-01", "2025-06-16", [-500, 1500], id="18.9"),
        pytest.param(1000, 3000, "2025-07-01", "2025-08-01", "2025-07-16", [-516, 1548], id="18.10"),
        pytest.param(10000, 30000, "2025-06-01", "2025-07-01", "2025-06-11", [-6667, 20000], id="18.11"),
        pytest.param(10000, 30000, "2024-02-18", "2024-03-18", "2024-02-25", [-7586, 22759], id="18.12"),
        pytest.param(2000, 500, "2025-01-01", "2025-02-01", "2025-01-21", [-710, 177], id="18.13"),
        pytest.param(999, 2999, "2025-03-01", "2025-04-01", "2025-03-10T13:37:42", [-691, 2073], id="18.14"),
        pytest.param(2500, None, "2025-02-01", "2025-03-01", "2025-02-08T12:00", [-1830], id="18.15"),
        pytest.param(1, 3, "2025-06-01", "2025-07-01", "2025-06-16", [-1, 2], id="18.16"),
        pytest.param(None, 2500, "2025-02-01", "2025-03-01", "2025-02-15", [1250], id="free to paid"),
        pytest.param(None, None, "2025-02-01", "2025-03-01", "2025-02-15", [], id="free to free"),
        pytest.param(1000, 3000, "2025-06-01", "2025-07-01", "2025-07-02", [], id="no time left"),
        pytest.param(500, 2000, "2025-04-01", "2025-05-16", "2025-05-01", [-167, 667], id="18.21, moved end"),
    ],
)
@pytest.mark.example("orders 18.8")
@pytest.mark.example("orders 18.9")
@pytest.mark.example("orders 18.10")
@pytest.mark.example("orders 18.11")
@pytest.mark.example("orders 18.12")
@pytest.mark.example("orders 18.13")
@pytest.mark.example("orders 18.14")
@pytest.mark.example("orders 18.15")
@pytest.mark.example("orders 18.16")
def test_same_interval(
    old: int | None, new: int | None, start: str, end: str, moment: str, expected: list[int]
) -> None:
    before = subscription(was := plan(old), start, end)
    change = change_plan(before, was, plan(new), None, now=at(moment))
    assert amounts(change) == expected
    assert (change.after.current_period_start, change.after.current_period_end) == (at(start), at(end))
    assert change.after.amount == (new or 0)
    assert not change.restarts


@pytest.mark.example("orders 18.17")
def test_a_leap_year() -> None:
    before = subscription(was := plan(100000, YEAR), "2024-02-18", "2025-02-18")
    assert amounts(change_plan(before, was, plan(300000, YEAR), None, now=at("2024-09-05"))) == [-45355, 136066]


@pytest.mark.example("orders 18.18")
@pytest.mark.example("orders 18.19")
def test_a_discount_counts_for_the_products_that_it_is_for() -> None:
    before = subscription(was := plan(3000), "2025-09-01", "2025-10-01")
    limited = percent(2500, product_ids=[was.product.id])
    assert amounts(change_plan(before, was, plan(9000), limited, now=at("2025-09-16"))) == [-1125, 4500]
    change = change_plan(before, was, plan(9000), percent(2500), now=at("2025-09-16"))
    assert amounts(change) == [-1125, 3375]
    assert [entry.discount_amount for entry in change.entries] == [-375, 1125]
    assert change.after.amount == 6750


@pytest.mark.example("orders 18.22")
@pytest.mark.example("orders 18.23")
def test_another_interval_begins_a_period() -> None:
    before = subscription(was := plan(12000, YEAR), "2025-01-01")
    change = change_plan(before, was, plan(1000), None, now=at("2025-04-01"))
    assert (amounts(change), change.restarts) == ([-9041], True)
    assert (change.after.current_period_start, change.after.current_period_end) == (at("2025-04-01"), at("2025-05-01"))
    assert change.after.anchor_day == 1
    before = subscription(was := plan(1000), "2025-06-01")
    assert amounts(change_plan(before, was, plan(10000, YEAR), None, now=at("2025-06-11"))) == [-667]


def test_another_count_keeps_the_start_and_prorates_over_the_new_length() -> None:
    before = subscription(was := plan(3000), "2025-06-01")
    longer = change_plan(before, was, plan(8000, MONTH, 3), None, now=at("2025-06-16"))
    assert (longer.after.current_period_start, longer.after.current_period_end) == (at("2025-06-01"), at("2025-09-01"))
    assert (amounts(longer), longer.restarts) == ([-1500, 6696], False)  # 8000 * 77 / 92
    quarter = subscription(was := plan(8000, MONTH, 3), "2025-06-01")
    shorter = change_plan(quarter, was, plan(3000), None, now=at("2025-07-16"))
    assert (shorter.restarts, shorter.after.current_period_start) == (True, at("2025-07-16"))
    assert amounts(shorter) == [-4087]  # 8000 * 47 / 92


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(5, 8, [1800]), (4, 5, [333]), (9, 10, [-67]), (10, 9, [67]), (6, 5, [-600]), (5, 5, [])],
)
@pytest.mark.example("orders 18.24")
def test_seats_are_priced_by_volume(before: int, after: int, expected: list[int]) -> None:
    had = seat_plan(before, *STANDARD)
    change = change_seats(subscription(had, seats=before), had, after, None, now=at("2025-06-11"))
    assert amounts(change) == expected
    assert change.after.seats == after
    assert {entry.type for entry in change.entries} <= {EntryType.SEATS_INCREASE, EntryType.SEATS_DECREASE}


@pytest.mark.example("orders 18.24")
def test_seats_are_discounted_once() -> None:
    had = seat_plan(5, (1, None, 1000))
    change = change_seats(subscription(had, seats=5), had, 10, percent(2000), now=at("2025-06-11"))
    assert [(entry.amount, entry.discount_amount) for entry in change.entries] == [(2667, 667)]
    fixed = change_seats(subscription(had, seats=5), had, 10, off(500), now=at("2025-06-11"))
    assert amounts(fixed) == [3333]


@pytest.mark.example("orders 18.25")
def test_one_more_seat() -> None:
    had = seat_plan(3, (1, None, 999))
    change = change_seats(subscription(had, "2025-07-01", seats=3), had, 4, None, now=at("2025-07-11"))
    assert amounts(change) == [677]


def test_seats_on_trial_cost_nothing_yet() -> None:
    had = seat_plan(3, (1, None, 999))
    trial = subscription(had, seats=3, status=SubscriptionStatus.TRIALING, trial_end=at("2025-07-01"))
    change = change_seats(trial, had, 4, None, now=at("2025-06-11"))
    assert (amounts(change), change.after.amount) == ([], 3996)


def test_trial_and_period_ends_move_the_anchor_and_the_end_that_was_asked_for() -> None:
    active = subscription(plan(1000), cancel_at_period_end=True, ends_at=at("2025-07-01"))
    trial = change_trial(active, at("2025-07-17"), now=at("2025-06-11"))
    assert (trial.status, trial.trial_end, trial.current_period_end, trial.ends_at, trial.anchor_day) == (
        SubscriptionStatus.TRIALING,
        *[at("2025-07-17")] * 3,
        17,
    )
    assert change_period_end(active, at("2025-07-01"), now=at("2025-06-11")) is active
    assert change_period_end(active, at("2025-07-09"), now=at("2025-06-11")).anchor_day == 9
    assert end_trial(trial, now=at("2025-06-12")).current_period_end == at("2025-06-12")


AMOUNTS = st.integers(min_value=1, max_value=10**9)
SECONDS = st.integers(min_value=0, max_value=30 * 86400)
DISCOUNTS = st.one_of(
    st.none(), st.builds(percent, st.integers(0, 10_000)), st.builds(off, st.integers(min_value=1, max_value=10**9))
)


def cost(of: Plan, discount: Discount | None) -> int:
    return of.base_amount - (discount_amount(discount, of.base_amount) if discount else 0)


@given(AMOUNTS, AMOUNTS, DISCOUNTS, SECONDS)
def test_a_credit_is_at_most_the_old_price_and_a_debit_at_most_the_new(
    old: int, new: int, discount: Discount | None, seconds: int
) -> None:
    was, wanted = plan(old), plan(new)
    before = subscription(was)
    change = change_plan(before, was, wanted, discount, now=before.current_period_start + timedelta(seconds=seconds))
    credit = -sum(amount for amount in amounts(change) if amount < 0)
    debit = sum(amount for amount in amounts(change) if amount > 0)
    assert 0 <= credit <= cost(was, discount)
    assert 0 <= debit <= cost(wanted, discount)


@given(AMOUNTS, AMOUNTS, DISCOUNTS)
def test_a_change_at_the_very_start_costs_the_difference(old: int, new: int, discount: Discount | None) -> None:
    was, wanted = plan(old), plan(new)
    before = subscription(was)
    change = change_plan(before, was, wanted, discount, now=before.current_period_start)
    assert sum(amounts(change)) == cost(wanted, discount) - cost(was, discount)


@given(AMOUNTS, AMOUNTS, SECONDS)
def test_there_and_back_again_costs_at_most_the_rounding(old: int, new: int, seconds: int) -> None:
    was, wanted = plan(old), plan(new)
    before = subscription(was)
    now = before.current_period_start + timedelta(seconds=seconds)
    there = change_plan(before, was, wanted, None, now=now)
    back = change_plan(there.after, wanted, was, None, now=now)
    assert sum(amounts(there)) + sum(amounts(back)) == 0
    assert replace(back.after, modified_at=None) == before
