"""`/v1/disputes` (orders spec 16)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor, read_visible
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.billing.disputes import queries
from boreal.rooms.billing.disputes.schemas import Dispute

routes = Routes("/v1/disputes", tags=("disputes",))

READ = ("disputes:read",)


@routes.get("/", audience=MERCHANT, scopes=READ, returns=ListResource[Dispute], listing=queries.DISPUTES, name="list")
async def list_disputes(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists disputes."""
    page = await queries.DISPUTES.fetch(app.database, actor, query)
    return page.envelope([queries.render(row) for row in page.rows])


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=Dispute, errors=(ResourceNotFound,))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a dispute."""
    row = await read_visible(app.database, queries.GET, actor, id)
    return queries.render(row)
