"""Webhooks: the events one can subscribe to, and the rules by which they are delivered (platform spec 8, 9).

An event is sent in its turn until it is received (any 2xx), or until the last of ten retries failed; the pauses
between the attempts double. An endpoint whose ten latest decided events all failed is switched off.

>>> waiting = Progress(pending=True, succeeded=None, skipped=False, attempts=10)
>>> retry_delay_s(waiting.attempts, draw=0.5)
1536.0
>>> after_attempt(waiting, delivered=False)
Progress(pending=False, succeeded=False, skipped=False, attempts=11)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class WebhookEventType(StrEnum):
    """The 31 events of the public contract."""

    CHECKOUT_CREATED = "checkout.created"
    CHECKOUT_UPDATED = "checkout.updated"
    CUSTOMER_CREATED = "customer.created"
    CUSTOMER_UPDATED = "customer.updated"
    CUSTOMER_DELETED = "customer.deleted"
    CUSTOMER_STATE_CHANGED = "customer.state_changed"
    CUSTOMER_SEAT_ASSIGNED = "customer_seat.assigned"
    CUSTOMER_SEAT_CLAIMED = "customer_seat.claimed"
    CUSTOMER_SEAT_REVOKED = "customer_seat.revoked"
    ORDER_CREATED = "order.created"
    ORDER_UPDATED = "order.updated"
    ORDER_PAID = "order.paid"
    ORDER_REFUNDED = "order.refunded"
    SUBSCRIPTION_CREATED = "subscription.created"
    SUBSCRIPTION_UPDATED = "subscription.updated"
    SUBSCRIPTION_ACTIVE = "subscription.active"
    SUBSCRIPTION_CANCELED = "subscription.canceled"
    SUBSCRIPTION_UNCANCELED = "subscription.uncanceled"
    SUBSCRIPTION_REVOKED = "subscription.revoked"
    SUBSCRIPTION_PAST_DUE = "subscription.past_due"
    REFUND_CREATED = "refund.created"
    REFUND_UPDATED = "refund.updated"
    PRODUCT_CREATED = "product.created"
    PRODUCT_UPDATED = "product.updated"
    BENEFIT_CREATED = "benefit.created"
    BENEFIT_UPDATED = "benefit.updated"
    BENEFIT_GRANT_CREATED = "benefit_grant.created"
    BENEFIT_GRANT_CYCLED = "benefit_grant.cycled"
    BENEFIT_GRANT_UPDATED = "benefit_grant.updated"
    BENEFIT_GRANT_REVOKED = "benefit_grant.revoked"
    ORGANIZATION_UPDATED = "organization.updated"


class OwnEventType(StrEnum):
    """Events of ours. Old clients know the list above as complete, so endpoints subscribe to these apart."""

    USAGE_ALERT_TRIGGERED = "usage_alert.triggered"


def event_type(name: str) -> WebhookEventType | OwnEventType:
    """The event of this name; raises `ValueError`."""
    return OwnEventType(name) if name in set(OwnEventType) else WebhookEventType(name)


class WebhookFormat(StrEnum):
    """Body of a delivery: the raw payload, or a chat message."""

    RAW = "raw"
    DISCORD = "discord"
    SLACK = "slack"


MAX_RETRIES = 10
STREAK = 10
"""So many failed events in a row switch an endpoint off."""
KEPT = timedelta(days=30)
"""How long an event keeps its payload (platform spec 8.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an event has come.

    `pending`: still to be sent in its turn, and holding back the newer events of its subject. `succeeded` is None until
    the outcome is final. `skipped`: not sent, because the endpoint was off. `attempts` counts those made in its turn;
    redeliveries count for themselves.
    """

    pending: bool
    succeeded: bool | None
    skipped: bool
    attempts: int


def is_delivered(status: int) -> bool:
    """Whether an HTTP status means that the event was received: any 2xx (platform spec 8.4)."""
    return 200 <= status < 300


def retry_delay_s(attempts: int, *, draw: float) -> float | None:
    """Seconds to wait after the n-th failed attempt, or None when it was the last (platform spec 8.4).

    Uniform in [2ⁿ, 2ⁿ⁺¹), for `draw` uniform in [0, 1).
    """
    if attempts > MAX_RETRIES:
        return None
    return 2.0**attempts * (1 + draw)


def after_attempt(event: Progress, *, delivered: bool) -> Progress:
    """The event after an attempt in its turn; one that was decided meanwhile stays so, unless it got through."""
    attempts = event.attempts + 1
    if delivered:
        return replace(event, pending=False, succeeded=True, skipped=False, attempts=attempts)
    if event.pending and attempts > MAX_RETRIES:
        return replace(event, pending=False, succeeded=False, attempts=attempts)
    return replace(event, attempts=attempts)


def after_redelivery(event: Progress, *, delivered: bool, attempts: int) -> Progress:
    """The event after the n-th attempt of a redelivery (platform spec 8.6).

    What was received once stays received. An event that was skipped fails when the last retry fails; one that is
    pending is left to its turn.
    """
    if delivered:
        return replace(event, pending=False, succeeded=True, skipped=False)
    if attempts > MAX_RETRIES and not event.pending and event.succeeded is None:
        return replace(event, succeeded=False)
    return event


def skipped(event: Progress) -> Progress:
    """The event when its endpoint is off: not sent now, and not waiting any more."""
    return replace(event, pending=False, skipped=True)


def must_disable(outcomes: Sequence[bool]) -> bool:
    """Whether an endpoint is to be switched off, by its decided events, latest first (platform spec 8.5)."""
    return len(outcomes) >= STREAK and not any(outcomes[:STREAK])


def next_night(now: datetime) -> datetime:
    """The next time at which the nightly clean-up runs: 03:00 UTC."""
    tonight = now.replace(hour=3, minute=0, second=0, microsecond=0)
    return tonight if tonight > now else tonight + timedelta(days=1)
