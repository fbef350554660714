"""`/v1/checkout-links`: the merchant's operations, and where a shared link leads (catalog spec 5)."""

from typing import Any

from fastapi import Request, Response

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, PUBLIC, Actor
from boreal.kit.db import Record
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.checkout.links import commands, queries, visits
from boreal.rooms.checkout.links.schemas import CheckoutLink, CheckoutLinkCreate, CheckoutLinkUpdate

routes = Routes("/v1/checkout-links", tags=("checkout-links",))

READ = ("checkout_links:read", "checkout_links:write")
WRITE = ("checkout_links:write",)


@routes.get("/", audience=MERCHANT, scopes=READ, returns=ListResource[CheckoutLink], listing=queries.LINKS, name="list")
async def list_links(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists checkout links."""
    return await queries.list_page(app, actor, query)


@routes.post("/", audience=MERCHANT, scopes=WRITE, returns=CheckoutLink, status=201)
async def create(app: App, actor: Actor, body: CheckoutLinkCreate) -> dict[str, Any]:
    """Makes a checkout link."""
    return await _view(app, await commands.create(app, actor, body))


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=CheckoutLink, errors=(ResourceNotFound,))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a checkout link."""
    return await _view(app, await queries.get(app.database, actor, id=id))


@routes.patch("/{id}", audience=MERCHANT, scopes=WRITE, returns=CheckoutLink, errors=(ResourceNotFound,))
async def update(app: App, actor: Actor, id: UUID4, body: CheckoutLinkUpdate) -> dict[str, Any]:
    """Changes a checkout link; only what is sent changes, for visits from now on."""
    return await _view(app, await commands.update(app, actor, id=id, body=body))


@routes.delete("/{id}", audience=MERCHANT, scopes=WRITE, status=204, errors=(ResourceNotFound,))
async def delete(app: App, actor: Actor, id: UUID4) -> None:
    """Deletes a checkout link: it leads nowhere any more."""
    await commands.delete(app, actor, id=id)


@routes.get(
    "/{client_secret}/redirect", audience=PUBLIC, scopes=(), status=307, errors=(ResourceNotFound,), public=False
)
async def redirect(app: App, request: Request, client_secret: str) -> Response:
    """Opens a session and leads to its page."""
    query = request.query_params.multi_items()
    location = await visits.visit(app, client_secret, query, peer=request.scope["boreal_peer"])
    return Response(status_code=307, headers={"location": location})


async def _view(app: App, row: Record) -> dict[str, Any]:
    (view,) = await queries.views(app.database, [row], app.settings)
    return view
