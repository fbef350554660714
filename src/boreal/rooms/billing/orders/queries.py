"""Reading orders: the merchants' and the customers' lists, and everything that an order shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.discounts import Discount
from boreal.core.orders import OrderStatus
from boreal.core.prices import Price
from boreal.core.products import Product, ProductBillingType
from boreal.kit.auth import owned_by, visible_to
from boreal.kit.db import Record, Runs
from boreal.kit.listing import ListSpec, any_of, search
from boreal.kit.schemas import UUID4
from boreal.rooms.billing.orders.tables import OrderItemRow, OrderRow
from boreal.rooms.billing.subscriptions.tables import SubscriptionRow
from boreal.rooms.catalog.public import (
    DiscountRow,
    ProductRow,
    read_custom_field_slugs,
    read_discounts,
    read_prices,
    show_custom_field_data,
)
from boreal.rooms.customers.public import CustomerRow

O = OrderRow.c  # noqa: E741


@dataclass(frozen=True, slots=True)
class OrderDetail:
    """An order with everything that it shows: its row, those it belongs to, its items, and the price of the first.

    `custom_field_data` is by slug; `discount` may be one that was deleted since.
    """

    order: Record
    customer: Mapping[str, Any]
    product: Product | None
    subscription: Mapping[str, Any] | None
    items: Sequence[Record]
    price: Price | None
    discount: Discount | None
    custom_field_data: Mapping[str, Any]


def _labels(part: str, table: sa.Table) -> dict[str, str]:
    """Column name to its label in a joined row, where names of several tables meet."""
    return {column.name: f"{part}__{column.name}" for column in table.columns}


_CUSTOMER = _labels("customer", CustomerRow)
_PRODUCT = _labels("product", ProductRow)
_SUBSCRIPTION = _labels("subscription", SubscriptionRow)

_JOINED = (
    sa.select(
        OrderRow,
        *(CustomerRow.c[name].label(label) for name, label in _CUSTOMER.items()),
        *(ProductRow.c[name].label(label) for name, label in _PRODUCT.items()),
        *(SubscriptionRow.c[name].label(label) for name, label in _SUBSCRIPTION.items()),
    )
    .join_from(OrderRow, CustomerRow, CustomerRow.c.id == O.customer_id)
    .outerjoin(ProductRow, ProductRow.c.id == O.product_id)
    .outerjoin(SubscriptionRow, SubscriptionRow.c.id == O.subscription_id)
)

_RANKS = {
    OrderStatus.PENDING.value: 1,
    OrderStatus.PAID.value: 2,
    OrderStatus.REFUNDED.value: 3,
    OrderStatus.PARTIALLY_REFUNDED.value: 4,
}

_BILLING_TYPE = sa.case(
    (ProductRow.c.id.is_(None), sa.null()),
    (ProductRow.c.recurring_interval.is_(None), ProductBillingType.ONE_TIME.value),
    else_=ProductBillingType.RECURRING.value,
)

ORDERS = ListSpec(
    select=_JOINED,
    visible=visible_to(O.organization_id),
    key=O.id,
    sorts={
        "created_at": O.created_at,
        "status": sa.case(_RANKS, value=O.status),
        "invoice_number": O.invoice_number,
        "amount": O.net_amount,
        "net_amount": O.net_amount,
        "customer": CustomerRow.c.email,
        "product": ProductRow.c.name,
        "discount": sa.select(DiscountRow.c.name).where(DiscountRow.c.id == O.discount_id).scalar_subquery(),
        "subscription": O.subscription_id,
    },
    default="-created_at",
    filters=(
        any_of("organization_id", O.organization_id, UUID4),
        any_of("product_id", O.product_id, UUID4),
        any_of("product_billing_type", _BILLING_TYPE, ProductBillingType),
        any_of("discount_id", O.discount_id, UUID4),
        any_of("customer_id", O.customer_id, UUID4),
        any_of("external_customer_id", CustomerRow.c.external_id, str),
        any_of("checkout_id", O.checkout_id, UUID4),
    ),
    metadata=O.metadata,
    sort_name="OrderSortProperty",
)

CUSTOMER_ORDERS = ListSpec(
    select=_JOINED,
    visible=owned_by(O.customer_id),
    key=O.id,
    sorts={
        "created_at": O.created_at,
        "amount": O.net_amount,
        "net_amount": O.net_amount,
        "product": ProductRow.c.name,
        "subscription": O.subscription_id,
    },
    default="-created_at",
    filters=(
        any_of("product_id", O.product_id, UUID4),
        any_of("product_billing_type", _BILLING_TYPE, ProductBillingType),
        any_of("subscription_id", O.subscription_id, UUID4),
        search("query", ProductRow.c.name),
    ),
    sort_name="CustomerOrderSortProperty",
)

BY_ID = _JOINED.where(O.id == sa.bindparam("id", type_=PgUUID))
GET = BY_ID.where(visible_to(O.organization_id))
GET_OWN = BY_ID.where(owned_by(O.customer_id))

_ITEMS = (
    sa.select(OrderItemRow)
    .where(OrderItemRow.c.order_id == sa.func.any(sa.bindparam("ids", type_=ARRAY(PgUUID))))
    .order_by(OrderItemRow.c.order_id, OrderItemRow.c.position)
)


async def details(runs: Runs, rows: Sequence[Record]) -> list[OrderDetail]:
    """What some orders show, in their order, in a fixed number of statements, however many there are.

    One for their items and one for prices; discounts and the slugs of custom fields one each, if there are any.
    """
    if not rows:
        return []
    items: dict[UUID, list[Record]] = {row["id"]: [] for row in rows}
    for item in await runs.fetch(_ITEMS, ids=list(items)):
        items[item["order_id"]].append(item)
    first = {
        order_id: of_order[0]["product_price_id"]
        for order_id, of_order in items.items()
        if of_order and of_order[0]["product_price_id"] is not None
    }
    prices = await read_prices(runs, list(first.values()))
    discounts = await read_discounts(runs, {row["discount_id"] for row in rows if row["discount_id"] is not None})
    slugs = await read_custom_field_slugs(runs, *(row["custom_field_data"] for row in rows))
    return [
        OrderDetail(
            order=row,
            customer=_part(row, _CUSTOMER),
            product=Product(**_part(row, _PRODUCT)) if row[_PRODUCT["id"]] is not None else None,
            subscription=_part(row, _SUBSCRIPTION) if row[_SUBSCRIPTION["id"]] is not None else None,
            items=items[row["id"]],
            price=prices[first[row["id"]]] if row["id"] in first else None,
            discount=discounts.get(row["discount_id"]),
            custom_field_data=show_custom_field_data(slugs, row["custom_field_data"]),
        )
        for row in rows
    ]


def _part(row: Record, labels: Mapping[str, str]) -> dict[str, Any]:
    return {name: row[label] for name, label in labels.items()}


async def read(runs: Runs, id: UUID) -> OrderDetail | None:
    """An order whoever asks, in three statements or more; None if there is none."""
    found = await details(runs, await runs.fetch(BY_ID, id=id))
    return found[0] if found else None
