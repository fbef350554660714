"""What pages begin and report by themselves: a session for one product, and that it was seen (catalog spec 6.12)."""

import uuid

import pytest
import sqlalchemy as sa

from boreal.kit.problems import ResourceNotFound
from boreal.rooms.checkout.checkouts.tables import CheckoutOpeningRow
from boreal.rooms.checkout.public import client_hearing
from tests.support.catalog import fixed, make_product, seats
from tests.support.checkout import faults, good, open_session
from tests.support.organizations import block
from tests.support.receiver import Reply, open_receiver
from tests.support.shop import Shop, client_of

CREATE = "/v1/checkouts/client/"


async def test_a_visitor_begins_a_session(shop: Shop) -> None:
    product = await make_product(shop, seats((3, 10, 500)))
    async with client_of(shop.boreal, None) as visitor:
        body = {"product_id": product["id"], "seats": 4, "customer_email": "ada@example.com", "subscription_id": "x"}
        made = good(await visitor.post(CREATE, json=body), 201)
        assert (made["amount"], made["seats"], made["customer_email"]) == (2000, 4, "ada@example.com")
        assert (made["customer_ip_address"], "metadata" in made) == ("127.0.0.1", False)
        assert good(await visitor.get(CREATE + made["client_secret"])) == made
        await shop.saw("product.created", "checkout.created")
        assert good(await visitor.post(CREATE, json={"product_id": product["id"]}), 201)["seats"] == 3
        assert good(await visitor.post("/v1/checkouts/custom/client/", json={"product_id": product["id"]}), 201)


async def test_what_a_visitor_cannot_begin(shop: Shop) -> None:
    product, archived = await make_product(shop, seats((3, 10, 500))), await make_product(shop, fixed(500))
    good(await shop.client.patch(f"/v1/products/{archived['id']}", json={"is_archived": True}))
    async with client_of(shop.boreal, None) as visitor:
        for id, words in ((uuid.uuid4(), "Product does not exist."), (archived["id"], "Product is archived.")):
            reply = await visitor.post(CREATE, json={"product_id": str(id)})
            assert faults(reply) == [("product_id", "value_error", words)]
        reply = await visitor.post(CREATE, json={"product_id": product["id"], "seats": 2})
        assert faults(reply) == [("seats", "greater_than_equal", "Minimum 3 seats required.")]
        await block(shop)
        reply = await visitor.post(CREATE, json={"product_id": product["id"]})
        assert faults(reply) == [("product_id", "value_error", "Organization is blocked.")]


async def test_only_the_first_sight_counts(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    await shop.facts()
    first = good(await session.buyer.post(f"{session.url}/opened", json={"distinct_id": "first"}))
    assert first["id"] == session.id
    await shop.advance(seconds=1)
    good(await session.buyer.post(f"{session.url}/opened", json={}))
    (row,) = await shop.app.database.fetch(sa.select(CheckoutOpeningRow))
    assert (str(row["checkout_id"]), row["distinct_id"]) == (session.id, "first")
    assert row["opened_at"] < shop.clock.now()
    await shop.saw()
    await shop.advance(hours=1)
    assert (await session.buyer.post(f"{session.url}/opened", json={})).status_code == 410


async def test_how_far_the_merchant_has_heard(shop: Shop) -> None:
    async with open_receiver() as receiver:
        session = await open_session(shop, await make_product(shop))
        secret = session.made["client_secret"]
        await session.pay()
        assert await client_hearing(shop.app, secret) == "told"
        endpoint = {"url": receiver.url, "format": "raw", "events": ["checkout.updated"]}
        good(await shop.client.post("/v1/webhooks/endpoints", json=endpoint), 201)
        other = await open_session(shop, await make_product(shop))
        secret = other.made["client_secret"]
        await shop.settle()
        receiver.otherwise = Reply(500)
        await shop.advance(seconds=1)
        good(await other.update(customer_name="Ada"))
        assert await client_hearing(shop.app, secret) == "waiting"
        await shop.settle()
        assert await client_hearing(shop.app, secret) == "waiting"
        await shop.advance(seconds=15)
        assert await client_hearing(shop.app, secret) == "overdue"
        receiver.otherwise = Reply(200)
        await shop.advance(hours=1)
        assert await client_hearing(shop.app, secret) == "told"
    with pytest.raises(ResourceNotFound):
        await client_hearing(shop.app, "polar_c_unknown")


@pytest.mark.parametrize("year", [2020, 2040])
async def test_nobody_waits_for_the_news_of_an_organization_whose_time_stands_still(shop: Shop, year: int) -> None:
    good(await shop.client.post("/v1/test-clocks/", json={"name": "a", "time": f"{year}-01-31T09:00:00Z"}), 201)
    endpoint = {"url": "https://merchant.example/", "format": "raw", "events": ["checkout.created"]}
    good(await shop.client.post("/v1/webhooks/endpoints", json=endpoint), 201)
    session = await open_session(shop, await make_product(shop))
    assert await client_hearing(shop.app, session.made["client_secret"]) == "overdue"
