"""`/v1/customer-portal/seats`: a buyer's own seats (orders spec 14.3, usage spec 16)."""

from typing import Any
from uuid import UUID

from boreal.kit.app import App
from boreal.kit.auth import PORTAL, Actor
from boreal.kit.problems import BadRequest, NotPermitted, ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4
from boreal.rooms.billing.roles import require_billing_role
from boreal.rooms.billing.seats import commands, queries
from boreal.rooms.billing.seats.errors import (
    CustomerNotFound,
    FeatureNotEnabled,
    SeatAlreadyAssigned,
    SeatNotAvailable,
    SeatNotPending,
)
from boreal.rooms.billing.seats.schemas import CustomerSeat, SeatAssign, SeatsList
from boreal.rooms.billing.subscriptions.queries import HELD, render_all_for_customer
from boreal.rooms.billing.subscriptions.schemas import CustomerSubscription

routes = Routes("/v1/customer-portal/seats", tags=("customer_portal", "seats"))

READ = ("customer_portal:read", "customer_portal:write")
WRITE = ("customer_portal:write",)


@routes.get(
    "",
    audience=PORTAL,
    scopes=READ,
    returns=SeatsList,
    errors=(BadRequest, FeatureNotEnabled, ResourceNotFound),
)
async def list_seats(
    app: App, actor: Actor, subscription_id: UUID4 | None = None, order_id: UUID4 | None = None
) -> dict[str, Any]:
    """Lists the seats of one of the customer's subscriptions or orders."""
    return await commands.seats_of(app, actor, subscription_id=subscription_id, order_id=order_id)


@routes.get("/subscriptions", audience=PORTAL, scopes=READ, returns=list[CustomerSubscription])
async def list_claimed_subscriptions(app: App, actor: Actor) -> list[dict[str, Any]]:
    """Lists the subscriptions in which the customer holds a seat."""
    held = await app.database.fetch(queries.HELD_SUBSCRIPTIONS, **actor.binds())
    rows = await app.database.fetch(HELD, ids=[row["subscription_id"] for row in held])
    return await render_all_for_customer(app.database, rows)


@routes.post(
    "",
    audience=PORTAL,
    scopes=WRITE,
    returns=CustomerSeat,
    errors=(
        BadRequest,
        SeatNotAvailable,
        SeatAlreadyAssigned,
        NotPermitted,
        FeatureNotEnabled,
        ResourceNotFound,
        CustomerNotFound,
    ),
)
async def assign_seat(app: App, actor: Actor, body: SeatAssign) -> dict[str, Any]:
    """Invites somebody to a seat; a buyer cannot have it claimed at once."""
    require_billing_role(actor)
    if body.checkout_id is not None:
        raise BadRequest("Either subscription_id or order_id is required")
    container = await commands.found_container(app, actor, subscription_id=body.subscription_id, order_id=body.order_id)
    return await commands.assign(app, container, body, immediate_claim=False)


@routes.delete(
    "/{seat_id}",
    audience=PORTAL,
    scopes=WRITE,
    returns=CustomerSeat,
    errors=(NotPermitted, FeatureNotEnabled, ResourceNotFound),
)
async def revoke_seat(app: App, actor: Actor, seat_id: UUID) -> dict[str, Any]:
    """Takes a seat back."""
    require_billing_role(actor)
    return await commands.revoke(app, await commands.seat_for(app, actor, seat_id))


@routes.post(
    "/{seat_id}/resend",
    audience=PORTAL,
    scopes=WRITE,
    returns=CustomerSeat,
    errors=(SeatNotPending, NotPermitted, FeatureNotEnabled, ResourceNotFound),
)
async def resend_invitation(app: App, actor: Actor, seat_id: UUID) -> dict[str, Any]:
    """Sends the invitation of a pending seat again."""
    require_billing_role(actor)
    return await commands.resend(app, await commands.seat_for(app, actor, seat_id))
