"""Wire shapes of our own about changes of subscriptions: previews, and what is scheduled."""

from datetime import datetime

from boreal.core.calendar import RecurringInterval
from boreal.core.orders import BillingReason
from boreal.core.subscriptions import SubscriptionStatus
from boreal.kit.schemas import UUID4, Schema


class PreviewLine(Schema):
    """One line of an invoice that is not made yet."""

    label: str
    amount: int
    proration: bool
    product_price_id: UUID4 | None


class PreviewInvoice(Schema):
    """An order as it would be, in minor units of the subscription's currency."""

    date: datetime
    billing_reason: BillingReason
    lines: list[PreviewLine]
    subtotal_amount: int
    discount_amount: int
    net_amount: int
    tax_amount: int
    total_amount: int
    applied_balance_amount: int
    due_amount: int


class PreviewSubscription(Schema):
    """The subscription as it would be."""

    status: SubscriptionStatus
    product_id: UUID4
    seats: int | None
    amount: int
    currency: str
    recurring_interval: RecurringInterval
    recurring_interval_count: int
    current_period_start: datetime
    current_period_end: datetime
    trial_end: datetime | None
    cancel_at_period_end: bool
    ends_at: datetime | None


class SubscriptionPreview(Schema):
    """What a change would do: `invoice` is billed at once, `next_invoice` when the period ends."""

    subscription: PreviewSubscription
    invoice: PreviewInvoice | None
    next_invoice: PreviewInvoice | None


class SubscriptionChargePreview(Schema):
    """What the next period would cost."""

    base_amount: int
    metered_amount: int
    subtotal_amount: int
    discount_amount: int
    tax_amount: int
    total_amount: int


class ScheduledChange(Schema):
    """What changes with the next period."""

    id: UUID4
    created_at: datetime
    product_id: UUID4 | None
    seats: int | None
