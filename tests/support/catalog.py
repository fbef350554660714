"""Products for tests, made through the API."""

from typing import Any

from tests.support.shop import Shop

FREE = {"amount_type": "free"}


def fixed(amount: int = 1000) -> dict[str, Any]:
    """A fixed price."""
    return {"amount_type": "fixed", "price_amount": amount}


def seats(*tiers: tuple[int, int | None, int]) -> dict[str, Any]:
    """A seat based price of (least seats, most seats, price per seat)."""
    names = ("min_seats", "max_seats", "price_per_seat")
    return {
        "amount_type": "seat_based",
        "seat_tiers": {"tiers": [dict(zip(names, tier, strict=True)) for tier in tiers]},
    }


async def make_product(shop: Shop, *prices: dict[str, Any], **body: Any) -> dict[str, Any]:
    """A product as the API shows it: "Pro" with one fixed price of 1000, unless told otherwise."""
    reply = await shop.client.post("/v1/products/", json={"name": "Pro", "prices": list(prices) or [fixed()], **body})
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


async def make_custom_field(shop: Shop, slug: str, type: str = "text", **properties: Any) -> dict[str, Any]:
    """A custom field as the API shows it."""
    body = {"type": type, "slug": slug, "name": slug.title(), "properties": properties}
    reply = await shop.client.post("/v1/custom-fields/", json=body)
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


async def make_discount(shop: Shop, **body: Any) -> dict[str, Any]:
    """A discount as the API shows it: 10 % off, for ever, unless told otherwise."""
    kind = {"type": "percentage", "basis_points": 1000} if body.get("type") != "fixed" else {}
    reply = await shop.client.post("/v1/discounts/", json={"name": "Sale", "duration": "forever", **kind, **body})
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made
