"""Pricing: which price of a product counts, and what it amounts to (catalog spec 2.3, 6.4).

The default price of a set is its static price, or the first metered one if there is none. Seats are volume priced: all
of them cost what the tier of their whole number says, so ten seats can cost less than nine. Usage is billed at its unit
price, rounded once, and never above the cap.

>>> tiers = [
...     SeatTier(min_seats=1, max_seats=4, price_per_seat=1000),
...     SeatTier(min_seats=5, max_seats=9, price_per_seat=900),
...     SeatTier(min_seats=10, max_seats=None, price_per_seat=800),
... ]
>>> [seat_amount(tiers, seats) for seats in (4, 5, 9, 10)]
[4000, 4500, 8100, 8000]
>>> metered_amount(Decimal("1.995"), Decimal(100), None)
200
"""

from collections.abc import Sequence
from decimal import Decimal

from boreal.core.money import exact_product, round_half_away
from boreal.core.prices import Price, SeatTier


def static_price(prices: Sequence[Price]) -> Price | None:
    """The one price whose amount is known at purchase; None for a product that only bills usage."""
    return next((price for price in prices if price.is_static), None)


def default_price(prices: Sequence[Price]) -> Price | None:
    """The price that a purchase starts from: the static one, else the first metered one (catalog spec 6.4)."""
    return static_price(prices) or next(iter(prices), None)


def seat_bounds(tiers: Sequence[SeatTier]) -> tuple[int, int | None]:
    """The least and the largest number of seats that can be bought (None: unlimited). Tiers in ascending order."""
    return tiers[0].min_seats, tiers[-1].max_seats


def seat_price(tiers: Sequence[SeatTier], seats: int) -> int:
    """The price of each of `seats` seats, in minor units: that of the tier which contains their number.

    Raises `ValueError` for a number of seats outside of all tiers (catalog spec 2.3.2).
    """
    for tier in tiers:
        if tier.min_seats <= seats and (tier.max_seats is None or seats <= tier.max_seats):
            return tier.price_per_seat
    raise ValueError(f"no tier sells {seats} seats")


def seat_amount(tiers: Sequence[SeatTier], seats: int) -> int:
    """What `seats` seats cost together, in minor units. Raises `ValueError` as `seat_price` does."""
    return seat_price(tiers, seats) * seats


def metered_amount(units: Decimal, unit_amount: Decimal, cap: int | None) -> int:
    """What `units` of usage cost, in minor units: exact, rounded once, then capped (catalog spec 2.3.3).

    Negative usage (more credited than consumed) costs nothing.
    """
    amount = round_half_away(exact_product(max(units, Decimal(0)), unit_amount))
    return amount if cap is None else min(amount, cap)
