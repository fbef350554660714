"""`/v1/customer-portal/subscriptions`: a customer's own subscriptions, by the same commands (usage spec 16)."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from boreal.kit.app import App
from boreal.kit.auth import PORTAL, Actor, read_visible
from boreal.kit.db import Record
from boreal.kit.listing import ListQuery
from boreal.kit.problems import BadRequest, ResourceNotFound, ResourceUnavailable
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.billing.changes import decisions
from boreal.rooms.billing.changes.errors import (
    AboveMaximumSeats,
    AlreadyCanceledSubscription,
    BelowMinimumSeats,
    InactiveSubscription,
    NotASeatBasedSubscription,
    SeatsAlreadyAssigned,
    SubscriptionLocked,
    TrialingSubscription,
    UpdateSubscriptionPlanNotAllowed,
    UpdateSubscriptionSeatsNotAllowed,
)
from boreal.rooms.billing.changes.execution import Decide, carry_out
from boreal.rooms.billing.changes.requests import (
    CustomerSubscriptionCancel,
    CustomerSubscriptionUpdate,
    CustomerSubscriptionUpdateProduct,
)
from boreal.rooms.billing.subscriptions import queries
from boreal.rooms.billing.subscriptions.schemas import CustomerSubscription
from boreal.rooms.catalog.public import find_products
from boreal.rooms.platform.public import organization_by_id

routes = Routes("/v1/customer-portal/subscriptions", tags=("customer_portal", "subscriptions"))

READ = ("customer_portal:read", "customer_portal:write")
WRITE = ("customer_portal:write",)


@routes.get(
    "/",
    audience=PORTAL,
    scopes=READ,
    returns=ListResource[CustomerSubscription],
    listing=queries.CUSTOMER_SUBSCRIPTIONS,
    name="list",
)
async def list_subscriptions(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists the subscriptions of the authenticated customer."""
    page = await queries.CUSTOMER_SUBSCRIPTIONS.fetch(app.database, actor, query)
    return page.envelope(await queries.render_all_for_customer(app.database, page.rows))


@routes.get("/{id}", audience=PORTAL, scopes=READ, returns=CustomerSubscription, errors=(ResourceNotFound,))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a subscription of the authenticated customer."""
    return (await queries.render_all_for_customer(app.database, [await _own(app, actor, id)]))[0]


@routes.patch(
    "/{id}",
    audience=PORTAL,
    scopes=WRITE,
    returns=CustomerSubscription,
    errors=(
        AlreadyCanceledSubscription,
        UpdateSubscriptionPlanNotAllowed,
        UpdateSubscriptionSeatsNotAllowed,
        TrialingSubscription,
        InactiveSubscription,
        ResourceNotFound,
        NotASeatBasedSubscription,
        BelowMinimumSeats,
        AboveMaximumSeats,
        SeatsAlreadyAssigned,
        BadRequest,
        SubscriptionLocked,
        ResourceUnavailable,
    ),
)
async def update(app: App, actor: Actor, id: UUID4, body: CustomerSubscriptionUpdate) -> dict[str, Any]:
    """Changes product or seats, as far as the organization lets customers do so; cancels, or takes that back."""
    row = await _own(app, actor, id)
    decide = await _decision(app, actor, row, body)
    if decide is not None:
        await carry_out(app, row["organization_id"], id, decide, alone=True)
    return await get(app, actor, id)


@routes.delete(
    "/{id}",
    audience=PORTAL,
    scopes=WRITE,
    returns=CustomerSubscription,
    errors=(AlreadyCanceledSubscription, ResourceNotFound, SubscriptionLocked),
)
async def cancel(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Cancels a subscription at the end of its period."""
    row = await _own(app, actor, id)
    await carry_out(app, row["organization_id"], id, decisions.cancel(None, None), alone=True)
    return await get(app, actor, id)


async def _own(app: App, actor: Actor, id: UUID) -> Record:
    return await read_visible(app.database, queries.GET_OWN, actor, id)


async def _decision(app: App, actor: Actor, row: Record, body: Any) -> Decide | None:
    """How a body is to be decided; None for one that asks for nothing. Raises what the organization forbids."""
    if isinstance(body, CustomerSubscriptionCancel):
        if body.cancel_at_period_end is None:
            return None
        if not body.cancel_at_period_end:
            return decisions.uncancel
        return decisions.cancel(body.cancellation_reason, body.cancellation_comment)
    allowed = await _allowed(app, row["organization_id"])
    if isinstance(body, CustomerSubscriptionUpdateProduct):
        if not allowed.get("update_plan", True):
            raise UpdateSubscriptionPlanNotAllowed
        detail = (await find_products(app.database, actor, [body.product_id])).get(body.product_id)
        return decisions.product(detail, body.product_id, None)
    if not allowed.get("update_seats", True):
        raise UpdateSubscriptionSeatsNotAllowed
    return decisions.seats(body.seats, body.proration_behavior)


async def _allowed(app: App, organization_id: UUID) -> Mapping[str, bool]:
    organization = await organization_by_id(app.database, organization_id)
    assert organization is not None
    settings: Mapping[str, bool] = organization["customer_portal_settings"]["subscription"]
    return settings
