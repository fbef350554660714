"""`/v1/discounts` (catalog spec 4)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.catalog.discounts import commands, queries
from boreal.rooms.catalog.discounts.rendering import render_discount
from boreal.rooms.catalog.discounts.requests import DiscountCreate, DiscountUpdate
from boreal.rooms.catalog.discounts.schemas import Discount

routes = Routes("/v1/discounts", tags=("discounts",))

READ = ("discounts:read", "discounts:write")
WRITE = ("discounts:write",)


@routes.get("/", audience=MERCHANT, scopes=READ, returns=ListResource[Discount], listing=queries.DISCOUNTS, name="list")
async def list_discounts(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists discounts."""
    page = await queries.DISCOUNTS.fetch(app.database, actor, query)
    discounts = [queries.discount_of(row) for row in page.rows]
    products = await queries.read_restrictions(app.database, discounts)
    return page.envelope([render_discount(discount, products) for discount in discounts])


@routes.post("/", audience=MERCHANT, scopes=WRITE, returns=Discount, status=201)
async def create(app: App, actor: Actor, body: DiscountCreate) -> dict[str, Any]:
    """Makes a discount."""
    return render_discount(*await commands.create(app, actor, body))


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=Discount, errors=(ResourceNotFound,))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a discount."""
    discount = await queries.get(app.database, actor, id=id)
    return render_discount(discount, await queries.read_restrictions(app.database, [discount]))


@routes.patch("/{id}", audience=MERCHANT, scopes=WRITE, returns=Discount, errors=(ResourceNotFound,))
async def update(app: App, actor: Actor, id: UUID4, body: DiscountUpdate) -> dict[str, Any]:
    """Changes a discount. Its kind and duration never change, its amount does not once it was redeemed."""
    return render_discount(*await commands.update(app, actor, id=id, body=body))


@routes.delete("/{id}", audience=MERCHANT, scopes=WRITE, status=204, errors=(ResourceNotFound,))
async def delete(app: App, actor: Actor, id: UUID4) -> None:
    """Deletes a discount: nobody can use it anew, and its code is free again. Who has it keeps it."""
    await commands.delete(app, actor, id=id)
