"""`/v1/products` (catalog spec 2)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import NotPermitted, ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.catalog.products import commands, queries
from boreal.rooms.catalog.products.rendering import render_product
from boreal.rooms.catalog.products.schemas import Product, ProductBenefitsUpdate, ProductCreate, ProductUpdate

routes = Routes("/v1/products", tags=("products",))

READ = ("products:read", "products:write")
WRITE = ("products:write",)


@routes.get(
    "/", audience=MERCHANT, scopes=READ, returns=ListResource[Product], listing=queries.PRODUCTS, name="list", mcp=True
)
async def list_products(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists products, archived ones too unless filtered."""
    page = await queries.PRODUCTS.fetch(app.database, actor, query)
    details = await queries.with_prices(app.database, page.rows)
    return page.envelope([render_product(detail) for detail in details.values()])


@routes.post("/", audience=MERCHANT, scopes=WRITE, returns=Product, status=201, mcp=True)
async def create(app: App, actor: Actor, body: ProductCreate) -> dict[str, Any]:
    """Makes a product with its prices."""
    return render_product(await commands.create(app, actor, body))


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=Product, errors=(ResourceNotFound,), mcp=True)
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a product."""
    found = await queries.find_products(app.database, actor, [id])
    if id not in found:
        raise ResourceNotFound
    return render_product(found[id])


@routes.patch(
    "/{id}", audience=MERCHANT, scopes=WRITE, returns=Product, errors=(NotPermitted, ResourceNotFound), mcp=True
)
async def update(app: App, actor: Actor, id: UUID4, body: ProductUpdate) -> dict[str, Any]:
    """Changes a product, replaces its prices, archives or restores it."""
    return render_product(await commands.update(app, actor, id=id, body=body))


@routes.post(
    "/{id}/benefits",
    audience=MERCHANT,
    scopes=WRITE,
    returns=Product,
    errors=(NotPermitted, ResourceNotFound),
    mcp=True,
)
async def update_benefits(app: App, actor: Actor, id: UUID4, body: ProductBenefitsUpdate) -> dict[str, Any]:
    """Sets the benefits of a product, all of them in their order."""
    return render_product(await commands.update_benefits(app, actor, id=id, benefit_ids=body.benefits))
