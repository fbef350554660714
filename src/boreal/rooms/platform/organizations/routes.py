"""`/v1/organizations` (platform spec 6)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor, read_visible
from boreal.kit.listing import ListQuery
from boreal.kit.problems import NotPermitted, ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.platform.organizations import commands, queries
from boreal.rooms.platform.organizations.schemas import Organization, OrganizationUpdate

routes = Routes("/v1/organizations", tags=("organizations",))

READ = ("organizations:read", "organizations:write")
WRITE = ("organizations:write",)


@routes.get(
    "/", audience=MERCHANT, scopes=READ, returns=ListResource[Organization], listing=queries.ORGANIZATIONS, name="list"
)
async def list_organizations(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists the organizations that the caller may see: its own for a token."""
    page = await queries.ORGANIZATIONS.fetch(app.database, actor, query)
    return page.envelope([queries.render(row) for row in page.rows])


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=Organization, errors=(ResourceNotFound,))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets an organization."""
    row = await read_visible(app.database, queries.GET, actor, id)
    return queries.render(row)


@routes.patch("/{id}", audience=MERCHANT, scopes=WRITE, returns=Organization, errors=(NotPermitted, ResourceNotFound))
async def update(app: App, actor: Actor, id: UUID4, body: OrganizationUpdate) -> dict[str, Any]:
    """Changes an organization: who it is, and how it does business."""
    return await commands.update(app, actor, id=id, body=body)
