"""Changing subscriptions. The caller holds the customer's row lock."""

import uuid
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from boreal.core import calendar
from boreal.core.customers import Customer
from boreal.core.orders import Purchase
from boreal.core.subscriptions import ACTIVE, Subscription, SubscriptionStatus, upgraded
from boreal.kit.tx import Tx
from boreal.rooms.billing.subscriptions.tables import ScheduledChangeRow, SubscriptionPriceRow

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
    await _attach_prices(tx, subscription, purchase)
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
