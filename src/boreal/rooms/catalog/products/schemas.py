"""Wire shapes of products (catalog spec 2.1, 2.2)."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from boreal.core.calendar import RecurringInterval, TrialInterval
from boreal.kit.schemas import (
    UUID4,
    Boolean,
    EmptyToNone,
    Identified,
    MetadataInput,
    MetadataOutputType,
    NumberOnly,
    Schema,
    Timestamped,
    distinct,
)
from boreal.rooms.catalog.benefits.schemas import Benefit, BenefitPublic
from boreal.rooms.catalog.custom_fields.schemas import AttachedCustomField, AttachedCustomFieldCreate
from boreal.rooms.catalog.products.price_schemas import AnyProductPrice, ProductPricesCreate, ProductPriceUpdate
from boreal.rooms.platform.public import CustomerOrganization, ProductMediaFileRead

ProductName = Annotated[str, Field(min_length=3)]
IntervalCount = Annotated[int, Field(ge=1, le=999), NumberOnly]
Medias = Annotated[list[UUID4], distinct("File is already in the list.")]
AttachedCustomFields = Annotated[
    list[AttachedCustomFieldCreate],
    distinct("Custom field is already in the list.", key=lambda field: field.custom_field_id),
]


class ProductBase(Identified, Timestamped):
    """What every view of a product tells; without an interval it is bought once."""

    trial_interval: TrialInterval | None
    trial_interval_count: int | None
    name: str
    description: str | None
    recurring_interval: RecurringInterval | None
    recurring_interval_count: int | None
    is_recurring: bool
    is_archived: bool
    organization_id: UUID4


class Product(ProductBase):
    """A product as merchants see it, with its live catalog prices."""

    metadata: MetadataOutputType
    prices: list[AnyProductPrice]
    benefits: list[Benefit]
    medias: list[ProductMediaFileRead]
    attached_custom_fields: list[AttachedCustomField]


class ProductPublic(ProductBase):
    """What a buyer sees of a product."""

    prices: list[AnyProductPrice]
    benefits: list[BenefitPublic]
    medias: list[ProductMediaFileRead]


class CheckoutProduct(ProductPublic):
    """A product as a checkout session shows it."""


class CustomerProduct(ProductPublic):
    """A product as the customer portal shows it."""

    organization: CustomerOrganization


_TRIAL = frozenset({"trial_interval", "trial_interval_count"})


class TrialConfiguration(Schema):
    """An optional trial: interval and count together, or neither."""

    trial_interval: TrialInterval | None = None
    trial_interval_count: Annotated[int, Field(ge=1, le=1000), NumberOnly] | None = None

    @model_validator(mode="after")
    def is_complete_configuration(self) -> Self:
        """Refuses one half of a trial as a missing member; a null half alone clears both (catalog spec 2.6)."""
        if (self.trial_interval is None) != (self.trial_interval_count is None):
            raise PydanticCustomError("missing", "Both trial_interval and trial_interval_count must be set together.")
        if self.trial_interval is None and self.model_fields_set & _TRIAL:
            self.trial_interval = self.trial_interval_count = None  # both count as sent
        return self


class ProductCreateBase(Schema):
    """What new products of both kinds have."""

    metadata: MetadataInput = Field(default_factory=dict)
    name: ProductName
    description: EmptyToNone = None
    prices: ProductPricesCreate
    medias: Medias | None = None
    attached_custom_fields: AttachedCustomFields = Field(default_factory=list)
    organization_id: UUID4 | None = None


class ProductCreateRecurring(TrialConfiguration, ProductCreateBase):
    """A new product that is billed in periods."""

    recurring_interval: RecurringInterval
    recurring_interval_count: IntervalCount = 1


class ProductCreateOneTime(ProductCreateBase):
    """A new product that is bought once; trial fields are ignored."""

    recurring_interval: None = None
    recurring_interval_count: None = None


ProductCreate = ProductCreateRecurring | ProductCreateOneTime


class ProductUpdate(TrialConfiguration):
    """Changes of a product; only what is sent changes. `prices` is the whole list that is wanted (catalog spec 2.5)."""

    metadata: MetadataInput = Field(default_factory=dict)
    name: ProductName | None = None
    description: EmptyToNone = None
    recurring_interval: RecurringInterval | None = None
    recurring_interval_count: IntervalCount | None = None
    is_archived: Boolean | None = None
    prices: list[ProductPriceUpdate] | None = None
    medias: Medias | None = None
    attached_custom_fields: AttachedCustomFields | None = None


class ProductBenefitsUpdate(Schema):
    """The benefits of a product, all of them in their order."""

    benefits: Annotated[list[UUID4], distinct("Benefit is already in the list.")]
