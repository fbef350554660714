"""What belongs to the installation rather than to a resource: health, the document, the sandbox's card form."""

from collections.abc import Callable
from typing import Any

from fastapi import Response

from boreal.kit.app import App
from boreal.kit.auth import PUBLIC
from boreal.kit.routing import Reply, Routes
from boreal.kit.schemas import Schema
from boreal.surfaces.pages.sources import tokenize

routes = Routes("", tags=("system",))


@routes.get("/healthz", audience=PUBLIC, scopes=(), public=False)
async def healthz(app: App) -> Response:
    """Whether this process can reach its database: 200, or 503."""
    try:
        await app.database.ping()
    except OSError:
        return Reply({"status": "unavailable"}, status_code=503)
    return Reply({"status": "ok"})


class Card(Schema):
    """A card as a form sends it; it is exchanged for a token and never kept."""

    number: str
    exp_month: int | str
    exp_year: int | str
    cvc: str


def sandbox_routes() -> Routes:
    """The card form of the sandbox processor: only where no real card is ever typed."""
    sandbox = Routes("/sandbox", tags=("sandbox",))

    @sandbox.post("/confirmation-tokens", audience=PUBLIC, scopes=(), public=False)
    async def create_confirmation_token(app: App, body: Card) -> dict[str, Any]:
        """Exchanges a test card for a confirmation token."""
        return {"id": await tokenize(app, body.model_dump())}

    return sandbox


def document_routes(document: Callable[[], dict[str, Any]]) -> Routes:
    """`/openapi.json`: what `document` makes, with the address of this server."""
    served = Routes("", tags=("system",))

    @served.get("/openapi.json", audience=PUBLIC, scopes=(), public=False)
    async def openapi(app: App) -> dict[str, Any]:
        """The OpenAPI document of this server."""
        server = {"url": app.settings.url, "x-speakeasy-server-id": app.settings.environment}
        return {**document(), "servers": [server]}

    return served
