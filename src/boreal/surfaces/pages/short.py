"""Short addresses to share: the host and a client secret (catalog spec 5.1, 12)."""

import re

from boreal.kit.problems import ResourceNotFound
from boreal.surfaces.pages.exchange import PageReply, PageRequest, with_query

_PLACES = {"polar_cl_": "/v1/checkout-links/{}/redirect", "polar_c_": "/checkout/{}"}
_SECRET = re.compile(r"(polar_cl?_)[0-9A-Za-z]+")


async def show(request: PageRequest, client_secret: str) -> PageReply:
    """`GET /{client_secret}`: leads to what the secret opens, with the same query. Raises `ResourceNotFound`."""
    found = _SECRET.fullmatch(client_secret)
    if found is None:
        raise ResourceNotFound
    place = _PLACES[found[1]].format(client_secret)
    return PageReply(307, b"", {"location": with_query(place, request.query)})
