"""States of a subscription, how its changes are billed, and why customers leave (orders spec 5)."""

from enum import StrEnum


class SubscriptionStatus(StrEnum):
    """Where a subscription stands; the groups of these are in orders spec 5.2."""

    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    CANCELED = "canceled"
    UNPAID = "unpaid"


class ProrationBehavior(StrEnum):
    """Bill a change at once or on the next invoice (contract ``SubscriptionProrationBehavior``)."""

    INVOICE = "invoice"
    PRORATE = "prorate"


class CancellationReason(StrEnum):
    """Why a customer canceled (contract ``CustomerCancellationReason``)."""

    CUSTOMER_SERVICE = "customer_service"
    LOW_QUALITY = "low_quality"
    MISSING_FEATURES = "missing_features"
    SWITCHED_SERVICE = "switched_service"
    TOO_COMPLEX = "too_complex"
    TOO_EXPENSIVE = "too_expensive"
    UNUSED = "unused"
    OTHER = "other"
