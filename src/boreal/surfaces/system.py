"""What belongs to the installation, not to a resource: health, metrics, the document, the sandbox's card form."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import sqlalchemy as sa
from fastapi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from boreal.kit.app import App
from boreal.kit.auth import PUBLIC
from boreal.kit.db import FAILURES
from boreal.kit.migrations import older_revisions
from boreal.kit.routing import Reply, Routes
from boreal.kit.schemas import Schema
from boreal.providers.ports import EventReader, EventRefused
from boreal.rooms.checkout.public import receive_processor_event
from boreal.surfaces.metrics import Receive, Scope, Send
from boreal.surfaces.pages.sources import tokenize

ANSWER_S = 2.0
"""How long the database may take to answer who asks for the health of this process."""

LATE_S = 30.0
"""A loop of the worker that has not come round for so long is stuck; an idle one does every five seconds."""

_REVISION = sa.text("SELECT version_num FROM alembic_version")

routes = Routes("", tags=("system",))


@routes.get("/healthz", audience=PUBLIC, scopes=(), public=False)
async def healthz(app: App) -> Response:
    """Whether this process runs and can reach its database: 200, or 503 (platform spec 1.1)."""
    try:
        async with asyncio.timeout(ANSWER_S):
            await app.database.ping()
    except FAILURES:
        return Reply({"status": "unavailable"}, status_code=503)
    return Reply({"status": "ok"})


@routes.get("/readyz", audience=PUBLIC, scopes=(), public=False)
async def readyz(app: App) -> Response:
    """Whether this process can do its part: 200, or 503 with the reasons.

    The database answers and is migrated (a newer version may have migrated it further), and the loops of the worker, if
    one runs here, come round.
    """
    reasons = [f"the worker's loop {loop} is stuck" for loop in app.metrics.late(after_s=LATE_S)]
    try:
        async with asyncio.timeout(ANSWER_S):
            revision = await app.database.fetchval(_REVISION)
        if revision is None or revision in older_revisions():
            reasons.append("the database is not migrated")
    except asyncpg.UndefinedTableError:
        reasons.append("the database is not migrated")
    except FAILURES:
        reasons.append("the database does not answer")
    if reasons:
        return Reply({"status": "unavailable", "reasons": reasons}, status_code=503)
    return Reply({"status": "ready"})


async def metrics(app: App) -> Response:
    """What this process counted, and the state of the queues, for Prometheus; 503 while the database is away."""
    queues = sorted({kind.queue for kind in app.kinds.values()})
    try:
        async with asyncio.timeout(ANSWER_S):
            page = await app.metrics.page(app.database, queues)
    except FAILURES:
        return Reply({"status": "unavailable"}, status_code=503)
    return Response(page, media_type=CONTENT_TYPE_LATEST)


def metrics_routes() -> Routes:
    """`/metrics` on the port of the API."""
    served = Routes("", tags=("system",))
    served.get("/metrics", audience=PUBLIC, scopes=(), public=False)(metrics)
    return served


class Operations:
    """The ASGI application of the listener for those who watch: health and metrics, nothing else."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._pages = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        page = self._pages.get(scope["path"])
        reply = await page(self._app) if page is not None else Reply({"detail": "Not Found"}, status_code=404)
        await reply(scope, receive, send)


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


def processor_routes() -> Routes:
    """Where the payment processor sends its events: only where there is one elsewhere."""
    served = Routes("/webhooks", tags=("system",))

    @served.post("/stripe", audience=PUBLIC, scopes=(), public=False)
    async def hear(app: App, request: Request) -> Response:
        """Takes a signed event: 200 once it is written down, whether it means something to us or not; 400 otherwise."""
        try:
            event = app.get(EventReader).read(await request.body(), request.headers, now=app.clock.now())
        except EventRefused as refused:
            return Reply({"error": "SignatureInvalid", "detail": str(refused)}, status_code=400)
        if event is not None:
            await receive_processor_event(app, event)
        return Reply({"received": True})

    return served


def document_routes(document: Callable[[], dict[str, Any]]) -> Routes:
    """`/openapi.json`: what `document` makes, with the address of this server."""
    served = Routes("", tags=("system",))

    @served.get("/openapi.json", audience=PUBLIC, scopes=(), public=False)
    async def openapi(app: App) -> dict[str, Any]:
        """The OpenAPI document of this server."""
        server = {"url": app.settings.url, "x-speakeasy-server-id": app.settings.environment}
        return {**document(), "servers": [server]}

    return served
