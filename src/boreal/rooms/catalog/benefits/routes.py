"""`/v1/benefits` (usage spec 8)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import NotPermitted, ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.catalog.benefits import commands, queries
from boreal.rooms.catalog.benefits.rendering import render
from boreal.rooms.catalog.benefits.requests import BenefitCreate, BenefitUpdate
from boreal.rooms.catalog.benefits.schemas import Benefit

routes = Routes("/v1/benefits", tags=("benefits",))

READ = ("benefits:read", "benefits:write")
WRITE = ("benefits:write",)


@routes.get("/", audience=MERCHANT, scopes=READ, returns=ListResource[Benefit], listing=queries.BENEFITS, name="list")
async def list_benefits(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists benefits."""
    page = await queries.BENEFITS.fetch(app.database, actor, query)
    return page.envelope([render(queries.benefit_of(row)) for row in page.rows])


@routes.post("/", audience=MERCHANT, scopes=WRITE, returns=Benefit, status=201)
async def create(app: App, actor: Actor, body: BenefitCreate) -> dict[str, Any]:
    """Makes a benefit."""
    return render(await commands.create(app, actor, body))


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=Benefit, errors=(ResourceNotFound,))
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a benefit."""
    found = await queries.find(app.database, actor, id)
    if found is None:
        raise ResourceNotFound
    return render(found)


@routes.patch("/{id}", audience=MERCHANT, scopes=WRITE, returns=Benefit, errors=(ResourceNotFound,))
async def update(app: App, actor: Actor, id: UUID4, body: BenefitUpdate) -> dict[str, Any]:
    """Changes a benefit; its type must be named as it is."""
    return render(await commands.update(app, actor, id=id, body=body))


@routes.delete("/{id}", audience=MERCHANT, scopes=WRITE, status=204, errors=(NotPermitted, ResourceNotFound))
async def delete(app: App, actor: Actor, id: UUID4) -> None:
    """Deletes a benefit: it is taken off every product, and from the customers who have it."""
    await commands.delete(app, actor, id=id)
