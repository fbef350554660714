"""Discounts: amounts, applicability, duration (catalog spec 4.3 to 4.6)."""

import uuid
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core import calendar
from boreal.core.calendar import RecurringInterval
from boreal.core.checkouts import totals
from boreal.core.discounts import (
    NOT_FOR_FREE,
    NOT_FOR_PRODUCT,
    UNKNOWN,
    Discount,
    DiscountDuration,
    DiscountType,
    code_key,
    covers,
    discount_amount,
    has_ended,
    is_redeemable,
    refuse,
    share,
)
from boreal.core.prices import AmountType, Price, PriceSource
from boreal.core.products import Product

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ONCE, FOREVER, REPEATING = DiscountDuration.ONCE, DiscountDuration.FOREVER, DiscountDuration.REPEATING


def discount(**values: Any) -> Discount:
    """A discount without limits: half off once, unless told otherwise."""
    blank: dict[str, Any] = {
        "id": uuid.uuid4(),
        "created_at": NOW,
        "modified_at": None,
        "deleted_at": None,
        "organization_id": uuid.uuid4(),
        "name": "Sale",
        "type": DiscountType.PERCENTAGE,
        "duration": ONCE,
        "duration_in_months": None,
        "amount": None,
        "currency": None,
        "basis_points": 5000,
        "code": None,
        "code_key": None,
        "starts_at": None,
        "ends_at": None,
        "max_redemptions": None,
        "redemptions_count": 0,
        "product_ids": [],
        "metadata": {},
    }
    return Discount(**{**blank, **values})


def percent(basis_points: int, **values: Any) -> Discount:
    return discount(basis_points=basis_points, **values)


def off(amount: int, **values: Any) -> Discount:
    return discount(type=DiscountType.FIXED, amount=amount, currency="usd", basis_points=None, **values)


def product(interval: RecurringInterval | None = None) -> Product:
    return Product(
        id=uuid.uuid4(),
        created_at=NOW,
        modified_at=None,
        organization_id=uuid.uuid4(),
        name="Pro",
        description=None,
        recurring_interval=interval,
        recurring_interval_count=1 if interval else None,
        trial_interval=None,
        trial_interval_count=None,
        is_archived=False,
        metadata={},
    )


def price(kind: AmountType) -> Price:
    return Price(
        id=uuid.uuid4(),
        created_at=NOW,
        modified_at=None,
        organization_id=uuid.uuid4(),
        product_id=uuid.uuid4(),
        source=PriceSource.CATALOG,
        position=0,
        is_archived=False,
        amount_type=kind,
        price_currency=None if kind is AmountType.FREE else "usd",
    )


def money(base: int, taken: Discount, tax_amount: int | None = 0) -> tuple[int, int, int]:
    """Discount, net and total of an amount."""
    sums = totals(amount=base, discount_amount=discount_amount(taken, base), tax_amount=tax_amount)
    return sums.discount_amount, sums.net_amount, sums.total_amount


@pytest.mark.example("catalog 11.4")
def test_ten_percent_of_1005_is_rounded_up() -> None:
    assert money(1005, percent(1000)) == (101, 904, 904)


@pytest.mark.example("catalog 11.5")
def test_fractions_of_a_percent() -> None:
    assert money(1999, percent(2550))[:2] == (510, 1489)


@pytest.mark.example("catalog 11.6")
def test_a_third() -> None:
    assert money(999, percent(3333))[:2] == (333, 666)


@pytest.mark.example("catalog 11.7")
def test_the_smallest_share() -> None:
    assert [discount_amount(percent(1), base) for base in (4999, 5000, 5001)] == [0, 1, 1]


@pytest.mark.example("catalog 11.21")
def test_exact_halves_move_away_from_zero() -> None:
    cases = ((100, 1450), (90, 3500), (300, 2050), (700, 1750))
    assert [discount_amount(percent(share), base) for base, share in cases] == [15, 32, 62, 123]


def test_a_fixed_discount_takes_off_no_more_than_there_is() -> None:
    assert [discount_amount(off(1500), base) for base in (0, 1000, 1500, 2000)] == [0, 1000, 1500, 1500]
    assert discount_amount(off(0), 1000) == 0
    assert discount_amount(off(999_999_999_999), 10**13) == 999_999_999_999


@given(base=st.integers(0, 10**13), points=st.integers(1, 10_000), amount=st.integers(0, 10**12))
def test_a_discount_is_between_nothing_and_everything(base: int, points: int, amount: int) -> None:
    taken = share(base, basis_points=points)
    assert 0 <= taken <= base
    assert abs(taken - Fraction(base * points, 10_000)) <= Fraction(1, 2)
    assert discount_amount(off(amount), base) in (amount, base)
    assert 0 <= discount_amount(off(amount), base) <= base
    assert discount_amount(percent(10_000), base) == base


@pytest.mark.parametrize(
    ("values", "redeemable"),
    [
        ({}, True),
        ({"starts_at": NOW}, True),
        ({"starts_at": NOW + MINUTE}, False),
        ({"ends_at": NOW}, True),
        ({"ends_at": NOW - MINUTE}, False),
        ({"max_redemptions": 2, "redemptions_count": 1}, True),
        ({"max_redemptions": 2, "redemptions_count": 2}, False),
        ({"max_redemptions": 1, "redemptions_count": 2}, False),
        ({"deleted_at": NOW - MINUTE}, True),
    ],
)
def test_redeemable_now(values: dict[str, Any], redeemable: bool) -> None:
    assert is_redeemable(discount(**values), now=NOW) is redeemable


def refused(taken: Discount | None, *kinds: AmountType, sold: Product, currency: str = "usd") -> str | None:
    return refuse(taken, product=sold, prices=[price(kind) for kind in kinds], currency=currency, now=NOW)


def test_every_kind_of_price_but_free_can_be_discounted() -> None:
    monthly = product(RecurringInterval.MONTH)
    for kind in AmountType:
        wanted = NOT_FOR_FREE if kind is AmountType.FREE else None
        assert refused(discount(), kind, sold=monthly) == wanted, kind
    assert refused(discount(), AmountType.FREE, AmountType.METERED_UNIT, sold=monthly) is None
    assert refused(None, AmountType.FREE, sold=monthly) == NOT_FOR_FREE


def test_what_is_bought_once_takes_no_repeating_discount() -> None:
    once, monthly = product(), product(RecurringInterval.MONTH)
    for duration in DiscountDuration:
        taken = discount(duration=duration, duration_in_months=3 if duration is REPEATING else None)
        assert refused(taken, AmountType.FIXED, sold=monthly) is None
        assert refused(taken, AmountType.FIXED, sold=once) == (NOT_FOR_PRODUCT if duration is REPEATING else None)


def test_what_must_not_be_known_of_is_unknown() -> None:
    sold = product()
    assert refused(None, AmountType.FIXED, sold=sold) == UNKNOWN
    assert refused(discount(starts_at=NOW + MINUTE), AmountType.FIXED, sold=sold) == UNKNOWN
    assert refused(discount(product_ids=[uuid.uuid4()]), AmountType.FIXED, sold=sold) == UNKNOWN
    assert refused(discount(product_ids=[uuid.uuid4(), sold.id]), AmountType.FIXED, sold=sold) is None
    assert refused(off(100), AmountType.FIXED, sold=sold, currency="eur") == UNKNOWN
    assert refused(percent(100), AmountType.FIXED, sold=sold, currency="eur") is None


def test_a_restriction_and_a_currency_say_what_is_covered() -> None:
    id, other = uuid.uuid4(), uuid.uuid4()
    assert covers(off(100), product_id=id, currency="usd") and not covers(off(100), product_id=id, currency="eur")
    assert covers(off(100, product_ids=[id]), product_id=id, currency="usd")
    assert not covers(off(100, product_ids=[id]), product_id=other, currency="usd")


def test_codes_are_compared_without_case() -> None:
    assert code_key("Save20") == code_key("SAVE20") == code_key("save20")
    assert code_key("ΣΑΣ") == code_key("σας") and code_key("ﬁve") == code_key("FIVE")


def periods(start: datetime, interval: str, count: int, anchor_day: int) -> list[datetime]:
    starts = [start]
    while len(starts) < count:
        starts.append(calendar.add(starts[-1], interval, 1, anchor_day=anchor_day))
    return starts


@pytest.mark.example("catalog 11.24")
def test_three_months_from_the_end_of_january() -> None:
    start = datetime(2026, 1, 31, tzinfo=UTC)
    starts = periods(start, "month", 4, 31)
    assert [begun.date().isoformat()[5:] for begun in starts] == ["01-31", "02-28", "03-31", "04-30"]
    over = [has_ended(REPEATING, 3, applied_at=start, period_start=begun) for begun in starts]
    assert over == [False, False, False, True]


@pytest.mark.example("catalog 11.25")
@pytest.mark.parametrize(("months", "invoices"), [(12, 1), (13, 2), (24, 2)])
def test_yearly_plans(months: int, invoices: int) -> None:
    starts = periods(NOW, "year", 5, NOW.day)
    over = [has_ended(REPEATING, months, applied_at=NOW, period_start=begun) for begun in starts]
    assert over == [False] * invoices + [True] * (5 - invoices)


def test_once_and_forever() -> None:
    starts = periods(NOW, "month", 40, NOW.day)
    assert [has_ended(ONCE, None, applied_at=NOW, period_start=begun) for begun in starts] == [False] + [True] * 39
    assert not any(has_ended(FOREVER, None, applied_at=NOW, period_start=begun) for begun in starts)


@given(
    months=st.integers(1, 30),
    skipped=st.integers(0, 11),
    days=st.integers(0, 3000),
)
def test_months_are_that_many_monthly_periods(months: int, skipped: int, days: int) -> None:
    """Also when it is first applied in a month that is shorter than the subscription's day."""
    start = NOW + timedelta(days=days)
    starts = periods(start, "month", months + skipped + 2, start.day)[skipped:]
    over = [
        has_ended(REPEATING, months, applied_at=starts[0], period_start=begun, anchor_day=start.day) for begun in starts
    ]
    assert over == [False] * months + [True, True]
