"""The door of the billing room: wire shapes that rooms above show inside their own."""

from boreal.rooms.billing.orders.schemas import Order
from boreal.rooms.billing.subscriptions.schemas import Subscription, SubscriptionMeterBase

__all__ = ["Order", "Subscription", "SubscriptionMeterBase"]
