"""`/v1/organization-access-tokens` (platform spec 2.4)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.platform.organizations.resolution import organization_of
from boreal.rooms.platform.tokens import commands, queries
from boreal.rooms.platform.tokens.schemas import (
    OrganizationAccessToken,
    OrganizationAccessTokenCreate,
    OrganizationAccessTokenCreateResponse,
    OrganizationAccessTokenUpdate,
)

routes = Routes("/v1/organization-access-tokens", tags=("organization_access_tokens",))

READ = ("organization_access_tokens:read", "organization_access_tokens:write")
WRITE = ("organization_access_tokens:write",)


@routes.get(
    "/",
    audience=MERCHANT,
    scopes=READ,
    returns=ListResource[OrganizationAccessToken],
    listing=queries.TOKENS,
    name="list",
    mcp=True,
)
async def list_tokens(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists organization access tokens; their secrets are not shown again."""
    page = await queries.TOKENS.fetch(app.database, actor, query)
    return page.envelope([queries.render(row) for row in page.rows])


@routes.post("/", audience=MERCHANT, scopes=WRITE, returns=OrganizationAccessTokenCreateResponse, status=201, mcp=True)
async def create(app: App, actor: Actor, body: OrganizationAccessTokenCreate) -> dict[str, Any]:
    """Makes a token. Its secret is in this reply and nowhere else."""
    shown, token = await commands.create(
        app,
        organization_id=organization_of(actor, body.organization_id),
        comment=body.comment,
        scopes=[scope.value for scope in body.scopes],
        expires_in=body.expires_in,
    )
    return {"organization_access_token": shown, "token": token}


@routes.patch(
    "/{id}", audience=MERCHANT, scopes=WRITE, returns=OrganizationAccessToken, errors=(ResourceNotFound,), mcp=True
)
async def update(app: App, actor: Actor, id: UUID4, body: OrganizationAccessTokenUpdate) -> dict[str, Any]:
    """Changes the comment or the scopes of a token."""
    scopes = None if body.scopes is None else [scope.value for scope in body.scopes]
    return await commands.update(app, actor, id=id, comment=body.comment, scopes=scopes)


@routes.delete("/{id}", audience=MERCHANT, scopes=WRITE, status=204, errors=(ResourceNotFound,), mcp=True)
async def delete(app: App, actor: Actor, id: UUID4) -> None:
    """Revokes a token at once."""
    await commands.delete(app, actor, id=id)
