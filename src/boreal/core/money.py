"""Money: whole minor units of one currency, and the one door through which exact numbers become money.

Rates, shares and unit prices are exact (`int`, `Decimal`, `Fraction`); an amount of money is an integer. The step
between the two is `round_half_away`, taken once, at the end of a calculation: the nearest integer, and an exact half
moves away from zero (catalog spec 1.7). Binary floating point is refused everywhere.

>>> round_half_away(Decimal(1005) * 1000 / 10_000)  # 10 % of 10.05 is 1.005: one cent and a half
101
>>> round_half_away(Decimal("-0.5")), round_half_away(Decimal("232.49"))
(-1, 232)
>>> Money(1000, "usd") + Money(200, "usd")
Money(minor=1200, currency='usd')
>>> split(1000, [1, 1, 1])
(334, 333, 333)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

Exact = int | Decimal | Fraction
"""A number without binary rounding."""


def _fraction(number: Exact) -> Fraction:
    if isinstance(number, bool) or not isinstance(number, int | Decimal | Fraction):
        raise TypeError(f"{number!r} is not an exact number")
    return Fraction(number)


def round_half_away(number: Exact) -> int:
    """The nearest integer; exact halves move away from zero (catalog spec 1.7).

    Raises `TypeError` for a float, `ValueError` or `OverflowError` for a decimal that is not finite.
    """
    return round_quotient(*_fraction(number).as_integer_ratio())


def round_quotient(numerator: int, denominator: int) -> int:
    """The same of a quotient, whose denominator is above zero.

    >>> round_quotient(5, 2), round_quotient(-5, 2), round_quotient(4, 3)
    (3, -3, 1)
    """
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude


def exact_product(*factors: Exact) -> Fraction:
    """The exact product; `Decimal` itself would round to the 28 digits of its context."""
    result = Fraction(1)
    for factor in factors:
        result *= _fraction(factor)
    return result


def proportion(part: int, of: int, whole: int) -> int:
    """What of `of` belongs to `part` of a whole, in whole units; nothing where the whole is nothing.

    >>> proportion(333, 200, 1000), proportion(5, 3, 0)
    (67, 0)
    """
    return round_half_away(Fraction(part * of, whole)) if whole else 0


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents) of one currency (lower-case ISO 4217). Mixing currencies is a `TypeError`."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"{self.minor!r} is not a whole number of minor units")

    def _same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise TypeError(f"{self.currency} and {other.currency} cannot be added")

    def __add__(self, other: Any) -> "Money":
        if not isinstance(other, Money):
            return NotImplemented
        self._same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Any) -> "Money":
        if not isinstance(other, Money):
            return NotImplemented
        self._same_currency(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)


def split(total: int, weights: Sequence[Exact]) -> tuple[int, ...]:
    """Parts of `total` (minor units, of either sign) in proportion to `weights`, which always sum to `total`.

    Each part is less than one unit away from its exact share; units left over go to the largest remainders, the
    earlier part first. Raises `ValueError` for a negative weight, or when there is something to share and no weight.
    """
    shares = [_fraction(weight) for weight in weights]
    whole = sum(shares)
    if any(share < 0 for share in shares) or (whole == 0 and total != 0):
        raise ValueError("weights must not be negative, and not all be zero")
    if whole == 0:
        return (0,) * len(shares)
    exact = [abs(total) * share / whole for share in shares]
    parts = [int(share) for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda index: parts[index] - exact[index])
    for index in by_remainder[: abs(total) - sum(parts)]:
        parts[index] += 1
    return tuple(parts) if total >= 0 else tuple(-part for part in parts)
