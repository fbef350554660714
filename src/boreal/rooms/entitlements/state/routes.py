"""The state of a customer, under `/v1/customers` (usage spec 13)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4
from boreal.rooms.customers import public as customers
from boreal.rooms.entitlements.state import queries
from boreal.rooms.entitlements.state.schemas import CustomerState

routes = Routes("/v1/customers", tags=("customers",))

READ = ("customers:read", "customers:write")


@routes.get("/{id}/state", audience=MERCHANT, scopes=READ, returns=CustomerState, errors=(ResourceNotFound,), mcp=True)
async def get_state(app: App, actor: Actor, id: UUID4) -> dict[str, Any]:
    """Gets a customer with its active subscriptions, granted benefits and active meters, as of now."""
    return await queries.state(app.database, await customers.get(app.database, actor, id=id))


@routes.get(
    "/external/{external_id}/state",
    audience=MERCHANT,
    scopes=READ,
    returns=CustomerState,
    errors=(ResourceNotFound,),
    mcp=True,
)
async def get_state_external(app: App, actor: Actor, external_id: str) -> dict[str, Any]:
    """Gets the state of the customer with this external id."""
    return await queries.state(app.database, await customers.get(app.database, actor, external_id=external_id))
