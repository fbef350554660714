"""Money: exactness, one rounding door, sums that keep their whole (catalog spec 1.7)."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core.money import Money, exact_product, round_half_away, split

AMOUNTS = st.integers(min_value=-(10**12), max_value=10**12)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**17), max_value=10**17)


@pytest.mark.parametrize(
    ("number", "rounded"),
    [
        ("0.5", 1),
        ("232.5", 233),
        ("-0.5", -1),
        ("232.49", 232),
        ("-232.49", -232),
        ("0.4999999999999999999999999999999999999", 0),
        ("100.5", 101),
        ("7", 7),
    ],
)
def test_halves_move_away_from_zero(number: str, rounded: int) -> None:
    assert round_half_away(Decimal(number)) == rounded
    assert round_half_away(Fraction(number)) == rounded


@pytest.mark.parametrize(
    ("amount", "basis_points", "share"), [(100, 1450, 15), (90, 3500, 32), (300, 2050, 62), (700, 1750, 123)]
)
def test_shares_that_are_exact_halves(amount: int, basis_points: int, share: int) -> None:
    assert round_half_away(exact_product(amount, Fraction(basis_points, 10_000))) == share
    assert round_half_away(exact_product(-amount, Decimal(basis_points).scaleb(-4))) == -share


@given(DECIMALS)
def test_rounding_is_the_nearest_integer_and_symmetric(number: Decimal) -> None:
    rounded = round_half_away(number)
    distance = abs(Fraction(number) - rounded)
    assert distance < Fraction(1, 2) or (distance == Fraction(1, 2) and abs(rounded) > abs(Fraction(number)))
    assert round_half_away(-Fraction(number)) == -rounded


@given(st.integers())
def test_rounding_leaves_integers(number: int) -> None:
    assert round_half_away(number) == number


@given(DECIMALS, DECIMALS)
def test_products_have_every_digit(a: Decimal, b: Decimal) -> None:
    assert exact_product(a, b) == Fraction(a) * Fraction(b)


@pytest.mark.parametrize("number", [0.5, True, "1"])
def test_only_exact_numbers_become_money(number: object) -> None:
    with pytest.raises(TypeError):
        round_half_away(number)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Money(number, "usd")  # type: ignore[arg-type]


@pytest.mark.parametrize("number", ["NaN", "Infinity"])
def test_what_is_not_finite_is_not_money(number: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        round_half_away(Decimal(number))


def test_two_currencies_cannot_be_added() -> None:
    with pytest.raises(TypeError):
        Money(1, "usd") + Money(1, "eur")
    with pytest.raises(TypeError):
        Money(1, "usd") - Money(1, "eur")
    with pytest.raises(TypeError):
        Money(1, "usd") + 1


@given(AMOUNTS, AMOUNTS)
def test_money_adds_like_its_minor_units(a: int, b: int) -> None:
    assert Money(a, "usd") + Money(b, "usd") == Money(a + b, "usd")
    assert Money(a, "usd") - Money(b, "usd") == Money(a, "usd") + -Money(b, "usd")


@given(AMOUNTS, st.lists(st.integers(min_value=0, max_value=10**9), min_size=1).filter(any))
def test_a_split_sums_to_its_whole_and_is_fair(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1
    assert split(-total, weights) == tuple(-part for part in parts)


def test_what_is_left_over_goes_to_the_largest_remainder_then_to_the_first() -> None:
    assert split(10, [Decimal("0.5"), Decimal("0.25"), Decimal("0.25")]) == (5, 3, 2)
    assert split(100, [1, 5, 1]) == (14, 72, 14)
    assert split(-100, [1, 5, 1]) == (-14, -72, -14)


def test_nothing_can_be_split_by_nothing() -> None:
    assert split(0, [0, 0]) == (0, 0)
    assert split(0, []) == ()
    for weights in ([], [0], [2, -1]):
        with pytest.raises(ValueError, match="weights"):
            split(1, weights)
