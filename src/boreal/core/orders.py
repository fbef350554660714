"""Orders: what a customer owes or has paid, line by line (orders spec 1, 2.1).

The amounts of an order add up: its items to the subtotal, less the discount to the net amount, plus tax to the total.
What is due may differ from the total by a balance that the customer had. 5 seats at 9.00 with 15 % off and 25 % tax:

    >>> sums = Amounts(subtotal_amount=4500, discount_amount=675, tax_amount=956)
    >>> sums.net_amount, sums.total_amount, sums.due_amount
    (3825, 4781, 4781)
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from boreal.core.products import Product


class OrderStatus(StrEnum):
    """Where an order stands between being due and being given back (orders spec 1.1)."""

    PENDING = "pending"
    PAID = "paid"
    REFUNDED = "refunded"
    PARTIALLY_REFUNDED = "partially_refunded"


class BillingReason(StrEnum):
    """Why an order exists (contract ``OrderBillingReason``).

    A conversion after a trial is a ``subscription_cycle`` on the wire (orders spec 1.2).
    """

    PURCHASE = "purchase"
    SUBSCRIPTION_CREATE = "subscription_create"
    SUBSCRIPTION_CYCLE = "subscription_cycle"
    SUBSCRIPTION_UPDATE = "subscription_update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """The sums of an order, in minor units of its currency (orders spec 1.3).

    `applied_balance_amount` is negative when the customer's credit paid a part, positive when a debt was added.
    """

    subtotal_amount: int
    discount_amount: int
    tax_amount: int
    applied_balance_amount: int = 0

    @property
    def net_amount(self) -> int:
        """What the merchant sells for: the subtotal less the discount."""
        return self.subtotal_amount - self.discount_amount

    @property
    def total_amount(self) -> int:
        """The net amount with its tax."""
        return self.net_amount + self.tax_amount

    @property
    def due_amount(self) -> int:
        """What is to be collected, never below zero."""
        return max(0, self.total_amount + self.applied_balance_amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Amounts):
    """One order. `billing_name`, `billing_address` and `tax_id` are the customer's of the moment of its creation.

    `period_start` is the beginning of the period that an order of a subscription pays for, and `period_number` says
    which one that is, counted from 1; orders within a period have neither. `first_failed_at` is when the first attempt
    to collect it failed, from which the days of dunning count. `tax_rate` is the rate as the tax source gave it.
    """

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    organization_id: UUID
    customer_id: UUID
    product_id: UUID | None
    discount_id: UUID | None
    subscription_id: UUID | None
    checkout_id: UUID | None
    status: OrderStatus
    billing_reason: BillingReason
    currency: str
    refunded_amount: int = 0
    refunded_tax_amount: int = 0
    platform_fee_amount: int = 0
    platform_fee_currency: str | None = None
    taxability_reason: str | None
    tax_rate: dict[str, Any] | None
    billing_name: str | None
    billing_address: dict[str, Any] | None
    tax_id: list[str] | None
    invoice_number: str
    is_invoice_generated: bool = False
    seats: int | None
    metadata: dict[str, Any]
    custom_field_data: dict[str, Any]
    period_start: datetime | None
    period_number: int | None = None
    next_payment_attempt_at: datetime | None = None
    first_failed_at: datetime | None = None

    @property
    def is_paid(self) -> bool:
        """Whether it was settled, refunded since or not."""
        return self.status is not OrderStatus.PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItem:
    """One line of an order, before discount and tax; tax lives on the order (orders spec 1.4)."""

    label: str
    amount: int
    product_price_id: UUID | None = None
    proration: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseItem:
    """One static price of a purchase and what it came to; without a label it is named after the product."""

    amount: int
    product_price_id: UUID
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A confirmed checkout, as billing needs to know it; amounts are the full ones, also when a trial comes first.

    `price_ids` are all prices of the subscription, metered ones included, and `meter_ids` the meters of these.
    `subscription_id` is the free subscription that the purchase upgrades, if it lives; without one a recurring product
    begins a new one. `trial_end` is None without a trial. Items that do not add up to the subtotal, and a trial of what
    is bought once, are a `ValueError`.
    """

    organization_id: UUID
    checkout_id: UUID
    product: Product
    items: tuple[PurchaseItem, ...]
    seats: int | None = None
    subtotal_amount: int
    discount_amount: int = 0
    tax_amount: int = 0
    currency: str
    discount_id: UUID | None = None
    taxability_reason: str | None = None
    tax_rate: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any]
    custom_field_data: Mapping[str, Any]
    subscription_id: UUID | None = None
    trial_end: datetime | None = None
    price_ids: tuple[UUID, ...] = ()
    meter_ids: tuple[UUID, ...] = ()
    payment_id: UUID | None = None
    payment_method_id: UUID | None = None

    def __post_init__(self) -> None:
        if sum(item.amount for item in self.items) != self.subtotal_amount:
            raise ValueError(f"the items of checkout {self.checkout_id} do not add up to {self.subtotal_amount}")
        if self.trial_end is not None and not self.product.is_recurring:
            raise ValueError(f"checkout {self.checkout_id} has a trial of a product that is bought once")


TRANSITIONS: dict[str | None, frozenset[str]] = {
    None: frozenset({OrderStatus.PENDING, OrderStatus.PAID}),
    OrderStatus.PENDING: frozenset({OrderStatus.PAID}),
    OrderStatus.PAID: frozenset({OrderStatus.PARTIALLY_REFUNDED, OrderStatus.REFUNDED}),
    OrderStatus.PARTIALLY_REFUNDED: frozenset({OrderStatus.PAID, OrderStatus.REFUNDED}),
    OrderStatus.REFUNDED: frozenset({OrderStatus.PAID, OrderStatus.PARTIALLY_REFUNDED}),
}
"""Which status may follow which (orders spec 1.1); an order whose collection was given up stays pending for ever."""


_UNTOLD = frozenset(
    {"modified_at", "next_payment_attempt_at", "first_failed_at", "platform_fee_amount", "platform_fee_currency"}
)
_TOLD = tuple(item.name for item in fields(Order) if item.name not in _UNTOLD)


def facts(before: Order | None, after: Order) -> tuple[str, ...]:
    """What a change of an order means (orders spec 17, platform spec 9).

    When it is collected next and what the platform takes for it are nobody's news, so a failed attempt tells nothing.
    `order.refunded` belongs to the refund that brought it about.
    """
    if before is None:
        return ("order.created", "order.updated", "order.paid") if after.is_paid else ("order.created",)
    if all(getattr(before, name) == getattr(after, name) for name in _TOLD):
        return ()
    return ("order.updated", "order.paid") if after.is_paid and not before.is_paid else ("order.updated",)


def invoice_number(prefix: str, number: int, *, customer_short_id: str | None = None) -> str:
    """The number of an invoice, counted per customer, or per organization without a short id (orders spec 2.1).

    >>> invoice_number("ACME", 1, customer_short_id="RWIWVQKRTF"), invoice_number("ACME", 42)
    ('ACME-RWIWVQKRTF-0001', 'ACME-0042')
    """
    parts = (prefix, customer_short_id, f"{number:04d}")
    return "-".join(part for part in parts if part is not None)
