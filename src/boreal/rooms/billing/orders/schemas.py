"""Wire shapes of orders (orders spec 1.3, 1.4)."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from boreal.core.orders import BillingReason, OrderStatus
from boreal.kit.schemas import UUID4, CustomFieldData, Identified, MetadataOutputType, Timestamped
from boreal.rooms.billing.subscriptions.schemas import SubscriptionBase
from boreal.rooms.catalog.public import CustomerProduct, DiscountMinimal, ProductBase
from boreal.rooms.customers.public import Address, CustomerBase


class OrderItemSchema(Identified, Timestamped):
    """One line of an order; the amount is before discount and tax."""

    label: str
    amount: int
    tax_amount: int
    proration: bool
    product_price_id: UUID4 | None


class OrderBase(Identified, Timestamped):
    """What every view of an order tells; amounts are in minor units of its currency."""

    status: OrderStatus
    paid: bool
    subtotal_amount: int
    discount_amount: int
    net_amount: int
    tax_amount: int
    total_amount: int
    applied_balance_amount: int
    due_amount: int
    refunded_amount: int
    refunded_tax_amount: int
    currency: str
    billing_reason: BillingReason
    billing_name: str | None
    billing_address: Address | None
    invoice_number: str
    is_invoice_generated: bool
    seats: int | None
    customer_id: UUID4
    product_id: UUID4 | None
    discount_id: UUID4 | None
    subscription_id: UUID4 | None
    checkout_id: UUID4 | None
    user_id: Annotated[UUID4, Field(deprecated=True)]
    items: list[OrderItemSchema]
    description: str


class OrderCustomer(CustomerBase):
    """The customer, as an order shows it."""


class OrderProduct(ProductBase):
    """The product, as an order shows it."""

    metadata: MetadataOutputType


class OrderSubscription(SubscriptionBase):
    """The subscription, as an order shows it."""

    metadata: MetadataOutputType


class Order(OrderBase):
    """An order as merchants see it; the platform fee is null-currency zero until the payment is balanced."""

    metadata: MetadataOutputType
    custom_field_data: CustomFieldData = Field(default_factory=dict)
    platform_fee_amount: int
    platform_fee_currency: str | None
    customer: OrderCustomer
    product: OrderProduct | None
    discount: DiscountMinimal | None
    subscription: OrderSubscription | None


class CustomerOrderProduct(CustomerProduct):
    """The product, as an order in the portal shows it."""


class CustomerOrderSubscription(SubscriptionBase):
    """The subscription, as an order in the portal shows it."""


class CustomerOrder(OrderBase):
    """An order as its customer sees it, with the time of the next attempt to collect it."""

    product: CustomerOrderProduct | None
    subscription: CustomerOrderSubscription | None
    next_payment_attempt_at: datetime | None
