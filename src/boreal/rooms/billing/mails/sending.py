"""Sending what was rendered, in the name of an organization (platform spec 10.2)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog

from boreal.kit.app import App
from boreal.kit.db import Row
from boreal.providers.ports.mail import Attachment, Mail, MailSender, MailUndelivered
from boreal.rooms.billing.mails.drawing import RenderedMail
from boreal.rooms.customers.public import new_session, portal_url

_log = structlog.get_logger("boreal.billing")


def is_switched_on(organization: Row, switch: str) -> bool:
    """Whether the organization wants its customers to get this mail."""
    settings: dict[str, Any] = organization["customer_email_settings"]
    return bool(settings.get(switch, True))


async def portal_link(app: App, organization: Row, *, customer_id: UUID, email: str) -> str:
    """A link into the portal that holds a session of its own."""
    async with app.transaction(organization["id"]) as tx:
        token, _ = await new_session(
            tx, keyring=app.keyring, customer_id=customer_id, organization_id=organization["id"]
        )
    return portal_url(app.settings, slug=organization["slug"], token=token, email=email)


async def send(
    app: App,
    organization: Row,
    *,
    to: str,
    key: str,
    rendered: RenderedMail,
    attachments: Sequence[Attachment] = (),
) -> None:
    """Hands a mail over. The same `key` makes one mail where the way out can tell.

    A mail that can never be delivered is logged and let go; raises `MailUndelivered` for others.
    """
    mail = Mail(
        message_id=f"{key}@{app.settings.mail_domain}",
        to=to,
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        sender_name=f"{organization['name']} (via Boreal)",
        sender_address=f"{organization['slug']}@{app.settings.mail_domain}",
        reply_to=organization["email"],
        attachments=attachments,
    )
    try:
        await app.get(MailSender).send(mail)
    except MailUndelivered as failure:
        if not failure.permanent:
            raise
        _log.warning("mail_undeliverable", key=key, reason=str(failure))
