"""`/v1/orders/{id}/invoice`, for merchants and in the portal (orders spec 3.1, 3.3)."""

from typing import Any

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, PORTAL, Actor, read_visible
from boreal.kit.db import Row
from boreal.kit.problems import ResourceNotFound
from boreal.kit.routing import Routes
from boreal.kit.schemas import UUID4
from boreal.rooms.billing.invoices.commands import ask_for_invoice, invoice_link
from boreal.rooms.billing.invoices.errors import InvoiceDoesNotExist, MissingInvoiceBillingDetails, NotPaidOrder
from boreal.rooms.billing.invoices.schemas import CustomerOrderInvoice, OrderInvoice
from boreal.rooms.billing.orders import queries
from boreal.rooms.billing.roles import require_billing_role

merchant = Routes("/v1/orders", tags=("orders",))
portal = Routes("/v1/customer-portal/orders", tags=("customer_portal", "orders"))

_REFUSALS = (ResourceNotFound, MissingInvoiceBillingDetails, NotPaidOrder)
_READ = ("orders:read",)
_PORTAL_READ = ("customer_portal:read", "customer_portal:write")


@merchant.post(
    "/{id}/invoice",
    audience=MERCHANT,
    scopes=_READ,
    returns=Any,
    status=202,
    errors=_REFUSALS,
    name="generate_invoice",
    mcp=True,
)
async def generate(app: App, actor: Actor, id: UUID4) -> None:
    """Generates the invoice of a paid order; there is only ever one."""
    await ask_for_invoice(app, await _order(app, actor, id))


@merchant.get(
    "/{id}/invoice",
    audience=MERCHANT,
    scopes=_READ,
    returns=OrderInvoice,
    errors=(ResourceNotFound, InvoiceDoesNotExist),
    name="invoice",
    mcp=True,
)
async def link(app: App, actor: Actor, id: UUID4) -> dict[str, str]:
    """Tells where the invoice of an order can be fetched."""
    return invoice_link(app, await _order(app, actor, id))


@portal.post(
    "/{id}/invoice",
    audience=PORTAL,
    scopes=_PORTAL_READ,
    returns=Any,
    status=202,
    errors=_REFUSALS,
    name="generate_invoice",
)
async def generate_own(app: App, actor: Actor, id: UUID4) -> None:
    """Generates the invoice of an order of the authenticated customer."""
    await ask_for_invoice(app, await _own_order(app, actor, id))


@portal.get(
    "/{id}/invoice",
    audience=PORTAL,
    scopes=_PORTAL_READ,
    returns=CustomerOrderInvoice,
    errors=(ResourceNotFound, InvoiceDoesNotExist),
    name="invoice",
)
async def own_link(app: App, actor: Actor, id: UUID4) -> dict[str, str]:
    """Tells where the invoice of an order of the authenticated customer can be fetched."""
    return invoice_link(app, await _own_order(app, actor, id))


async def _order(app: App, actor: Actor, id: UUID4) -> Row:
    return await read_visible(app.database, queries.GET, actor, id)


async def _own_order(app: App, actor: Actor, id: UUID4) -> Row:
    require_billing_role(actor)
    return await read_visible(app.database, queries.GET_OWN, actor, id)
