"""`/v1/customer-sessions` (usage spec 15, platform spec 2.6)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, Actor
from boreal.kit.routing import Routes
from boreal.rooms.customers.sessions import commands
from boreal.rooms.customers.sessions.schemas import (
    CustomerSession,
    CustomerSessionCreate,
    CustomerSessionCustomerIDCreate,
)

routes = Routes("/v1/customer-sessions", tags=("customer-sessions",))

WRITE = ("customer_sessions:write",)


@routes.post("/", audience=MERCHANT, scopes=WRITE, returns=CustomerSession, status=201)
async def create(app: App, actor: Actor, body: CustomerSessionCreate) -> dict[str, Any]:
    """Starts a session of a customer. Its token, in this reply and nowhere else, opens the portal for an hour."""
    if isinstance(body, CustomerSessionCustomerIDCreate):
        return await commands.start(app, actor, customer_id=body.customer_id, return_url=body.return_url)
    return await commands.start(app, actor, external_customer_id=body.external_customer_id, return_url=body.return_url)
