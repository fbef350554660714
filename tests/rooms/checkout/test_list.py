"""The merchant's list of sessions (catalog spec 1.3)."""

from collections.abc import AsyncIterator

import pytest

from tests.support.catalog import make_product
from tests.support.checkout import Session, good, malformed, open_session
from tests.support.shop import Shop

LIST = "/v1/checkouts/"


async def listed(shop: Shop, **query: object) -> list[str]:
    body = good(await shop.client.get(LIST, params=query))
    assert body["pagination"]["total_count"] == len(body["items"])
    return [item["id"] for item in body["items"]]


@pytest.fixture
async def three(shop: Shop) -> AsyncIterator[tuple[Session, Session, Session]]:
    """An open session, a succeeded one of ada@example.com and an expired one, a minute apart."""
    first, second = await make_product(shop), await make_product(shop)
    expired = await open_session(shop, first, customer_email="old_timer@example.com")
    await shop.advance(minutes=1)
    paid = await open_session(shop, first, external_customer_id="ada-1")
    await paid.pay()
    await shop.advance(minutes=59)
    good(await expired.patch())
    opened = await open_session(shop, second, first, external_customer_id="bob-1")
    yield opened, paid, expired


async def test_order(shop: Shop, three: tuple[Session, ...]) -> None:
    opened, paid, expired = (session.id for session in three)
    assert await listed(shop) == [opened, paid, expired]
    assert await listed(shop, sorting="created_at") == [expired, paid, opened]
    assert await listed(shop, sorting="-expires_at") == [opened, paid, expired]
    assert await listed(shop, sorting="expires_at") == [expired, paid, opened]
    assert await listed(shop, sorting="status") == [expired, opened, paid]
    assert await listed(shop, sorting=["-status", "created_at"]) == [paid, opened, expired]
    reply = await shop.client.get(LIST, params={"sorting": "amount"})
    assert malformed(reply)[0][:3] == ("sorting", 0, "enum")


async def test_filters(shop: Shop, three: tuple[Session, ...], other_shop: Shop) -> None:
    opened, paid, expired = three
    first, second = paid.made["product_id"], opened.made["product_id"]
    assert await listed(shop, status="open") == [opened.id]
    assert await listed(shop, status=["succeeded", "expired"]) == [paid.id, expired.id]
    assert await listed(shop, product_id=first) == [paid.id, expired.id]
    assert await listed(shop, product_id=[first, second]) == [opened.id, paid.id, expired.id]
    customer = (await paid.view())["customer_id"]
    assert await listed(shop, customer_id=customer) == [paid.id]
    assert await listed(shop, external_customer_id="ada-1") == [paid.id]
    assert await listed(shop, external_customer_id=["ada-1", "bob-1"]) == [opened.id, paid.id]
    assert await listed(shop, query="EXAMPLE") == [paid.id, expired.id]
    assert await listed(shop, query="old_") == [expired.id]
    assert await listed(shop, query="a_a") == []
    assert await listed(shop, organization_id=str(shop.organization_id), status="open") == [opened.id]
    assert await listed(shop, organization_id=str(other_shop.organization_id)) == []
    assert (await shop.client.get(LIST, params={"status": "lost"})).status_code == 422


async def test_the_external_id_of_a_customer_that_was_linked_later(shop: Shop) -> None:
    body = {"email": "ada@example.com", "external_id": "ada-1"}
    good(await shop.client.post("/v1/customers/", json=body), 201)
    session = await open_session(shop, await make_product(shop))
    await session.pay()
    assert await listed(shop, external_customer_id="ada-1") == [session.id]


async def test_pages(shop: Shop, three: tuple[Session, ...]) -> None:
    expired = three[-1]
    body = good(await shop.client.get(LIST, params={"limit": 2, "page": 2}))
    assert [item["id"] for item in body["items"]] == [expired.id]
    assert body["pagination"] == {"total_count": 3, "max_page": 2}
    assert body["items"][0] == await expired.view()
    beyond = good(await shop.client.get(LIST, params={"page": 9}))
    assert (beyond["items"], beyond["pagination"]["total_count"]) == ([], 3)


async def test_others_see_nothing(shop: Shop, three: tuple[Session, ...], other_shop: Shop) -> None:
    assert await listed(other_shop) == []
    session = await open_session(other_shop, await make_product(other_shop))
    assert await listed(other_shop) == [session.id]
    assert len(await listed(shop)) == 3
