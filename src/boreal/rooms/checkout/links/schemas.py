"""Wire shapes of checkout links (catalog spec 5.1, 5.2)."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypeAliasType

from boreal.core.calendar import TrialInterval
from boreal.kit.schemas import (
    UUID4,
    Boolean,
    HttpUrlString,
    Identified,
    MetadataInput,
    MetadataOutputType,
    Timestamped,
    distinct,
)
from boreal.rooms.catalog.public import CheckoutProduct, DiscountMinimal, TrialConfiguration

Products = Annotated[list[UUID4], Field(min_length=1), distinct("Product is already in the list.")]


class CheckoutLinkProduct(CheckoutProduct):
    """A product as a checkout link shows it to its merchant."""

    metadata: MetadataOutputType


class CheckoutLink(Identified, Timestamped):
    """A checkout link. `url` is the address to share."""

    trial_interval: TrialInterval | None
    trial_interval_count: int | None
    metadata: MetadataOutputType
    payment_processor: Literal["stripe"]
    client_secret: str
    success_url: str | None
    label: str | None
    allow_discount_codes: bool
    require_billing_address: bool
    discount_id: UUID4 | None
    organization_id: UUID4
    products: list[CheckoutLinkProduct]
    discount: DiscountMinimal | None
    url: str


class CheckoutLinkCreateBase(TrialConfiguration):
    """What new links have, whichever way their products are named."""

    metadata: MetadataInput = Field(default_factory=dict)
    payment_processor: Literal["stripe"]
    label: str | None = None
    allow_discount_codes: Boolean = True
    require_billing_address: Boolean = False
    discount_id: UUID4 | None = None
    success_url: HttpUrlString | None = None


class CheckoutLinkCreateProductPrice(CheckoutLinkCreateBase):
    """A link to the product of one price; the oldest form that is still accepted."""

    product_price_id: UUID4


class CheckoutLinkCreateProduct(CheckoutLinkCreateBase):
    """A link to one product; an older form that is still accepted."""

    product_id: UUID4


class CheckoutLinkCreateProducts(CheckoutLinkCreateBase):
    """A link to some products in the order in which visitors see them, the first of them selected."""

    products: Products


CheckoutLinkCreate = TypeAliasType(
    "CheckoutLinkCreate", CheckoutLinkCreateProductPrice | CheckoutLinkCreateProduct | CheckoutLinkCreateProducts
)


class CheckoutLinkUpdate(TrialConfiguration):
    """Changes of a link; only what is sent changes, and `products` is the whole list that is wanted."""

    metadata: MetadataInput = Field(default_factory=dict)
    products: Products | None = None
    label: str | None = None
    allow_discount_codes: Boolean | None = None
    require_billing_address: Boolean | None = None
    discount_id: UUID4 | None = None
    success_url: HttpUrlString | None = None
