"""The mails about an order: its confirmation, with the invoice, and the receipt of a payment that came late.

(orders spec 1.9, platform spec 10.2)
"""

from datetime import datetime, timedelta
from uuid import UUID

from boreal.core.orders import BillingReason, OrderStatus
from boreal.kit.app import App
from boreal.kit.db import Row
from boreal.kit.work import Later, Work
from boreal.providers.ports.mail import Attachment
from boreal.rooms.billing.invoices.commands import ensure_invoice, has_billing_details
from boreal.rooms.billing.mails.rendering import render_order_mail, render_receipt
from boreal.rooms.billing.mails.sending import is_switched_on, portal_link, send
from boreal.rooms.billing.orders.queries import OrderDetail, read
from boreal.rooms.billing.orders.rendering import render_order
from boreal.rooms.billing.subscriptions.queries import BILLS_USAGE
from boreal.rooms.platform.public import organization_by_id, render_organization

SWITCHES = {
    BillingReason.PURCHASE: "order_confirmation",
    BillingReason.SUBSCRIPTION_CREATE: "subscription_confirmation",
    BillingReason.SUBSCRIPTION_CYCLE: "subscription_cycled",
    BillingReason.SUBSCRIPTION_UPDATE: "subscription_updated",
}
"""The member of `customer_email_settings` that switches the mail of an order off."""

LOOK_AGAIN = timedelta(seconds=10)
CHARGING = timedelta(minutes=15)
"""For how long the mail of an order waits for the first attempt to charge it, so that it can say how that ended."""


async def send_order_mail(app: App, work: Work) -> None:
    """Sends the confirmation of an order, unless the organization switched it off or the customer is gone.

    The invoice travels with it when the order says for whom it is, and is generated for that. The message id follows
    from the order, so that running twice makes one mail where the way out can tell.
    """
    detail, organization = await _read(app, work)
    if not _is_wanted(detail, organization):
        return
    _wait_for_charge(detail.order, now=await app.times.now(work.organization_id))
    email = detail.customer["email"]
    url = await portal_link(app, organization, customer_id=detail.customer["id"], email=email)
    id = detail.order["subscription_id"]
    bills_usage = id is not None and bool(await app.database.fetchval(BILLS_USAGE, id=id))
    rendered = render_order_mail(render_order(detail), render_organization(organization), url, bills_usage=bills_usage)
    attachments = await _invoice(app, detail)
    key = f"order-{detail.order['id']}"
    await send(app, organization, to=email, key=key, rendered=rendered, attachments=attachments)


async def send_receipt(app: App, work: Work) -> None:
    """Tells that an order which could not be collected at first is paid now; switched off as its confirmation is."""
    detail, organization = await _read(app, work)
    if not _is_wanted(detail, organization) or detail.order["status"] == OrderStatus.PENDING:
        return
    email = detail.customer["email"]
    url = await portal_link(app, organization, customer_id=detail.customer["id"], email=email)
    rendered = render_receipt(render_order(detail), render_organization(organization), url)
    await send(app, organization, to=email, key=f"receipt-{detail.order['id']}", rendered=rendered)


async def _read(app: App, work: Work) -> tuple[OrderDetail, Row]:
    detail = await read(app.database, UUID(work.payload["subject_id"]))
    assert detail is not None
    organization = await organization_by_id(app.database, work.organization_id)
    assert organization is not None
    return detail, organization


def _is_wanted(detail: OrderDetail, organization: Row) -> bool:
    switch = SWITCHES[BillingReason(detail.order["billing_reason"])]
    return is_switched_on(organization, switch) and detail.customer["deleted_at"] is None


def _wait_for_charge(order: Row, *, now: datetime) -> None:
    """Raises `Later` while an order is being charged for the first time."""
    is_open = order["status"] == OrderStatus.PENDING and order["first_failed_at"] is None
    if is_open and now < order["created_at"] + CHARGING:
        raise Later(now + LOOK_AGAIN, counts=False)


async def _invoice(app: App, detail: OrderDetail) -> list[Attachment]:
    """The invoice of an order with billing details, which is there from now on (orders spec 2.2)."""
    if not has_billing_details(detail.order):
        return []
    document = await ensure_invoice(app, detail)
    name = f"Invoice-{detail.order['invoice_number']}.pdf"
    return [Attachment(filename=name, content_type="application/pdf", content=document)]
