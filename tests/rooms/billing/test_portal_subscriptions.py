"""`/v1/customer-portal/subscriptions`: what customers may do with their own subscriptions (usage spec 16)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import sqlalchemy as sa

from tests.support.catalog import fixed, make_product
from tests.support.checkout import finish, good, open_session
from tests.support.seats import SEATS, buy_seats, invite
from tests.support.shop import Shop, client_of
from tests.support.tokens import session

PATH = "/v1/customer-portal/subscriptions"
FORBID = sa.text(
    """
    UPDATE organizations SET customer_portal_settings =
        jsonb_set(customer_portal_settings, '{subscription}', '{"update_seats": false, "update_plan": false}')
    """
)


@asynccontextmanager
async def subscriber(shop: Shop) -> AsyncIterator[tuple[httpx2.AsyncClient, dict[str, Any]]]:
    """A customer with a monthly subscription at 1000, as they come to the portal."""
    bought = await open_session(shop, await make_product(shop, fixed(), recurring_interval="month"))
    await bought.pay()
    await finish(shop)
    order = await bought.order()
    await shop.facts()
    async with client_of(shop.boreal, await session(shop, order["customer_id"])) as customer:
        yield customer, good(await customer.get(f"{PATH}/"))["items"][0]


async def test_a_customer_sees_their_own(shop: Shop) -> None:
    async with subscriber(shop) as (customer, shown):
        assert (shown["status"], shown["amount"], shown["product"]["name"]) == ("active", 1000, "Pro")
        assert shown["prices"][0]["price_amount"] == 1000
        assert good(await customer.get(f"{PATH}/{shown['id']}")) == shown
        for query, count in (({"active": True}, 1), ({"active": False}, 0), ({"query": "pr"}, 1), ({"query": "x"}, 0)):
            assert len(good(await customer.get(f"{PATH}/", params=query))["items"]) == count
        other = good(await shop.client.post("/v1/customers/", json={"email": "other@example.com"}), 201)
        async with client_of(shop.boreal, await session(shop, other["id"])) as stranger:
            assert good(await stranger.get(f"{PATH}/"))["items"] == []
            for reply in (
                await stranger.get(f"{PATH}/{shown['id']}"),
                await stranger.delete(f"{PATH}/{shown['id']}"),
                await stranger.patch(f"{PATH}/{shown['id']}", json={"cancel_at_period_end": True}),
            ):
                assert reply.status_code == 404


async def test_they_cancel_with_a_reason_and_take_it_back(shop: Shop) -> None:
    async with subscriber(shop) as (customer, shown):
        path = f"{PATH}/{shown['id']}"
        reason = {"cancellation_reason": "too_expensive", "cancellation_comment": "Sorry"}
        leaving = good(await customer.patch(path, json={"cancel_at_period_end": True, **reason}))
        assert (leaving["cancel_at_period_end"], leaving["ends_at"]) == (True, shown["current_period_end"])
        assert (leaving["customer_cancellation_reason"], leaving["customer_cancellation_comment"]) == (
            "too_expensive",
            "Sorry",
        )
        refused = await customer.delete(path)
        assert (refused.status_code, refused.json()["error"]) == (403, "AlreadyCanceledSubscription")
        assert good(await customer.patch(path, json={"cancel_at_period_end": False}))["ends_at"] is None
        assert good(await customer.patch(path, json={}))["cancel_at_period_end"] is False
        assert good(await customer.delete(path))["cancel_at_period_end"] is True


async def test_they_change_the_product_where_the_organization_lets_them(shop: Shop) -> None:
    dearer = await make_product(shop, fixed(3000), name="Team", recurring_interval="month")
    async with subscriber(shop) as (customer, shown):
        path = f"{PATH}/{shown['id']}"
        changed = good(await customer.patch(path, json={"product_id": dearer["id"]}))
        assert (changed["product"]["name"], changed["amount"]) == ("Team", 3000)
        await shop.app.database.execute(FORBID)
        refused = await customer.patch(path, json={"product_id": shown["product_id"]})
        assert (refused.status_code, refused.json()["error"]) == (403, "UpdateSubscriptionPlanNotAllowed")


async def test_they_change_seats_but_not_below_those_assigned(shop: Shop) -> None:
    order = await buy_seats(shop, 3)
    for name in ("bob", "eve"):
        await invite(shop, order, f"{name}@example.com")
    async with client_of(shop.boreal, await session(shop, order["customer_id"])) as customer:
        path = f"{PATH}/{order['subscription_id']}"
        assert good(await customer.patch(path, json={"seats": 5}))["seats"] == 5
        refused = await customer.patch(path, json={"seats": 1})
        assert (refused.status_code, refused.json()["error"]) == (400, "SeatsAlreadyAssigned")
        words = "Cannot decrease seats to 1. Currently 2 seats are assigned. Revoke seats first."
        assert refused.json()["detail"] == words
        assert good(await customer.patch(path, json={"seats": 2}))["seats"] == 2
        assert (await customer.patch(path, json={"seats": 0})).status_code == 422
        await shop.app.database.execute(FORBID)
        refused = await customer.patch(path, json={"seats": 4})
        assert (refused.status_code, refused.json()["error"]) == (403, "UpdateSubscriptionSeatsNotAllowed")


async def test_a_holder_sees_the_subscriptions_of_their_seats_and_loses_them_with_the_end(shop: Shop) -> None:
    order = await buy_seats(shop, 3)
    seat = await invite(shop, order, "bob@example.com", immediate_claim=True)
    async with client_of(shop.boreal, await session(shop, seat["customer_id"])) as holder:
        held = good(await holder.get("/v1/customer-portal/seats/subscriptions"))
        assert [one["id"] for one in held] == [order["subscription_id"]]
        await shop.client.delete(f"/v1/subscriptions/{order['subscription_id']}")
        await shop.settle()
        assert good(await holder.get("/v1/customer-portal/seats/subscriptions")) == []
    place = {"subscription_id": order["subscription_id"]}
    assert good(await shop.client.get(SEATS, params=place))["seats"][0]["status"] == "revoked"
