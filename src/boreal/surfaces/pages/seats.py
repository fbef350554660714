"""Where an invitation to a seat leads: what it is for, and a button that claims it (orders spec 14.3).

Looking changes nothing, since mail programs look at links by themselves. Claiming opens the holder's portal.
"""

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

from boreal.kit.problems import Problem, ResourceNotFound
from boreal.surfaces.pages.exchange import PageReply, PageRequest, see_other, with_query
from boreal.surfaces.pages.rendering import SiteSettings, render


class SeatPages(Protocol):
    """What the page asks of the seats."""

    async def invitation(self, token: str) -> Mapping[str, Any] | None:
        """The contract's `SeatClaimInfo`; None for an invitation that cannot be claimed any more."""
        ...

    async def claim(self, token: str) -> str:
        """Claims the seat; the holder's customer session token. A `Problem` if that cannot be."""
        ...


async def show(request: PageRequest, organization_slug: str, *, pages: SeatPages, settings: SiteSettings) -> PageReply:
    """`GET /{organization_slug}/portal/claim?token=…`: what the invitation is for."""
    invited = await _invitation(request, organization_slug, pages)
    if invited is None:
        return render("seat_over.html", request, settings, status=404)
    return render("seat.html", request, settings, invited=invited)


async def submit(
    request: PageRequest, organization_slug: str, *, pages: SeatPages, settings: SiteSettings
) -> PageReply:
    """`POST` of the same: the seat is claimed, and its holder stands in the portal."""
    try:
        if await _invitation(request, organization_slug, pages) is None:
            raise ResourceNotFound
        session = await pages.claim(request.query.get("token", ""))
    except Problem:
        return render("seat_over.html", request, settings, status=404)
    path = f"/{quote(organization_slug, safe='')}/portal"
    return see_other(with_query(path, {"customer_session_token": session, "theme": request.theme}))


async def _invitation(request: PageRequest, organization_slug: str, pages: SeatPages) -> Mapping[str, Any] | None:
    """The invitation of the address, if it is one of that organization's."""
    invited = await pages.invitation(request.query.get("token", ""))
    return invited if invited is not None and invited["organization_slug"] == organization_slug else None
