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

Usage may have tiers, too: graduated, where every unit costs what its own tier says, or by volume, where all of them
cost what the tier of their whole number says. The first hundred units at 10 cents, all others at 5:

>>> usage = [MeterTier(up_to=100, unit_amount=Decimal(10)), MeterTier(up_to=None, unit_amount=Decimal(5))]
>>> [tiered_amount(Decimal(units), usage, MeterTierMode.GRADUATED, None) for units in (100, 101, 200)]
[1000, 1005, 1500]
>>> [tiered_amount(Decimal(units), usage, MeterTierMode.VOLUME, None) for units in (100, 101, 200)]
[1000, 505, 1000]
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from boreal.core.money import exact_product, round_half_away
from boreal.core.prices import MeterTier, MeterTierMode, Price, SeatTier


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


def tiered_amount(units: Decimal, tiers: Sequence[MeterTier], mode: MeterTierMode, cap: int | None) -> int:
    """What `units` of usage cost by tiers in ascending order, in minor units: exact, rounded once, then capped.

    A number of units that is the bound of a tier belongs to it. Units may be fractions. Negative usage costs nothing.
    """
    used = max(units, Decimal(0))
    exact, below = Fraction(0), Fraction(0)
    for tier in tiers:
        reached = min(exact_product(used), Fraction(tier.up_to)) if tier.up_to is not None else exact_product(used)
        if mode is MeterTierMode.GRADUATED:
            exact += (reached - below) * exact_product(tier.unit_amount)
        else:
            exact = exact_product(used, tier.unit_amount)
        if reached == exact_product(used):
            break
        below = reached
    amount = round_half_away(exact)
    return amount if cap is None else min(amount, cap)


def usage_amount(price: Price, units: Decimal, *, capped: bool = True) -> int:
    """What `units` of usage cost by a metered price, in minor units; without its cap if that is wanted."""
    cap = price.cap_amount if capped else None
    if price.meter_tier_mode is not None:
        return tiered_amount(units, price.meter_tiers, price.meter_tier_mode, cap)
    assert price.unit_amount is not None
    return metered_amount(units, price.unit_amount, cap)
