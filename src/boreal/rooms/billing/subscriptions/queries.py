"""Reading subscriptions."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.discounts import Discount
from boreal.core.prices import Price
from boreal.core.subscriptions import ACTIVE, SubscriptionStatus
from boreal.kit.db import Connection, Row, Runs
from boreal.rooms.billing.subscriptions.tables import SubscriptionPriceRow, SubscriptionRow
from boreal.rooms.catalog.public import (
    ProductDetail,
    read_custom_field_slugs,
    read_discounts,
    read_prices,
    read_products,
    render_discount_minimal,
    render_price,
    render_product,
    show_custom_field_data,
)
from boreal.rooms.customers.public import read as read_customer
from boreal.rooms.customers.public import render as render_customer

S = SubscriptionRow.c


def _is_one_of(group: frozenset[SubscriptionStatus]) -> sa.ColumnElement[bool]:
    return sa.or_(*(S.status == status.value for status in sorted(group)))


_BY_ID = sa.select(SubscriptionRow).where(S.id == sa.bindparam("id", type_=PgUUID))
_PRICE_IDS = (
    sa.select(SubscriptionPriceRow.c.product_price_id)
    .where(SubscriptionPriceRow.c.subscription_id == sa.bindparam("id", type_=PgUUID))
    .order_by(SubscriptionPriceRow.c.position)
)
_CUSTOMER_ID = sa.bindparam("customer_id", type_=PgUUID)
_ACTIVE = (
    sa.select(SubscriptionRow).where(S.customer_id == _CUSTOMER_ID, _is_one_of(ACTIVE)).order_by(S.created_at, S.id)
)

_BASE = (
    "id",
    "created_at",
    "modified_at",
    "amount",
    "currency",
    "recurring_interval",
    "recurring_interval_count",
    "status",
    "current_period_start",
    "current_period_end",
    "trial_start",
    "trial_end",
    "cancel_at_period_end",
    "canceled_at",
    "started_at",
    "ends_at",
    "ended_at",
    "customer_id",
    "product_id",
    "discount_id",
    "checkout_id",
    "seats",
    "customer_cancellation_reason",
    "customer_cancellation_comment",
)
_STATE = tuple(
    name
    for name in _BASE
    if name
    not in {
        "recurring_interval_count",
        "ended_at",
        "customer_id",
        "checkout_id",
        "seats",
        "customer_cancellation_reason",
        "customer_cancellation_comment",
    }
)


def render_base(row: Row) -> dict[str, Any]:
    """What every view of a subscription tells (contract `CustomerOrderSubscription`)."""
    return {name: row[name] for name in _BASE}


def render_legacy_user(customer: Mapping[str, Any]) -> dict[str, Any]:
    """The customer as old clients knew it, in the deprecated member `user` (orders spec 1.4, 5.1)."""
    return {
        "id": customer["id"],
        "email": customer["email"],
        "public_name": customer["name"] or customer["email"],
        "avatar_url": customer["avatar_url"],
        "github_username": None,
    }


def render(
    row: Row,
    *,
    customer: Mapping[str, Any],
    product: ProductDetail,
    prices: list[Price],
    discount: Discount | None,
    custom_field_data: Mapping[str, Any],
) -> dict[str, Any]:
    """A subscription as merchants see it (contract `Subscription`), with the rendered customer and its own prices.

    `custom_field_data` is by slug. No meter can be attached yet.
    """
    rendered = [render_price(price, product.product) for price in prices]
    return {
        **render_base(row),
        "metadata": row["metadata"],
        "custom_field_data": custom_field_data,
        "customer": customer,
        "product": render_product(product),
        "discount": render_discount_minimal(discount) if discount else None,
        "prices": rendered,
        "meters": [],
        "user_id": row["customer_id"],
        "user": render_legacy_user(customer),
        "price_id": rendered[0]["id"] if rendered else None,
        "price": rendered[0] if rendered else None,
    }


async def payload(connection: Connection, id: UUID) -> dict[str, Any]:
    """The `data` of the subscription events."""
    row = await connection.fetchrow(_BY_ID, id=id)
    assert row is not None
    customer = await read_customer(connection, row["customer_id"])
    assert customer is not None
    product = (await read_products(connection, [row["product_id"]]))[row["product_id"]]
    price_ids = [found["product_price_id"] for found in await connection.fetch(_PRICE_IDS, id=id)]
    prices = await read_prices(connection, price_ids)
    discounts = await read_discounts(connection, [row["discount_id"]] if row["discount_id"] else [])
    slugs = await read_custom_field_slugs(connection, row["custom_field_data"])
    return render(
        row,
        customer=render_customer(customer),
        product=product,
        prices=[prices[price_id] for price_id in price_ids],
        discount=discounts.get(row["discount_id"]),
        custom_field_data=show_custom_field_data(slugs, row["custom_field_data"]),
    )


async def active_subscriptions(runs: Runs, customer_id: UUID) -> list[dict[str, Any]]:
    """A customer's subscriptions that are active or on trial, oldest first (contract `CustomerStateSubscription`)."""
    rows = await runs.fetch(_ACTIVE, customer_id=customer_id)
    slugs = await read_custom_field_slugs(runs, *(row["custom_field_data"] for row in rows))
    return [
        {
            **{name: row[name] for name in _STATE},
            "metadata": row["metadata"],
            "custom_field_data": show_custom_field_data(slugs, row["custom_field_data"]),
            "meters": [],
        }
        for row in rows
    ]
