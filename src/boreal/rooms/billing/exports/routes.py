"""`/v1/orders/export` and `/v1/subscriptions/export` (orders spec 3.2)."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Query
from starlette.responses import StreamingResponse

from boreal.core.subscriptions import ACTIVE, SubscriptionStatus
from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor, visible_to
from boreal.kit.db import Record
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4
from boreal.kit.spreadsheet import Number, amount_text, chosen, export, pages, values
from boreal.rooms.billing.orders.tables import OrderItemRow, OrderRow
from boreal.rooms.billing.subscriptions.tables import SubscriptionRow
from boreal.rooms.catalog.public import ProductRow
from boreal.rooms.customers.public import CustomerRow

orders = Routes("/v1/orders", tags=("orders",))
subscriptions = Routes("/v1/subscriptions", tags=("subscriptions",))

O = OrderRow.c  # noqa: E741
S = SubscriptionRow.c

_FIRST_LABEL = (
    sa.select(OrderItemRow.c.label)
    .where(OrderItemRow.c.order_id == O.id)
    .order_by(OrderItemRow.c.position)
    .limit(1)
    .scalar_subquery()
)
_ORDERS = pages(
    sa.select(
        O.id,
        O.created_at,
        O.net_amount,
        O.currency,
        O.status,
        O.invoice_number,
        CustomerRow.c.email,
        sa.func.coalesce(ProductRow.c.name, _FIRST_LABEL).label("description"),
    )
    .join_from(OrderRow, CustomerRow, CustomerRow.c.id == O.customer_id)
    .outerjoin(ProductRow, ProductRow.c.id == O.product_id)
    .where(
        visible_to(O.organization_id),
        chosen("organization_id", O.organization_id),
        chosen("product_id", O.product_id),
    ),
    O.created_at,
    O.id,
)
_SUBSCRIPTIONS = pages(
    sa.select(
        S.id,
        S.created_at,
        S.status,
        S.amount,
        S.currency,
        S.recurring_interval,
        CustomerRow.c.email,
        ProductRow.c.name.label("product"),
    )
    .join_from(SubscriptionRow, CustomerRow, CustomerRow.c.id == S.customer_id)
    .join(ProductRow, ProductRow.c.id == S.product_id)
    .where(visible_to(S.organization_id), chosen("organization_id", S.organization_id)),
    S.started_at,
    S.id,
)


@orders.get("/export", audience=MERCHANT, scopes=("orders:read",), returns=Any, name="export", mcp=True)
async def export_orders(
    app: App,
    actor: Actor,
    organization_id: Annotated[UUID4 | list[UUID4] | None, Query()] = None,
    product_id: Annotated[UUID4 | list[UUID4] | None, Query()] = None,
) -> StreamingResponse:
    """Exports orders as CSV, newest first."""
    return export(
        app.database,
        _ORDERS,
        ("Email", "Created At", "Product", "Amount", "Currency", "Status", "Invoice number"),
        _order,
        name="polar-orders.csv",
        organization_id=values(organization_id),
        product_id=values(product_id),
        **actor.binds(),
    )


def _order(row: Record) -> tuple[Any, ...]:
    return (
        row["email"],
        row["created_at"].isoformat(),
        row["description"],
        Number(amount_text(row["net_amount"])),
        row["currency"],
        row["status"],
        row["invoice_number"],
    )


@subscriptions.get(
    "/export",
    audience=MERCHANT,
    scopes=("subscriptions:read", "subscriptions:write"),
    returns=Any,
    name="export",
    mcp=True,
)
async def export_subscriptions(
    app: App, actor: Actor, organization_id: Annotated[UUID4 | list[UUID4] | None, Query()] = None
) -> StreamingResponse:
    """Exports subscriptions as CSV, those that started last first."""
    return export(
        app.database,
        _SUBSCRIPTIONS,
        ("Email", "Created At", "Active", "Product", "Price", "Currency", "Interval"),
        _subscription,
        name="polar-subscribers.csv",
        organization_id=values(organization_id),
        **actor.binds(),
    )


def _subscription(row: Record) -> tuple[Any, ...]:
    return (
        row["email"],
        row["created_at"].isoformat(),
        "true" if SubscriptionStatus(row["status"]) in ACTIVE else "false",
        row["product"],
        Number(amount_text(row["amount"])),
        row["currency"],
        row["recurring_interval"],
    )
