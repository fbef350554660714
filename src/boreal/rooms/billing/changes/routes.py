"""`/v1/subscriptions` (orders spec 6, 7)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import BadRequest, ResourceNotFound, ResourceUnavailable
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.billing.changes import commands, previews
from boreal.rooms.billing.changes.errors import (
    AboveMaximumSeats,
    AlreadyCanceledSubscription,
    BelowMinimumSeats,
    InactiveSubscription,
    NotASeatBasedSubscription,
    SeatsAlreadyAssigned,
    SubscriptionLocked,
    TrialingSubscription,
)
from boreal.rooms.billing.changes.requests import ScheduledChangeCreate, SubscriptionCreate, SubscriptionUpdate
from boreal.rooms.billing.changes.schemas import ScheduledChange, SubscriptionChargePreview, SubscriptionPreview
from boreal.rooms.billing.subscriptions import queries
from boreal.rooms.billing.subscriptions.schemas import Subscription

routes = Routes("/v1/subscriptions", tags=("subscriptions",))

READ = ("subscriptions:read", "subscriptions:write")
WRITE = ("subscriptions:write",)

_REFUSALS = (ResourceNotFound, AlreadyCanceledSubscription, SubscriptionLocked)
_ALL_REFUSALS = (
    *_REFUSALS,
    TrialingSubscription,
    InactiveSubscription,
    NotASeatBasedSubscription,
    BelowMinimumSeats,
    AboveMaximumSeats,
    SeatsAlreadyAssigned,
    BadRequest,
    ResourceUnavailable,
)


@routes.get(
    "/",
    audience=MERCHANT,
    scopes=READ,
    returns=ListResource[Subscription],
    listing=queries.SUBSCRIPTIONS,
    name="list",
    mcp=True,
)
async def list_subscriptions(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists subscriptions."""
    page = await queries.SUBSCRIPTIONS.fetch(app.database, actor, query)
    return page.envelope(await queries.render_all(app.database, page.rows))


@routes.post("/", audience=MERCHANT, scopes=WRITE, returns=Subscription, status=201, mcp=True)
async def create(app: App, actor: Actor, body: SubscriptionCreate) -> dict[str, Any]:
    """Subscribes a customer to a free product. Whoever is to pay goes through a checkout."""
    return await queries.get(app.database, actor, await commands.create(app, actor, body))


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=Subscription, errors=(ResourceNotFound,), mcp=True)
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a subscription."""
    return await queries.get(app.database, actor, id)


@routes.patch("/{id}", audience=MERCHANT, scopes=WRITE, returns=Subscription, errors=_ALL_REFUSALS, mcp=True)
async def update(app: App, actor: Actor, id: UUID4, body: SubscriptionUpdate) -> dict[str, Any]:
    """Changes a subscription: product, discount, trial, seats, period end, or its end."""
    await commands.update(app, actor, id, body)
    return await queries.get(app.database, actor, id)


@routes.delete(
    "/{id}", audience=MERCHANT, scopes=WRITE, returns=Subscription, errors=_REFUSALS, name="revoke", mcp=True
)
async def revoke(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Ends a subscription at once."""
    await commands.revoke(app, actor, id)
    return await queries.get(app.database, actor, id)


@routes.post(
    "/{id}/preview",
    audience=MERCHANT,
    scopes=WRITE,
    returns=SubscriptionPreview,
    errors=_ALL_REFUSALS,
)
async def preview(app: App, actor: Actor, id: UUID4, body: SubscriptionUpdate | None = None) -> dict[str, Any]:
    """Shows what a change would do and cost, without doing it; without a body, what comes next."""
    organization_id = await commands.owner(app, actor, id)
    decide = await commands.decision_of(app, actor, organization_id, body) if body is not None else None
    return await previews.preview(app, id, decide)


@routes.get(
    "/{id}/charge-preview",
    audience=MERCHANT,
    scopes=READ,
    returns=SubscriptionChargePreview,
    errors=(ResourceNotFound,),
)
async def charge_preview(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Shows what the next period would cost."""
    await commands.owner(app, actor, id)
    return await previews.charge_preview(app, id)


@routes.post(
    "/{id}/scheduled-change",
    audience=MERCHANT,
    scopes=WRITE,
    returns=ScheduledChange,
    status=201,
    errors=_ALL_REFUSALS,
)
async def schedule_change(app: App, actor: Actor, id: UUID4, body: ScheduledChangeCreate) -> dict[str, Any]:
    """Plans another product or number of seats for the next period, instead of what was planned before."""
    await commands.schedule(app, actor, id, body)
    return await get_scheduled_change(app, actor, id)


@routes.get(
    "/{id}/scheduled-change",
    audience=MERCHANT,
    scopes=READ,
    returns=ScheduledChange,
    errors=(ResourceNotFound,),
)
async def get_scheduled_change(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets what is planned for the next period; 404 if nothing is."""
    row = await commands.scheduled_change(app, actor, id)
    if row is None:
        raise ResourceNotFound
    return {name: row[name] for name in ("id", "created_at", "product_id", "seats")}


@routes.delete("/{id}/scheduled-change", audience=MERCHANT, scopes=WRITE, status=204, errors=_REFUSALS)
async def cancel_scheduled_change(app: App, actor: Actor, id: UUID4) -> None:
    """Takes back what is planned for the next period."""
    await commands.unschedule(app, actor, id)
