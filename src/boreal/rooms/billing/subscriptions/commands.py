"""Starting subscriptions, and what unpaid orders do to them. The caller holds the customer's row lock."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from boreal.core import calendar
from boreal.core.customers import Customer
from boreal.core.orders import Purchase
from boreal.core.plans import BilledPrice
from boreal.core.renewals import revoked
from boreal.core.subscriptions import (
    ACTIVE,
    BILLABLE,
    ProrationBehavior,
    Subscription,
    SubscriptionStatus,
    upgraded,
)
from boreal.core.system_events import seats_updated
from boreal.kit.tx import Tx
from boreal.rooms.billing.subscriptions.tables import ScheduledChangeRow, SubscriptionPriceRow
from boreal.rooms.billing.usage.attachment import attach_users, begin_usage, forgo

_INSERT_PRICE = SubscriptionPriceRow.insert()
_DROP_PRICES, _DROP_SCHEDULED = (
    sa.delete(table).where(table.c.subscription_id == sa.bindparam("subscription_id"))
    for table in (SubscriptionPriceRow, ScheduledChangeRow)
)


async def start_subscription(tx: Tx, purchase: Purchase, *, customer: Customer) -> Subscription:
    """The subscription of a purchase, on trial or active from now (catalog spec 6.14, orders spec 5.4, 11).

    It is a new one, or the one that the purchase upgrades, unless that has ended meanwhile.
    Its first period ends with the trial, whose end then is the anchor of the paid ones, or one interval from now. The
    discount counts as applied from the first paid period.
    """
    product = purchase.product
    assert product.recurring_interval is not None
    assert product.recurring_interval_count is not None
    end = purchase.trial_end or calendar.add(tx.now, product.recurring_interval, product.recurring_interval_count)
    on_trial = purchase.trial_end is not None
    subscription = Subscription(
        id=uuid.uuid4(),
        created_at=tx.now,
        modified_at=None,
        organization_id=tx.organization_id,
        customer_id=customer.id,
        product_id=product.id,
        discount_id=purchase.discount_id,
        checkout_id=purchase.checkout_id,
        payment_method_id=purchase.payment_method_id,
        status=SubscriptionStatus.TRIALING if on_trial else SubscriptionStatus.ACTIVE,
        amount=purchase.subtotal_amount - purchase.discount_amount,
        currency=purchase.currency,
        seats=purchase.seats,
        recurring_interval=product.recurring_interval,
        recurring_interval_count=product.recurring_interval_count,
        anchor_day=_anchor(purchase, now=tx.now).day,
        current_period_start=tx.now,
        current_period_end=end,
        trial_start=tx.now if on_trial else None,
        trial_end=purchase.trial_end,
        started_at=tx.now,
        discount_applied_at=tx.now if purchase.discount_id is not None and not on_trial else None,
        metadata=dict(purchase.metadata),
        custom_field_data=dict(purchase.custom_field_data),
    )
    before = await _upgradable(tx, purchase.subscription_id) if purchase.subscription_id is not None else None
    if before is not None:
        subscription = upgraded(before, subscription)
        await tx.execute(_DROP_PRICES, subscription_id=before.id)
        await tx.execute(_DROP_SCHEDULED, subscription_id=before.id)
    await tx.save(before, subscription)
    tx.note(*seats_updated(before, subscription, behavior=ProrationBehavior.INVOICE))
    await _attach_prices(tx, subscription, purchase)
    if before is not None:
        await attach_users(tx, subscription.id)
    await begin_usage(tx, subscription, purchase.meter_ids)
    renew_later(tx, subscription)
    return subscription


async def _upgradable(tx: Tx, id: UUID) -> Subscription | None:
    """The subscription to upgrade, locked; None if it has ended."""
    subscription = await tx.lock(Subscription, id)
    return subscription if subscription is not None and subscription.status in ACTIVE else None


def _anchor(purchase: Purchase, *, now: datetime) -> datetime:
    """The moment at which the run of paid periods begins."""
    return purchase.trial_end or now


async def _attach_prices(tx: Tx, subscription: Subscription, purchase: Purchase) -> None:
    amounts = {item.product_price_id: item.amount for item in purchase.items}
    rows = [
        {
            "subscription_id": subscription.id,
            "product_price_id": price_id,
            "organization_id": subscription.organization_id,
            "position": position,
            "amount": amounts.get(price_id, 0),
        }
        for position, price_id in enumerate(purchase.price_ids)
    ]
    await tx.execute_many(_INSERT_PRICE, rows)


async def replace_prices(tx: Tx, subscription: Subscription, prices: Sequence[BilledPrice]) -> None:
    """From now on the subscription is billed by these prices, and no others."""
    await tx.execute(_DROP_PRICES, subscription_id=subscription.id)
    await add_prices(tx, subscription, prices)


async def add_prices(tx: Tx, subscription: Subscription, prices: Sequence[BilledPrice]) -> None:
    """The prices of a subscription that has none, in order."""
    rows = [
        {
            "subscription_id": subscription.id,
            "product_price_id": billed.price.id,
            "organization_id": subscription.organization_id,
            "position": position,
            "amount": billed.amount,
        }
        for position, billed in enumerate(prices)
    ]
    await tx.execute_many(_INSERT_PRICE, rows)


def renew_later(tx: Tx, subscription: Subscription) -> None:
    """Asks for the renewal at the end of the period; a row that waits longer is brought forward."""
    key = str(subscription.id)
    tx.enqueue(
        "renew_subscription",
        payload={"subscription_id": key},
        due_at=max(tx.now, subscription.current_period_end),
        unique_key=key,
        sooner=True,
    )


async def enter_past_due(tx: Tx, id: UUID) -> Subscription:
    """The subscription waits for the payment of an order, if it counted as active; else it stays as it is.

    One that has ended is left alone: its last order can still be paid (orders spec 12.2).
    """
    before = await lock(tx, id)
    if before.status not in ACTIVE:
        return before
    past_due_at = before.past_due_at or tx.now
    return await tx.save(
        before,
        replace(before, status=SubscriptionStatus.PAST_DUE, past_due_at=past_due_at, modified_at=tx.now),
    )


async def end_now(tx: Tx, id: UUID) -> Subscription:
    """The subscription ends at once, unless it has ended before; nothing more is billed (orders spec 6.9)."""
    before = await lock(tx, id)
    if before.status not in BILLABLE:
        return before
    after = await tx.save(before, revoked(before, now=tx.now))
    await forgo(tx, id)
    return after


async def lock(tx: Tx, id: UUID) -> Subscription:
    """The subscription, which there has to be, locked."""
    subscription = await tx.lock(Subscription, id)
    assert subscription is not None
    return subscription
