"""The start page of a demo: what can be bought, where the mail goes, where the API is explained."""

from collections.abc import Mapping
from typing import Any, Protocol

from boreal.surfaces.pages.exchange import PageReply, PageRequest
from boreal.surfaces.pages.offers import offered_price
from boreal.surfaces.pages.rendering import SiteSettings, render, visitor_of


class HomePages(Protocol):
    """What the page asks of the installation."""

    async def get(self) -> Mapping[str, Any]:
        """`{"organization": {"name", "slug"}, "products": [CheckoutProduct plus "buy_url": str], "docs_url": str,
        "mail_url": str | None}`. A GET of `buy_url` starts a new checkout."""
        ...


async def show(request: PageRequest, *, pages: HomePages, settings: SiteSettings) -> PageReply:
    """`GET /`: the ways into the demo."""
    home = await pages.get()
    visitor = visitor_of(request.headers.get("accept-language", ""))
    products = [
        {
            "name": product["name"],
            "buy_url": product["buy_url"],
            "price": offered_price(product["prices"], product, visitor),
        }
        for product in home["products"]
    ]
    return render("home.html", request, settings, home=home, products=products)
