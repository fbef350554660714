"""Wire shapes of checkout sessions: what merchants and buyers see, and what they send (catalog spec 6)."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field
from pydantic.json_schema import SkipJsonSchema

from boreal.core.calendar import TrialInterval
from boreal.core.checkouts import BillingAddressFieldMode, CheckoutStatus
from boreal.core.currencies import PresentmentCurrency
from boreal.kit.schemas import (
    UUID4,
    Boolean,
    CustomFieldData,
    Email,
    EmptyToNone,
    HttpUrlString,
    Identified,
    IPAddress,
    MetadataInput,
    MetadataOutputType,
    Name,
    NumberOnly,
    Schema,
    Timestamped,
    distinct,
    empty_to_none,
)
from boreal.rooms.catalog.public import (
    AnyProductPrice,
    AttachedCustomField,
    CheckoutDiscount,
    CheckoutProduct,
    ProductPricesCreate,
    TrialConfiguration,
)
from boreal.rooms.customers.public import Address, AddressInput
from boreal.rooms.platform.public import CheckoutOrganization


class CheckoutBillingAddressFields(Schema):
    """What the form does with each field of the billing address."""

    country: BillingAddressFieldMode
    state: BillingAddressFieldMode
    city: BillingAddressFieldMode
    postal_code: BillingAddressFieldMode
    line1: BillingAddressFieldMode
    line2: BillingAddressFieldMode


class CheckoutBase(Identified, Timestamped):
    """What both views tell. Amounts are in minor units; `tax_amount` is null while it cannot be computed."""

    custom_field_data: CustomFieldData = Field(default_factory=dict)
    payment_processor: Literal["stripe"]
    status: CheckoutStatus
    client_secret: str
    url: str
    expires_at: datetime
    success_url: str
    return_url: str | None
    embed_origin: str | None
    amount: int
    seats: int | None
    price_per_seat: int | None
    discount_amount: int
    net_amount: int
    tax_amount: int | None
    total_amount: int
    currency: str
    allow_trial: bool | None
    active_trial_interval: TrialInterval | None
    active_trial_interval_count: int | None
    trial_end: datetime | None
    organization_id: UUID4
    product_id: UUID4 | None
    product_price_id: Annotated[UUID4 | None, Field(deprecated=True)]
    discount_id: UUID4 | None
    allow_discount_codes: bool
    require_billing_address: bool
    is_discount_applicable: bool
    is_free_product_price: bool
    is_payment_required: bool
    is_payment_setup_required: bool
    is_payment_form_required: bool
    customer_id: UUID4 | None
    is_business_customer: bool
    customer_name: str | None
    customer_email: str | None
    customer_ip_address: IPAddress | None
    customer_billing_name: str | None
    customer_billing_address: Address | None
    customer_tax_id: str | None
    payment_processor_metadata: dict[str, str]
    billing_address_fields: CheckoutBillingAddressFields
    products: list[CheckoutProduct]
    product: CheckoutProduct | None
    product_price: Annotated[AnyProductPrice | None, Field(deprecated=True)]
    prices: dict[UUID4, list[AnyProductPrice]] | None
    discount: CheckoutDiscount | None
    attached_custom_fields: list[AttachedCustomField] | None


class Checkout(CheckoutBase):
    """A checkout session as merchants see it."""

    trial_interval: TrialInterval | None
    trial_interval_count: int | None
    metadata: MetadataOutputType
    external_customer_id: str | None
    customer_external_id: Annotated[str | None, Field(deprecated=True)]
    subscription_id: UUID4 | None
    customer_metadata: dict[str, str | int | bool]


class CheckoutPublic(CheckoutBase):
    """A checkout session as anybody sees it who has its client secret."""

    organization: CheckoutOrganization


class CheckoutPublicConfirmed(CheckoutPublic):
    """A session that was just confirmed, with a token for the customer portal, shown this once."""

    status: Literal[CheckoutStatus.CONFIRMED]
    customer_session_token: str


def _outside_gap(value: int) -> int:
    if 0 < value < 50:
        raise ValueError("Amount must be 0 or at least 50 cents")
    return value


Amount = Annotated[int, Field(ge=0, le=99_999_999), AfterValidator(_outside_gap), NumberOnly]
"""What the buyer pays for a pay-what-you-want price, in minor units: 0 or from 50 (catalog spec 6.3)."""

Seats = Annotated[int, Field(ge=1, le=1000), NumberOnly]
OptionalEmail = Annotated[Email | None, BeforeValidator(empty_to_none)]


class CustomerDetails(Schema):
    """What either side may tell about the buyer."""

    customer_name: Name = None
    customer_email: OptionalEmail = None
    customer_billing_name: EmptyToNone = None
    customer_billing_address: AddressInput | None = None
    customer_tax_id: EmptyToNone = None


class Navigation(Schema):
    """Where the buyer comes from and goes to."""

    success_url: HttpUrlString | None = None
    return_url: HttpUrlString | None = None
    embed_origin: str | None = None


class CheckoutCreateBase(CustomerDetails, Navigation, TrialConfiguration):
    """What new sessions have, whichever way their product is named."""

    metadata: MetadataInput = Field(default_factory=dict)
    custom_field_data: CustomFieldData = Field(default_factory=dict)
    discount_id: UUID4 | None = None
    allow_discount_codes: Boolean = True
    require_billing_address: Boolean = False
    amount: Amount | None = None
    seats: Seats | None = None
    allow_trial: Boolean = True
    customer_id: UUID4 | None = None
    is_business_customer: Boolean = False
    external_customer_id: Annotated[
        EmptyToNone, Field(validation_alias=AliasChoices("external_customer_id", "customer_external_id"))
    ] = None
    customer_ip_address: IPAddress | None = None
    customer_metadata: MetadataInput = Field(default_factory=dict)
    subscription_id: UUID4 | None = None


class CheckoutProductsCreate(CheckoutCreateBase):
    """A session for one of several products, the first of them selected; `prices` are made for it alone."""

    currency: PresentmentCurrency | None = None
    products: Annotated[list[UUID4], Field(min_length=1), distinct("Product is already in the list.")]
    prices: dict[UUID4, ProductPricesCreate] | None = None


class CheckoutProductCreate(CheckoutCreateBase):
    """A session for one product; an older form that is still accepted."""

    currency: PresentmentCurrency | None = None
    product_id: UUID4


class CheckoutPriceCreate(CheckoutCreateBase):
    """A session for the product of one price; the oldest form that is still accepted."""

    product_price_id: UUID4


CheckoutCreate = CheckoutProductsCreate | SkipJsonSchema[CheckoutProductCreate] | SkipJsonSchema[CheckoutPriceCreate]


class CheckoutUpdateBase(CustomerDetails):
    """What either side may change in an open session; only what is sent changes (catalog spec 6.10)."""

    custom_field_data: CustomFieldData = Field(default_factory=dict)
    product_id: UUID4 | None = None
    product_price_id: Annotated[UUID4 | None, Field(deprecated=True)] = None
    amount: Amount | None = None
    seats: Seats | None = None
    is_business_customer: Boolean | None = None


class CheckoutUpdate(CheckoutUpdateBase, Navigation, TrialConfiguration):
    """What a merchant may change."""

    metadata: MetadataInput = Field(default_factory=dict)
    currency: PresentmentCurrency | None = None
    discount_id: UUID4 | None = None
    allow_discount_codes: Boolean | None = None
    require_billing_address: Boolean | None = None
    allow_trial: Boolean | None = None
    customer_ip_address: IPAddress | None = None
    customer_metadata: MetadataInput | None = None


class CheckoutUpdatePublic(CheckoutUpdateBase):
    """What a buyer may change: a trial can be given up, not asked for."""

    discount_code: EmptyToNone = None
    allow_trial: Literal[False] | None = None


class CheckoutConfirmStripe(CheckoutUpdatePublic):
    """Last changes, and the confirmation token of the payment form; none when nothing is to be paid."""

    confirmation_token_id: str | None = None
