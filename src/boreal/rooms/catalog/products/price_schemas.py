"""Wire shapes of prices: what merchants send, and what everybody sees (catalog spec 2.3).

Amounts are integers in minor units; the unit amount of a metered price is a decimal of a minor unit.
"""

from contextlib import suppress
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticKnownError
from typing_extensions import TypeAliasType

from boreal.core.calendar import RecurringInterval
from boreal.core.prices import AmountType, MeterTierMode, PriceSource, PriceType
from boreal.kit.schemas import UUID4, Identified, NumberOnly, Schema, Timestamped

MAXIMUM_AMOUNT = 99_999_999
MAXIMUM_CUSTOM_AMOUNT = 1_000_000
MINIMUM_AMOUNT = 50
_MAXIMUM_INTEGER = 2**31 - 1


def _only_usd(value: str) -> str:
    if value != "usd":
        raise PydanticKnownError("string_pattern_mismatch", {"pattern": "usd"})
    return value


def _outside_gap(value: int) -> int:
    if 0 < value < MINIMUM_AMOUNT:
        raise ValueError("Amount must be 0 (for free) or at least 50 cents")
    return value


def _not_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("decimal_type")
    return value


PriceCurrency = Annotated[str, AfterValidator(_only_usd), Field(json_schema_extra={"pattern": "usd"})]
"""Exactly `usd` at this date (catalog spec 2.3, correction 1)."""

_UNIT_AMOUNT = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0},
        {
            "type": "string",
            "pattern": r"^(?!^[-+.]*$)[+-]?0*(?:\d{0,5}|(?=[\d.]{1,18}0*$)\d{0,5}\.\d{0,12}0*$)",
        },
    ]
}
UnitAmount = Annotated[
    Decimal,
    Field(gt=0, max_digits=17, decimal_places=12),
    BeforeValidator(_not_boolean),
    WithJsonSchema(_UNIT_AMOUNT),
]
"""A positive decimal of a minor unit, as number or text: at most 5 digits before the point and 12 after."""


class ProductPriceSeatTier(Schema):
    """The price of one seat while the number of seats is between these bounds; no maximum is unlimited."""

    min_seats: Annotated[int, Field(ge=1), NumberOnly]
    max_seats: Annotated[int, Field(ge=1), NumberOnly] | None = None
    price_per_seat: Annotated[int, Field(ge=0, le=MAXIMUM_AMOUNT), NumberOnly]

    @model_validator(mode="after")
    def holds_a_seat(self) -> Self:
        """Refuses a tier that no number of seats could fall into."""
        if self.max_seats is not None and self.max_seats < self.min_seats:
            raise ValueError("max_seats must be at least min_seats")
        return self


class ProductPriceSeatTiersCreate(Schema):
    """Tiers in any order; sorted, they must follow one another without gap or overlap (catalog spec 2.3.2)."""

    tiers: Annotated[list[ProductPriceSeatTier], Field(min_length=1)]

    @field_validator("tiers")
    @classmethod
    def are_contiguous(cls, tiers: list[ProductPriceSeatTier]) -> list[ProductPriceSeatTier]:
        """The tiers in ascending order; refuses gaps, overlaps and an unlimited tier before the last."""
        ordered = sorted(tiers, key=lambda tier: tier.min_seats)
        for lower, upper in pairwise(ordered):
            if lower.max_seats is None:
                raise ValueError("Only the last tier can have unlimited max_seats (None)")
            if upper.min_seats != lower.max_seats + 1:
                raise ValueError(
                    "Gap or overlap between tiers: "
                    f"tier ending at {lower.max_seats} and tier starting at {upper.min_seats}"
                )
        return ordered


class ProductPriceFixedCreate(Schema):
    """A fixed amount."""

    amount_type: Literal[AmountType.FIXED]
    price_amount: Annotated[int, Field(ge=MINIMUM_AMOUNT, le=MAXIMUM_AMOUNT), NumberOnly]
    price_currency: PriceCurrency = "usd"


class ProductPriceCustomCreate(Schema):
    """Pay what you want: a minimum of 0 makes nothing an answer too (catalog spec 2.3.1)."""

    amount_type: Literal[AmountType.CUSTOM]
    price_currency: PriceCurrency = "usd"
    minimum_amount: Annotated[int, Field(ge=0, le=_MAXIMUM_INTEGER), AfterValidator(_outside_gap), NumberOnly] = (
        MINIMUM_AMOUNT
    )
    maximum_amount: Annotated[int, Field(ge=MINIMUM_AMOUNT, le=MAXIMUM_CUSTOM_AMOUNT), NumberOnly] | None = None
    preset_amount: (
        Annotated[int, Field(ge=0, le=MAXIMUM_CUSTOM_AMOUNT), AfterValidator(_outside_gap), NumberOnly] | None
    ) = None


class ProductPriceFreeCreate(Schema):
    """Nothing to pay."""

    amount_type: Literal[AmountType.FREE]


class ProductPriceSeatBasedCreate(Schema):
    """A price per seat; all seats are billed at the price of the tier that their number falls into."""

    amount_type: Literal[AmountType.SEAT_BASED]
    price_currency: PriceCurrency = "usd"
    seat_tiers: ProductPriceSeatTiersCreate


TierUnitAmount = Annotated[Decimal, Field(ge=0, max_digits=17, decimal_places=12), BeforeValidator(_not_boolean)]


class MeteredTierCreate(Schema):
    """The price of one unit, up to and with a number of units; no bound for the last tier."""

    up_to: Annotated[int, Field(ge=1, le=2**53), NumberOnly] | None = None
    unit_amount: TierUnitAmount


class MeteredTiersCreate(Schema):
    """Tiers of usage, which is ours (docs/decisions/0022): in ascending order, the last one without a bound."""

    mode: MeterTierMode
    tiers: Annotated[list[MeteredTierCreate], Field(min_length=2, max_length=100)]

    @field_validator("tiers")
    @classmethod
    def ascend(cls, tiers: list[MeteredTierCreate]) -> list[MeteredTierCreate]:
        """Refuses bounds that do not ascend, and units that no tier prices."""
        bounds = [tier.up_to for tier in tiers[:-1]]
        if tiers[-1].up_to is not None or None in bounds:
            raise ValueError("The last tier, and no other, must have no up_to")
        if bounds != sorted({bound for bound in bounds if bound is not None}):
            raise ValueError("up_to must ascend from tier to tier")
        return tiers


class ProductPriceMeteredUnitCreate(Schema):
    """A price per unit of a meter, billed in arrears, up to the cap (catalog spec 2.3.3).

    With tiers the price of a unit depends on how many were used; `unit_amount` is then the greatest of theirs.
    """

    amount_type: Literal[AmountType.METERED_UNIT]
    meter_id: UUID4
    price_currency: PriceCurrency = "usd"
    unit_amount: UnitAmount
    cap_amount: Annotated[int, Field(ge=0, le=_MAXIMUM_INTEGER), NumberOnly] | None = None
    tiers: SkipJsonSchema[MeteredTiersCreate | None] = None

    @model_validator(mode="before")
    @classmethod
    def takes_the_greatest(cls, value: Any) -> Any:
        """With tiers, gives the price the greatest of their unit amounts, so that none is dearer than it says."""
        if isinstance(value, dict) and value.get("tiers") is not None:
            with suppress(ValidationError):  # which is told where it belongs
                tiers = MeteredTiersCreate.model_validate(value["tiers"]).tiers
                return {**value, "unit_amount": max(tier.unit_amount for tier in tiers)}
        return value


ProductPriceCreate = Annotated[
    ProductPriceFixedCreate
    | ProductPriceCustomCreate
    | ProductPriceFreeCreate
    | ProductPriceSeatBasedCreate
    | ProductPriceMeteredUnitCreate,
    Field(discriminator="amount_type"),
]
ProductPricesCreate = Annotated[list[ProductPriceCreate], Field(min_length=1)]


class ExistingProductPrice(Schema):
    """A price to keep; whatever else is sent with its id is ignored (catalog spec 2.5)."""

    id: UUID4


def price_kind(value: Any) -> str | None:
    """Which shape an element of an update's price list has: `id` if it names a price, else its amount type."""
    if isinstance(value, dict):
        kind = "id" if "id" in value else value.get("amount_type")
    else:
        kind = "id" if isinstance(value, ExistingProductPrice) else getattr(value, "amount_type", None)
    return kind if isinstance(kind, str) else None


ProductPriceUpdate = Annotated[
    Annotated[ExistingProductPrice, Tag("id")]
    | Annotated[ProductPriceFixedCreate, Tag("fixed")]
    | Annotated[ProductPriceCustomCreate, Tag("custom")]
    | Annotated[ProductPriceFreeCreate, Tag("free")]
    | Annotated[ProductPriceSeatBasedCreate, Tag("seat_based")]
    | Annotated[ProductPriceMeteredUnitCreate, Tag("metered_unit")],
    Discriminator(price_kind),
]


class ProductPriceSeatTiers(Schema):
    """Tiers in ascending order, and the least and largest number of seats (null: unlimited)."""

    tiers: Annotated[list[ProductPriceSeatTier], Field(min_length=1)]
    minimum_seats: int
    maximum_seats: int | None


class ProductPriceMeter(Identified):
    """The meter of a metered price."""

    name: str


class PriceBase(Identified, Timestamped):
    """What prices of every kind tell."""

    source: PriceSource
    is_archived: bool
    product_id: UUID4


class CatalogPriceBase(PriceBase):
    """The product's billing type and interval, repeated on its prices for old clients."""

    type: Annotated[PriceType, Field(deprecated=True)]
    recurring_interval: Annotated[RecurringInterval | None, Field(deprecated=True)]


class Fixed(Schema):
    """A fixed amount."""

    amount_type: Literal[AmountType.FIXED]
    price_currency: str
    price_amount: int


class Custom(Schema):
    """Pay what you want."""

    amount_type: Literal[AmountType.CUSTOM]
    price_currency: str
    minimum_amount: int
    maximum_amount: int | None
    preset_amount: int | None


class Free(Schema):
    """Nothing to pay."""

    amount_type: Literal[AmountType.FREE]


class ProductPriceFixed(CatalogPriceBase, Fixed):
    """A fixed price."""


class ProductPriceCustom(CatalogPriceBase, Custom):
    """A pay-what-you-want price."""


class ProductPriceFree(CatalogPriceBase, Free):
    """A free price."""


class ProductPriceSeatBased(CatalogPriceBase):
    """A price per seat."""

    amount_type: Literal[AmountType.SEAT_BASED]
    price_currency: str
    seat_tiers: ProductPriceSeatTiers


class ProductPriceMeteredUnit(CatalogPriceBase):
    """A price per unit of a meter; the unit amount is a decimal as text, of tiers the greatest."""

    amount_type: Literal[AmountType.METERED_UNIT]
    price_currency: str
    unit_amount: Annotated[str, Field(json_schema_extra={"pattern": r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"})]
    cap_amount: int | None
    meter_id: UUID4
    meter: ProductPriceMeter


ProductPrice = TypeAliasType(
    "ProductPrice",
    Annotated[
        ProductPriceFixed | ProductPriceCustom | ProductPriceFree | ProductPriceSeatBased | ProductPriceMeteredUnit,
        Field(discriminator="amount_type"),
    ],
)


class LegacyPriceBase(PriceBase):
    """Prices that carried the interval themselves, on products made before 2025."""

    type: Literal[PriceType.RECURRING]
    recurring_interval: RecurringInterval
    legacy: Literal[True]


class LegacyRecurringProductPriceFixed(LegacyPriceBase, Fixed):
    """A fixed price of an old product."""


class LegacyRecurringProductPriceCustom(LegacyPriceBase, Custom):
    """A pay-what-you-want price of an old product."""


class LegacyRecurringProductPriceFree(LegacyPriceBase, Free):
    """A free price of an old product."""


LegacyRecurringProductPrice = TypeAliasType(
    "LegacyRecurringProductPrice",
    Annotated[
        LegacyRecurringProductPriceFixed | LegacyRecurringProductPriceCustom | LegacyRecurringProductPriceFree,
        Field(discriminator="amount_type"),
    ],
)
AnyProductPrice = LegacyRecurringProductPrice | ProductPrice
