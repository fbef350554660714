"""Wire shapes of discounts, as merchants, orders, subscriptions and checkouts see them (catalog spec 4.1, 6.2)."""

from datetime import datetime

from typing_extensions import TypeAliasType

from boreal.core.discounts import DiscountDuration, DiscountType
from boreal.kit.schemas import UUID4, Identified, MetadataOutputType, Schema, Timestamped
from boreal.rooms.catalog.products.schemas import ProductBase


class OnceForever(Schema):
    """Applies to the first payment or to every one."""

    duration: DiscountDuration


class Repeat(Schema):
    """Applies for a number of months."""

    duration: DiscountDuration
    duration_in_months: int


class Fixed(Schema):
    """Takes off an amount of money."""

    type: DiscountType
    amount: int
    currency: str


class Percentage(Schema):
    """Takes off a share: 100 basis points are one percent."""

    type: DiscountType
    basis_points: int


class DiscountBase(Identified, Timestamped):
    """What discounts of every kind tell a merchant."""

    metadata: MetadataOutputType
    name: str
    code: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    max_redemptions: int | None
    redemptions_count: int
    organization_id: UUID4


class DiscountFixedOnceForeverDurationBase(DiscountBase, Fixed, OnceForever):
    """An amount off, once or for ever."""


class DiscountFixedRepeatDurationBase(DiscountBase, Fixed, Repeat):
    """An amount off, for some months."""


class DiscountPercentageOnceForeverDurationBase(DiscountBase, Percentage, OnceForever):
    """A share off, once or for ever."""


class DiscountPercentageRepeatDurationBase(DiscountBase, Percentage, Repeat):
    """A share off, for some months."""


DiscountMinimal = (
    DiscountFixedOnceForeverDurationBase
    | DiscountFixedRepeatDurationBase
    | DiscountPercentageOnceForeverDurationBase
    | DiscountPercentageRepeatDurationBase
)
"""A discount without the products that it is limited to."""


class DiscountProduct(ProductBase):
    """A product that a discount is limited to."""

    metadata: MetadataOutputType


class DiscountFixedOnceForeverDuration(DiscountFixedOnceForeverDurationBase):
    """An amount off, once or for ever, and the products."""

    products: list[DiscountProduct]


class DiscountFixedRepeatDuration(DiscountFixedRepeatDurationBase):
    """An amount off, for some months, and the products."""

    products: list[DiscountProduct]


class DiscountPercentageOnceForeverDuration(DiscountPercentageOnceForeverDurationBase):
    """A share off, once or for ever, and the products."""

    products: list[DiscountProduct]


class DiscountPercentageRepeatDuration(DiscountPercentageRepeatDurationBase):
    """A share off, for some months, and the products."""

    products: list[DiscountProduct]


Discount = TypeAliasType(
    "Discount",
    DiscountFixedOnceForeverDuration
    | DiscountFixedRepeatDuration
    | DiscountPercentageOnceForeverDuration
    | DiscountPercentageRepeatDuration,
)
"""A discount with the products that it is limited to; none of them is all."""


class CheckoutDiscountBase(Identified):
    """What discounts of every kind tell a buyer."""

    name: str
    code: str | None


class CheckoutDiscountFixedOnceForeverDuration(CheckoutDiscountBase, Fixed, OnceForever):
    """An amount off, once or for ever."""


class CheckoutDiscountFixedRepeatDuration(CheckoutDiscountBase, Fixed, Repeat):
    """An amount off, for some months."""


class CheckoutDiscountPercentageOnceForeverDuration(CheckoutDiscountBase, Percentage, OnceForever):
    """A share off, once or for ever."""


class CheckoutDiscountPercentageRepeatDuration(CheckoutDiscountBase, Percentage, Repeat):
    """A share off, for some months."""


CheckoutDiscount = (
    CheckoutDiscountFixedOnceForeverDuration
    | CheckoutDiscountFixedRepeatDuration
    | CheckoutDiscountPercentageOnceForeverDuration
    | CheckoutDiscountPercentageRepeatDuration
)
"""A discount as a checkout session shows it."""
