"""`/v1/customer-seats`: seats for merchants, and invitations for whoever holds one (orders spec 14.3)."""

from typing import Any
from uuid import UUID

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, PUBLIC, Actor, Subject
from boreal.kit.problems import BadRequest, NotPermitted, ResourceNotFound, Unauthorized
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4
from boreal.rooms.billing.seats import commands, queries
from boreal.rooms.billing.seats.errors import (
    CustomerNotFound,
    FeatureNotEnabled,
    InvalidInvitationToken,
    SeatAlreadyAssigned,
    SeatNotAvailable,
    SeatNotPending,
)
from boreal.rooms.billing.seats.queries import Container
from boreal.rooms.billing.seats.schemas import (
    CustomerSeat,
    CustomerSeatClaimResponse,
    SeatAssign,
    SeatClaim,
    SeatClaimInfo,
    SeatsList,
)

routes = Routes("/v1/customer-seats", tags=("customer-seats",))

WRITE = ("customer_seats:write",)
BUYERS_PAGE = MERCHANT | {Subject.anonymous}
"""Merchants, and the page after a purchase, which knows the checkout and has no token."""


@routes.post(
    "",
    audience=BUYERS_PAGE,
    scopes=WRITE,
    returns=CustomerSeat,
    errors=(
        SeatNotAvailable,
        SeatAlreadyAssigned,
        Unauthorized,
        NotPermitted,
        FeatureNotEnabled,
        ResourceNotFound,
        CustomerNotFound,
    ),
)
async def assign_seat(app: App, actor: Actor, body: SeatAssign) -> dict[str, Any]:
    """Gives a seat to somebody, who is invited by mail, or has it at once with `immediate_claim`."""
    container = await _container(app, actor, body)
    return await commands.assign(app, container, body, immediate_claim=body.immediate_claim)


async def _container(app: App, actor: Actor, body: SeatAssign) -> Container:
    if actor.kind is Subject.anonymous:
        if body.immediate_claim:
            words = "Anonymous users cannot use immediate_claim. "
            raise NotPermitted(words + "This feature is only available for authenticated API access.")
        if body.checkout_id is None:
            raise Unauthorized
    if body.checkout_id is not None:
        container = await queries.container_of_checkout(app.database, body.checkout_id)
        seen = actor.kind is Subject.anonymous or (container and container.organization_id in actor.organization_ids)
        if container is None or not seen:
            raise ResourceNotFound("No subscription or order found for this checkout")
        return container
    return await commands.found_container(app, actor, subscription_id=body.subscription_id, order_id=body.order_id)


@routes.get(
    "",
    audience=MERCHANT,
    scopes=WRITE,
    returns=SeatsList,
    errors=(BadRequest, FeatureNotEnabled, ResourceNotFound),
)
async def list_seats(
    app: App, actor: Actor, subscription_id: UUID4 | None = None, order_id: UUID4 | None = None
) -> dict[str, Any]:
    """Lists the seats of a subscription or of an order."""
    return await commands.seats_of(app, actor, subscription_id=subscription_id, order_id=order_id)


@routes.delete(
    "/{seat_id}",
    audience=MERCHANT,
    scopes=WRITE,
    returns=CustomerSeat,
    errors=(FeatureNotEnabled, ResourceNotFound),
)
async def revoke_seat(app: App, actor: Actor, seat_id: UUID) -> dict[str, Any]:
    """Takes a seat back; no money moves."""
    return await commands.revoke(app, await commands.seat_for(app, actor, seat_id))


@routes.post(
    "/{seat_id}/resend",
    audience=MERCHANT,
    scopes=WRITE,
    returns=CustomerSeat,
    errors=(SeatNotPending, FeatureNotEnabled, ResourceNotFound),
)
async def resend_invitation(app: App, actor: Actor, seat_id: UUID) -> dict[str, Any]:
    """Sends the invitation of a pending seat again."""
    return await commands.resend(app, await commands.seat_for(app, actor, seat_id))


@routes.get(
    "/claim/{invitation_token}",
    audience=PUBLIC,
    scopes=(),
    returns=SeatClaimInfo,
    errors=(InvalidInvitationToken, FeatureNotEnabled, ResourceNotFound),
)
async def get_claim_info(app: App, invitation_token: str) -> dict[str, Any]:
    """What an invitation is for; changes nothing."""
    info = await commands.claim_info(app, invitation_token)
    if info is None:
        raise ResourceNotFound("Invalid or expired invitation token")
    return info


@routes.post(
    "/claim",
    audience=PUBLIC,
    scopes=(),
    returns=CustomerSeatClaimResponse,
    errors=(InvalidInvitationToken, FeatureNotEnabled),
)
async def claim_seat(app: App, body: SeatClaim) -> dict[str, Any]:
    """Claims a seat with the token of its invitation, which is spent by that."""
    return await commands.claim(app, body.invitation_token)
