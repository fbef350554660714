"""The customer's own page: for now what they bought, to read.

The link in a mail or after a purchase carries a customer session token. It moves into a cookie of this page at once,
so that it stays out of histories, referrers and logs.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import quote

from boreal.kit.problems import Problem, ResourceNotFound
from boreal.surfaces.pages.exchange import PageReply, PageRequest, see_other, with_query
from boreal.surfaces.pages.mail import page_number
from boreal.surfaces.pages.rendering import SiteSettings, render

PAGE_SIZE = 20
_COOKIE = "boreal_portal"
_COOKIE_AGE_S = 3600
_LONGEST_TOKEN = 200
_STRANGE = re.compile(r"[^A-Za-z0-9_-]")


class PortalPages(Protocol):
    """What the page asks of the customer's data."""

    async def orders(
        self, organization_slug: str, customer_session_token: str, *, page: int, limit: int
    ) -> Mapping[str, Any]:
        """`{"organization": {"name", "slug", "avatar_url"}, "customer": {"email", "name"}, "items": [CustomerOrder],
        "total": int}`, newest first. A token that does not open this organization's portal is a `Problem` with 401;
        an unknown organization is `ResourceNotFound`."""
        ...


async def show(
    request: PageRequest, organization_slug: str, *, pages: PortalPages, settings: SiteSettings
) -> PageReply:
    """`GET /{organization_slug}/portal`: the orders of whom the token belongs to, else how to get in."""
    path = f"/{quote(organization_slug, safe='')}/portal"
    offered = request.query.get("customer_session_token")
    if offered:
        reply = see_other(with_query(path, {"theme": request.theme}))
        return replace(reply, headers={**reply.headers, "set-cookie": _cookie(request, path, offered)})
    number = page_number(request)
    token = request.cookies.get(_COOKIE, "")
    try:
        portal = await pages.orders(organization_slug, token, page=number, limit=PAGE_SIZE) if token else None
    except ResourceNotFound:
        return render("not_found.html", request, settings, status=404)
    except Problem as problem:
        if problem.status not in (401, 403):
            raise
        portal = None
    if portal is None:
        return render("portal_closed.html", request, settings, status=401)
    last = max(1, -(-portal["total"] // PAGE_SIZE))
    return render("portal.html", request, settings, portal=portal, page=number, last_page=last)


def _cookie(request: PageRequest, path: str, token: str) -> str:
    kept = _STRANGE.sub("", token)[:_LONGEST_TOKEN]
    guard = "; Secure" if request.secure else ""
    return f"{_COOKIE}={kept}; Path={path}; Max-Age={_COOKIE_AGE_S}; HttpOnly; SameSite=Lax{guard}"
