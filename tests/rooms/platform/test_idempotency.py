"""Idempotency keys on real operations, through HTTP (decision record 10)."""

import asyncio
from typing import Any

import httpx2
import pytest

from boreal.kit.idempotency import IdempotentReplyRow
from boreal.main import openapi
from boreal.providers.ports import PaymentProcessor
from tests.support.catalog import fixed, make_product
from tests.support.shop import Shop, client_of

KEY = {"idempotency-key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
BUYER = {
    "customer_name": "Ada Lovelace",
    "customer_email": "ada@example.com",
    "customer_billing_address": {"country": "FR"},
    "confirmation_token_id": "pm_card_visa",
}
PRODUCT = {"name": "Pro", "prices": [fixed()]}


def assert_replayed(first: httpx2.Response, again: httpx2.Response, status: int) -> None:
    """The second reply is the first one, byte for byte."""
    assert first.status_code == again.status_code == status, first.text
    assert again.content == first.content
    assert again.headers.get("content-type") == first.headers.get("content-type")
    assert ("idempotent-replayed" in first.headers, again.headers.get("idempotent-replayed")) == (False, "true")


async def twice(client: httpx2.AsyncClient, method: str, path: str, status: int, body: Any = None) -> httpx2.Response:
    """Sends a write twice under one key, and returns the first reply."""
    given = {} if body is None else {"json": body}
    first = await client.request(method, path, headers=KEY, **given)
    assert_replayed(first, await client.request(method, path, headers=KEY, **given), status)
    return first


async def total(shop: Shop, path: str) -> int:
    """How many there are."""
    count: int = (await shop.client.get(path)).json()["pagination"]["total_count"]
    return count


async def sales(shop: Shop) -> tuple[int, int, int]:
    """How many orders there are, payments on record, and calls to pay that reached the processor."""
    pool = shop.app.database.pool
    payments = await pool.fetchval("SELECT count(*) FROM payments")
    return await total(shop, "/v1/orders/"), payments, await pool.fetchval("SELECT count(*) FROM sandbox_intents")


async def make_checkout(shop: Shop) -> dict[str, Any]:
    """An open session for a product of 10.00."""
    product = await make_product(shop)
    made: dict[str, Any] = (await shop.client.post("/v1/checkouts/", json={"products": [product["id"]]})).json()
    return made


async def test_a_product_is_made_changed_and_told_of_once(shop: Shop) -> None:
    product = (await twice(shop.client, "POST", "/v1/products/", 201, PRODUCT)).json()
    await twice(shop.client, "PATCH", f"/v1/products/{product['id']}", 200, {"name": "Max"})
    assert await total(shop, "/v1/products/") == 1
    await shop.saw("product.created", "product.updated")


async def test_a_refusal_comes_again(shop: Shop) -> None:
    await twice(shop.client, "POST", "/v1/products/", 422, {"name": "Pro", "prices": []})
    await twice(shop.client, "PATCH", "/v1/products/6c8bd2ad-65ae-4b5a-9f0c-4f4e9a4dbf6a", 404, {"name": "Max"})


async def test_a_checkout_is_made_once(shop: Shop) -> None:
    product = await make_product(shop)
    await shop.facts()
    await twice(shop.client, "POST", "/v1/checkouts/", 201, {"products": [product["id"]]})
    assert await total(shop, "/v1/checkouts/") == 1
    await shop.saw("checkout.created")


async def test_a_confirmed_checkout_is_charged_once(shop: Shop) -> None:
    checkout = await make_checkout(shop)
    async with client_of(shop.boreal, None) as buyer:
        path = f"/v1/checkouts/client/{checkout['client_secret']}/confirm"
        first = await twice(buyer, "POST", path, 200, BUYER)
        await shop.settle()
        assert_replayed(first, await buyer.post(path, json=BUYER, headers=KEY), 200)
        other = await buyer.post(path, json={**BUYER, "customer_name": "Eve"}, headers=KEY)
        assert (other.status_code, other.json()["error"]) == (409, "IdempotencyKeyMismatch")
        unkeyed = await buyer.post(path, json=BUYER)
        assert (unkeyed.status_code, unkeyed.json()["error"]) == (403, "NotOpenCheckout")
    async with client_of(shop.boreal, first.json()["customer_session_token"]) as portal:
        assert (await portal.get("/v1/customer-portal/orders/")).json()["pagination"]["total_count"] == 1
    assert await sales(shop) == (1, 1, 1)


async def test_200_confirmations_at_once_charge_once(shop: Shop) -> None:
    checkout = await make_checkout(shop)
    async with client_of(shop.boreal, None) as buyer:
        path = f"/v1/checkouts/client/{checkout['client_secret']}/confirm"
        replies = await asyncio.gather(*(buyer.post(path, json=BUYER, headers=KEY) for _ in range(200)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1
    await shop.settle()
    assert await sales(shop) == (1, 1, 1)


async def test_a_declined_card_stays_declined_under_its_key(shop: Shop) -> None:
    checkout = await make_checkout(shop)
    declined = {**BUYER, "confirmation_token_id": "pm_card_visa_chargeDeclined"}
    async with client_of(shop.boreal, None) as buyer:
        path = f"/v1/checkouts/client/{checkout['client_secret']}/confirm"
        await twice(buyer, "POST", path, 400, declined)
        assert await sales(shop) == (0, 1, 1)
        assert (await buyer.post(path, json=BUYER, headers={"idempotency-key": "new"})).status_code == 200


async def test_a_confirmation_whose_process_dies_is_not_sent_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boreal.surfaces.idempotent.WAIT_S", 0.05)
    checkout = await make_checkout(shop)
    faults = shop.app.get(PaymentProcessor).faults
    path = f"/v1/checkouts/client/{checkout['client_secret']}/confirm"
    async with client_of(shop.boreal, None) as buyer:
        faults.latency_s = 1000.0
        dying = asyncio.create_task(buyer.post(path, json=BUYER, headers=KEY))
        while not await shop.app.database.pool.fetchval("SELECT count(*) FROM checkout_attempts"):
            await asyncio.sleep(0.01)
        dying.cancel()
        await asyncio.wait([dying])
        faults.latency_s = 0.0
        assert (await buyer.post(path, json=BUYER, headers=KEY)).json()["error"] == "IdempotencyKeyInUse"
        await shop.advance(seconds=61)
        lost = await buyer.post(path, json=BUYER, headers=KEY)
        assert (lost.status_code, lost.json()["error"]) == (409, "IdempotentReplyLost")
        assert (await buyer.get(path.removesuffix("/confirm"))).json()["status"] == "succeeded"
    assert await sales(shop) == (1, 1, 1)


async def test_secrets_that_are_shown_once_come_again(shop: Shop) -> None:
    body = {"comment": "CI", "scopes": ["products:read"]}
    token = (await twice(shop.client, "POST", "/v1/organization-access-tokens/", 201, body)).json()["token"]
    async with client_of(shop.boreal, token) as holder:
        assert (await holder.get("/v1/products/")).status_code == 200
    assert await total(shop, "/v1/organization-access-tokens/") == 2
    endpoint = {"url": "https://example.com/hook", "format": "raw", "events": ["order.paid"]}
    made = (await twice(shop.client, "POST", "/v1/webhooks/endpoints", 201, endpoint)).json()
    path = f"/v1/webhooks/endpoints/{made['id']}"
    reset = (await twice(shop.client, "PATCH", f"{path}/secret", 200)).json()
    assert (await shop.client.get(path)).json()["secret"] == reset["secret"] != made["secret"]
    customer = (await twice(shop.client, "POST", "/v1/customers/", 201, {"email": "ada@example.com"})).json()
    session = (await twice(shop.client, "POST", "/v1/customer-sessions/", 201, {"customer_id": customer["id"]})).json()
    rows = await shop.app.database.fetch(IdempotentReplyRow.select())
    stored = b"".join(value for row in rows for value in row.values() if isinstance(value, bytes))
    assert len(rows) == 5
    for secret in (token, made["secret"], reset["secret"], session["token"], "ada@example.com", *KEY.values()):
        assert secret.encode() not in stored


async def test_a_deletion_comes_again(shop: Shop) -> None:
    customer = (await shop.client.post("/v1/customers/", json={"email": "ada@example.com"})).json()
    deleted = await twice(shop.client, "DELETE", f"/v1/customers/{customer['id']}", 204)
    assert deleted.content == b""
    assert (await shop.client.delete(f"/v1/customers/{customer['id']}")).status_code == 404


async def test_one_key_for_many_things(shop: Shop, other_shop: Shop) -> None:
    mine = await shop.client.post("/v1/products/", json=PRODUCT, headers=KEY)
    theirs = await other_shop.client.post("/v1/products/", json=PRODUCT, headers=KEY)
    assert theirs.json()["organization_id"] == str(other_shop.organization_id)
    customer = await shop.client.post("/v1/customers/", json={"email": "ada@example.com"}, headers=KEY)
    assert (mine.status_code, theirs.status_code, customer.status_code) == (201, 201, 201)
    mismatch = await shop.client.post("/v1/products/", json={**PRODUCT, "name": "Max"}, headers=KEY)
    assert (mismatch.status_code, mismatch.json()["error"]) == (409, "IdempotencyKeyMismatch")


async def test_whoever_may_not_call_gets_no_reply_of_others(shop: Shop) -> None:
    await shop.client.post("/v1/products/", json=PRODUCT, headers=KEY)
    body = {"comment": "CI", "scopes": ["products:read"]}
    weak = (await shop.client.post("/v1/organization-access-tokens/", json=body)).json()["token"]
    for token, status in ((weak, 403), ("polar_oat_unknown", 401), (None, 401)):
        async with client_of(shop.boreal, token) as client:
            assert (await client.post("/v1/products/", json=PRODUCT, headers=KEY)).status_code == status
    body["scopes"] = ["products:write"]
    strong = (await shop.client.post("/v1/organization-access-tokens/", json=body)).json()["token"]
    async with client_of(shop.boreal, strong) as client:
        assert (await client.post("/v1/products/", json=PRODUCT, headers=KEY)).headers["idempotent-replayed"] == "true"
    assert await total(shop, "/v1/products/") == 1


async def test_a_key_without_characters_is_refused_by_its_place(shop: Shop) -> None:
    refused = await shop.client.post("/v1/products/", json=PRODUCT, headers={"idempotency-key": ""})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["header", "idempotency-key"]
    assert await total(shop, "/v1/products/") == 0


async def test_200_products_at_once_are_one(shop: Shop) -> None:
    replies = await asyncio.gather(*(shop.client.post("/v1/products/", json=PRODUCT, headers=KEY) for _ in range(200)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.content for reply in replies}) == 1
    assert await total(shop, "/v1/products/") == 1
    await shop.saw("product.created")


async def test_keys_are_forgotten_after_a_day(shop: Shop) -> None:
    async with shop.app.transaction(shop.organization_id) as tx:
        tx.enqueue("forget_idempotent_replies", unique_key="forget_idempotent_replies")
    first = await shop.client.post("/v1/products/", json=PRODUCT, headers=KEY)
    await shop.advance(hours=23)
    assert_replayed(first, await shop.client.post("/v1/products/", json=PRODUCT, headers=KEY), 201)
    await shop.advance(hours=1)
    assert await shop.app.database.fetch(IdempotentReplyRow.select()) == []
    second = await shop.client.post("/v1/products/", json=PRODUCT, headers=KEY)
    assert second.json()["id"] != first.json()["id"]
    assert await total(shop, "/v1/products/") == 2


def test_the_document_offers_the_header_on_writes_alone() -> None:
    offering = {
        (method, path): [found["name"] for found in operation.get("parameters", ()) if found["in"] == "header"]
        for path, item in openapi()["paths"].items()
        for method, operation in item.items()
    }
    assert {names == ["Idempotency-Key"] for (method, _), names in offering.items() if method != "get"} == {True}
    assert {tuple(names) for (method, _), names in offering.items() if method == "get"} == {()}
