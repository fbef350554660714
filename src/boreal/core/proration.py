"""Proration: what the rest of a running period is worth when a plan or a number of seats changes (orders spec 10).

Time is counted in seconds, with their fractions, over the period that the subscription really has. What the old price
would have cost for the rest is given back, what the new one costs for it is added; each is the exact product, rounded
once. A discount counts as part of the price. On 15 February half of a February is left:

>>> from datetime import UTC
>>> start, change, end = (datetime(2025, month, day, tzinfo=UTC) for month, day in ((2, 1), (2, 15), (3, 1)))
>>> rest = remaining(change, start=start, end=end)
>>> prorated(1000, rest), prorated(3000, rest)
(500, 1500)

Seats are priced by volume, so that ten can cost less than nine, and adding one gives money back:

>>> seat_change(8100, 8000, discount=None, share=Fraction(2, 3))
Prorated(amount=-67, discount_amount=0)
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from boreal.core.discounts import Discount, discount_amount
from boreal.core.money import exact_product, round_half_away

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Prorated:
    """A part of a price, with the part of the discount that it already contains; both in minor units."""

    amount: int
    discount_amount: int


def remaining(now: datetime, *, start: datetime, end: datetime) -> Fraction:
    """The share of a period that is left, from 0 to 1, exact to the microsecond (orders spec 10.2).

    >>> from datetime import UTC
    >>> day = datetime(2025, 6, 1, tzinfo=UTC)
    >>> remaining(day - timedelta(days=1), start=day, end=day + timedelta(days=30))
    Fraction(1, 1)
    """
    if now >= end:
        return Fraction(0)
    return Fraction((end - max(now, start)) // _TICK, (end - start) // _TICK)


def prorated(amount: int, share: Fraction) -> int:
    """The share of an amount, rounded once, exact halves away from zero."""
    return round_half_away(exact_product(amount, share))


def price_part(amount: int, *, discount: Discount | None, share: Fraction) -> Prorated:
    """The share of a price less its discount (orders spec 10.2, 10.3); `discount` is one that applies, or None."""
    taken = discount_amount(discount, amount) if discount is not None else 0
    return Prorated(prorated(amount - taken, share), prorated(taken, share))


def seat_change(before: int, after: int, *, discount: Discount | None, share: Fraction) -> Prorated:
    """The share of the difference between two totals for seats, negative when the new one is lower (orders spec 10.5).

    The discount of the difference is the difference of the discounts, so a fixed one is not given twice.
    """
    taken = discount_amount(discount, after) - discount_amount(discount, before) if discount is not None else 0
    return Prorated(prorated(after - before - taken, share), prorated(taken, share))
