"""The list of products: filters, sorts, pages (catalog spec 1.3)."""

import uuid
from typing import Any

from tests.support.catalog import FREE, fixed, make_product, seats
from tests.support.shop import Shop

URL = "/v1/products/"


async def names(shop: Shop, **params: Any) -> list[str]:
    reply = await shop.client.get(URL, params=params)
    assert reply.status_code == 200, reply.text
    found = [item["name"] for item in reply.json()["items"]]
    assert reply.json()["pagination"]["total_count"] == len(found)
    return found


async def test_newest_first_in_pages(shop: Shop) -> None:
    for name in ("One", "Two", "Three"):
        await make_product(shop, name=name)
        await shop.advance(minutes=1)
    assert await names(shop) == ["Three", "Two", "One"]
    page = (await shop.client.get(URL, params={"limit": 2, "page": 2})).json()
    assert [item["name"] for item in page["items"]] == ["One"]
    assert page["pagination"] == {"total_count": 3, "max_page": 2}
    past = (await shop.client.get(URL, params={"limit": 2, "page": 3})).json()
    assert past == {"items": [], "pagination": {"total_count": 3, "max_page": 2}}
    for bad in ({"page": 0}, {"limit": 0}, {"sorting": "price"}, {"id": "x"}, {"is_archived": "perhaps"}):
        assert (await shop.client.get(URL, params=bad)).status_code == 422, bad
    unknown = await shop.client.get(URL, params={"sorting": "price"})
    assert unknown.json()["detail"][0]["type"] == "enum"
    assert unknown.json()["detail"][0]["loc"][:2] == ["query", "sorting"]


async def test_filters(shop: Shop, other_shop: Shop) -> None:
    plan = await make_product(shop, name="Alpha plan", recurring_interval="month")
    once = await make_product(shop, name="100% Beta")
    gone = await make_product(shop, name="Gamma")
    await shop.client.patch(f"{URL}{gone['id']}", json={"is_archived": True})
    theirs = await make_product(other_shop, name="Alpha too")

    assert set(await names(shop)) == {"Alpha plan", "100% Beta", "Gamma"}
    assert await names(shop, query="ALPHA") == ["Alpha plan"]
    assert await names(shop, query="0%") == ["100% Beta"]
    assert await names(shop, query="_") == []
    assert await names(shop, is_archived=True) == ["Gamma"]
    assert set(await names(shop, is_archived=False)) == {"Alpha plan", "100% Beta"}
    assert await names(shop, is_recurring=True) == ["Alpha plan"]
    assert await names(shop, is_recurring=False, is_archived=False) == ["100% Beta"]
    assert set(await names(shop, id=[plan["id"], once["id"], theirs["id"]])) == {"Alpha plan", "100% Beta"}
    assert await names(shop, id=plan["id"]) == ["Alpha plan"]
    assert len(await names(shop, organization_id=str(shop.organization_id))) == 3
    assert await names(shop, organization_id=str(other_shop.organization_id)) == []
    assert await names(shop, benefit_id=[str(uuid.uuid4()), str(uuid.uuid4())]) == []


async def test_metadata(shop: Shop) -> None:
    await make_product(shop, name="One", metadata={"tier": "gold", "level": 42, "beta": True})
    await make_product(shop, name="Two", metadata={"tier": "silver", "level": 1.5})
    await make_product(shop, name="None")
    assert await names(shop, **{"metadata[tier]": "gold"}) == ["One"]
    assert set(await names(shop, **{"metadata[tier]": ["gold", "silver"]})) == {"One", "Two"}
    assert await names(shop, **{"metadata[tier]": ["gold", "silver"], "metadata[level]": "1.5"}) == ["Two"]
    assert await names(shop, **{"metadata[level]": "42"}) == ["One"]
    assert await names(shop, **{"metadata[beta]": "true"}) == ["One"]
    assert await names(shop, **{"metadata[other]": "1"}) == []


SORTED = [
    (["name"], ["alpha", "Beta", "Cust", "Free", "Many", "Seat"]),
    (["-name"], ["Seat", "Many", "Free", "Cust", "Beta", "alpha"]),
    (["created_at"], ["Seat", "Many", "Cust", "Free", "Beta", "alpha"]),
    (["price_amount_type", "name"], ["Free", "Cust", "Many", "alpha", "Beta", "Seat"]),
    (["-price_amount_type", "name"], ["Seat", "alpha", "Beta", "Cust", "Many", "Free"]),
    (["price_amount"], ["Free", "Many", "Cust", "alpha", "Beta", "Seat"]),
    (["-price_amount"], ["Seat", "Beta", "alpha", "Cust", "Many", "Free"]),
]


async def test_sorts(shop: Shop) -> None:
    custom = {"amount_type": "custom"}
    for name, price in (
        ("Seat", seats((1, None, 100))),
        ("Many", {**custom, "minimum_amount": 0}),
        ("Cust", custom),
        ("Free", FREE),
        ("Beta", fixed(100)),
        ("alpha", fixed(99)),
    ):
        await make_product(shop, price, name=name)
        await shop.advance(seconds=1)
    for sorting, expected in SORTED:
        assert await names(shop, sorting=sorting) == expected, sorting


async def test_archived_prices_do_not_count_for_sorting(shop: Shop) -> None:
    cheap, dear = await make_product(shop, fixed(100), name="Cheap"), await make_product(shop, fixed(200), name="Dear")
    assert await names(shop, sorting="price_amount") == ["Cheap", "Dear"]
    await shop.client.patch(f"{URL}{cheap['id']}", json={"prices": [fixed(300)]})
    assert await names(shop, sorting="price_amount") == ["Dear", "Cheap"]
    assert dear["prices"][0]["price_amount"] == 200
