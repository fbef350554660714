"""Refunds: how much of an order can be given back, how tax and net share it, and what it does to the order.

A merchant names an amount without tax; a processor or a bank knows the whole only. Both ways the last refund takes
everything that is left, so that any number of refunds give back exactly what was paid (orders spec 15.3). An order of
10.00 with 2.00 of tax, given back in three parts:

    >>> left = Split(amount=1000, tax=200)
    >>> split_net(333, net=1000, tax=200, left=left)
    Split(amount=333, tax=67)
    >>> split_net(334, net=1000, tax=200, left=Split(amount=334, tax=66))
    Split(amount=334, tax=66)
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from boreal.core.money import proportion
from boreal.core.orders import Order, OrderStatus


class RefundStatus(StrEnum):
    """Where a refund stands (contract ``RefundStatus``); even one that succeeded can fail later."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class RefundReason(StrEnum):
    """Why money was given back (contract ``RefundReason``)."""

    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"
    CUSTOMER_REQUEST = "customer_request"
    SERVICE_DISRUPTION = "service_disruption"
    SATISFACTION_GUARANTEE = "satisfaction_guarantee"
    DISPUTE_PREVENTION = "dispute_prevention"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money on its way back to a buyer, or back already. `amount` is without `tax_amount`.

    `processor_id` is None until the processor is known to have it. `comment` is for the merchant's own people.
    """

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    organization_id: UUID
    order_id: UUID
    customer_id: UUID
    subscription_id: UUID | None
    payment_id: UUID
    dispute_id: UUID | None = None
    processor: str
    processor_id: str | None
    status: RefundStatus
    reason: RefundReason
    amount: int
    tax_amount: int
    currency: str
    comment: str | None
    revoke_benefits: bool
    metadata: dict[str, Any]

    @property
    def total_amount(self) -> int:
        """What the buyer gets."""
        return self.amount + self.tax_amount


TRANSITIONS: dict[str | None, frozenset[str]] = {
    None: frozenset(RefundStatus),
    RefundStatus.PENDING: frozenset({RefundStatus.SUCCEEDED, RefundStatus.FAILED, RefundStatus.CANCELED}),
    RefundStatus.SUCCEEDED: frozenset({RefundStatus.FAILED, RefundStatus.CANCELED}),
    RefundStatus.FAILED: frozenset(),
    RefundStatus.CANCELED: frozenset(),
}
"""Which status may follow which (orders spec 15.4)."""


def facts(before: Refund | None, after: Refund) -> tuple[str, ...]:
    """`refund.created` whatever its status, then `refund.updated` when that changes (platform spec 9)."""
    if before is None:
        return ("refund.created",)
    return ("refund.updated",) if before.status is not after.status else ()


@dataclass(frozen=True, slots=True)
class Split:
    """What a refund is made of, or what is left to be given back, in minor units: net, and tax beside it."""

    amount: int
    tax: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.amount + self.tax


NOTHING = Split(0, 0)


def left_of(order: Order, *, pending: Split = NOTHING) -> Split:
    """What can still be given back of a paid order, less what is on its way (orders spec 1.3, 15.3).

    Never more than was collected: a part that the customer's credit paid stays with the merchant.
    """
    collected = order.due_amount - order.refunded_amount - order.refunded_tax_amount - pending.amount - pending.tax
    net = order.net_amount + order.applied_balance_amount - order.refunded_amount - pending.amount
    amount = min(max(0, net), max(0, collected))
    tax = order.tax_amount - order.refunded_tax_amount - pending.tax
    return Split(amount, min(max(0, tax), max(0, collected - amount)))


def split_net(amount: int, *, net: int, tax: int, left: Split) -> Split:
    """A refund of `amount` without tax, at most `left.amount`, with the tax that belongs to it (orders spec 15.3).

    `net` and `tax` are those of the order.
    """
    if amount == left.amount:
        return Split(amount, left.tax)
    return Split(amount, min(proportion(amount, tax, net), left.tax))


def split_gross(gross: int, *, tax: int, total: int, left: Split) -> Split:
    """A refund of `gross` with tax, at most `left.total`, taken apart (orders spec 15.3).

    `tax` and `total` are those of the order. Neither part is more than what is left of it.

        >>> split_gross(375, tax=250, total=1250, left=Split(1000, 250))
        Split(amount=300, tax=75)
    """
    share = max(min(proportion(gross, tax, total), left.tax), gross - left.amount)
    return Split(gross - share, share)


def refunded(order: Order, by: Split, *, now: datetime) -> Order:
    """The order after a refund has succeeded, or with negative parts after one was taken back (orders spec 15.4)."""
    amount, tax = order.refunded_amount + by.amount, order.refunded_tax_amount + by.tax
    return replace(
        order, status=_status(order, amount, tax), refunded_amount=amount, refunded_tax_amount=tax, modified_at=now
    )


def _status(order: Order, amount: int, tax: int) -> OrderStatus:
    if amount + tax == 0:
        return OrderStatus.PAID
    is_all = amount >= order.net_amount + order.applied_balance_amount
    return OrderStatus.REFUNDED if is_all else OrderStatus.PARTIALLY_REFUNDED


def credit_taken(by: Split, credit: int) -> int:
    """What a refund takes of the credit that the customer has: all of its own amount, never into debt.

    Only this refund counts, not those before it (orders spec 15.4).

        >>> credit_taken(Split(100, 25), 500), credit_taken(Split(1000, 250), 500), credit_taken(Split(100, 25), -500)
        (125, 500, 0)
    """
    return min(max(0, credit), by.total)
