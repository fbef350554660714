"""Taking events in (usage spec 2.1)."""

import asyncio
import json
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.shop import Shop, client_of
from tests.support.usage import ingest, make_customer, make_meter

_STORED = sa.text("SELECT name, external_id, parent_id, root_id, id, metadata FROM events ORDER BY seq")


async def stored(shop: Shop) -> list[Any]:
    return await shop.app.database.fetch(_STORED)


async def refused(shop: Shop, *events: dict[str, Any]) -> list[tuple[tuple[Any, ...], str]]:
    reply = await shop.client.post("/v1/events/ingest", json={"events": list(events)})
    assert reply.status_code == 422, reply.text
    return [(tuple(fault["loc"]), fault["type"]) for fault in reply.json()["detail"]]


@pytest.mark.example("usage E5")
async def test_duplicates_are_counted_and_not_kept(shop: Shop) -> None:
    batch = [{"external_id": "a"}, {"external_id": "b"}, {"external_id": "a"}, {}]
    assert await ingest(shop, *batch) == {"inserted": 3, "duplicates": 1}
    assert await ingest(shop, *batch) == {"inserted": 1, "duplicates": 3}
    unknown = {"name": "x", "external_customer_id": "ada", "parent_id": "nothing"}
    fine = {"name": "x", "external_customer_id": "ada", "external_id": "new"}
    assert await refused(shop, fine, unknown) == [(("body", "events", 1, "parent_id"), "parent_id")]
    assert len(await stored(shop)) == 4
    assert await ingest(shop, {"external_id": "new"}) == {"inserted": 1, "duplicates": 0}


@pytest.mark.example("usage E6")
@pytest.mark.parametrize(
    ("amount", "fault"),
    [
        ("99999.999999999999", None),
        ("100000", "decimal_whole_digits"),
        ("0.1234567890123", "decimal_max_places"),
        ("-5", None),
        ("0.025", None),
        ("2", None),
    ],
)
async def test_costs_are_kept_exactly(shop: Shop, amount: str, fault: str | None) -> None:
    event = {"name": "c", "external_customer_id": "ada", "metadata": {"_cost": {"amount": "AMOUNT", "currency": "usd"}}}
    body = json.dumps({"events": [event]}).replace('"AMOUNT"', amount)
    reply = await shop.client.post("/v1/events/ingest", content=body)
    if fault is None:
        assert reply.json() == {"inserted": 1, "duplicates": 0}
        (event,) = await stored(shop)
        assert event["metadata"]["_cost"]["amount"] == amount
    else:
        assert {item["type"] for item in reply.json()["detail"] if "_cost" in item["loc"]} == {fault}


async def test_events_without_anybody_are_told_for_both_kinds(shop: Shop) -> None:
    assert await refused(shop, {"name": "x"}) == [
        (("body", "events", 0, "EventCreateCustomer", "customer_id"), "missing"),
        (("body", "events", 0, "EventCreateExternalCustomer", "external_customer_id"), "missing"),
    ]


async def test_customers_have_to_exist(shop: Shop) -> None:
    ada = await make_customer(shop)
    unknown = "0b5e3f3c-7e0f-4a8e-9a26-3b2f8c1d4e5f"
    assert await ingest(shop, {"customer_id": ada["id"]}) == {"inserted": 1, "duplicates": 0}
    faults = await refused(
        shop, {"name": "x", "customer_id": unknown}, {"name": "x", "customer_id": ada["id"], "parent_id": "no"}
    )
    assert faults == [
        (("body", "events", 0, "customer_id"), "customer_id"),
        (("body", "events", 1, "parent_id"), "parent_id"),
    ]
    assert (await shop.client.delete(f"/v1/customers/{ada['id']}")).status_code == 204
    assert len(await refused(shop, {"name": "x", "customer_id": ada["id"]})) == 1


async def test_parents_may_come_later_in_the_request_or_be_stored(shop: Shop) -> None:
    await ingest(
        shop,
        {"external_id": "leaf", "parent_id": "twig"},
        {"external_id": "twig", "parent_id": "root"},
        {"external_id": "root"},
    )
    leaf, twig, root = await stored(shop)
    assert (leaf["parent_id"], leaf["root_id"]) == (twig["id"], root["id"])
    assert (twig["parent_id"], root["parent_id"]) == (root["id"], None)
    again = await ingest(shop, {"external_id": "twig"}, {"external_id": "new", "parent_id": "twig"})
    assert again == {"inserted": 1, "duplicates": 1}
    new = (await stored(shop))[-1]
    assert (new["parent_id"], new["root_id"]) == (twig["id"], root["id"])
    await ingest(shop, {"parent_id": str(new["id"])})
    assert (await stored(shop))[-1]["root_id"] == root["id"]


async def test_circles_are_refused(shop: Shop) -> None:
    base = {"name": "x", "external_customer_id": "ada"}
    faults = await refused(
        shop,
        {**base, "external_id": "a", "parent_id": "b"},
        {**base, "external_id": "b", "parent_id": "a"},
        {**base, "external_id": "c", "parent_id": "c"},
    )
    assert faults == [(("body", "events", index, "parent_id"), "parent_id") for index in range(3)]


async def test_one_refusal_does_not_concern_requests_that_came_with_it(shop: Shop) -> None:
    await make_meter(shop)
    bad = {"name": "x", "external_customer_id": "ada", "external_id": "k", "parent_id": "no"}
    good = {"name": "x", "external_customer_id": "ada", "external_id": "k"}
    replies = await asyncio.gather(
        *(shop.client.post("/v1/events/ingest", json={"events": [event]}) for event in (good, bad, good, bad, good))
    )
    assert [reply.status_code for reply in replies] == [200, 422, 200, 422, 200]
    assert sum(reply.json()["inserted"] for reply in replies if reply.status_code == 200) == 1


async def test_events_under_an_idempotency_key_come_once(shop: Shop) -> None:
    body = {"events": [{"name": "x", "external_customer_id": "ada"}]}
    headers = {"idempotency-key": "once"}
    replies = [await shop.client.post("/v1/events/ingest", json=body, headers=headers) for _ in range(2)]
    assert [reply.json() for reply in replies] == [{"inserted": 1, "duplicates": 0}] * 2
    assert len(await stored(shop)) == 1


async def test_empty_batches_are_fine_and_strangers_are_not(shop: Shop) -> None:
    assert await ingest(shop) == {"inserted": 0, "duplicates": 0}
    async with client_of(shop.boreal, None) as nobody:
        assert (await nobody.post("/v1/events/ingest", json={"events": []})).status_code == 401
