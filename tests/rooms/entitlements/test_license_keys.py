"""License keys: made by grants, validated, activated, deactivated, changed (usage spec 10)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.support.benefits import attach, make_benefit
from tests.support.catalog import make_product
from tests.support.checkout import finish, good, open_session, problem
from tests.support.shop import Shop, client_of
from tests.support.tokens import session

PROPERTIES = {
    "prefix": " myapp ",
    "expires": {"ttl": 1, "timeframe": "month"},
    "activations": {"limit": 2, "enable_customer_admin": True},
    "limit_usage": 100,
}
OPEN = "/v1/customer-portal/license-keys"


@pytest.fixture
async def anybody(shop: Shop) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(shop.boreal, None) as client:
        yield client


async def sell(shop: Shop, **properties: Any) -> dict[str, Any]:
    """The key of somebody who bought it."""
    benefit = await make_benefit(shop, "license_keys", properties=properties)
    product = await attach(shop, await make_product(shop), benefit)
    bought = await open_session(shop, product)
    await bought.pay()
    keys = good(await shop.client.get("/v1/license-keys/", params={"benefit_id": benefit["id"]}))["items"]
    (key,) = keys
    return {**key, "order_id": (await bought.order())["id"]}


def asking(sold: dict[str, Any], **body: Any) -> dict[str, Any]:
    return {"key": sold["key"], "organization_id": sold["organization_id"], **body}


@pytest.mark.example("usage E28")
async def test_the_life_of_a_key(shop: Shop, anybody: httpx2.AsyncClient) -> None:
    shop.clock.set(datetime(2025, 1, 31, 10, tzinfo=UTC))
    key = await sell(shop, **PROPERTIES)
    assert key["key"].startswith("MYAPP-") and key["key"] == key["key"].upper() and len(key["key"]) == 42
    assert (key["display_key"], key["status"]) == (f"****-{key['key'][-6:]}", "granted")
    assert key["expires_at"] == "2025-02-28T10:00:00Z"
    assert (key["limit_activations"], key["limit_usage"], key["usage"], key["validations"]) == (2, 100, 0, 0)

    activate, deactivate, validate = (f"{OPEN}/{name}" for name in ("activate", "deactivate", "validate"))
    first = good(await anybody.post(activate, json=asking(key, label="a", conditions={"major": 1}, meta={"os": "x"})))
    assert (first["label"], first["meta"], "conditions" in first) == ("a", {"os": "x"}, False)
    second = good(await anybody.post(activate, json=asking(key, label="a")))
    refused = await anybody.post(activate, json=asking(key, label="b"))
    assert problem(refused) == (403, "NotPermitted", "License key activation limit already reached")
    ended = asking(key, activation_id=second["id"])
    assert (await anybody.post(deactivate, json=ended)).status_code == 204
    good(await anybody.post(activate, json=asking(key, label="b")))
    assert (await anybody.post(deactivate, json=ended)).status_code == 404

    about = asking(key, activation_id=first["id"])
    matching = good(await anybody.post(validate, json={**about, "conditions": {"major": 1}}))
    assert matching["activation"]["id"] == first["id"]
    for conditions in ({"major": 1, "x": 2}, {}):
        reply = await anybody.post(validate, json={**about, "conditions": conditions})
        assert problem(reply) == (404, "ResourceNotFound", "License key does not match required conditions")

    url = f"/v1/license-keys/{key['id']}"
    counted = good(await anybody.post(validate, json=asking(key, increment_usage=15)))
    assert (counted["usage"], counted["validations"], counted["activation"]) == (15, 2, None)
    for increment, left in ((90, 85), (85, None), (1, 0)):
        reply = await anybody.post(validate, json=asking(key, increment_usage=increment))
        if left is None:
            assert good(reply)["usage"] == 100
        else:
            assert problem(reply) == (400, "BadRequest", f"License key only has {left} more usages.")
    assert good(await shop.client.get(url))["validations"] == 3
    assert good(await anybody.post(validate, json=asking(key, increment_usage=-10)))["usage"] == 90

    shop.clock.set(datetime(2025, 2, 28, 9, 59, 59, tzinfo=UTC))
    good(await anybody.post(validate, json=asking(key)))
    shop.clock.set(datetime(2025, 2, 28, 10, tzinfo=UTC))
    assert problem(await anybody.post(validate, json=asking(key))) == (
        404,
        "ResourceNotFound",
        "License key has expired.",
    )
    assert problem(await anybody.post(activate, json=asking(key, label="c"))) == (
        403,
        "NotPermitted",
        "License key has expired.",
    )


@pytest.mark.parametrize("year", [2020, 2040])
async def test_a_key_expires_by_the_clock_of_the_organization(
    shop: Shop, anybody: httpx2.AsyncClient, year: int
) -> None:
    clock = good(await shop.client.post("/v1/test-clocks/", json={"name": "a", "time": f"{year}-01-31T10:00:00Z"}), 201)
    key = await sell(shop, **PROPERTIES)
    good(await anybody.post(f"{OPEN}/validate", json=asking(key)))
    then = {"time": key["expires_at"]}
    good(await shop.client.post(f"/v1/test-clocks/{clock['id']}/advance", json=then), 202)
    await shop.settle()
    reply = await anybody.post(f"{OPEN}/validate", json=asking(key))
    assert problem(reply) == (404, "ResourceNotFound", "License key has expired.")


@pytest.mark.example("usage E28")
async def test_a_changed_benefit_changes_its_keys(shop: Shop) -> None:
    shop.clock.set(datetime(2025, 1, 31, 10, tzinfo=UTC))
    key = await sell(shop, **PROPERTIES)
    shop.clock.set(datetime(2025, 2, 10, tzinfo=UTC))
    url, benefit = f"/v1/license-keys/{key['id']}", f"/v1/benefits/{key['benefit_id']}"
    body = {"type": "license_keys"}
    good(await shop.client.patch(benefit, json={**body, "properties": {**PROPERTIES, "prefix": "other"}}))
    await shop.settle()
    same = good(await shop.client.get(url))
    assert (same["expires_at"], same["key"]) == (key["expires_at"], key["key"])
    good(await shop.client.patch(benefit, json={**body, "properties": {**PROPERTIES, "limit_usage": 7}}))
    await shop.settle()
    changed = good(await shop.client.get(url))
    assert (changed["expires_at"], changed["limit_usage"], changed["key"]) == ("2025-03-10T00:00:00Z", 7, key["key"])


async def test_what_a_key_is_not_good_for(shop: Shop, other_shop: Shop, anybody: httpx2.AsyncClient) -> None:
    key = await sell(shop)
    url = f"{OPEN}/validate"
    benefit, customer = {"benefit_id": str(uuid4())}, {"customer_id": str(uuid4())}
    for body, words in (
        ({"key": key["key"].lower()}, "Not found"),
        ({"organization_id": str(other_shop.organization_id)}, "Not found"),
        ({"activation_id": str(uuid4())}, "Not found"),
        (benefit, "License key does not match given benefit."),
        (customer, "License key does not match given user."),
        ({**benefit, **customer}, "License key does not match given benefit."),
    ):
        assert problem(await anybody.post(url, json=asking(key, **body))) == (404, "ResourceNotFound", words)
    own = {"benefit_id": key["benefit_id"], "customer_id": key["customer_id"]}
    assert good(await anybody.post(url, json=asking(key, **own)))["validations"] == 1
    activating = await anybody.post(f"{OPEN}/activate", json=asking(key, label="a"))
    assert activating.status_code == 403 and "does not support activations" in activating.json()["detail"]


async def test_merchants_ask_about_their_own(shop: Shop, other_shop: Shop) -> None:
    key = await sell(shop, **PROPERTIES)
    for name, more in (("validate", {}), ("activate", {"label": "a"}), ("deactivate", {"activation_id": str(uuid4())})):
        reply = await other_shop.client.post(f"/v1/license-keys/{name}", json=asking(key, **more))
        assert problem(reply) == (404, "ResourceNotFound", "Not found")
    good(await shop.client.post("/v1/license-keys/validate", json=asking(key)))
    made = good(await shop.client.post("/v1/license-keys/activate", json=asking(key, label="a")))
    url = f"/v1/license-keys/{key['id']}"
    assert good(await shop.client.get(f"{url}/activations/{made['id']}"))["license_key"]["id"] == key["id"]
    assert [item["id"] for item in good(await shop.client.get(url))["activations"]] == [made["id"]]
    ended = asking(key, activation_id=made["id"])
    assert (await shop.client.post("/v1/license-keys/deactivate", json=ended)).status_code == 204
    assert (await shop.client.get(f"{url}/activations/{made['id']}")).status_code == 404


async def test_merchants_change_keys(shop: Shop, anybody: httpx2.AsyncClient) -> None:
    key = await sell(shop, **PROPERTIES)
    url = f"/v1/license-keys/{key['id']}"
    changed = good(await shop.client.patch(url, json={"usage": 5, "limit_activations": 1000}))
    assert (changed["usage"], changed["limit_activations"], changed["limit_usage"]) == (5, 1000, 100)
    freed = good(await shop.client.patch(url, json={"limit_usage": None, "expires_at": None, "status": None}))
    assert (freed["limit_usage"], freed["expires_at"], freed["status"], freed["usage"]) == (None, None, "granted", 5)
    good(await shop.client.patch(url, json={"status": "disabled"}))
    refused = await anybody.post(f"{OPEN}/validate", json=asking(key))
    assert problem(refused) == (404, "ResourceNotFound", "License key is no longer active.")
    refused = await anybody.post(f"{OPEN}/activate", json=asking(key, label="a"))
    words = "License key is no longer active. This license key can not be activated."
    assert problem(refused) == (403, "NotPermitted", words)
    for wrong in ({"limit_activations": 1001}, {"limit_usage": 0}, {"status": "lost"}, {"usage": 2**31}):
        assert (await shop.client.patch(url, json=wrong)).status_code == 422


async def test_a_key_ends_with_its_grant_and_never_comes_back(shop: Shop, anybody: httpx2.AsyncClient) -> None:
    key = await sell(shop)
    refund = {"order_id": key["order_id"], "reason": "other", "amount": 100, "revoke_benefits": True}
    good(await shop.client.post("/v1/refunds/", json=refund))
    await finish(shop)
    assert good(await shop.client.get(f"/v1/license-keys/{key['id']}"))["status"] == "revoked"
    assert (await anybody.post(f"{OPEN}/validate", json=asking(key))).status_code == 404


async def test_customers_see_their_keys(shop: Shop) -> None:
    key = await sell(shop, **PROPERTIES)
    del key["order_id"]
    async with client_of(shop.boreal, await session(shop, key["customer_id"])) as customer:
        assert good(await customer.get(f"{OPEN}/"))["items"] == [key]
        assert good(await customer.get(f"{OPEN}/", params={"benefit_id": str(uuid4())}))["items"] == []
        assert good(await customer.get(f"{OPEN}/{key['id']}")) == {**key, "activations": []}


async def test_no_more_is_used_than_is_allowed(shop: Shop, anybody: httpx2.AsyncClient) -> None:
    key = await sell(shop, **{**PROPERTIES, "limit_usage": 10})
    asked = [anybody.post(f"{OPEN}/validate", json=asking(key, increment_usage=3)) for _ in range(12)]
    replies = await asyncio.gather(*asked)
    assert sorted(reply.status_code for reply in replies) == [200] * 3 + [400] * 9
    opened = await asyncio.gather(
        *(anybody.post(f"{OPEN}/activate", json=asking(key, label=str(index))) for index in range(6))
    )
    assert sorted(reply.status_code for reply in opened) == [200] * 2 + [403] * 4
    assert good(await shop.client.get(f"/v1/license-keys/{key['id']}"))["usage"] == 9
