"""The billing run: lines, discount, balance, usage, dunning, and the renewals that make entries."""

from calendar import monthrange
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core import calendar, dunning
from boreal.core.billing_run import Applied, Line, apply_balance, bill
from boreal.core.discounts import Discount, DiscountDuration, discount_amount
from boreal.core.metering import Credits, fold_credits, rollover_units
from boreal.core.money import round_half_away
from boreal.core.orders import Amounts
from boreal.core.renewals import is_due, renew, revoked
from boreal.core.subscriptions import Subscription, SubscriptionStatus
from boreal.core.usage_lines import line_amount, spread
from tests.support.billing import at, off, percent, plan, subscription, units


def sums(discount: Discount | None, tax_percent: int, *lines: Line) -> tuple[int, int, int, int, int]:
    """Subtotal, discount, net, tax and total of lines."""
    run = bill(lines, partial(discount_amount, discount) if discount else None)
    tax = round_half_away(Decimal(run.net_amount * tax_percent) / 100)
    total = Amounts(
        subtotal_amount=run.subtotal_amount, discount_amount=run.discount_amount, tax_amount=tax
    ).total_amount
    return run.subtotal_amount, run.discount_amount, run.net_amount, tax, total


@pytest.mark.example("orders 18.20")
def test_prorations_are_billed_without_another_discount() -> None:
    lines = Line("old", -333, proration=True), Line("new", 1333, proration=True)
    assert sums(percent(5000), 20, *lines) == (1000, 0, 1000, 200, 1200)


@pytest.mark.example("orders 18.21")
def test_deferred_prorations_come_with_the_renewal() -> None:
    lines = Line("old", -333, proration=True), Line("new", 1333, proration=True), Line("cycle", 2000, discountable=True)
    assert sums(None, 20, *lines) == (3000, 0, 3000, 600, 3600)


@pytest.mark.example("orders 18.26")
def test_the_discount_covers_usage_too() -> None:
    lines = Line("cycle", 2000, discountable=True), Line("usage", 1234, discountable=True)
    assert sums(percent(2500), 20, *lines) == (3234, 809, 2425, 485, 2910)


@pytest.mark.example("orders 18.27")
def test_the_discount_leaves_prorations_out() -> None:
    lines = (
        Line("old", -1125, proration=True),
        Line("new", 3375, proration=True),
        Line("cycle", 9000, discountable=True),
    )
    assert sums(percent(2500), 20, *lines) == (11250, 2250, 9000, 1800, 10800)
    assert sums(off(1000), 0, Line("old", -900), Line("cycle", 800, discountable=True))[1] == 800


@pytest.mark.example("orders 18.22")
@pytest.mark.example("orders 18.23")
def test_a_balance_pays_first_and_a_debt_is_added() -> None:
    assert apply_balance(5000, 10000) == Applied(-5000, -5000)
    assert apply_balance(5000, -50) == Applied(50, 50)
    assert apply_balance(-5000, 10000) == Applied(0, 5000)
    assert apply_balance(-5000, -50) == Applied(50, 5000)
    balance, applied = apply_balance(-9649, 0).change, []
    while balance:
        applied.append(met := apply_balance(1200, balance))
        balance += met.change
    assert ([met.amount for met in applied], balance) == ([-1200] * 8 + [-49], 0)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_no_money_appears_or_vanishes(total: int, balance: int) -> None:
    met = apply_balance(total, balance)
    due = max(0, total + met.amount)
    assert balance + met.change == balance - total + due
    assert due == max(0, total - balance) or total < 0


def line(unit_amount: str, consumed: str, credited: str = "0", cap: int | None = None) -> int:
    return line_amount(units(consumed), units(credited), unit_amount=units(unit_amount), cap=cap)


@pytest.mark.example("orders 18.29")
@pytest.mark.example("orders 18.30")
@pytest.mark.example("orders 18.31")
@pytest.mark.example("orders 18.32")
@pytest.mark.example("orders 18.33")
@pytest.mark.example("orders 18.34")
@pytest.mark.example("orders 18.35")
@pytest.mark.example("orders 18.36")
@pytest.mark.example("orders 18.37")
def test_usage() -> None:
    assert line("10", "1234") == 12340
    assert line("10", "1234.5", "1000") == 2345
    assert line("10", "1234.5", "1000", 2000) == 2000
    assert line("50", "120", "100") == 1000
    assert line("50", "80", "100") == 0
    assert line("0.05", "1010") == 51
    assert line("0.05", "1009") == 50
    assert (line("0.000001", "499999"), line("0.000001", "500000")) == (0, 1)
    assert line("2", "10000", cap=15000) == 15000


@pytest.mark.example("orders 18.38")
def test_credits_and_what_rolls_over() -> None:
    assert fold_credits([100, -150, 50]) == 50
    credits = Credits().add(100, rollover=False).add(40, rollover=True)
    assert [rollover_units(credits, units(consumed)) for consumed in ("120", "30", "500")] == [20, 40, 0]


@pytest.mark.example("orders 18.39")
def test_usage_of_a_replaced_price_keeps_it() -> None:
    shares = spread([units("300"), units("50")], units("0"))
    lines = [
        line_amount(share.consumed, share.credited, unit_amount=units(each), cap=None)
        for share, each in zip(shares, ("100", "50"), strict=True)
    ]
    assert lines == [30000, 2500]
    assert line("1500", "3") == 4500  # the largest of 1, 3, 2 and 1, 2 at the price of now


@given(st.lists(st.decimals(0, 1000, places=2), min_size=1, max_size=5), st.decimals(0, 3000, places=2))
def test_credits_are_spread_completely(consumed: list[Decimal], credited: Decimal) -> None:
    shares = spread(consumed, credited)
    assert sum(share.credited for share in shares) == credited
    assert sum(max(share.units, Decimal(0)) for share in shares) == max(sum(consumed) - credited, Decimal(0))


@pytest.mark.example("orders 18.47")
def test_dunning() -> None:
    first = at("2025-01-01")
    found, now = [], first
    while moment := dunning.next_attempt(first, now=now, schedule=dunning.SCHEDULE):
        found.append(moment)
        now = moment + timedelta(minutes=59)  # late, which moves none of the later ones
    assert found == [at("2025-01-03"), at("2025-01-08"), at("2025-01-15"), at("2025-01-22")]
    assert dunning.next_attempt(first, now=at("2025-01-10"), schedule=(21, 2)) == at("2025-01-22")


def lives(start: Subscription, *, periods: int, discount: Discount | None = None) -> list[tuple[Subscription, int]]:
    """The subscription in each of some periods, and what that cost before tax."""
    of, found, now = plan(1000), [], start
    held = discount
    for _ in range(periods):
        renewal = renew(now, of, held, now=now.current_period_end)
        now, held = renewal.after, renewal.discount
        run = bill([Line("", entry.amount, discountable=True) for entry in renewal.entries], _taking(held))
        found.append((now, run.net_amount))
    return found


def _taking(discount: Discount | None) -> partial[int] | None:
    return partial(discount_amount, discount) if discount else None


@pytest.mark.example("orders 18.7")
def test_missed_periods_are_caught_up_one_by_one() -> None:
    now = at("2025-05-12")
    late = subscription(of := plan(1000), "2025-02-10")
    spans = []
    while is_due(late, now=now):
        renewal = renew(late, of, None, now=now)
        spans.append([(entry.starts_at, entry.ends_at, entry.amount) for entry in renewal.entries])
        late = renewal.after
    months = [at(f"2025-{month:02}-10") for month in (3, 4, 5, 6)]
    assert spans == [[(start, end, 1000)] for start, end in pairwise(months)]


@pytest.mark.example("orders 18.28")
def test_a_repeating_discount_covers_exactly_its_months() -> None:
    sale = percent(5000, duration=DiscountDuration.REPEATING, duration_in_months=3)
    born = subscription(plan(1000), "2025-01-31", discount_id=sale.id, discount_applied_at=at("2025-01-31"))
    found = lives(born, periods=3, discount=sale)
    assert [(now.current_period_start.date().isoformat(), net, now.amount) for now, net in found] == [
        ("2025-02-28", 500, 500),
        ("2025-03-31", 500, 500),
        ("2025-04-30", 1000, 1000),
    ]
    assert found[-1][0].discount_id is None


def test_a_discount_on_a_trial_begins_with_the_first_charge() -> None:
    once = off(300, duration=DiscountDuration.ONCE)
    trial = subscription(
        plan(1000),
        status=SubscriptionStatus.TRIALING,
        trial_end=at("2025-07-01"),
        discount_id=once.id,
    )
    (first, paid), (second, then) = lives(trial, periods=2, discount=once)
    assert (first.status, paid, first.discount_applied_at) == (SubscriptionStatus.ACTIVE, 700, at("2025-07-01"))
    assert (then, second.discount_id) == (1000, None)


def test_what_is_to_end_ends_when_it_was_to() -> None:
    leaving = subscription(of := plan(1000), cancel_at_period_end=True, ends_at=at("2025-07-01"))
    renewal = renew(leaving, of, None, now=at("2025-08-08"))
    assert renewal.entries == ()
    assert (renewal.after.status, renewal.after.ended_at) == (SubscriptionStatus.CANCELED, at("2025-07-01"))
    assert not is_due(renewal.after, now=at("2026-01-01"))
    gone = revoked(leaving, now=at("2025-06-09"))
    assert (gone.ended_at, gone.ends_at, gone.cancel_at_period_end) == (at("2025-06-09"), at("2025-06-09"), True)
    assert not is_due(replace(leaving, status=SubscriptionStatus.PAST_DUE), now=at("2026-01-01"))


@pytest.mark.parametrize("interval", calendar.RecurringInterval)
@pytest.mark.parametrize("count", [1, 3])
def test_periods_tile_time(interval: calendar.RecurringInterval, count: int) -> None:
    for start_day in range(1, 32):
        begins = at(f"2024-01-{start_day:02}T13:37")
        of = plan(1000, interval, count)
        now = replace(subscription(of), current_period_start=begins, anchor_day=start_day)
        now = replace(now, current_period_end=calendar.add(begins, interval, count, anchor_day=start_day))
        for number in range(2, 50):
            after = renew(now, of, None, now=now.current_period_end).after
            assert after.current_period_start == now.current_period_end < after.current_period_end
            assert after.period_number == number
            end = after.current_period_end
            if interval in ("month", "year"):
                assert end.day == min(start_day, monthrange(end.year, end.month)[1])
            now = after
