"""`/v1/customer-portal/customers/me`: what a customer sees and may change of itself (usage spec 16)."""

from typing import Any

from boreal.core.customers import Customer
from boreal.kit.app import App
from boreal.kit.auth import PORTAL, Actor
from boreal.kit.problems import Unauthorized
from boreal.kit.routing import Routes
from boreal.rooms.customers.customers import commands
from boreal.rooms.customers.customers.portal_schemas import CustomerPortalCustomer, CustomerPortalCustomerUpdate
from boreal.rooms.customers.customers.queries import read
from boreal.rooms.customers.roles import require_billing_role

portal = Routes("/v1/customer-portal/customers", tags=("customer_portal", "customers"))

READ = ("customer_portal:read", "customer_portal:write")
WRITE = ("customer_portal:write",)

_SHOWN = (
    "id",
    "created_at",
    "modified_at",
    "email",
    "email_verified",
    "name",
    "billing_name",
    "billing_address",
    "tax_id",
    "default_payment_method_id",
)


@portal.get("/me", audience=PORTAL, scopes=READ, returns=CustomerPortalCustomer, name="get")
async def get(app: App, actor: Actor) -> dict[str, Any]:
    """Gets the authenticated customer."""
    assert actor.customer_id is not None
    customer = await read(app.database, actor.customer_id)
    if customer is None:
        raise Unauthorized
    return _render(customer)


@portal.patch("/me", audience=PORTAL, scopes=WRITE, returns=CustomerPortalCustomer, name="update")
async def update(app: App, actor: Actor, body: CustomerPortalCustomerUpdate) -> dict[str, Any]:
    """Changes what the authenticated customer may change: where bills go, and the tax id."""
    require_billing_role(actor)
    assert actor.customer_id is not None
    address = body.billing_address.model_dump(mode="json") if body.billing_address is not None else None
    changed = await commands.update_own(
        app, actor, billing_name=body.billing_name, billing_address=address, tax_id=body.tax_id
    )
    return _render(changed)


def _render(customer: Customer) -> dict[str, Any]:
    return {**{name: getattr(customer, name) for name in _SHOWN}, "oauth_accounts": {}}
