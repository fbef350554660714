"""Checking and deducting at once: what is allowed fits into the balance, whoever else asks (ours)."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from boreal.rooms.usage.public import credit, reset
from tests.support.checkout import good
from tests.support.shop import Shop
from tests.support.usage import ingest, make_customer, make_meter, named


async def credited(shop: Shop, customer: dict[str, Any], meter: dict[str, Any], units: int) -> None:
    async with shop.app.transaction(shop.organization_id) as tx:
        await credit(tx, customer_id=UUID(customer["id"]), meter_id=UUID(meter["id"]), units=units, rollover=False)


async def check(shop: Shop, meter: dict[str, Any], units: float = 1, **more: Any) -> dict[str, Any]:
    body = {"meter_id": meter["id"], "units": units, "name": "call", **more}
    if "customer_id" not in body:
        body.setdefault("external_customer_id", "ada")
    return good(await shop.client.post("/v1/customer-meters/check", json=body))


async def balance(shop: Shop, meter: dict[str, Any]) -> float:
    query = {"external_customer_id": "ada", "meter_id": meter["id"]}
    (item,) = good(await shop.client.get("/v1/customer-meters/", params=query))["items"]
    return float(item["balance"])


async def events(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = good(await shop.client.get("/v1/events/?source=user&limit=100"))["items"]
    return found


async def test_a_check_records_what_it_allows(shop: Shop) -> None:
    await make_customer(shop, "ada")
    meter, calls = await make_meter(shop, "sum", "v"), await make_meter(shop)
    assert await check(shop, meter, 1) == {"allowed": False, "balance": 0, "event_id": None, "duplicate": False}
    await credited(shop, await customer(shop), meter, 10)
    first = await check(shop, meter, 2.5, metadata={"page": "a"}, external_id="one")
    assert (first["allowed"], first["balance"]) == (True, 7.5)
    (event,) = await events(shop)
    assert (event["id"], event["metadata"]) == (first["event_id"], {"page": "a", "v": 2.5})
    assert await check(shop, meter, 2.5, external_id="one") == {**first, "duplicate": True}
    assert (await check(shop, meter, 8, external_id="two"))["allowed"] is False
    assert (await check(shop, meter, 7.5, external_id="two"))["balance"] == 0
    assert (await check(shop, meter, 1, overage=True))["balance"] == -1
    assert (await balance(shop, meter), await balance(shop, calls)) == (-1, -3)
    assert len(await events(shop)) == 3


async def customer(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = good(await shop.client.get("/v1/customers/external/ada"))
    return found


async def test_parallel_checks_allow_what_there_is(shop: Shop) -> None:
    ada, meter = await make_customer(shop, "ada"), await make_meter(shop, filter=named("call"))
    await credited(shop, ada, meter, 50)
    who = ({"customer_id": ada["id"]}, {"external_customer_id": "ada"})
    keys = [{"external_id": str(index)} if index % 3 == 0 else {} for index in range(100)]
    heads = [{"idempotency-key": str(index)} if index % 10 == 0 else {} for index in range(100)]
    verdicts = await asyncio.gather(*(asked(shop, meter, heads[i], **who[i % 2], **keys[i]) for i in range(100)))
    assert sorted(one["balance"] for one in verdicts if one["allowed"]) == list(range(50))
    assert {one["balance"] for one in verdicts if not one["allowed"]} == {0}
    assert await balance(shop, meter) == 0
    again = await asyncio.gather(*(check(shop, meter, **who[i % 2], **keys[i]) for i in range(0, 100, 3)))
    assert [one["allowed"] for one in again] == [verdicts[i]["allowed"] for i in range(0, 100, 3)]
    assert await balance(shop, meter) == 0


async def asked(shop: Shop, meter: dict[str, Any], headers: dict[str, str], **more: Any) -> dict[str, Any]:
    body = {"meter_id": meter["id"], "name": "call", **more}
    return good(await shop.client.post("/v1/customer-meters/check", json=body, headers=headers))


async def test_checks_race_with_ingestion_and_resets(shop: Shop) -> None:
    """Each check takes one of 25 units, and one of another meter, from which ingestion takes, too."""
    ada, meter = await make_customer(shop, "ada"), await make_meter(shop, "sum", "v")
    others = [await make_meter(shop), await make_meter(shop, "unique", "v"), await make_meter(shop, "sum", "w")]
    await credited(shop, ada, meter, 60)
    await credited(shop, ada, others[2], 25)

    async def ask(number: int) -> dict[str, Any]:
        who = {"customer_id": ada["id"]} if number % 2 else {}
        return await check(shop, others[2], metadata={"v": 1}, external_id=f"check {number}", **who)

    async def use(number: int) -> None:
        await ingest(shop, {"metadata": {"v": 1}, **({"customer_id": ada["id"]} if number % 2 else {})})

    async def again() -> None:
        async with shop.app.transaction(shop.organization_id) as tx:
            await reset(tx, customer_id=UUID(ada["id"]), meter_ids=[UUID(others[0]["id"])])

    verdicts, *_ = await asyncio.gather(
        asyncio.gather(*(ask(number) for number in range(60))),
        asyncio.gather(*(use(number) for number in range(30))),
        asyncio.gather(*(again() for _ in range(5))),
    )
    assert sorted(one["balance"] for one in verdicts if one["allowed"]) == list(range(25))
    assert (await balance(shop, others[2]), await balance(shop, meter)) == (0, 60 - 30 - 25)


@pytest.mark.parametrize(
    ("sent", "place", "type"),
    [
        ({"meter_id": "00000000-0000-4000-8000-000000000000"}, "meter_id", "meter_id"),
        ({"meter": "max"}, "meter_id", "value_error"),
        ({"meter": "unique"}, "meter_id", "value_error"),
        ({"meter": "count", "units": 2}, "units", "value_error"),
        ({"meter": "filtered", "name": "other"}, "metadata", "value_error"),
        ({"meter": "sum", "units": 2, "metadata": {"v": 3}}, "metadata", "value_error"),
        ({"meter": "sum", "units": 0}, "units", "greater_than"),
        ({"meter": "sum", "units": "1"}, "units", "int_type"),
        ({"meter": "sum", "external_customer_id": "bob"}, "external_customer_id", "external_customer_id"),
        ({"meter": "sum", "customer_id": None, "external_customer_id": None}, None, "value_error"),
        ({"meter": "sum", "metadata": {"v": []}}, "metadata", None),
    ],
)
async def test_what_is_refused(shop: Shop, sent: dict[str, Any], place: str | None, type: str | None) -> None:
    ada = await make_customer(shop, "ada")
    made = sent.pop("meter", None)
    filter = {"filter": named("call")} if made == "filtered" else {}
    function = {"filtered": "count", None: "count"}.get(made, made)
    meter = await make_meter(shop, function, None if function == "count" else "v", **filter)
    if "external_customer_id" not in sent:
        sent["customer_id"] = ada["id"]
    body = {"meter_id": meter["id"], "name": "call", **sent}
    reply = await shop.client.post("/v1/customer-meters/check", json=body)
    assert reply.status_code == 422
    fault = reply.json()["detail"][0]
    assert fault["loc"][:2] == ["body", place] if place else fault["loc"] == ["body"]
    assert type is None or fault["type"] == type
    assert await events(shop) == []


async def test_an_archived_meter_is_not_there_and_a_refusal_leaves_it_free(shop: Shop) -> None:
    """What was never counted can still be changed, though it was asked about."""
    await make_customer(shop, "ada")
    meter = await make_meter(shop)
    assert (await check(shop, meter))["allowed"] is False
    good(await shop.client.patch(f"/v1/meters/{meter['id']}", json={"aggregation": {"func": "sum", "property": "v"}}))
    assert (await check(shop, meter, 3, overage=True))["balance"] == -3
    good(await shop.client.patch(f"/v1/meters/{meter['id']}", json={"is_archived": True}))
    body = {"meter_id": meter["id"], "name": "call", "external_customer_id": "ada"}
    assert (await shop.client.post("/v1/customer-meters/check", json=body)).status_code == 422


async def test_a_meter_that_is_being_filled_is_exact(shop: Shop) -> None:
    ada = await make_customer(shop, "ada")
    await ingest(shop, *({} for _ in range(3)))
    meter = await make_meter(shop)
    await credited(shop, ada, meter, 4)
    assert (await check(shop, meter))["balance"] == 0
    assert (await check(shop, meter))["allowed"] is False
    await shop.settle()
    assert await balance(shop, meter) == 0
