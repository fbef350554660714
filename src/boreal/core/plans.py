"""Plans: what a subscription is billed by, and how its entries come about (orders spec 5.1, 6.2, 8.3).

A plan is a product with the prices that the subscription has of it and what a period costs by each. Prices of usage
and free ones cost nothing in advance. A subscription's `amount` is their sum less its discount.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from boreal.core.billing_run import Entry, EntryType
from boreal.core.discounts import Discount, discount_amount
from boreal.core.prices import AmountType, Price
from boreal.core.pricing import seat_amount, seat_bounds
from boreal.core.products import Product


@dataclass(frozen=True, slots=True)
class BilledPrice:
    """A price and what a period costs by it before any discount, in minor units."""

    price: Price
    amount: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A product and the prices by which a subscription is billed for it."""

    product: Product
    prices: tuple[BilledPrice, ...]

    @property
    def base_amount(self) -> int:
        """What a period costs in advance, before any discount."""
        return sum(billed.amount for billed in self.prices)

    @property
    def seat_price(self) -> Price | None:
        """The price that counts seats, if there is one."""
        return next((billed.price for billed in self.prices if billed.price.amount_type is AmountType.SEAT_BASED), None)

    @property
    def price_ids(self) -> tuple[UUID, ...]:
        """The prices, in order."""
        return tuple(billed.price.id for billed in self.prices)

    def with_seats(self, seats: int) -> "Plan":
        """The same plan for another number of seats. Raises `ValueError` for one that no tier sells."""
        prices = tuple(
            replace(billed, amount=seat_amount(billed.price.seat_tiers, seats))
            if billed.price.amount_type is AmountType.SEAT_BASED
            else billed
            for billed in self.prices
        )
        return replace(self, prices=prices)


def new_plan(product: Product, prices: Iterable[Price], *, seats: int | None) -> Plan:
    """The plan of the product's prices. Raises `ValueError` if they need seats and there are none, or too few or many.

    A price that lets the customer choose has no amount here: nobody is there to choose.
    """
    billed = []
    for price in prices:
        amount = 0
        if price.amount_type is AmountType.FIXED:
            assert price.price_amount is not None
            amount = price.price_amount
        elif price.amount_type is AmountType.SEAT_BASED:
            if seats is None:
                raise ValueError(f"price {price.id} needs a number of seats")
            amount = seat_amount(price.seat_tiers, seats)
        billed.append(BilledPrice(price, amount))
    return Plan(product, tuple(billed))


def discounted(base: int, discount: Discount | None) -> int:
    """What is left of an amount after the discount."""
    return base - (discount_amount(discount, base) if discount is not None else 0)


def cycle_entries(plan: Plan, *, starts_at: datetime, ends_at: datetime) -> tuple[Entry, ...]:
    """One entry for each static price, free ones too, for a whole period and before any discount (orders spec 8.3)."""
    return tuple(
        Entry(
            type=EntryType.CYCLE,
            amount=billed.amount,
            product_price_id=billed.price.id,
            product_name=plan.product.name,
            starts_at=starts_at,
            ends_at=ends_at,
        )
        for billed in plan.prices
        if billed.price.is_static
    )


def seat_limits(plan: Plan) -> tuple[int, int | None] | None:
    """The least and the largest number of seats (None: unlimited); None for a plan without seats."""
    return seat_bounds(plan.seat_price.seat_tiers) if plan.seat_price is not None else None
