"""Captured mail: in the sandbox nothing is sent, everything can be read here.

A mail's HTML is shown in a frame without scripts, forms or our origin, whatever it contains.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from boreal.kit.downloads import content_disposition
from boreal.kit.problems import ResourceNotFound
from boreal.surfaces.pages.exchange import PageReply, PageRequest
from boreal.surfaces.pages.rendering import SiteSettings, render

PAGE_SIZE = 50
_FRAME_RIGHTS = "sandbox allow-popups allow-popups-to-escape-sandbox"


class MailPages(Protocol):
    """What the pages ask of the mail capture."""

    async def list(self, *, page: int, limit: int) -> tuple[list[Mapping[str, Any]], int]:
        """The newest mails first, each `{"id": str, "sent_at": ISO 8601 str, "sender": str, "recipient": str,
        "subject": str}`, and how many there are in all."""
        ...

    async def get(self, mail_id: str) -> Mapping[str, Any]:
        """As in the list, and `"html": str | None`, `"text": str | None`, and `"attachments"`, each `{"filename": str,
        "content_type": str, "content": bytes}`. Unknown ids are `ResourceNotFound`."""
        ...


async def show_list(request: PageRequest, *, pages: MailPages, settings: SiteSettings) -> PageReply:
    """`GET /mail?page=`: what was captured."""
    number = page_number(request)
    mails, total = await pages.list(page=number, limit=PAGE_SIZE)
    last = max(1, -(-total // PAGE_SIZE))
    return render("mail_list.html", request, settings, mails=mails, total=total, page=number, last_page=last)


async def show(request: PageRequest, mail_id: str, *, pages: MailPages, settings: SiteSettings) -> PageReply:
    """`GET /mail/{mail_id}?view=html|text`: one mail."""
    try:
        mail = await pages.get(mail_id)
    except ResourceNotFound:
        return render("not_found.html", request, settings, status=404)
    wanted = request.query.get("view", "html")
    part = "html" if mail["html"] is not None and wanted == "html" else "text"
    return render("mail.html", request, settings, mail=mail, part=part)


async def show_html(request: PageRequest, mail_id: str, *, pages: MailPages, settings: SiteSettings) -> PageReply:
    """`GET /mail/{mail_id}/html`: the body for the frame, under a policy that lets it do nothing but look like a
    mail."""
    try:
        mail = await pages.get(mail_id)
    except ResourceNotFound:
        return render("not_found.html", request, settings, status=404)
    policy = (
        f"{_FRAME_RIGHTS}; default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; frame-ancestors 'self'"
    )
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return PageReply(200, (mail["html"] or "").encode(), headers)


async def show_attachment(
    request: PageRequest, mail_id: str, number: str, *, pages: MailPages, settings: SiteSettings
) -> PageReply:
    """`GET /mail/{mail_id}/attachments/{number}`: what came with a mail, counted from 1, to be saved."""
    try:
        attachments = (await pages.get(mail_id))["attachments"]
    except ResourceNotFound:
        attachments = ()
    place = int(number) if number.isascii() and number.isdigit() and len(number) < 8 else 0
    if not 1 <= place <= len(attachments):
        return render("not_found.html", request, settings, status=404)
    attachment = attachments[place - 1]
    headers = {
        "content-type": attachment["content_type"],
        "content-disposition": content_disposition(attachment["filename"]),
        "content-security-policy": "sandbox; default-src 'none'",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return PageReply(200, attachment["content"], headers)


def page_number(request: PageRequest) -> int:
    """The `page` of the query, 1 when it is none."""
    text = request.query.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else 1
