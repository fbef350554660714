"""What a customer sees and changes of itself in the portal, and what its session tells (usage spec 16)."""

from typing import Any

import pytest

from tests.support.checkout import good
from tests.support.shop import Shop, client_of
from tests.support.tokens import session
from tests.support.usage import make_customer

ME = "/v1/customer-portal/customers/me"


async def test_a_customer_sees_and_changes_itself(shop: Shop) -> None:
    ada = await make_customer(shop, "ada")
    async with client_of(shop.boreal, await session(shop, ada["id"])) as portal:
        found = good(await portal.get(ME))
        assert (found["id"], found["email"], found["oauth_accounts"]) == (ada["id"], "ada@example.com", {})
        address = {"country": "FR", "city": "Paris"}
        sent = {"billing_name": " Ada Ltd ", "billing_address": address, "tax_id": "FR 61 954 506 077"}
        changed = good(await portal.patch(ME, json=sent))
        assert (changed["billing_name"], changed["tax_id"]) == ("Ada Ltd", ["FR61954506077", "eu_vat"])
        assert changed["billing_address"]["city"] == "Paris"
        await shop.saw("customer.created", "customer.updated")
        same = {"billing_name": " ", "billing_address": None, "tax_id": None, "name": "Eve", "email": "e@example.com"}
        assert good(await portal.patch(ME, json=same)) == changed == good(await portal.get(ME))
        await shop.saw()
        refused = await portal.patch(ME, json={"billing_address": {"country": "US"}})
        assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["body", "tax_id"])


@pytest.mark.parametrize(
    ("sent", "type", "place", "words"),
    [
        ({"tax_id": "1"}, "missing", "billing_address", "Country is required to validate tax ID."),
        ({"tax_id": "1", "billing_address": {"country": "FR"}}, "invalid", "tax_id", "Invalid tax ID."),
    ],
)
async def test_a_tax_id_is_validated(shop: Shop, sent: dict[str, Any], type: str, place: str, words: str) -> None:
    ada = await make_customer(shop, "ada")
    async with client_of(shop.boreal, await session(shop, ada["id"])) as portal:
        reply = await portal.patch(ME, json=sent)
        (fault,) = reply.json()["detail"]
        assert (reply.status_code, fault["type"], fault["loc"], fault["msg"]) == (422, type, ["body", place], words)


async def test_a_session_tells_whose_it_is(shop: Shop) -> None:
    ada = await make_customer(shop, "ada")
    body = {"customer_id": ada["id"], "return_url": "https://example.com/back"}
    made = good(await shop.client.post("/v1/customer-sessions/", json=body), 201)
    async with client_of(shop.boreal, made["token"]) as portal:
        told = good(await portal.get("/v1/customer-portal/customer-session/introspect"))
        assert told == {"expires_at": made["expires_at"], "return_url": "https://example.com/back"}
        user = good(await portal.get("/v1/customer-portal/customer-session/user"))
        assert user == {
            "type": "customer",
            "name": None,
            "email": "ada@example.com",
            "customer_id": ada["id"],
            "role": None,
        }
