"""Prices: what a product costs, and how its amount is found (catalog spec 2.3).

A product has at most one static price (fixed, custom, free or seat based), known when something is bought, and any
number of metered ones, billed for what was used. A price is never changed: replacing it archives it, and who bought
under it goes on paying it.

>>> [kind.value for kind in AmountType if kind in STATIC]
['fixed', 'custom', 'free', 'seat_based']
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID


class AmountType(StrEnum):
    """How the amount of a price is found; the discriminator ``amount_type`` on the wire."""

    FIXED = "fixed"
    CUSTOM = "custom"
    FREE = "free"
    SEAT_BASED = "seat_based"
    METERED_UNIT = "metered_unit"


class PriceSource(StrEnum):
    """Set on the product, or made for one checkout session (contract ``ProductPriceSource``)."""

    CATALOG = "catalog"
    AD_HOC = "ad_hoc"


class PriceType(StrEnum):
    """Deprecated mirror of the product's billing type (contract ``ProductPriceType``)."""

    ONE_TIME = "one_time"
    RECURRING = "recurring"


STATIC = frozenset({AmountType.FIXED, AmountType.CUSTOM, AmountType.FREE, AmountType.SEAT_BASED})
"""The kinds whose amount is known when something is bought; a product has at most one of them (catalog spec 2.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatTier:
    """The price of one seat, in minor units, for a number of seats between both bounds (None: unlimited)."""

    min_seats: int
    max_seats: int | None
    price_per_seat: int


class MeterTierMode(StrEnum):
    """How tiers of a metered price count: each unit at the price of its own tier, or all at that of the last one."""

    GRADUATED = "graduated"
    VOLUME = "volume"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterTier:
    """The price of one unit, in exact minor units, up to and with a number of units (None: all that follow)."""

    up_to: int | None
    unit_amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One price of a product. Which of the amounts are set follows from `amount_type`; a free price has no currency.

    Amounts are minor units; `unit_amount` is an exact number of minor units per unit of the meter, with `meter_tiers`
    the greatest of theirs, and `meter_tier_mode` says how they count. `position` is the place in the request that made
    it. `meter_name` is not stored with the price: reading fills it in.
    """

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    organization_id: UUID
    product_id: UUID
    source: PriceSource
    position: int
    is_archived: bool
    amount_type: AmountType
    price_currency: str | None = None
    price_amount: int | None = None
    minimum_amount: int | None = None
    maximum_amount: int | None = None
    preset_amount: int | None = None
    seat_tiers: tuple[SeatTier, ...] = ()
    meter_id: UUID | None = None
    unit_amount: Decimal | None = None
    cap_amount: int | None = None
    meter_tier_mode: MeterTierMode | None = None
    meter_tiers: tuple[MeterTier, ...] = ()
    meter_name: str | None = None

    @property
    def is_static(self) -> bool:
        """Whether the amount is known when something is bought."""
        return self.amount_type in STATIC


_GROUPS = {AmountType.METERED_UNIT: 1, AmountType.SEAT_BASED: 2}


def in_wire_order(prices: Iterable[Price]) -> tuple[Price, ...]:
    """As replies list them: fixed, custom or free, then metered, then seat based, each by age (catalog spec 2.1)."""
    return tuple(
        sorted(
            prices,
            key=lambda price: (_GROUPS.get(price.amount_type, 0), price.created_at, price.position, price.id),
        )
    )
