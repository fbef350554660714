"""What pages with a client secret do beside buying: begin a session, watch one, say that it was seen (catalog 6.12).

None of it is in the document.
"""

import ipaddress
from typing import Annotated, Any

from fastapi import Request, Response
from pydantic import Field
from starlette.responses import StreamingResponse

from boreal.kit.app import App
from boreal.kit.auth import PUBLIC
from boreal.kit.problems import Fault, Invalid, NotPermitted, ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, Schema
from boreal.rooms.catalog.public import read_products
from boreal.rooms.checkout.checkouts.creation import Wanted, open_session
from boreal.rooms.checkout.checkouts.errors import ExpiredCheckoutError
from boreal.rooms.checkout.checkouts.openings import remember_opening
from boreal.rooms.checkout.checkouts.rendering import render_public
from boreal.rooms.checkout.checkouts.schemas import CheckoutProductCreate, CheckoutPublic, OptionalEmail, Seats
from boreal.rooms.checkout.checkouts.shelf import read_shelf
from boreal.rooms.checkout.checkouts.streams import CheckoutStreams, TooManyStreams
from boreal.rooms.checkout.checkouts.updates import open_for_buyer
from boreal.rooms.platform.public import organization_by_id

routes = Routes("/v1/checkouts", tags=("checkouts",))

_PLACE = ("body", "product_id")


class CheckoutCreatePublic(Schema):
    """A session that a visitor begins."""

    product_id: UUID4
    seats: Seats | None = None
    customer_email: OptionalEmail = None


class CheckoutOpened(Schema):
    """Somebody saw the session; `distinct_id` is how their analytics know them."""

    distinct_id: Annotated[str, Field(max_length=256)] | None = None


@routes.post("/client/", audience=PUBLIC, scopes=(), returns=CheckoutPublic, status=201, public=False)
async def client_create(app: App, request: Request, body: CheckoutCreatePublic) -> dict[str, Any]:
    """Begins a session for one product, as its buyer."""
    found = await read_products(app.database, [body.product_id])
    detail = found.get(body.product_id)
    if detail is None:
        raise _refused("Product does not exist.", body)
    if detail.product.is_archived:
        raise _refused("Product is archived.", body)
    organization = await organization_by_id(app.database, detail.product.organization_id)
    assert organization is not None
    wanted = Wanted((detail,), detail, _PLACE)
    asked = CheckoutProductCreate(product_id=body.product_id, seats=body.seats, customer_email=body.customer_email)
    asked = asked.model_copy(update={"customer_ip_address": ip_address(request.scope["boreal_peer"])})
    try:
        checkout, shelf = await open_session(app, organization, wanted, asked)
    except NotPermitted:
        raise _refused("Organization is blocked.", body) from None
    return render_public(checkout, shelf, app.settings)


@routes.get(
    "/client/{client_secret}/stream",
    audience=PUBLIC,
    scopes=(),
    errors=(ResourceNotFound, ExpiredCheckoutError, TooManyStreams),
    public=False,
)
async def client_stream(app: App, request: Request, client_secret: str) -> Response:
    """Tells what happens to a session from now on, as server-sent events."""
    checkout = (await open_for_buyer(app, client_secret)).checkout
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    if request.method == "HEAD":  # a stream without a body would never end
        return Response(headers=headers, media_type="text/event-stream")
    lines = app.get(CheckoutStreams).open(checkout)
    return StreamingResponse(lines, headers=headers, media_type="text/event-stream")


@routes.post(
    "/client/{client_secret}/opened",
    audience=PUBLIC,
    scopes=(),
    returns=CheckoutPublic,
    errors=(ResourceNotFound, ExpiredCheckoutError),
    public=False,
)
async def client_opened(app: App, client_secret: str, body: CheckoutOpened) -> dict[str, Any]:
    """Remembers when a session was first seen."""
    seen = await open_for_buyer(app, client_secret)
    await remember_opening(app, client_secret, distinct_id=body.distinct_id)
    return render_public(seen.checkout, await read_shelf(app.database, seen), app.settings)


def ip_address(peer: str) -> str | None:
    """The address of a caller, if it is one that a session can keep."""
    try:
        return str(ipaddress.ip_address(peer))
    except ValueError:
        return None


def _refused(words: str, body: CheckoutCreatePublic) -> Invalid:
    return Invalid(Fault(_PLACE, words, input=str(body.product_id)))


legacy_routes = routes.at("/v1/checkouts/custom")
"""The same operations at the first address of the others."""
