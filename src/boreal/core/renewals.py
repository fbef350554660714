"""Renewals: what happens to a subscription when its period is over (orders spec 8).

A subscription that counts as active moves on by exactly one period, however late it is; it is looked at again after
that, so that nothing is skipped and nothing shifted. One that is to end, ends. A trial that is over becomes the first
paid period. A discount whose time is over goes before anything is billed.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from boreal.core import calendar
from boreal.core.billing_run import Entry
from boreal.core.discounts import Discount, has_ended
from boreal.core.plans import Plan, cycle_entries, discounted
from boreal.core.subscriptions import ACTIVE, Subscription, SubscriptionStatus


@dataclass(frozen=True, slots=True)
class Renewal:
    """A subscription after one period: as it is now, what is to be billed, and the discount that it still has."""

    after: Subscription
    entries: tuple[Entry, ...]
    discount: Discount | None


def is_due(subscription: Subscription, *, now: datetime) -> bool:
    """Whether a period is over that another one or the end follows; what is past due waits for its payment."""
    return subscription.status in ACTIVE and subscription.current_period_end <= now


def renew(subscription: Subscription, plan: Plan, discount: Discount | None, *, now: datetime) -> Renewal:
    """The subscription moved on by one period, or ended (orders spec 8.3). It has to be due."""
    if subscription.cancel_at_period_end:
        return Renewal(ended(subscription, now=now), (), discount)
    start = subscription.current_period_end
    end = calendar.add(
        start,
        subscription.recurring_interval,
        subscription.recurring_interval_count,
        anchor_day=subscription.anchor_day,
    )
    return begin_period(
        replace(subscription, current_period_start=start, current_period_end=end), plan, discount, now=now
    )


def switched(subscription: Subscription, plan: Plan, *, seats: int | None) -> Subscription:
    """The subscription as it goes into its next period on another plan, which it waited for until now.

    Another interval makes the end of the present period the anchor of those that follow.
    """
    product = plan.product
    assert product.recurring_interval is not None
    assert product.recurring_interval_count is not None
    same = product.recurring_interval is subscription.recurring_interval
    return replace(
        subscription,
        product_id=product.id,
        seats=seats,
        recurring_interval=product.recurring_interval,
        recurring_interval_count=product.recurring_interval_count,
        anchor_day=subscription.anchor_day if same else subscription.current_period_end.day,
    )


def ended(subscription: Subscription, *, now: datetime) -> Subscription:
    """The subscription at the end that was asked for, which is when it ended, however late that is noticed."""
    return replace(
        subscription,
        status=SubscriptionStatus.CANCELED,
        ended_at=subscription.ends_at or subscription.current_period_end,
        modified_at=now,
    )


def begin_period(subscription: Subscription, plan: Plan, discount: Discount | None, *, now: datetime) -> Renewal:
    """The subscription, whose dates are those of a new period, in it, and what that costs; a trial is over with it.

    The clock of a discount begins with the first period that it is billed in (orders spec 8.4).
    """
    start = subscription.current_period_start
    applied_at = subscription.discount_applied_at or start
    if discount is not None and has_ended(
        discount.duration,
        discount.duration_in_months,
        applied_at=applied_at,
        period_start=start,
        anchor_day=subscription.anchor_day,
    ):
        discount = None
    after = replace(
        subscription,
        status=SubscriptionStatus.ACTIVE if subscription.status in ACTIVE else subscription.status,
        period_number=subscription.period_number + 1,
        discount_id=discount.id if discount is not None else None,
        discount_applied_at=applied_at if discount is not None else None,
        amount=discounted(plan.base_amount, discount),
        modified_at=now,
    )
    entries = cycle_entries(plan, starts_at=start, ends_at=subscription.current_period_end)
    return Renewal(after, entries, discount)


def revoked(subscription: Subscription, *, now: datetime) -> Subscription:
    """The subscription ended at once; nothing more is billed, nothing given back (orders spec 5.4, 6.9)."""
    return replace(
        subscription,
        status=SubscriptionStatus.CANCELED,
        canceled_at=now,
        ends_at=now,
        ended_at=now,
        modified_at=now,
    )
