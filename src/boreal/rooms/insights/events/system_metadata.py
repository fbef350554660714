"""What system events tell: the shape of their metadata by kind (usage spec 2.5).

Ids and times inside of metadata are texts. What does not apply is left out.
"""

from typing import NotRequired

from typing_extensions import TypedDict

from boreal.core.benefits import BenefitType


class MeterCreditedMetadata(TypedDict):
    """Units that a customer was given; fewer than nought takes some back."""

    meter_id: str
    units: int
    rollover: bool


class MeterResetMetadata(TypedDict):
    """A meter that begins anew for a customer."""

    meter_id: str


class BenefitGrantMetadata(TypedDict):
    """A benefit, and what a customer has of it."""

    benefit_id: str
    benefit_grant_id: str
    benefit_type: BenefitType
    member_id: NotRequired[str]


class _Terms(TypedDict):
    """What is paid for a subscription, and how often."""

    subscription_id: str
    product_id: str
    amount: int
    currency: str
    recurring_interval: str
    recurring_interval_count: int


class SubscriptionCreatedMetadata(_Terms):
    """A subscription as it began."""

    started_at: str


class SubscriptionCanceledMetadata(TypedDict):
    """A subscription that will end, or has, and why."""

    subscription_id: str
    product_id: NotRequired[str]
    amount: int
    currency: str
    recurring_interval: str
    recurring_interval_count: int
    customer_cancellation_reason: NotRequired[str]
    customer_cancellation_comment: NotRequired[str]
    canceled_at: str
    ends_at: NotRequired[str]
    cancel_at_period_end: NotRequired[bool]


class SubscriptionCycledMetadata(TypedDict):
    """A subscription that went on into another period."""

    subscription_id: str
    product_id: NotRequired[str]
    amount: NotRequired[int]
    currency: NotRequired[str]
    recurring_interval: NotRequired[str]
    recurring_interval_count: NotRequired[int]


class SubscriptionRevokedMetadata(SubscriptionCycledMetadata):
    """A subscription that is over."""


class SubscriptionUncanceledMetadata(_Terms):
    """A subscription that will go on after all."""


class SubscriptionProductUpdatedMetadata(TypedDict):
    """A subscription that is of another product now."""

    subscription_id: str
    old_product_id: str
    new_product_id: str


class SubscriptionSeatsUpdatedMetadata(TypedDict):
    """A subscription with more or fewer seats, and when the difference is billed."""

    subscription_id: str
    old_seats: int
    new_seats: int
    proration_behavior: str


class SubscriptionBillingPeriodUpdatedMetadata(TypedDict):
    """A subscription whose period ends at another time."""

    subscription_id: str
    old_period_end: str
    new_period_end: str


class OrderPaidMetadata(TypedDict):
    """An order and what was paid for it."""

    order_id: str
    product_id: NotRequired[str]
    billing_type: NotRequired[str]
    amount: int
    currency: NotRequired[str]
    net_amount: NotRequired[int]
    tax_amount: NotRequired[int]
    applied_balance_amount: NotRequired[int]
    discount_amount: NotRequired[int]
    discount_id: NotRequired[str]
    platform_fee: NotRequired[int]
    subscription_id: NotRequired[str]
    recurring_interval: NotRequired[str]
    recurring_interval_count: NotRequired[int]


class OrderRefundedMetadata(TypedDict):
    """An order and what was given back."""

    order_id: str
    refunded_amount: int
    currency: str


class CheckoutCreatedMetadata(TypedDict):
    """A checkout session as it was opened."""

    checkout_id: str
    checkout_status: str
    product_id: NotRequired[str]


class CustomerCreatedMetadata(TypedDict):
    """A customer as they came."""

    customer_id: str
    customer_email: str
    customer_name: str | None
    customer_external_id: str | None


class CustomerDeletedMetadata(CustomerCreatedMetadata):
    """A customer as they were last."""


class AddressDict(TypedDict):
    """An address without what is not known of it."""

    line1: NotRequired[str]
    line2: NotRequired[str]
    postal_code: NotRequired[str]
    city: NotRequired[str]
    state: NotRequired[str]
    country: str


class CustomerUpdatedFields(TypedDict):
    """What changed of a customer, and nothing else."""

    name: NotRequired[str | None]
    email: NotRequired[str | None]
    billing_address: NotRequired[AddressDict | None]
    tax_id: NotRequired[str | None]
    metadata: NotRequired[dict[str, str | int | bool] | None]


class CustomerUpdatedMetadata(CustomerCreatedMetadata):
    """A customer as they are now, and what changed."""

    updated_fields: CustomerUpdatedFields


class _Balance(TypedDict):
    """What every entry of the balance tells."""

    product_id: NotRequired[str]
    subscription_id: NotRequired[str]
    amount: int
    currency: str
    tax_amount: int
    tax_state: NotRequired[str | None]
    tax_country: NotRequired[str | None]
    fee: int


class _Transaction(_Balance):
    """An entry that moved money, which the customer saw in a currency of their own."""

    transaction_id: str
    presentment_amount: int
    presentment_currency: str


class _Return(_Transaction):
    """An entry that undoes what an order brought, or does it again."""

    order_id: NotRequired[str]
    order_created_at: NotRequired[str]


class BalanceOrderMetadata(_Transaction):
    """What a payment of an order added to the balance."""

    order_id: str


class BalanceCreditOrderMetadata(_Balance):
    """An order that was paid from what the customer had."""

    order_id: str


class BalanceRefundMetadata(_Return):
    """What a refund took from the balance, or gave back to it."""

    refund_id: str
    refundable_amount: NotRequired[int]


class BalanceDisputeMetadata(_Return):
    """What a dispute took from the balance, or gave back to it."""

    dispute_id: str
