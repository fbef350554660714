"""Usage alerts: thresholds of meters, each told once per window, lowest first (ours)."""

from typing import Any
from uuid import UUID

import pytest

from boreal.rooms.usage.public import credit, reset
from tests.support.checkout import good
from tests.support.receiver import Receiver, open_receiver
from tests.support.shop import Shop
from tests.support.usage import ingest, make_customer, make_meter

TOLD = "usage_alert.triggered"


async def alert(
    shop: Shop, meter: dict[str, Any], threshold: float, kind: str = "units", **more: Any
) -> dict[str, Any]:
    body = {"meter_id": meter["id"], "threshold": threshold, "threshold_type": kind, **more}
    return good(await shop.client.post("/v1/usage-alerts/", json=body), 201)


async def use(shop: Shop, value: float, **more: Any) -> None:
    await ingest(shop, {"metadata": {"v": value}, **more})


async def told(shop: Shop) -> int:
    """How many alerts were told since the last look; with what else happens in the next twenty seconds."""
    await shop.facts()
    await shop.advance(seconds=20)
    return (await shop.facts()).count(TOLD)


async def credited(shop: Shop, customer: dict[str, Any], meter: dict[str, Any], units: int) -> None:
    async with shop.app.transaction(shop.organization_id) as tx:
        await credit(tx, customer_id=UUID(customer["id"]), meter_id=UUID(meter["id"]), units=units, rollover=False)


async def begin_anew(shop: Shop, customer: dict[str, Any], meter: dict[str, Any]) -> None:
    async with shop.app.transaction(shop.organization_id) as tx:
        await reset(tx, customer_id=UUID(customer["id"]), meter_ids=[UUID(meter["id"])])


async def test_alerts_are_told_once_in_each_window_lowest_first(shop: Shop) -> None:
    async with open_receiver() as receiver:
        await run_through(shop, receiver)


async def run_through(shop: Shop, receiver: Receiver) -> None:
    ada, meter = await make_customer(shop, "ada"), await make_meter(shop, "sum", "v")
    await credited(shop, ada, meter, 100)
    await alert(shop, meter, 100, "percent_of_credits", name="all")
    await alert(shop, meter, 80, name="eighty")
    await alert(shop, meter, 50.5, "percent_of_credits", name="half")
    await alert(shop, meter, 1000, name="never")
    body = {"url": receiver.url, "format": "raw", "events": []}
    endpoint = good(await shop.client.post("/v1/webhooks/endpoints", json=body), 201)
    own = f"/v1/webhooks/endpoints/{endpoint['id']}/own-events"
    assert good(await shop.client.put(own, json={"events": [TOLD]})) == {"events": [TOLD]}
    assert good(await shop.client.get(own)) == {"events": [TOLD]}
    assert good(await shop.client.get(f"/v1/webhooks/endpoints/{endpoint['id']}"))["events"] == []

    await use(shop, 50)
    assert await told(shop) == 0
    await use(shop, 49)
    assert await told(shop) == 2
    await use(shop, 30, customer_id=ada["id"])
    assert await told(shop) == 1
    await use(shop, 1)
    assert await told(shop) == 0
    heard = [got.json["data"] for got in receiver.requests]
    assert [got.json["type"] for got in receiver.requests] == [TOLD] * 3
    assert [one["alert"]["name"] for one in heard] == ["half", "eighty", "all"]
    assert [(one["consumed_units"], one["credited_units"], one["balance"]) for one in heard] == [
        (99, 100, 1),
        (99, 100, 1),
        (129, 100, -29),
    ]
    assert heard[0]["customer"]["id"] == ada["id"] and heard[0]["meter"]["id"] == meter["id"]
    assert len(good(await shop.client.get("/v1/webhooks/own-deliveries"))["items"]) == 3
    assert good(await shop.client.get("/v1/webhooks/deliveries"))["items"] == []

    await begin_anew(shop, ada, meter)
    assert await told(shop) == 0
    await use(shop, 90)  # of nothing credited, no percentage is reached
    assert await told(shop) == 1


async def test_what_was_reached_just_before_a_window_ends_is_told(shop: Shop) -> None:
    ada, meter = await make_customer(shop, "ada"), await make_meter(shop, "sum", "v")
    await alert(shop, meter, 10)
    await use(shop, 11)
    await begin_anew(shop, ada, meter)
    assert await told(shop) == 1
    await use(shop, 10)
    assert await told(shop) == 1
    await begin_anew(shop, ada, meter)
    assert await told(shop) == 0


async def test_whom_an_alert_is_about(shop: Shop) -> None:
    """One customer, or each of them; until it is switched off, changed or removed."""
    meter = await make_meter(shop)
    ada, bob = await make_customer(shop, "ada"), await make_customer(shop, "bob")
    only = await alert(shop, meter, 1, customer_id=ada["id"])
    await ingest(shop, {"customer_id": bob["id"]}, {"customer_id": ada["id"]})
    assert await told(shop) == 1
    every = await alert(shop, meter, 2)
    good(await shop.client.patch(f"/v1/usage-alerts/{only['id']}", json={"threshold": 3}))
    await ingest(shop, *({"customer_id": one["id"]} for one in (bob, ada, ada)))
    assert await told(shop) == 3
    good(await shop.client.patch(f"/v1/usage-alerts/{only['id']}", json={"threshold": 4, "enabled": False}))
    assert (await shop.client.delete(f"/v1/usage-alerts/{every['id']}")).status_code == 204
    await ingest(shop, {"customer_id": ada["id"]})
    assert await told(shop) == 0
    found = good(await shop.client.get("/v1/usage-alerts/", params={"customer_id": ada["id"]}))["items"]
    assert [(one["threshold"], one["enabled"]) for one in found] == [(4, False)]
    assert good(await shop.client.get(f"/v1/usage-alerts/{only['id']}")) == found[0]


async def test_alerts_live_by_a_test_clock(shop: Shop) -> None:
    now = shop.clock.now()
    good(await shop.client.post("/v1/test-clocks/", json={"time": "2030-01-01T00:00:00Z"}), 201)
    await make_customer(shop, "ada")
    meter = await make_meter(shop)
    await alert(shop, meter, 1)
    await ingest(shop, {})
    assert await told(shop) == 1
    at = await shop.app.database.pool.fetchval("SELECT fired_at FROM usage_alert_firings")
    assert (at.year, now.year) == (2030, 2026)


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        ({"meter_id": "00000000-0000-4000-8000-000000000000"}, "meter_id"),
        ({"customer_id": "00000000-0000-4000-8000-000000000000"}, "customer_id"),
        ({"threshold": 0}, "threshold"),
        ({"threshold": "1"}, "threshold"),
        ({"threshold_type": "share"}, "threshold_type"),
    ],
)
async def test_what_is_refused(shop: Shop, sent: dict[str, Any], place: str) -> None:
    meter = await make_meter(shop)
    body = {"meter_id": meter["id"], "threshold": 1, "threshold_type": "units", **sent}
    reply = await shop.client.post("/v1/usage-alerts/", json=body)
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"][:2] == ["body", place]
