"""Wire shapes of subscriptions (orders spec 5.1)."""

from datetime import datetime

from pydantic import Field

from boreal.core.calendar import RecurringInterval
from boreal.core.subscriptions import CancellationReason, SubscriptionStatus
from boreal.kit.schemas import UUID4, CustomFieldData, Identified, MetadataOutputType, Schema, Timestamped
from boreal.rooms.catalog.public import AnyProductPrice, CustomerProduct, DiscountMinimal, Product
from boreal.rooms.customers.public import CustomerBase
from boreal.rooms.usage.public import Meter


class SubscriptionBase(Identified, Timestamped):
    """What every view of a subscription tells; `amount` is what a period costs before tax, discount taken off."""

    amount: int
    currency: str
    recurring_interval: RecurringInterval
    recurring_interval_count: int
    status: SubscriptionStatus
    current_period_start: datetime
    current_period_end: datetime | None
    trial_start: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    started_at: datetime | None
    ends_at: datetime | None
    ended_at: datetime | None
    customer_id: UUID4
    product_id: UUID4
    discount_id: UUID4 | None
    checkout_id: UUID4 | None
    seats: int | None
    customer_cancellation_reason: CancellationReason | None
    customer_cancellation_comment: str | None


class SubscriptionCustomer(CustomerBase):
    """The customer, as a subscription shows it."""


class SubscriptionMeterBase(Identified, Timestamped):
    """Usage of a meter in the current period, and what it costs so far in cents."""

    consumed_units: float
    credited_units: int
    amount: int
    meter_id: UUID4


class SubscriptionMeter(SubscriptionMeterBase):
    """Usage of a meter, with the meter."""

    meter: Meter


class CustomerSubscriptionMeterMeter(Identified, Timestamped):
    """The meter, as a subscription in the portal shows it."""

    name: str


class CustomerSubscriptionMeter(SubscriptionMeterBase):
    """Usage of a meter, as the portal shows it."""

    meter: CustomerSubscriptionMeterMeter


class CustomerSubscriptionProduct(CustomerProduct):
    """The product, as a subscription in the portal shows it."""


class CustomerSubscription(SubscriptionBase):
    """A subscription as its customer sees it."""

    product: CustomerSubscriptionProduct
    prices: list[AnyProductPrice]
    meters: list[CustomerSubscriptionMeter]


class CustomFieldValues(Schema):
    """The customer's answers to the product's custom fields."""

    custom_field_data: CustomFieldData = Field(default_factory=dict)


class Subscription(SubscriptionBase, CustomFieldValues):
    """A subscription as merchants see it."""

    metadata: MetadataOutputType
    customer: SubscriptionCustomer
    product: Product
    discount: DiscountMinimal | None
    prices: list[AnyProductPrice]
    meters: list[SubscriptionMeter]
