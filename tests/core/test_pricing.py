"""Which price counts and what it amounts to (catalog spec 2.3, 6.4)."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core.prices import AmountType, MeterTier, MeterTierMode, Price, PriceSource, SeatTier
from boreal.core.pricing import (
    default_price,
    metered_amount,
    seat_amount,
    seat_bounds,
    seat_price,
    static_price,
    tiered_amount,
)
from boreal.core.usage_lines import line_amount

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
TIERS = (
    SeatTier(min_seats=1, max_seats=4, price_per_seat=1000),
    SeatTier(min_seats=5, max_seats=9, price_per_seat=900),
    SeatTier(min_seats=10, max_seats=None, price_per_seat=800),
)


def price(amount_type: AmountType) -> Price:
    return Price(
        id=uuid.uuid4(),
        created_at=NOW,
        modified_at=None,
        organization_id=uuid.uuid4(),
        product_id=uuid.uuid4(),
        source=PriceSource.CATALOG,
        position=0,
        is_archived=False,
        amount_type=amount_type,
    )


@pytest.mark.parametrize("kind", [AmountType.FIXED, AmountType.CUSTOM, AmountType.FREE, AmountType.SEAT_BASED], ids=str)
def test_the_static_price_is_the_default(kind: AmountType) -> None:
    metered, static = price(AmountType.METERED_UNIT), price(kind)
    assert static_price([metered, static]) is static
    assert default_price([metered, static]) is static


def test_the_first_metered_price_is_the_default_without_a_static_one() -> None:
    first, second = price(AmountType.METERED_UNIT), price(AmountType.METERED_UNIT)
    assert static_price([first, second]) is None
    assert default_price([first, second]) is first
    assert default_price([]) is None


@pytest.mark.example("catalog 11.14")
@pytest.mark.parametrize(("seats", "amount"), [(1, 1000), (4, 4000), (5, 4500), (9, 8100), (10, 8000), (1000, 800_000)])
def test_all_seats_cost_what_the_tier_of_their_number_says(seats: int, amount: int) -> None:
    assert seat_amount(TIERS, seats) == amount


def test_the_bounds_are_those_of_the_first_and_last_tier() -> None:
    assert seat_bounds(TIERS) == (1, None)
    assert seat_bounds([SeatTier(min_seats=3, max_seats=10, price_per_seat=500)]) == (3, 10)


@pytest.mark.parametrize("seats", [-1, 0, 2, 11])
def test_seats_outside_of_the_tiers_have_no_price(seats: int) -> None:
    with pytest.raises(ValueError, match=f"{seats} seats"):
        seat_price([SeatTier(min_seats=3, max_seats=10, price_per_seat=500)], seats)


@st.composite
def tiers(draw: st.DrawFn) -> list[SeatTier]:
    start = draw(st.integers(min_value=1, max_value=20))
    made = []
    for width in draw(st.lists(st.integers(min_value=1, max_value=50), min_size=1, max_size=6)):
        per_seat = draw(st.integers(min_value=0, max_value=99_999_999))
        made.append(SeatTier(min_seats=start, max_seats=start + width - 1, price_per_seat=per_seat))
        start += width
    if draw(st.booleans()):
        made[-1] = SeatTier(min_seats=made[-1].min_seats, max_seats=None, price_per_seat=made[-1].price_per_seat)
    return made


@given(tiers(), st.integers(min_value=1, max_value=1000))
def test_a_number_of_seats_has_a_price_exactly_within_the_bounds(tiers: list[SeatTier], seats: int) -> None:
    minimum, maximum = seat_bounds(tiers)
    if minimum <= seats and (maximum is None or seats <= maximum):
        assert seat_amount(tiers, seats) == seats * seat_price(tiers, seats)
        (tier,) = [t for t in tiers if t.min_seats <= seats and (t.max_seats is None or seats <= t.max_seats)]
        assert seat_price(tiers, seats) == tier.price_per_seat
    else:
        with pytest.raises(ValueError):
            seat_price(tiers, seats)


@pytest.mark.example("catalog 11.18")
@pytest.mark.parametrize(
    ("units", "cap", "amount"),
    [
        ("1.994", None, 199),
        ("1.995", None, 200),
        ("1.996", None, 200),
        ("1000", 5000, 5000),
        ("-3", None, 0),
    ],
)
def test_usage_is_rounded_once_capped_and_never_negative(units: str, cap: int | None, amount: int) -> None:
    assert metered_amount(Decimal(units), Decimal(100), cap) == amount


@pytest.mark.example("catalog 11.19")
@pytest.mark.parametrize(
    ("unit_amount", "units", "amount"),
    [("0.5", "1", 1), ("0.5", "3", 2), ("1E-12", "1E+6", 0), ("1E-12", "1E+12", 1)],
)
def test_unit_amounts_may_be_tiny(unit_amount: str, units: str, amount: int) -> None:
    assert metered_amount(Decimal(units), Decimal(unit_amount), None) == amount


@pytest.mark.parametrize(
    ("unit_amount", "consumed", "credited", "cap", "amount"),
    [
        ("10", "1234.5", "1000", 2000, 2000),
        ("50", "80", "100", None, 0),
        ("0.05", "1010", "0", None, 51),
        ("0.05", "1009", "0", None, 50),
        ("0.000001", "499999", "0", None, 0),
        ("0.000001", "500000", "0", None, 1),
    ],
)
def test_credits_count_before_the_rounding(
    unit_amount: str, consumed: str, credited: str, cap: int | None, amount: int
) -> None:
    assert metered_amount(Decimal(consumed) - Decimal(credited), Decimal(unit_amount), cap) == amount


UNITS = st.decimals(min_value=-(10**15), max_value=10**15, allow_nan=False)
UNIT_AMOUNTS = st.decimals(min_value=Decimal("1E-12"), max_value=99_999, places=12)


@given(UNITS, UNIT_AMOUNTS, st.none() | st.integers(min_value=0, max_value=2**31 - 1))
def test_usage_is_within_half_a_cent_of_the_exact(units: Decimal, unit_amount: Decimal, cap: int | None) -> None:
    amount = metered_amount(units, unit_amount, cap)
    exact = max(Fraction(0), Fraction(units) * Fraction(unit_amount))
    if cap is not None and exact >= cap:
        assert amount == cap
    else:
        assert abs(amount - exact) <= Fraction(1, 2)


@pytest.mark.example("usage E16")
@pytest.mark.parametrize(
    ("consumed", "cap", "amount"), [("185", None, 43), ("185", 40, 40), ("60", None, 0), ("100", None, 0)]
)
def test_only_usage_beyond_credits_costs(consumed: str, cap: int | None, amount: int) -> None:
    assert line_amount(Decimal(consumed), Decimal(100), unit_amount=Decimal("0.5"), cap=cap) == amount


USAGE_TIERS = (
    MeterTier(up_to=1000, unit_amount=Decimal(0)),
    MeterTier(up_to=5000, unit_amount=Decimal("0.5")),
    MeterTier(up_to=None, unit_amount=Decimal("0.2")),
)


@pytest.mark.parametrize(
    ("units", "graduated", "volume"),
    [
        ("-5", 0, 0),
        ("0", 0, 0),
        ("1000", 0, 0),
        ("1000.5", 0, 500),  # 0.25, and 500.25
        ("1001", 1, 501),  # 0.5, and 500.5
        ("1003", 2, 502),  # 1.5, and 501.5
        ("5000", 2000, 2500),
        ("5000.1", 2000, 1000),  # 2000.02, and 1000.02
        ("5001", 2000, 1000),  # 2000.2, and 1000.2
        ("10000", 3000, 2000),
        ("10000000000000000000000000000001", 2 * 10**30 + 1000, 2 * 10**30),
    ],
)
def test_tiers(units: str, graduated: int, volume: int) -> None:
    """A bound belongs to its tier; what the tiers come to is rounded once."""
    assert tiered_amount(Decimal(units), USAGE_TIERS, MeterTierMode.GRADUATED, None) == graduated
    assert tiered_amount(Decimal(units), USAGE_TIERS, MeterTierMode.VOLUME, None) == volume
    assert tiered_amount(Decimal(units), USAGE_TIERS, MeterTierMode.GRADUATED, 1999) == min(graduated, 1999)


@given(UNITS, UNIT_AMOUNTS, st.sampled_from(MeterTierMode))
def test_tiers_of_one_price_are_no_tiers(units: Decimal, unit_amount: Decimal, mode: MeterTierMode) -> None:
    tiers = [MeterTier(up_to=bound, unit_amount=unit_amount) for bound in (7, 1000, None)]
    assert tiered_amount(units, tiers, mode, None) == metered_amount(units, unit_amount, None)
