"""`/v1/customer-portal/orders`: a customer's own orders (orders spec 3.3)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from boreal.kit.app import App
from boreal.kit.auth import PORTAL, Actor
from boreal.kit.db import Record
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.billing.orders import queries, retries, updates
from boreal.rooms.billing.orders.rendering import render_customer_order
from boreal.rooms.billing.orders.retries import (
    CustomerOrderConfirmPayment,
    CustomerOrderPaymentConfirmation,
    CustomerOrderPaymentStatus,
    OrderNotEligibleForRetry,
    PaymentAlreadyInProgress,
    PaymentRetryValidationError,
)
from boreal.rooms.billing.orders.schemas import CustomerOrder
from boreal.rooms.billing.orders.updates import CustomerOrderUpdate
from boreal.rooms.billing.roles import require_billing_role
from boreal.rooms.catalog.public import read_products
from boreal.rooms.platform.public import organization_by_id, render_organization_reference

routes = Routes("/v1/customer-portal/orders", tags=("customer_portal", "orders"))

READ = ("customer_portal:read", "customer_portal:write")
WRITE = ("customer_portal:write",)


@routes.get(
    "/",
    audience=PORTAL,
    scopes=READ,
    returns=ListResource[CustomerOrder],
    listing=queries.CUSTOMER_ORDERS,
    name="list",
)
async def list_orders(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists the orders of the authenticated customer."""
    return await orders_page(app, actor, query)


async def orders_page(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """One page of a customer's orders, for the API and the portal's page. A member needs the billing role."""
    require_billing_role(actor)
    page = await queries.CUSTOMER_ORDERS.fetch(app.database, actor, query)
    return page.envelope(await _render(app, actor, page.rows))


@routes.get("/{id}", audience=PORTAL, scopes=READ, returns=CustomerOrder, errors=(ResourceNotFound,))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets an order of the authenticated customer."""
    require_billing_role(actor)
    rows = await app.database.fetch(queries.GET_OWN, id=id, **actor.binds())
    if not rows:
        raise ResourceNotFound
    return (await _render(app, actor, rows))[0]


@routes.patch("/{id}", audience=PORTAL, scopes=WRITE, returns=CustomerOrder, errors=(ResourceNotFound,))
async def update(app: App, actor: Actor, id: UUID4, body: CustomerOrderUpdate) -> dict[str, Any]:
    """Changes who an order of the authenticated customer is billed to."""
    await _own(app, actor, id)
    await updates.update(app, actor.organization_id, id, body)
    return await get(app, actor, id)


@routes.get(
    "/{id}/payment-status",
    audience=PORTAL,
    scopes=READ,
    returns=CustomerOrderPaymentStatus,
    errors=(ResourceNotFound,),
    name="get_payment_status",
)
async def get_payment_status(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Tells how the last payment of an order stands."""
    await _own(app, actor, id)
    return await retries.payment_status(app, id)


@routes.post(
    "/{id}/confirm-payment",
    audience=PORTAL,
    scopes=WRITE,
    returns=CustomerOrderPaymentConfirmation,
    errors=(ResourceNotFound, PaymentAlreadyInProgress, OrderNotEligibleForRetry, PaymentRetryValidationError),
    name="confirm_retry_payment",
)
async def confirm_retry_payment(app: App, actor: Actor, id: UUID4, body: CustomerOrderConfirmPayment) -> dict[str, Any]:
    """Pays an order that could not be collected, with a new card or a kept method."""
    await _own(app, actor, id)
    return await retries.confirm_payment(app, actor.organization_id, id, body)


async def _own(app: App, actor: Actor, id: UUID) -> None:
    """Raises unless the order is the customer's and the member may deal with it."""
    require_billing_role(actor)
    if await app.database.fetchrow(queries.GET_OWN, id=id, **actor.binds()) is None:
        raise ResourceNotFound


async def _render(app: App, actor: Actor, rows: Sequence[Record]) -> list[dict[str, Any]]:
    """The customer's view of some rows: their products and the seller are read once, however many."""
    product_ids = {row["product_id"] for row in rows if row["product_id"] is not None}
    products = await read_products(app.database, list(product_ids))
    seller = await organization_by_id(app.database, actor.organization_id)
    assert seller is not None
    organization = {
        **render_organization_reference(seller),
        "customer_portal_settings": seller["customer_portal_settings"],
    }
    return [
        render_customer_order(detail, products=products, organization=organization)
        for detail in await queries.details(app.database, rows)
    ]
