"""What the holder of a client secret does with a session, for the API and for the hosted pages alike.

The pages speak JSON with us as a browser would: what goes in is validated by the schemas of the API, what comes out is
what the API sends, and every refusal is a `Problem` with the API's body.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import ValidationError

from boreal.core.checkouts import CheckoutStatus
from boreal.kit.app import App
from boreal.kit.problems import Fault, Invalid, ResourceNotFound
from boreal.kit.routing import dump
from boreal.kit.schemas import Schema
from boreal.rooms.checkout.checkouts import confirmation, queries, updates
from boreal.rooms.checkout.checkouts.rendering import render_public
from boreal.rooms.checkout.checkouts.schemas import CheckoutConfirmStripe, CheckoutUpdateBase, CheckoutUpdatePublic
from boreal.rooms.checkout.checkouts.shelf import Seen, read_shelf
from boreal.rooms.checkout.checkouts.tables import CheckoutRow
from boreal.rooms.platform.public import is_told

S = TypeVar("S", bound=Schema)

LONGEST_WAIT = timedelta(seconds=15)

C = CheckoutRow.c

_HEARING = sa.select(
    C.organization_id, C.created_at, C.modified_at, is_told(C.organization_id, C.id).label("is_told")
).where(C.client_secret == sa.bindparam("client_secret"))

Hearing = Literal["told", "waiting", "overdue"]


class RequestInvalid(Invalid):
    """A body that its schema refuses, as the API says it."""

    error = "RequestValidationError"


def sent(body: CheckoutUpdateBase) -> dict[str, Any]:
    """The members that the request really contained; an address is whole, as it replaces the one before."""
    values = body.model_dump(exclude_unset=True)
    if body.customer_billing_address is not None:
        values["customer_billing_address"] = body.customer_billing_address.model_dump(mode="json")
    return values


async def change(app: App, client_secret: str, body: CheckoutUpdatePublic) -> dict[str, Any]:
    """The changed session (contract `CheckoutPublic`); raises as `updates.update`, and `ExpiredCheckoutError`."""
    checkout, shelf = await updates.update(app, await updates.open_for_buyer(app, client_secret), sent(body))
    return render_public(checkout, shelf, app.settings)


async def confirm(app: App, client_secret: str, body: CheckoutConfirmStripe) -> dict[str, Any]:
    """The confirmed session (contract `CheckoutPublicConfirmed`); raises as `confirmation.confirm`."""
    values = sent(body)
    token = values.pop("confirmation_token_id", None)
    confirmed = await confirmation.confirm(app, client_secret, values, token)
    view = render_public(confirmed.checkout, confirmed.shelf, app.settings)
    return {**view, "customer_session_token": confirmed.customer_session_token}


async def client_view(app: App, client_secret: str) -> dict[str, Any]:
    """The session as JSON values (contract `CheckoutPublic`), whatever its status; for pages.

    An open session whose hour is over has the status `expired`. Raises `ResourceNotFound`.
    """
    return await _view(app, await queries.by_secret(app.database, client_secret))


async def client_hearing(app: App, client_secret: str) -> Hearing:
    """How far the merchant's endpoints have heard of the session as it is; `overdue` after 15 s of silence.

    So a buyer who is led to the merchant's page is not there before the news (catalog spec 8, 9.2). An organization
    with a test clock is not waited for: in its time 15 s may never pass.
    """
    row = await app.database.fetchrow(_HEARING, client_secret=client_secret)
    if row is None:
        raise ResourceNotFound
    if row["is_told"]:
        return "told"
    if await app.times.clocks_of(app.database, (row["organization_id"],)):
        return "overdue"
    return "waiting" if app.clock.now() - (row["modified_at"] or row["created_at"]) < LONGEST_WAIT else "overdue"


async def client_view_by_id(app: App, id: UUID) -> dict[str, Any]:
    """The same by the session's id, for a page that learnt it from the payment processor."""
    seen = await queries.by_id(app.database, id)
    if seen is None:
        raise ResourceNotFound
    return await _view(app, seen)


async def _view(app: App, seen: Seen) -> dict[str, Any]:
    checkout = seen.checkout
    now = await app.times.now(checkout.organization_id)
    if checkout.status is CheckoutStatus.OPEN and now >= checkout.expires_at:
        checkout = replace(checkout, status=CheckoutStatus.EXPIRED)
    return _json(render_public(checkout, await read_shelf(app.database, seen), app.settings))


async def client_update(app: App, client_secret: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Applies a `CheckoutUpdatePublic` and gives the session as JSON values; for pages.

    Raises what `PATCH /v1/checkouts/client/{client_secret}` answers, a malformed body included.
    """
    return _json(await change(app, client_secret, _parse(CheckoutUpdatePublic, changes)))


async def client_confirm(app: App, client_secret: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Applies a `CheckoutConfirmStripe` and gives the session as JSON values, with the session token; for pages.

    Raises what `POST /v1/checkouts/client/{client_secret}/confirm` answers, a malformed body included.
    """
    return _json(await confirm(app, client_secret, _parse(CheckoutConfirmStripe, changes)))


def _parse(schema: type[S], body: Mapping[str, Any]) -> S:
    try:
        return schema.model_validate(dict(body))
    except ValidationError as refused:
        found = refused.errors(include_url=False)
        raise RequestInvalid(
            *(Fault(("body", *item["loc"]), item["msg"], item["type"], item["input"]) for item in found)
        ) from refused


def _json(view: dict[str, Any]) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(dump(view))
    return loaded
