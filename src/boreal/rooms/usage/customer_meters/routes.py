"""`/v1/customer-meters` (usage spec 5.4)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.usage.customer_meters import queries
from boreal.rooms.usage.customer_meters.schemas import CustomerMeter

routes = Routes("/v1/customer-meters", tags=("customer_meters",))

READ = ("customer_meters:read",)


@routes.get(
    "/",
    audience=MERCHANT,
    scopes=READ,
    returns=ListResource[CustomerMeter],
    listing=queries.CUSTOMER_METERS,
    name="list",
    mcp=True,
)
async def list_customer_meters(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists what customers consumed of meters; of archived meters only if they are named."""
    return await queries.listed(app.database, actor, query)


@routes.get("/{id}", audience=MERCHANT, scopes=READ, returns=CustomerMeter, errors=(ResourceNotFound,), mcp=True)
async def get(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets what a customer consumed of a meter."""
    return await queries.get(app.database, actor, id)
