"""`/v1/event-types` (usage spec 3)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.usage.event_types import commands, queries
from boreal.rooms.usage.event_types.schemas import EventType, EventTypeUpdate, EventTypeWithStats

routes = Routes("/v1/event-types", tags=("event-types",))

READ = ("events:read", "events:write")
WRITE = ("events:write",)


@routes.get(
    "/",
    audience=MERCHANT,
    scopes=READ,
    returns=ListResource[EventTypeWithStats],
    listing=queries.TYPES,
    name="list",
)
async def list_types(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists event types with how often they occurred."""
    page = await queries.page(app.database, actor, query)
    return page.envelope([queries.render_with_stats(row) for row in page.rows])


@routes.patch("/{id}", audience=MERCHANT, scopes=WRITE, returns=EventType, errors=(ResourceNotFound,))
async def update(app: App, actor: Actor, id: UUID4, body: EventTypeUpdate) -> dict[str, Any]:
    """Changes what events are called."""
    return queries.render(await commands.update(app, actor, id, body))
