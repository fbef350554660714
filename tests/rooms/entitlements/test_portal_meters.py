"""Meters in the portal: only what a customer is subscribed to or was credited (usage spec 16)."""

from datetime import UTC, datetime
from typing import Any

from tests.support.benefits import make_benefit
from tests.support.catalog import fixed, make_product
from tests.support.checkout import good
from tests.support.shop import Shop, client_of
from tests.support.subscribers import MONTHLY
from tests.support.subscribers import subscribe as buy
from tests.support.tokens import session
from tests.support.usage import ingest, make_customer, make_meter

ADA = {"external_customer_id": "ada"}
URL = "/v1/customer-portal/meters/"


def metered(meter: dict[str, Any]) -> dict[str, Any]:
    return {"amount_type": "metered_unit", "meter_id": meter["id"], "unit_amount": "1"}


async def test_a_customer_sees_the_meters_that_concern_it(shop: Shop) -> None:
    shop.clock.set(datetime(2025, 6, 1, tzinfo=UTC))
    priced, credited, other = [await make_meter(shop, "sum", name, name=f"Of {name}") for name in "abc"]
    bob, ada = await make_customer(shop, "bob"), await make_customer(shop, "ada")
    units = {"units": 100, "rollover": False, "meter_id": credited["id"]}
    benefit = await make_benefit(shop, "meter_credit", properties=units)
    product = await make_product(shop, fixed(2000), metered(priced), **MONTHLY)
    body = {"benefits": [benefit["id"]]}
    good(await shop.client.post(f"/v1/products/{product['id']}/benefits", json=body))
    await ingest(shop, *({"metadata": dict.fromkeys("abc", 7), "customer_id": one["id"]} for one in (ada, bob)))
    async with client_of(shop.boreal, await session(shop, ada["id"])) as portal:
        assert good(await portal.get(URL))["items"] == []
    bought = await buy(shop, product, session=ADA)
    await shop.settle()
    async with client_of(shop.boreal, await session(shop, ada["id"])) as portal:
        found = good(await portal.get(URL, params={"sorting": "meter_name"}))["items"]
        assert [(one["meter"]["name"], one["consumed_units"], one["credited_units"]) for one in found] == [
            ("Of a", 0, 0),
            ("Of b", 7, 100),
        ]
        await ingest(shop, {"metadata": {"a": 3}})
        assert good(await portal.get(URL + found[0]["id"]))["consumed_units"] == 3
        assert found[1] == good(await portal.get(URL + found[1]["id"]))
        assert good(await portal.get(URL, params={"query": "OF B"}))["items"] == found[1:]
        assert good(await portal.get(URL, params={"meter_id": other["id"]}))["items"] == []
        hidden = good(await shop.client.get("/v1/customer-meters/", params={"meter_id": other["id"], **ADA}))["items"]
        assert (await portal.get(URL + hidden[0]["id"])).status_code == 404
        good(await shop.client.patch(f"/v1/subscriptions/{bought['id']}", json={"revoke": True}))
        await shop.settle()
        assert good(await portal.get(URL))["items"] == []
    async with client_of(shop.boreal, await session(shop, bob["id"])) as portal:
        assert good(await portal.get(URL))["items"] == []
        assert (await portal.get(URL + found[0]["id"])).status_code == 404
