"""`/v1/usage-alerts`: ours, beside what the reference has (docs/decisions/0019)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor, read_visible
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.usage.alerts import commands, queries
from boreal.rooms.usage.alerts.schemas import UsageAlert, UsageAlertCreate, UsageAlertUpdate

routes = Routes("/v1/usage-alerts", tags=("usage_alerts",))

READ = ("meters:read", "meters:write")
WRITE = ("meters:write",)


@routes.get("/", audience=MERCHANT, scopes=READ, returns=ListResource[UsageAlert], listing=queries.ALERTS, name="list")
async def list_alerts(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists usage alerts."""
    page = await queries.ALERTS.fetch(app.database, actor, query)
    return page.envelope([queries.render(row) for row in page.rows])


@routes.post("/", audience=MERCHANT, scopes=WRITE, returns=UsageAlert, status=201)
async def create(app: App, actor: Actor, body: UsageAlertCreate) -> dict[str, Any]:
    """Makes an alert, told once in each window of a customer's meter as `usage_alert.triggered`."""
    return queries.render(await commands.create(app, actor, body))


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=UsageAlert, errors=(ResourceNotFound,))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a usage alert."""
    row = await read_visible(app.database, queries.GET, actor, id)
    return queries.render(row)


@routes.patch("/{id}", audience=MERCHANT, scopes=WRITE, returns=UsageAlert, errors=(ResourceNotFound,))
async def update(app: App, actor: Actor, id: UUID4, body: UsageAlertUpdate) -> dict[str, Any]:
    """Changes a usage alert."""
    return queries.render(await commands.update(app, actor, id=id, body=body))


@routes.delete("/{id}", audience=MERCHANT, scopes=WRITE, status=204, errors=(ResourceNotFound,))
async def delete(app: App, actor: Actor, id: UUID4) -> None:
    """Removes a usage alert."""
    await commands.delete(app, actor, id=id)
