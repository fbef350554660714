"""Changes within a period: another plan, other seats, another trial or end of the period (orders spec 6, 10, 11).

Each function answers with the subscription as it is after the change and the entries that it brings about. Whether
those are billed at once or with the next order, and whether the change is allowed at all, is decided elsewhere.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from boreal.core import calendar
from boreal.core.billing_run import Entry, EntryType
from boreal.core.discounts import Discount, covers
from boreal.core.plans import BilledPrice, Plan, discounted
from boreal.core.prices import AmountType
from boreal.core.products import Product
from boreal.core.proration import Prorated, price_part, remaining, seat_change
from boreal.core.subscriptions import Subscription, SubscriptionStatus


@dataclass(frozen=True, slots=True)
class PlanChange:
    """A change of what is billed. `restarts` says that a new period begins at once, which is billed at once."""

    after: Subscription
    plan: Plan
    entries: tuple[Entry, ...]
    restarts: bool = False


def change_plan(
    subscription: Subscription, old: Plan, new: Plan, discount: Discount | None, *, now: datetime
) -> PlanChange:
    """The subscription on another plan: the rest of the old price is given back, that of the new one added.

    Only fixed prices are prorated. With another interval a new period begins now, and its price is no entry of this
    change. With another count the period keeps its start and gets the new length, unless that lies in the past
    (orders spec 10.2, 10.4).
    """
    product = new.product
    assert product.recurring_interval is not None
    assert product.recurring_interval_count is not None
    same_interval = product.recurring_interval is subscription.recurring_interval
    same_count = product.recurring_interval_count == subscription.recurring_interval_count
    end = subscription.current_period_end
    if same_interval and not same_count:
        end = calendar.add(
            subscription.current_period_start,
            product.recurring_interval,
            product.recurring_interval_count,
            anchor_day=subscription.anchor_day,
        )
    restarts = not same_interval or (not same_count and end <= now)
    after = replace(
        subscription,
        product_id=product.id,
        recurring_interval=product.recurring_interval,
        recurring_interval_count=product.recurring_interval_count,
        current_period_end=end,
        ends_at=end if subscription.cancel_at_period_end else subscription.ends_at,
        amount=discounted(new.base_amount, discount),
        modified_at=now,
    )
    if restarts:
        after = restarted(after, now=now)
    kept = _kept(discount, product, subscription)
    credits = _prorations(old, discount, _rest(subscription, now), sign=-1, starts_at=now, ends_at=_end(subscription))
    debits = () if restarts else _prorations(new, kept, _rest(after, now), sign=1, starts_at=now, ends_at=_end(after))
    return PlanChange(after, new, (*credits, *debits), restarts)


def _kept(discount: Discount | None, product: Product, subscription: Subscription) -> Discount | None:
    """The discount that the subscription holds, if it also counts for the product (orders spec 10.3)."""
    if discount is None or not covers(discount, product_id=product.id, currency=subscription.currency):
        return None
    return discount


def restarted(subscription: Subscription, *, now: datetime) -> Subscription:
    """The subscription with a period that begins now, the anchor of those that follow."""
    return replace(
        subscription,
        anchor_day=now.day,
        current_period_start=now,
        current_period_end=calendar.add(
            now, subscription.recurring_interval, subscription.recurring_interval_count, anchor_day=now.day
        ),
    )


def change_seats(
    subscription: Subscription, plan: Plan, seats: int, discount: Discount | None, *, now: datetime
) -> PlanChange:
    """The subscription with another number of seats, which some tier has to sell (orders spec 10.5).

    Nothing is prorated on a trial, or when no time is left.
    """
    wanted = plan.with_seats(seats)
    after = replace(subscription, seats=seats, amount=discounted(wanted.base_amount, discount), modified_at=now)
    entries = (
        () if subscription.status is SubscriptionStatus.TRIALING else _seats(subscription, plan, wanted, discount, now)
    )
    return PlanChange(after, wanted, entries)


def _seats(
    subscription: Subscription, old: Plan, new: Plan, discount: Discount | None, now: datetime
) -> tuple[Entry, ...]:
    kept = _kept(discount, old.product, subscription)
    change = seat_change(old.base_amount, new.base_amount, discount=kept, share=_rest(subscription, now))
    price = new.seat_price
    if price is None or change.amount == 0:
        return ()
    return (
        Entry(
            type=EntryType.SEATS_INCREASE if change.amount > 0 else EntryType.SEATS_DECREASE,
            amount=change.amount,
            discount_amount=change.discount_amount,
            product_price_id=price.id,
            product_name=new.product.name,
            starts_at=now,
            ends_at=_end(subscription),
        ),
    )


def change_trial(subscription: Subscription, trial_end: datetime, *, now: datetime) -> Subscription:
    """The subscription on trial until then, whose end is the anchor of what follows (orders spec 6.4, 8.1)."""
    return replace(_until(subscription, trial_end, now=now), status=SubscriptionStatus.TRIALING, trial_end=trial_end)


def change_period_end(subscription: Subscription, end: datetime, *, now: datetime) -> Subscription:
    """The subscription with a later end of its period, the anchor of the next ones (orders spec 6.6)."""
    return subscription if end == subscription.current_period_end else _until(subscription, end, now=now)


def end_trial(subscription: Subscription, *, now: datetime) -> Subscription:
    """The subscription whose trial is over now: it is due at once."""
    return replace(_until(subscription, now, now=now), trial_end=now)


def _until(subscription: Subscription, end: datetime, *, now: datetime) -> Subscription:
    return replace(
        subscription,
        current_period_end=end,
        anchor_day=end.day,
        ends_at=end if subscription.cancel_at_period_end else subscription.ends_at,
        modified_at=now,
    )


def _rest(subscription: Subscription, now: datetime) -> Fraction:
    return remaining(now, start=subscription.current_period_start, end=subscription.current_period_end)


def _end(subscription: Subscription) -> datetime:
    return subscription.current_period_end


def _prorations(
    plan: Plan, discount: Discount | None, share: Fraction, *, sign: int, starts_at: datetime, ends_at: datetime
) -> tuple[Entry, ...]:
    """An entry for the rest of every fixed price; what comes to nothing is none."""
    parts = [(billed, _part(billed, discount, share)) for billed in plan.prices]
    return tuple(
        Entry(
            type=EntryType.PRORATION,
            amount=sign * part.amount,
            discount_amount=sign * part.discount_amount,
            product_price_id=billed.price.id,
            product_name=plan.product.name,
            starts_at=starts_at,
            ends_at=max(starts_at, ends_at),
        )
        for billed, part in parts
        if part.amount
    )


def _part(billed: BilledPrice, discount: Discount | None, share: Fraction) -> Prorated:
    if billed.price.amount_type is not AmountType.FIXED:
        return Prorated(0, 0)
    return price_part(billed.amount, discount=discount, share=share)
