"""Wire shapes of what merchants send of discounts (catalog spec 4.1)."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo, field_validator
from typing_extensions import TypeAliasType

from boreal.core.discounts import WHOLE, DiscountDuration, DiscountType
from boreal.kit.schemas import UUID4, Countable, EmptyToNone, Instant, MetadataInput, NumberOnly, Schema, distinct
from boreal.rooms.catalog.products.price_schemas import PriceCurrency

MAXIMUM_AMOUNT = 999_999_999_999


def _code(value: str | None) -> str | None:
    if value is None:
        return None
    if not value.isalnum():
        raise ValueError("Code must contain only alphanumeric characters.")
    if not 3 <= len(value) <= 256:
        raise ValueError("Code must be between 3 and 256 characters long.")
    return value


Name = Annotated[str, Field(min_length=1)]
Code = Annotated[EmptyToNone, AfterValidator(_code)]
"""3 to 256 letters and digits of any script, trimmed; blank is none (correction 20)."""
Redemptions = Annotated[int, Field(ge=1), Countable, NumberOnly]
Months = Annotated[int, Field(ge=1, le=999), NumberOnly]
Amount = Annotated[int, Field(ge=0, le=MAXIMUM_AMOUNT), NumberOnly]
BasisPoints = Annotated[int, Field(ge=1, le=WHOLE), NumberOnly]
Products = Annotated[list[UUID4], distinct("Product is already in the list.")]


class DiscountSettable(Schema):
    """What can be set at any time."""

    metadata: MetadataInput = Field(default_factory=dict)
    code: Code = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    max_redemptions: Redemptions | None = None
    products: Products | None = None

    @field_validator("ends_at")
    @classmethod
    def is_after_the_start(cls, ends_at: datetime | None, info: ValidationInfo) -> datetime | None:
        """Refuses an end that is not after the start; only what one request says is compared."""
        starts_at = info.data.get("starts_at")
        if starts_at is not None and ends_at is not None and starts_at >= ends_at:
            raise ValueError("starts_at must be before ends_at")
        return ends_at


class DiscountCreateBase(DiscountSettable):
    """What new discounts of every kind have."""

    type: DiscountType
    duration: DiscountDuration
    name: Name
    organization_id: UUID4 | None = None


class DiscountFixedOnceForeverDurationCreate(DiscountCreateBase):
    """An amount off, once or for ever."""

    amount: Amount
    currency: PriceCurrency = "usd"


class DiscountFixedRepeatDurationCreate(DiscountCreateBase):
    """An amount off, for some months."""

    duration_in_months: Months
    amount: Amount
    currency: PriceCurrency = "usd"


class DiscountPercentageOnceForeverDurationCreate(DiscountCreateBase):
    """A share off, once or for ever."""

    basis_points: BasisPoints


class DiscountPercentageRepeatDurationCreate(DiscountCreateBase):
    """A share off, for some months."""

    duration_in_months: Months
    basis_points: BasisPoints


def discount_kind(value: Any) -> str | None:
    """Which shape a new discount has, such as `fixed.repeat`; None without type or duration (catalog spec 1.2)."""
    given = vars(value) if isinstance(value, DiscountCreateBase) else value if isinstance(value, dict) else {}
    type, duration = given.get("type"), given.get("duration")
    if not isinstance(type, str) or not isinstance(duration, str):
        return None
    return f"{type}.{'repeat' if duration == DiscountDuration.REPEATING else 'once_forever'}"


DiscountCreate = TypeAliasType(
    "DiscountCreate",
    Annotated[
        Annotated[DiscountFixedOnceForeverDurationCreate, Tag("fixed.once_forever")]
        | Annotated[DiscountFixedRepeatDurationCreate, Tag("fixed.repeat")]
        | Annotated[DiscountPercentageOnceForeverDurationCreate, Tag("percentage.once_forever")]
        | Annotated[DiscountPercentageRepeatDurationCreate, Tag("percentage.repeat")],
        Discriminator(discount_kind),
    ],
)


class DiscountUpdate(DiscountSettable):
    """Changes of a discount; only what is sent changes, and fields of another kind are ignored (catalog spec 4.2)."""

    name: Name | None = None
    duration: DiscountDuration | None = None
    duration_in_months: Months | None = None
    type: DiscountType | None = None
    amount: Amount | None = None
    currency: PriceCurrency | None = None
    basis_points: BasisPoints | None = None
