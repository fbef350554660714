"""Subscriptions: their states, what a change means, and why customers leave (orders spec 5).

A subscription counts as active while it is on trial or paid for, and can be billed also while a payment is overdue:

    >>> sorted(BILLABLE - ACTIVE)
    [<SubscriptionStatus.PAST_DUE: 'past_due'>]
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from boreal.core.calendar import RecurringInterval


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription; the meaning of its moments is in orders spec 5.4.

    `amount` is what a period costs before tax, discount taken off. Periods keep `anchor_day`, the day of the month on
    which the present run of them began, and are counted from 1 by `period_number`. `discount_applied_at` is the start
    of the first paid period that the discount covered.
    """

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    organization_id: UUID
    customer_id: UUID
    product_id: UUID
    discount_id: UUID | None
    checkout_id: UUID | None
    payment_method_id: UUID | None
    status: SubscriptionStatus
    amount: int
    currency: str
    seats: int | None
    recurring_interval: RecurringInterval
    recurring_interval_count: int
    anchor_day: int
    period_number: int = 1
    current_period_start: datetime
    current_period_end: datetime
    trial_start: datetime | None
    trial_end: datetime | None
    started_at: datetime
    cancel_at_period_end: bool = False
    canceled_at: datetime | None = None
    ends_at: datetime | None = None
    ended_at: datetime | None = None
    past_due_at: datetime | None = None
    discount_applied_at: datetime | None
    customer_cancellation_reason: CancellationReason | None = None
    customer_cancellation_comment: str | None = None
    metadata: dict[str, Any]
    custom_field_data: dict[str, Any]


ACTIVE = frozenset({SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE})
"""Benefits are granted, periods follow each other (orders spec 5.2)."""

BILLABLE = ACTIVE | {SubscriptionStatus.PAST_DUE}
"""Can be canceled, and stands in the way of a second subscription (catalog spec 6.11)."""

REVOKED = frozenset({SubscriptionStatus.CANCELED, SubscriptionStatus.UNPAID})
"""Over for good."""

TRANSITIONS: dict[str | None, frozenset[str]] = {
    None: ACTIVE,
    SubscriptionStatus.TRIALING: frozenset(
        {SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE, SubscriptionStatus.CANCELED}
    ),
    SubscriptionStatus.ACTIVE: frozenset(
        {SubscriptionStatus.TRIALING, SubscriptionStatus.PAST_DUE, SubscriptionStatus.CANCELED}
    ),
    SubscriptionStatus.PAST_DUE: frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.CANCELED}),
    SubscriptionStatus.CANCELED: frozenset(),
    SubscriptionStatus.UNPAID: frozenset(),
    SubscriptionStatus.INCOMPLETE: frozenset(),
    SubscriptionStatus.INCOMPLETE_EXPIRED: frozenset(),
}
"""Which status may follow which (orders spec 5.3). The last three are accepted in data and never produced."""


def facts(before: Subscription | None, after: Subscription) -> tuple[str, ...]:
    """What a change of a subscription means, in the order in which it is told (orders spec 17, platform spec 9.1).

    `subscription.updated` comes first, except at birth, where it closes the series.
    """
    if before == after:
        return ()
    became_active = after.status in ACTIVE and (before is None or before.status not in ACTIVE)
    if before is None:
        return ("subscription.created", *(("subscription.active",) if became_active else ()), "subscription.updated")
    told = {
        "subscription.updated": True,
        "subscription.active": became_active,
        "subscription.uncanceled": before.canceled_at is not None and after.canceled_at is None,
        "subscription.past_due": _entered(before, after, frozenset({SubscriptionStatus.PAST_DUE})),
        "subscription.canceled": before.canceled_at is None and after.canceled_at is not None,
        "subscription.revoked": _entered(before, after, REVOKED),
    }
    return tuple(name for name, holds in told.items() if holds)


def upgraded(before: Subscription, bought: Subscription) -> Subscription:
    """A free subscription as the purchase of another plan makes it (orders spec 6.2, catalog spec 6.14).

    `bought` is the subscription as the purchase alone would begin it: its plan and its period, which starts now, are
    taken over, whatever was to end goes on, and metadata are merged. Whose it is and since when stays.
    """
    return replace(
        bought,
        id=before.id,
        created_at=before.created_at,
        modified_at=bought.created_at,
        customer_id=before.customer_id,
        started_at=before.started_at,
        period_number=before.period_number + 1,
        payment_method_id=bought.payment_method_id or before.payment_method_id,
        metadata={**before.metadata, **bought.metadata},
        custom_field_data={**before.custom_field_data, **bought.custom_field_data},
    )


def _entered(before: Subscription, after: Subscription, group: frozenset[SubscriptionStatus]) -> bool:
    return after.status in group and before.status not in group


def canceled_at_period_end(
    subscription: Subscription, *, reason: CancellationReason | None, comment: str | None, now: datetime
) -> Subscription:
    """The subscription that ends with its period; nothing changes until then (orders spec 6.7)."""
    return replace(
        with_reason(subscription, reason, comment),
        cancel_at_period_end=True,
        canceled_at=now,
        ends_at=subscription.current_period_end,
        modified_at=now,
    )


def uncanceled(subscription: Subscription, *, now: datetime) -> Subscription:
    """The subscription that goes on after all, as if nobody had canceled it (orders spec 6.8)."""
    return replace(
        subscription,
        cancel_at_period_end=False,
        canceled_at=None,
        ends_at=None,
        customer_cancellation_reason=None,
        customer_cancellation_comment=None,
        modified_at=now,
    )


def with_reason(subscription: Subscription, reason: CancellationReason | None, comment: str | None) -> Subscription:
    """The subscription with why its customer leaves, as far as somebody said it."""
    return replace(
        subscription,
        customer_cancellation_reason=reason or subscription.customer_cancellation_reason,
        customer_cancellation_comment=comment or subscription.customer_cancellation_comment,
    )
