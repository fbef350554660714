"""Wire shape of the customer state: what a customer has, at a glance (usage spec 13)."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from boreal.core.benefits import BenefitType
from boreal.core.calendar import RecurringInterval
from boreal.core.subscriptions import SubscriptionStatus
from boreal.kit.schemas import UUID4, CustomFieldData, Identified, MetadataOutputType, Timestamped
from boreal.rooms.billing.public import SubscriptionMeterBase
from boreal.rooms.customers.public import CustomerBase
from boreal.rooms.entitlements.grants.properties import BenefitGrantProperties


class CustomerStateSubscriptionMeter(SubscriptionMeterBase):
    """Usage of a meter in the current period."""


class CustomerStateSubscription(Identified, Timestamped):
    """A subscription that gives access now."""

    custom_field_data: CustomFieldData = Field(default_factory=dict)
    metadata: MetadataOutputType
    status: Literal[SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING]
    amount: int
    currency: str
    recurring_interval: RecurringInterval
    current_period_start: datetime
    current_period_end: datetime | None
    trial_start: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    started_at: datetime | None
    ends_at: datetime | None
    product_id: UUID4
    discount_id: UUID4 | None
    meters: list[CustomerStateSubscriptionMeter]


class CustomerStateBenefitGrant(Identified, Timestamped):
    """A benefit that the customer has."""

    granted_at: datetime
    benefit_id: UUID4
    benefit_type: BenefitType
    benefit_metadata: MetadataOutputType
    properties: BenefitGrantProperties


class CustomerStateMeter(Identified, Timestamped):
    """Usage of a meter against the units credited to it."""

    meter_id: UUID4
    consumed_units: float
    credited_units: int
    balance: float


class CustomerState(CustomerBase):
    """A customer with what it has: active subscriptions, granted benefits, meters from the oldest on."""

    active_subscriptions: list[CustomerStateSubscription]
    granted_benefits: list[CustomerStateBenefitGrant]
    active_meters: list[CustomerStateMeter]
