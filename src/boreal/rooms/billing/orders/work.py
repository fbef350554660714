"""What happens after an order was made: its confirmation by mail (orders spec 1.9, platform spec 10.2)."""

from uuid import UUID

import structlog

from boreal.core.orders import BillingReason
from boreal.kit.app import App
from boreal.kit.db import Row
from boreal.kit.work import Work
from boreal.providers.ports.mail import Mail, MailSender, MailUndelivered
from boreal.rooms.billing.mails.rendering import render_order_mail
from boreal.rooms.billing.orders.queries import OrderDetail, read
from boreal.rooms.billing.orders.rendering import render_order
from boreal.rooms.customers.public import new_session, portal_url
from boreal.rooms.platform.public import organization_by_id, render_organization

_log = structlog.get_logger("boreal.billing")

SWITCHES = {
    BillingReason.PURCHASE: "order_confirmation",
    BillingReason.SUBSCRIPTION_CREATE: "subscription_confirmation",
    BillingReason.SUBSCRIPTION_CYCLE: "subscription_cycled",
    BillingReason.SUBSCRIPTION_UPDATE: "subscription_updated",
}
"""The member of `customer_email_settings` that switches the mail of an order off."""


async def send_order_mail(app: App, work: Work) -> None:
    """Sends the confirmation of an order, unless the organization switched it off or the customer is gone.

    The message id follows from the order, so that running twice makes one mail where the way out can tell. A mail that
    can never be delivered is logged and let go.
    """
    detail = await read(app.database, UUID(work.payload["subject_id"]))
    assert detail is not None
    organization = await organization_by_id(app.database, work.organization_id)
    assert organization is not None
    switch = SWITCHES[BillingReason(detail.order["billing_reason"])]
    if not organization["customer_email_settings"].get(switch, True) or detail.customer["deleted_at"] is not None:
        return
    mail = await _compose(app, detail, organization)
    try:
        await app.get(MailSender).send(mail)
    except MailUndelivered as failure:
        if not failure.permanent:
            raise
        _log.warning("order_mail_undeliverable", order_id=str(detail.order["id"]), reason=str(failure))


async def _compose(app: App, detail: OrderDetail, organization: Row) -> Mail:
    """The mail, with a link into the portal that holds a session of its own."""
    email = detail.customer["email"]
    async with app.transaction(organization["id"]) as tx:
        token, _ = await new_session(
            tx, keyring=app.keyring, customer_id=detail.customer["id"], organization_id=organization["id"]
        )
    url = portal_url(app.settings, slug=organization["slug"], token=token, email=email)
    rendered = render_order_mail(render_order(detail), render_organization(organization), url)
    return Mail(
        message_id=f"order-{detail.order['id']}@{app.settings.mail_domain}",
        to=email,
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        sender_name=f"{organization['name']} (via Boreal)",
        sender_address=f"{organization['slug']}@{app.settings.mail_domain}",
        reply_to=organization["email"],
    )
