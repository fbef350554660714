"""`/v1/events`, reading (usage spec 2.3); events are taken in by the usage room."""

from typing import Annotated, Any

from fastapi import Query

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.insights.events import names, queries
from boreal.rooms.insights.events.costs import costs
from boreal.rooms.insights.events.rendering import render
from boreal.rooms.insights.events.schemas import Event, EventName, EventPage, TraceCosts
from boreal.rooms.insights.events.selection import EVENTS

routes = Routes("/v1/events", tags=("events",))

READ = ("events:read", "events:write")

_Undocumented = Query(include_in_schema=False)


@routes.get("/", audience=MERCHANT, scopes=READ, returns=EventPage, listing=EVENTS, name="list")
async def list_events(
    app: App,
    actor: Actor,
    query: ListQuery,
    aggregate_fields: Annotated[list[str] | None, _Undocumented] = None,
    cursor_pagination: Annotated[bool, _Undocumented] = False,
) -> dict[str, Any]:
    """Lists events."""
    page = await queries.page(app.database, actor, query, counted=not cursor_pagination)
    shown = page.rows[: query.limit]
    items = await render(app.database, actor, shown, fields=aggregate_fields or ())
    if cursor_pagination:
        return {"items": items, "pagination": {"has_next_page": len(page.rows) > query.limit}}
    return page.envelope(items)


@routes.get("/names", audience=MERCHANT, scopes=READ, returns=ListResource[EventName], listing=names.NAMES)
async def list_names(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists the names that events have."""
    page = await names.page(app.database, actor, query)
    return page.envelope([dict(row) for row in page.rows])


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=Event, errors=(ResourceNotFound,))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets an event."""
    (event,) = await render(app.database, actor, [await queries.get(app.database, actor, id)])
    return event


@routes.get("/{id}/costs", audience=MERCHANT, scopes=READ, returns=TraceCosts, errors=(ResourceNotFound,))
async def trace_costs(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets what an event and everything below it cost."""
    return await costs(app.database, await queries.get(app.database, actor, id))
