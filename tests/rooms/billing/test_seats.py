"""Seats of subscriptions and orders (orders spec 14)."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from boreal.providers.ports.mail import MailBox
from tests.support.catalog import make_product
from tests.support.checkout import finish, good, open_session
from tests.support.seats import SEATS, buy_seats, invitation_to, invite
from tests.support.shop import Shop, client_of
from tests.support.tokens import session


async def team(shop: Shop, count: int = 3, *, once: bool = False) -> dict[str, Any]:
    """The order of a buyer of seats; what happened so far is forgotten."""
    order = await buy_seats(shop, count, once=once)
    await shop.facts()
    return order


async def assign(shop: Shop, order: dict[str, Any], email: str, **more: Any) -> httpx2.Response:
    place = {"subscription_id": order["subscription_id"]} if order["subscription_id"] else {"order_id": order["id"]}
    return await shop.client.post(SEATS, json={**place, "email": email, **more})


async def listed(shop: Shop, order: dict[str, Any]) -> dict[str, Any]:
    name, id = ("subscription_id", order["subscription_id"]) if order["subscription_id"] else ("order_id", order["id"])
    return good(await shop.client.get(SEATS, params={name: id}))


@pytest.mark.parametrize("once", [False, True], ids=["subscription", "order"])
async def test_an_invitation_is_claimed_once(shop: Shop, once: bool) -> None:
    order = await team(shop, once=once)
    seat = good(await assign(shop, order, "bob@example.com", metadata={"desk": "12"}))
    assert (seat["status"], seat["customer_email"], seat["email"]) == ("pending", "bob@example.com", None)
    assert (seat["subscription_id"], seat["order_id"]) == (order["subscription_id"], order["id"] if once else None)
    assert seat["seat_metadata"] == {"desk": "12"}
    await shop.saw("customer.created", "customer_seat.assigned")
    token = await invitation_to(shop, "bob@example.com")
    await shop.facts()
    async with client_of(shop.boreal, None) as anybody:
        info = good(await anybody.get(f"{SEATS}/claim/{token}"))
        assert (info["product_name"], info["customer_email"], info["can_claim"]) == ("Pro", "bob@example.com", True)
        claimed = good(await anybody.post(f"{SEATS}/claim", json={"invitation_token": token}))
        assert (claimed["seat"]["status"], claimed["seat"]["id"]) == ("claimed", seat["id"])
        await shop.saw("customer_seat.claimed")
        again = await anybody.post(f"{SEATS}/claim", json={"invitation_token": token})
        assert (again.status_code, again.json()["error"]) == (400, "InvalidInvitationToken")
        assert (await anybody.get(f"{SEATS}/claim/{token}")).status_code == 404
    async with client_of(shop.boreal, claimed["customer_session_token"]) as holder:
        assert (await holder.get("/v1/customer-portal/orders/")).status_code == 200
    shown = await listed(shop, order)
    assert (shown["available_seats"], shown["total_seats"]) == (2, 3)


async def test_a_seat_claimed_at_once_sends_no_mail(shop: Shop) -> None:
    order = await team(shop)
    seat = good(await assign(shop, order, "bob@example.com", immediate_claim=True))
    assert (seat["status"], seat["invitation_token_expires_at"]) == ("claimed", None)
    await shop.saw("customer.created", "customer_seat.claimed")
    await shop.settle()
    assert not [kept for kept in await shop.app.get(MailBox).list_mails() if kept.mail.to == "bob@example.com"]


async def test_a_revoked_seat_forgets_its_holder_and_is_used_again(shop: Shop) -> None:
    order = await team(shop, 1)
    seat = good(await assign(shop, order, "bob@example.com", immediate_claim=True))
    await shop.facts()
    for _ in range(2):
        gone = good(await shop.client.delete(f"{SEATS}/{seat['id']}"))
        assert (gone["status"], gone["customer_id"], gone["customer_email"]) == ("revoked", None, None)
    await shop.saw("customer_seat.revoked")
    again = good(await assign(shop, order, "eve@example.com"))
    assert (again["id"], again["status"], again["revoked_at"]) == (seat["id"], "pending", None)


async def test_no_more_than_were_bought_however_many_ask_at_once(shop: Shop) -> None:
    order = await team(shop, 3)
    replies = await asyncio.gather(*(assign(shop, order, f"u{number}@example.com") for number in range(10)))
    assert sorted(reply.status_code for reply in replies) == [200] * 3 + [400] * 7
    assert {reply.json()["error"] for reply in replies if reply.status_code == 400} == {"SeatNotAvailable"}
    assert (await listed(shop, order))["available_seats"] == 0


async def test_an_invitation_lasts_a_day_and_is_renewed_by_sending_it_again(shop: Shop) -> None:
    order = await team(shop)
    seat = good(await assign(shop, order, "bob@example.com"))
    first = await invitation_to(shop, "bob@example.com")
    assert good(await shop.client.post(f"{SEATS}/{seat['id']}/resend"))["status"] == "pending"
    assert await invitation_to(shop, "bob@example.com") == first, "one that still counts is sent as it is"
    shop.clock.advance(timedelta(hours=25))
    async with client_of(shop.boreal, None) as anybody:
        late = await anybody.post(f"{SEATS}/claim", json={"invitation_token": first})
        assert late.status_code == 400
        renewed = good(await shop.client.post(f"{SEATS}/{seat['id']}/resend"))
        assert renewed["invitation_token_expires_at"] > seat["invitation_token_expires_at"]
        second = await invitation_to(shop, "bob@example.com")
        assert second != first
        good(await anybody.post(f"{SEATS}/claim", json={"invitation_token": second}))
    refused = await shop.client.post(f"{SEATS}/{seat['id']}/resend")
    assert (refused.status_code, refused.json()["error"]) == (400, "SeatNotPending")


async def test_the_page_after_a_purchase_knows_the_checkout_alone(shop: Shop) -> None:
    order = await team(shop)
    async with client_of(shop.boreal, None) as anybody:
        body = {"checkout_id": order["checkout_id"], "email": "bob@example.com"}
        assert good(await anybody.post(SEATS, json=body))["subscription_id"] == order["subscription_id"]
        refused = await anybody.post(SEATS, json={**body, "email": "eve@example.com", "immediate_claim": True})
        assert (refused.status_code, refused.json()["error"]) == (403, "NotPermitted")
        named = {"subscription_id": order["subscription_id"], "email": "eve@example.com"}
        assert (await anybody.post(SEATS, json=named)).status_code == 401
        assert (await anybody.get(SEATS, params={"order_id": order["id"]})).status_code == 401


async def test_buyers_manage_their_own_seats(shop: Shop) -> None:
    order = await team(shop)
    portal = "/v1/customer-portal/seats"
    place = {"subscription_id": order["subscription_id"]}
    other = good(await shop.client.post("/v1/customers/", json={"email": "other@example.com"}), 201)
    async with client_of(shop.boreal, await session(shop, order["customer_id"])) as buyer:
        seat = good(await buyer.post(portal, json={**place, "email": "bob@example.com", "immediate_claim": True}))
        assert seat["status"] == "pending", "a buyer cannot claim for others"
        assert good(await buyer.get(portal, params=place))["seats"][0]["id"] == seat["id"]
        assert good(await buyer.post(f"{portal}/{seat['id']}/resend"))["status"] == "pending"
        refused = await buyer.post(portal, json={"checkout_id": order["checkout_id"], "email": "bob@example.com"})
        assert (refused.status_code, refused.json()["error"]) == (400, "BadRequest")
        async with client_of(shop.boreal, await session(shop, other["id"])) as stranger:
            assert (await stranger.get(portal, params=place)).status_code == 404
            assert (await stranger.delete(f"{portal}/{seat['id']}")).status_code == 404
        assert good(await buyer.delete(f"{portal}/{seat['id']}"))["status"] == "revoked"
        assert (await buyer.get(portal)).status_code == 400


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"subscription_id": None}, 422, "Exactly one of subscription_id, checkout_id, or order_id"),
        ({"order_id": "00000000-0000-4000-8000-000000000000"}, 422, "Exactly one of subscription_id"),
        ({"email": None}, 422, "Exactly one of email, external_customer_id, or customer_id"),
        ({"external_customer_id": "x"}, 422, "Exactly one of email"),
        ({"email": None, "external_customer_id": "nobody"}, 404, "Customer not found: nobody"),
        ({"subscription_id": "00000000-0000-4000-8000-000000000000"}, 404, "Subscription not found"),
        ({"metadata": {str(number): 1 for number in range(11)}}, 422, "Metadata cannot have more than 10 keys"),
        ({"metadata": {"a": "x" * 1024}}, 422, "Metadata size cannot exceed 1KB"),
        ({"email": "ada@example.com"}, 400, "Seat already assigned to customer ada@example.com"),
    ],
)
async def test_refusals(shop: Shop, change: dict[str, Any], status: int, words: str) -> None:
    order = await team(shop)
    good(await assign(shop, order, "ada@example.com"))
    body = {"subscription_id": order["subscription_id"], "email": "bob@example.com", **change}
    refused = await shop.client.post(SEATS, json={name: value for name, value in body.items() if value is not None})
    assert refused.status_code == status
    assert words in refused.text
    assert len((await listed(shop, order))["seats"]) == 1


async def test_what_was_bought_without_seats_has_none(shop: Shop) -> None:
    bought = await open_session(shop, await make_product(shop))
    await bought.pay()
    await finish(shop)
    refused = await assign(shop, await bought.order(), "bob@example.com")
    assert (refused.status_code, refused.json()["error"]) == (400, "SeatNotAvailable")


async def test_the_seat_of_a_deleted_customer_is_free_again(shop: Shop) -> None:
    order = await team(shop)
    seat = good(await assign(shop, order, "bob@example.com", immediate_claim=True))
    await shop.client.delete(f"/v1/customers/{seat['customer_id']}")
    await shop.settle()
    assert (await listed(shop, order))["seats"][0]["status"] == "revoked"


async def test_what_another_merchant_sold_is_not_found(shop: Shop, other_shop: Shop) -> None:
    order = await team(shop)
    seat = await invite(shop, order, "bob@example.com")
    holder = {"email": "eve@example.com"}
    for body in ({"subscription_id": order["subscription_id"]}, {"checkout_id": order["checkout_id"]}):
        assert (await other_shop.client.post(SEATS, json={**body, **holder})).status_code == 404
    place = {"subscription_id": order["subscription_id"]}
    assert (await other_shop.client.get(SEATS, params=place)).status_code == 404
    assert (await other_shop.client.delete(f"{SEATS}/{seat['id']}")).status_code == 404
    theirs = good(await other_shop.client.post("/v1/customers/", json={"email": "x@example.com"}), 201)
    foreign = await shop.client.post(SEATS, json={**place, "customer_id": theirs["id"]})
    assert (foreign.status_code, foreign.json()["error"]) == (404, "CustomerNotFound")


async def test_the_page_that_the_mail_leads_to(shop: Shop) -> None:
    await invite(shop, await team(shop), "bob@example.com")
    token = await invitation_to(shop, "bob@example.com")
    page = f"/acme/portal/claim?token={token}"
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=shop.boreal.http), base_url="http://x") as browser:
        for _ in range(2):
            shown = await browser.get(page)
            assert (shown.status_code, "Your seat of Pro" in shown.text, "bob@example.com" in shown.text) == (
                200,
                True,
                True,
            )
        elsewhere = page.replace("/acme/", "/other/")
        for reply in (await browser.get(elsewhere), await browser.post(elsewhere)):
            assert (reply.status_code, "This invitation is over" in reply.text) == (404, True)
        claimed = await browser.post(page)
        assert claimed.status_code == 303
        assert claimed.headers["location"].startswith("/acme/portal?customer_session_token=polar_cst_")
        for reply in (await browser.get(page), await browser.post(page), await browser.get("/acme/portal/claim")):
            assert (reply.status_code, "This invitation is over" in reply.text) == (404, True)
