"""`/v1/webhooks`: endpoints, deliveries, redelivery (platform spec 8)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.platform.organizations.resolution import organization_of
from boreal.rooms.platform.webhooks import commands, queries
from boreal.rooms.platform.webhooks.schemas import (
    OwnEvents,
    OwnWebhookDelivery,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEndpointCreate,
    WebhookEndpointUpdate,
)

routes = Routes("/v1/webhooks", tags=("webhooks",))

READ = ("webhooks:read", "webhooks:write")
WRITE = ("webhooks:write",)


@routes.get(
    "/endpoints", audience=MERCHANT, scopes=READ, returns=ListResource[WebhookEndpoint], listing=queries.ENDPOINTS
)
async def list_webhook_endpoints(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists webhook endpoints, newest first."""
    page = await queries.ENDPOINTS.fetch(app.database, actor, query)
    return page.envelope([queries.render_endpoint(row, app.keyring) for row in page.rows])


@routes.get("/endpoints/{id}", audience=MERCHANT, scopes=READ, returns=WebhookEndpoint, errors=(ResourceNotFound,))
async def get_webhook_endpoint(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a webhook endpoint, its secret included."""
    return queries.render_endpoint(await queries.endpoint(app.database, actor, id), app.keyring)


@routes.post("/endpoints", audience=MERCHANT, scopes=WRITE, returns=WebhookEndpoint, status=201)
async def create_webhook_endpoint(app: App, actor: Actor, body: WebhookEndpointCreate) -> dict[str, Any]:
    """Makes a webhook endpoint that hears of the given events from now on."""
    given = {**dict(body), "organization_id": organization_of(actor, body.organization_id)}
    return await commands.create(app, **given)


@routes.patch("/endpoints/{id}", audience=MERCHANT, scopes=WRITE, returns=WebhookEndpoint, errors=(ResourceNotFound,))
async def update_webhook_endpoint(app: App, actor: Actor, id: UUID4, body: WebhookEndpointUpdate) -> dict[str, Any]:
    """Changes a webhook endpoint; members that are null stay as they are."""
    return await commands.update(app, actor, id=id, **dict(body))


@routes.patch(
    "/endpoints/{id}/secret", audience=MERCHANT, scopes=WRITE, returns=WebhookEndpoint, errors=(ResourceNotFound,)
)
async def reset_webhook_endpoint_secret(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gives a webhook endpoint a new secret; the old one stops at once."""
    return await commands.reset_secret(app, actor, id=id)


@routes.delete("/endpoints/{id}", audience=MERCHANT, scopes=WRITE, status=204, errors=(ResourceNotFound,))
async def delete_webhook_endpoint(app: App, actor: Actor, id: UUID4) -> None:
    """Deletes a webhook endpoint; nothing more is sent to it."""
    await commands.delete(app, actor, id=id)


@routes.get("/endpoints/{id}/own-events", audience=MERCHANT, scopes=READ, returns=OwnEvents, errors=(ResourceNotFound,))
async def get_own_events(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets the events of ours that a webhook endpoint hears of, which the public contract does not know."""
    return queries.render_own_events(await queries.endpoint(app.database, actor, id))


@routes.put(
    "/endpoints/{id}/own-events", audience=MERCHANT, scopes=WRITE, returns=OwnEvents, errors=(ResourceNotFound,)
)
async def set_own_events(app: App, actor: Actor, id: UUID4, body: OwnEvents) -> dict[str, Any]:
    """Says of which events of ours a webhook endpoint hears, beside those of the public contract."""
    return await commands.subscribe_to_own(app, actor, id=id, events=body.events)


@routes.get(
    "/own-deliveries",
    audience=MERCHANT,
    scopes=READ,
    returns=ListResource[OwnWebhookDelivery],
    listing=queries.OWN_DELIVERIES,
)
async def list_own_deliveries(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists attempts to deliver events of ours, newest first."""
    page = await queries.OWN_DELIVERIES.fetch(app.database, actor, query)
    return page.envelope([queries.render_delivery(row) for row in page.rows])


@routes.get(
    "/deliveries", audience=MERCHANT, scopes=READ, returns=ListResource[WebhookDelivery], listing=queries.DELIVERIES
)
async def list_webhook_deliveries(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists attempts to deliver events, newest first."""
    page = await queries.DELIVERIES.fetch(app.database, actor, query)
    return page.envelope([queries.render_delivery(row) for row in page.rows])


@routes.post("/events/{id}/redeliver", audience=MERCHANT, scopes=WRITE, status=202, errors=(ResourceNotFound,))
async def redeliver_webhook_event(app: App, actor: Actor, id: UUID4) -> None:
    """Sends an event again, even if it was received already."""
    await commands.redeliver(app, actor, event_id=id)
