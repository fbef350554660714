"""Reading subscriptions."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.calendar import RecurringInterval
from boreal.core.discounts import Discount
from boreal.core.prices import Price
from boreal.core.subscriptions import ACTIVE, REVOKED, SubscriptionStatus
from boreal.kit.auth import Actor, owned_by, visible_to
from boreal.kit.db import Connection, Row, Runs
from boreal.kit.listing import ListSpec, any_of, flag, search
from boreal.kit.problems import ResourceNotFound
from boreal.kit.schemas import UUID4
from boreal.rooms.billing.subscriptions.tables import ScheduledChangeRow, SubscriptionPriceRow, SubscriptionRow
from boreal.rooms.billing.usage.rendering import render_meter_name, subscription_meters, with_meters
from boreal.rooms.catalog.public import (
    DiscountRow,
    ProductDetail,
    ProductPriceRow,
    ProductRow,
    read_custom_field_slugs,
    read_discounts,
    read_prices,
    read_products,
    render_customer_order_product,
    render_discount_minimal,
    render_price,
    render_product,
    show_custom_field_data,
)
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.customers.public import render as render_customer
from boreal.rooms.platform.public import organization_by_id, render_organization_reference

S = SubscriptionRow.c


def _is_one_of(group: frozenset[SubscriptionStatus]) -> sa.ColumnElement[bool]:
    return sa.or_(*(S.status == status.value for status in sorted(group)))


_CUSTOMER = {column.name: f"customer__{column.name}" for column in CustomerRow.columns}
_JOINED = sa.select(
    SubscriptionRow, *(CustomerRow.c[name].label(label) for name, label in _CUSTOMER.items())
).join_from(SubscriptionRow, CustomerRow, CustomerRow.c.id == S.customer_id)
_BY_ID = _JOINED.where(S.id == sa.bindparam("id", type_=PgUUID))
GET = _BY_ID.where(visible_to(S.organization_id))
SCHEDULED = sa.select(ScheduledChangeRow).where(
    ScheduledChangeRow.c.subscription_id == sa.bindparam("id", type_=PgUUID)
)
_PRICE_IDS = (
    sa.select(SubscriptionPriceRow.c.subscription_id, SubscriptionPriceRow.c.product_price_id)
    .where(SubscriptionPriceRow.c.subscription_id == sa.func.any(sa.bindparam("ids", type_=ARRAY(PgUUID))))
    .order_by(SubscriptionPriceRow.c.subscription_id, SubscriptionPriceRow.c.position)
)
_RANKS = {
    SubscriptionStatus.INCOMPLETE.value: 1,
    SubscriptionStatus.INCOMPLETE_EXPIRED.value: 2,
    SubscriptionStatus.TRIALING.value: 3,
    SubscriptionStatus.ACTIVE.value: 4,
    SubscriptionStatus.PAST_DUE.value: 6,
    SubscriptionStatus.CANCELED.value: 7,
    SubscriptionStatus.UNPAID.value: 8,
}
_IS_LEAVING = sa.and_(S.status == SubscriptionStatus.ACTIVE.value, S.cancel_at_period_end)
# As for recurring revenue, a year has 12 months, 52 weeks and 365 days (design 11.7). In whole numbers but for the last
# step, so that what costs the same stands together.
_PER_YEAR = sa.case(
    {
        RecurringInterval.DAY.value: 365,
        RecurringInterval.WEEK.value: 52,
        RecurringInterval.MONTH.value: 12,
        RecurringInterval.YEAR.value: 1,
    },
    value=S.recurring_interval,
)
_YEARLY_AMOUNT = sa.cast(S.amount * _PER_YEAR, sa.Numeric) / S.recurring_interval_count

SUBSCRIPTIONS = ListSpec(
    select=_JOINED,
    visible=visible_to(S.organization_id),
    key=S.id,
    sorts={
        "customer": CustomerRow.c.email,
        "status": sa.case((_IS_LEAVING, 5), else_=sa.case(_RANKS, value=S.status)),
        "started_at": S.started_at,
        "current_period_end": S.current_period_end,
        "ended_at": S.ended_at,
        "ends_at": S.ends_at,
        "amount": _YEARLY_AMOUNT,
        "product": sa.select(ProductRow.c.name).where(ProductRow.c.id == S.product_id).scalar_subquery(),
        "discount": sa.select(DiscountRow.c.name).where(DiscountRow.c.id == S.discount_id).scalar_subquery(),
    },
    default="-started_at",
    filters=(
        any_of("organization_id", S.organization_id, UUID4),
        any_of("product_id", S.product_id, UUID4),
        any_of("customer_id", S.customer_id, UUID4),
        any_of("external_customer_id", CustomerRow.c.external_id, str),
        any_of("discount_id", S.discount_id, UUID4),
        flag("active", sa.case((_is_one_of(ACTIVE), sa.true()), (_is_one_of(REVOKED), sa.false()))),
        flag("cancel_at_period_end", S.cancel_at_period_end),
    ),
    metadata=S.metadata,
    sort_name="SubscriptionSortProperty",
)

CUSTOMER_SUBSCRIPTIONS = ListSpec(
    select=_JOINED.join(ProductRow, ProductRow.c.id == S.product_id),
    visible=owned_by(S.customer_id),
    key=S.id,
    sorts={
        "started_at": S.started_at,
        "amount": _YEARLY_AMOUNT,
        "status": sa.case((_IS_LEAVING, 5), else_=sa.case(_RANKS, value=S.status)),
        "organization": S.organization_id,
        "product": ProductRow.c.name,
    },
    default="-started_at",
    filters=(
        any_of("product_id", S.product_id, UUID4),
        flag("active", sa.case((_is_one_of(ACTIVE), sa.true()), (_is_one_of(REVOKED), sa.false()))),
        search("query", ProductRow.c.name),
    ),
    sort_name="CustomerSubscriptionSortProperty",
)
GET_OWN = _BY_ID.where(owned_by(S.customer_id))
HELD = _JOINED.where(S.id == sa.func.any(sa.bindparam("ids", type_=ARRAY(PgUUID)))).order_by(S.started_at.desc(), S.id)

_CUSTOMER_ID = sa.bindparam("customer_id", type_=PgUUID)
_IS_METERED = (
    sa.exists()
    .where(
        SubscriptionPriceRow.c.subscription_id == S.id,
        ProductPriceRow.c.id == SubscriptionPriceRow.c.product_price_id,
        ProductPriceRow.c.meter_id.is_not(None),
    )
    .correlate(SubscriptionRow)
)
BILLS_USAGE = sa.select(_IS_METERED).where(S.id == sa.bindparam("id", type_=PgUUID))
_ACTIVE = (
    sa.select(SubscriptionRow, _IS_METERED.label("is_metered"))
    .where(S.customer_id == _CUSTOMER_ID, _is_one_of(ACTIVE))
    .order_by(S.created_at, S.id)
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
    meters: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """A subscription as merchants see it (contract `Subscription`), with the rendered customer and its own prices.

    `custom_field_data` is by slug.
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
        "meters": meters,
        "user_id": row["customer_id"],
        "user": render_legacy_user(customer),
        "price_id": rendered[0]["id"] if rendered else None,
        "price": rendered[0] if rendered else None,
    }


async def render_all_for_customer(runs: Runs, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Some rows as their customer sees them (contract `CustomerSubscription`), in a fixed number of statements."""
    if not rows:
        return []
    seller = await organization_by_id(runs, rows[0]["organization_id"])
    assert seller is not None
    organization = {
        **render_organization_reference(seller),
        "customer_portal_settings": seller["customer_portal_settings"],
    }
    products = await read_products(runs, list({row["product_id"] for row in rows}))
    prices = await _prices(runs, rows)
    meters = await with_meters(runs, await subscription_meters(runs, rows, prices), render_meter_name)
    return [
        {
            **render_base(row),
            "product": render_customer_order_product(products[row["product_id"]], organization),
            "prices": [render_price(price, products[row["product_id"]].product) for price in prices[row["id"]]],
            "meters": meters[row["id"]],
        }
        for row in rows
    ]


async def _prices(runs: Runs, rows: Sequence[Row]) -> dict[UUID, list[Price]]:
    """The prices by which each subscription is billed, in order."""
    listed = await runs.fetch(_PRICE_IDS, ids=[row["id"] for row in rows])
    known = await read_prices(runs, list({found["product_price_id"] for found in listed}))
    prices: dict[UUID, list[Price]] = {row["id"]: [] for row in rows}
    for found in listed:
        prices[found["subscription_id"]].append(known[found["product_price_id"]])
    return prices


async def render_all(runs: Runs, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Some rows of `SUBSCRIPTIONS` or `GET` as merchants see them, in a fixed number of statements."""
    if not rows:
        return []
    products = await read_products(runs, list({row["product_id"] for row in rows}))
    prices = await _prices(runs, rows)
    meters = await with_meters(runs, await subscription_meters(runs, rows, prices))
    discounts = await read_discounts(runs, {row["discount_id"] for row in rows if row["discount_id"] is not None})
    slugs = await read_custom_field_slugs(runs, *(row["custom_field_data"] for row in rows))
    return [
        render(
            row,
            customer=render_customer({name: row[label] for name, label in _CUSTOMER.items()}),
            product=products[row["product_id"]],
            prices=prices[row["id"]],
            discount=discounts.get(row["discount_id"]),
            custom_field_data=show_custom_field_data(slugs, row["custom_field_data"]),
            meters=meters[row["id"]],
        )
        for row in rows
    ]


async def get(runs: Runs, actor: Actor, id: UUID) -> dict[str, Any]:
    """A subscription that the actor may see. Raises `ResourceNotFound`."""
    rows = await runs.fetch(GET, id=id, **actor.binds())
    if not rows:
        raise ResourceNotFound
    return (await render_all(runs, rows))[0]


async def payload(connection: Connection, id: UUID) -> dict[str, Any]:
    """The `data` of the subscription events."""
    return (await render_all(connection, await connection.fetch(_BY_ID, id=id)))[0]


async def active_subscriptions(runs: Runs, customer_id: UUID) -> list[dict[str, Any]]:
    """A customer's subscriptions that are active or on trial, oldest first (contract `CustomerStateSubscription`)."""
    rows = await runs.fetch(_ACTIVE, customer_id=customer_id)
    metered = [row for row in rows if row["is_metered"]]
    meters = await subscription_meters(runs, metered, await _prices(runs, metered)) if metered else {}
    slugs = await read_custom_field_slugs(runs, *(row["custom_field_data"] for row in rows))
    return [
        {
            **{name: row[name] for name in _STATE},
            "metadata": row["metadata"],
            "custom_field_data": show_custom_field_data(slugs, row["custom_field_data"]),
            "meters": meters.get(row["id"], []),
        }
        for row in rows
    ]
