"""`/v1/test-clocks`: ours, beside what the reference has (docs/decisions/0013)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor, read_visible
from boreal.kit.listing import ListQuery
from boreal.kit.problems import NotPermitted, ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.platform.clocks import commands, queries
from boreal.rooms.platform.clocks.schemas import TestClock, TestClockAdvance, TestClockCreate
from boreal.rooms.platform.organizations.resolution import organization_of

routes = Routes("/v1/test-clocks", tags=("test_clocks",))

READ = ("organizations:read", "organizations:write")
WRITE = ("organizations:write",)


@routes.get("/", audience=MERCHANT, scopes=READ, returns=ListResource[TestClock], listing=queries.CLOCKS, name="list")
async def list_clocks(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists test clocks."""
    page = await queries.CLOCKS.fetch(app.database, actor, query)
    return page.envelope([queries.render(row) for row in page.rows])


@routes.post("/", audience=MERCHANT, scopes=WRITE, returns=TestClock, status=201, errors=(NotPermitted,))
async def create(app: App, actor: Actor, body: TestClockCreate) -> dict[str, Any]:
    """Makes a clock for an organization of a sandbox, which lives by it from then on."""
    organization_id = organization_of(actor, body.organization_id)
    return await commands.create(app, organization_id=organization_id, name=body.name, time=body.time)


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=TestClock, errors=(ResourceNotFound,))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """A clock, and how far it has come while it is being moved."""
    row = await read_visible(app.database, queries.GET, actor, id)
    return queries.render(row)


@routes.post(
    "/{id}/advance", audience=MERCHANT, scopes=WRITE, returns=TestClock, status=202, errors=(ResourceNotFound,)
)
async def advance(app: App, actor: Actor, id: UUID4, body: TestClockAdvance) -> dict[str, Any]:
    """Begins to move a clock; everything that falls due on the way happens at its time."""
    return await commands.advance(app, actor, id=id, time=body.time)


@routes.delete("/{id}", audience=MERCHANT, scopes=WRITE, status=204, errors=(ResourceNotFound,))
async def delete(app: App, actor: Actor, id: UUID4) -> None:
    """Removes a clock: the organization lives in real time again."""
    await commands.delete(app, actor, id=id)
