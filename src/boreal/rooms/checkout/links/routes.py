"""`/v1/checkout-links/{client_secret}/redirect`: where a shared link leads (catalog spec 5.3)."""

from fastapi import Request, Response

from boreal.kit.app import App
from boreal.kit.auth import PUBLIC
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.rooms.checkout.links import commands

routes = Routes("/v1/checkout-links", tags=("checkout-links",))


@routes.get(
    "/{client_secret}/redirect", audience=PUBLIC, scopes=(), status=307, errors=(ResourceNotFound,), public=False
)
async def redirect(app: App, request: Request, client_secret: str) -> Response:
    """Opens a session and leads to its page."""
    query = request.query_params.multi_items()
    location = await commands.visit(app, client_secret, query, peer=request.scope["boreal_peer"])
    return Response(status_code=307, headers={"location": location})
