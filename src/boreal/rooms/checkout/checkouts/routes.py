"""`/v1/checkouts`, for merchants and, under `/client`, for who holds a client secret (catalog spec 6.12)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, PUBLIC, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import NotPermitted, ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.checkout.checkouts import buyer, queries
from boreal.rooms.checkout.checkouts.buyer import sent
from boreal.rooms.checkout.checkouts.creation import create
from boreal.rooms.checkout.checkouts.errors import (
    AlreadyActiveSubscriptionError,
    CheckoutLocked,
    ExpiredCheckoutError,
    NotOpenCheckout,
    PaymentError,
    PaymentNotReady,
    TrialAlreadyRedeemed,
    refuse_blocked,
)
from boreal.rooms.checkout.checkouts.rendering import render, render_public
from boreal.rooms.checkout.checkouts.schemas import (
    Checkout,
    CheckoutConfirmStripe,
    CheckoutCreate,
    CheckoutPublic,
    CheckoutPublicConfirmed,
    CheckoutUpdate,
    CheckoutUpdatePublic,
)
from boreal.rooms.checkout.checkouts.shelf import read_shelf
from boreal.rooms.checkout.checkouts.updates import open_for_buyer, update

READ = ("checkouts:read", "checkouts:write")
WRITE = ("checkouts:write",)

CHANGE_ERRORS = (ResourceNotFound, NotOpenCheckout, AlreadyActiveSubscriptionError, NotPermitted, CheckoutLocked)


routes = Routes("/v1/checkouts", tags=("checkouts",))


@routes.get("/", audience=MERCHANT, scopes=READ, returns=ListResource[Checkout], listing=queries.CHECKOUTS, name="list")
async def list_checkouts(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists checkout sessions."""
    return await queries.list_page(app, actor, query)


@routes.post("/", audience=MERCHANT, scopes=WRITE, returns=Checkout, status=201, errors=(NotPermitted,), name="create")
async def create_checkout(app: App, actor: Actor, body: CheckoutCreate) -> dict[str, Any]:
    """Creates a checkout session. It can be paid for an hour."""
    checkout, shelf = await create(app, actor, body)
    return render(checkout, shelf, app.settings)


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=Checkout, errors=(ResourceNotFound, NotPermitted))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a checkout session, however old it is."""
    seen = await queries.get(app, actor, id)
    refuse_blocked(seen.organization)
    return render(seen.checkout, await read_shelf(app.database, seen), app.settings)


@routes.patch("/{id}", audience=MERCHANT, scopes=WRITE, returns=Checkout, errors=CHANGE_ERRORS, name="update")
async def update_checkout(app: App, actor: Actor, id: UUID4, body: CheckoutUpdate) -> dict[str, Any]:
    """Changes an open checkout session; only what is sent changes."""
    checkout, shelf = await update(app, await queries.get(app, actor, id), sent(body))
    return render(checkout, shelf, app.settings)


@routes.get(
    "/client/{client_secret}",
    audience=PUBLIC,
    scopes=(),
    returns=CheckoutPublic,
    errors=(ResourceNotFound, ExpiredCheckoutError),
)
async def client_get(app: App, client_secret: str) -> dict[str, Any]:
    """Gets a session by its client secret, until its hour is over."""
    seen = await open_for_buyer(app, client_secret)
    return render_public(seen.checkout, await read_shelf(app.database, seen), app.settings)


@routes.patch(
    "/client/{client_secret}",
    audience=PUBLIC,
    scopes=(),
    returns=CheckoutPublic,
    errors=(*CHANGE_ERRORS, ExpiredCheckoutError),
)
async def client_update(app: App, client_secret: str, body: CheckoutUpdatePublic) -> dict[str, Any]:
    """Changes an open session as its buyer."""
    return await buyer.change(app, client_secret, body)


@routes.post(
    "/client/{client_secret}/confirm",
    audience=PUBLIC,
    scopes=(),
    returns=CheckoutPublicConfirmed,
    errors=(*CHANGE_ERRORS, PaymentError, PaymentNotReady, TrialAlreadyRedeemed, ExpiredCheckoutError),
)
async def client_confirm(app: App, client_secret: str, body: CheckoutConfirmStripe) -> dict[str, Any]:
    """Confirms a session: pays it, sets up a payment method, or takes what is free."""
    return await buyer.confirm(app, client_secret, body)


legacy_routes = routes.at("/v1/checkouts/custom")
"""The same operations at their first address, which old guides still name; not in the document (catalog spec 1.1)."""
