"""States of an order and why it was made (orders spec 1.1, 1.2)."""

from enum import StrEnum


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
