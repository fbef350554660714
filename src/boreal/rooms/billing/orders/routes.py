"""`/v1/orders` (orders spec 3.1)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor, read_visible
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.billing.orders import queries, updates
from boreal.rooms.billing.orders.rendering import render_order
from boreal.rooms.billing.orders.schemas import Order
from boreal.rooms.billing.orders.updates import OrderUpdate

routes = Routes("/v1/orders", tags=("orders",))

READ = ("orders:read",)
WRITE = ("orders:write",)


@routes.get(
    "/",
    audience=MERCHANT,
    scopes=READ,
    returns=ListResource[Order],
    listing=queries.ORDERS,
    name="list",
    mcp=True,
)
async def list_orders(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists orders."""
    page = await queries.ORDERS.fetch(app.database, actor, query)
    return page.envelope([render_order(detail) for detail in await queries.details(app.database, page.rows)])


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=Order, errors=(ResourceNotFound,), mcp=True)
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets an order."""
    found = await queries.details(app.database, await app.database.fetch(queries.GET, id=id, **actor.binds()))
    if not found:
        raise ResourceNotFound
    return render_order(found[0])


@routes.patch("/{id}", audience=MERCHANT, scopes=WRITE, returns=Order, errors=(ResourceNotFound,), mcp=True)
async def update(app: App, actor: Actor, id: UUID4, body: OrderUpdate) -> dict[str, Any]:
    """Changes who an order is billed to."""
    row = await read_visible(app.database, queries.GET, actor, id)
    await updates.update(app, row["organization_id"], id, body)
    return await get(app, actor, id)
