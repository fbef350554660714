"""`/v1/customer-portal/customers/me/payment-methods` (orders spec 4.5)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import PORTAL, Actor
from boreal.kit.listing import ListQuery
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4, ListResource
from boreal.rooms.billing.methods import commands, queries
from boreal.rooms.billing.methods.errors import CustomerNotReady, PaymentMethodInUseByActiveSubscription
from boreal.rooms.billing.methods.schemas import (
    CustomerPaymentMethod,
    CustomerPaymentMethodConfirm,
    CustomerPaymentMethodCreate,
    CustomerPaymentMethodCreateResponse,
)
from boreal.rooms.billing.roles import require_billing_role

routes = Routes("/v1/customer-portal/customers/me/payment-methods", tags=("customer_portal", "customers"))

READ = ("customer_portal:read", "customer_portal:write")
WRITE = ("customer_portal:write",)


@routes.get(
    "",
    audience=PORTAL,
    scopes=READ,
    returns=ListResource[CustomerPaymentMethod],
    listing=queries.METHODS,
    name="list_payment_methods",
)
async def list_methods(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """Lists the payment methods of the authenticated customer, newest first."""
    require_billing_role(actor)
    page = await queries.METHODS.fetch(app.database, actor, query)
    return page.envelope([queries.render(row) for row in page.rows])


@routes.post(
    "",
    audience=PORTAL,
    scopes=WRITE,
    returns=CustomerPaymentMethodCreateResponse,
    status=201,
    name="add_payment_method",
)
async def add(app: App, actor: Actor, body: CustomerPaymentMethodCreate) -> dict[str, Any]:
    """Adds a payment method to the authenticated customer."""
    require_billing_role(actor)
    return await commands.add(
        app, actor, token=body.confirmation_token_id, set_default=body.set_default, return_url=body.return_url
    )


@routes.post(
    "/confirm",
    audience=PORTAL,
    scopes=WRITE,
    returns=CustomerPaymentMethodCreateResponse,
    status=201,
    errors=(CustomerNotReady,),
    name="confirm_payment_method",
)
async def confirm(app: App, actor: Actor, body: CustomerPaymentMethodConfirm) -> dict[str, Any]:
    """Confirms a payment method whose challenge the authenticated customer has answered."""
    require_billing_role(actor)
    return await commands.confirm(app, actor, setup_id=body.setup_intent_id, set_default=body.set_default)


@routes.delete(
    "/{id}",
    audience=PORTAL,
    scopes=WRITE,
    status=204,
    errors=(ResourceNotFound, PaymentMethodInUseByActiveSubscription),
    name="delete_payment_method",
)
async def delete(app: App, actor: Actor, id: UUID4) -> None:
    """Deletes a payment method of the authenticated customer."""
    require_billing_role(actor)
    await commands.delete(app, actor, id)
