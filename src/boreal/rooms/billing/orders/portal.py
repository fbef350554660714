"""`/v1/customer-portal/orders`: a customer's own orders (orders spec 3.3)."""

from collections.abc import Sequence
from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import PORTAL, Actor
from boreal.kit.db import Record
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.billing.orders import queries
from boreal.rooms.billing.orders.rendering import render_customer_order
from boreal.rooms.billing.orders.schemas import CustomerOrder
from boreal.rooms.billing.roles import require_billing_role
from boreal.rooms.catalog.public import read_products
from boreal.rooms.platform.public import organization_by_id, render_organization_reference

routes = Routes("/v1/customer-portal/orders", tags=("customer_portal", "orders"))

READ = ("customer_portal:read", "customer_portal:write")


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
