"""`/v1/custom-fields` (catalog spec 3)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.catalog.custom_fields import commands, queries
from boreal.rooms.catalog.custom_fields.rendering import render
from boreal.rooms.catalog.custom_fields.schemas import CustomField, CustomFieldCreate, CustomFieldUpdate

routes = Routes("/v1/custom-fields", tags=("custom-fields",))

READ = ("custom_fields:read", "custom_fields:write")
WRITE = ("custom_fields:write",)


@routes.get(
    "/",
    audience=MERCHANT,
    scopes=READ,
    returns=ListResource[CustomField],
    listing=queries.CUSTOM_FIELDS,
    name="list",
)
async def list_custom_fields(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists custom fields."""
    page = await queries.CUSTOM_FIELDS.fetch(app.database, actor, query)
    return page.envelope([render(queries.custom_field_of(row)) for row in page.rows])


@routes.post("/", audience=MERCHANT, scopes=WRITE, returns=CustomField, status=201)
async def create(app: App, actor: Actor, body: CustomFieldCreate) -> dict[str, Any]:
    """Makes a custom field."""
    return render(await commands.create(app, actor, body))


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=CustomField, errors=(ResourceNotFound,))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a custom field."""
    found = await queries.find(app.database, actor, id)
    if found is None:
        raise ResourceNotFound
    return render(found)


@routes.patch("/{id}", audience=MERCHANT, scopes=WRITE, returns=CustomField, errors=(ResourceNotFound,))
async def update(app: App, actor: Actor, id: UUID4, body: CustomFieldUpdate) -> dict[str, Any]:
    """Changes a custom field; values that buyers have given follow a new slug. The type must be named as it is."""
    return render(await commands.update(app, actor, id=id, body=body))


@routes.delete("/{id}", audience=MERCHANT, scopes=WRITE, status=204, errors=(ResourceNotFound,))
async def delete(app: App, actor: Actor, id: UUID4) -> None:
    """Deletes a custom field and takes it off its products; values that buyers have given stay."""
    await commands.delete(app, actor, id=id)
