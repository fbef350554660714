"""What ingestion keeps is what counting everything anew gives: random events, late, double, between resets and changes.

Three ways of counting are held against each other: the plain one of `boreal.core.metering`, ingestion with its
aggregates, and SQL over the events (the verifier, which also runs after every test with a shop).
"""

import asyncio
import json
import os
import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from boreal.core.filters import Filter, Occurrence, parse
from boreal.core.metering import Aggregation, measure, quantity
from boreal.rooms.usage.public import close, reset
from tests.support.checkout import good
from tests.support.shop import Shop
from tests.support.usage import make_customer

ROUNDS = int(os.environ.get("TEST_USAGE_ROUNDS", "12"))
VALUES: list[Any] = [1, 2, -3, 2.5, 0.1, 1e22, "1", "", "x", True, False, 10, "10", "%", 1e-7]
NAMES = ["call", "a", "10"]


def clause(chance: random.Random) -> dict[str, Any]:
    value = chance.choice([item for item in VALUES if not isinstance(item, float)])
    operator = chance.choice(["eq", "ne", "gt", "gte", "lt", "lte", "like", "not_like"])
    return {"property": chance.choice(["x", "y", "name", "source", "timestamp"]), "operator": operator, "value": value}


def condition(chance: random.Random, depth: int = 2) -> dict[str, Any]:
    clauses = [
        condition(chance, depth - 1) if depth and chance.random() < 0.3 else clause(chance)
        for _ in range(chance.choice([0, 1, 1, 2]))
    ]
    return {"conjunction": chance.choice(["and", "or"]), "clauses": clauses}


def event(chance: random.Random, now: datetime, known: list[str]) -> dict[str, Any]:
    keys = chance.sample(["x", "y", "z"], chance.randrange(4))
    made: dict[str, Any] = {
        "name": chance.choice(NAMES),
        "metadata": {key: value for key in keys if (value := chance.choice(VALUES)) != ""},
    }
    if chance.random() < 0.5:
        made["timestamp"] = (now - timedelta(hours=chance.choice([0, 0, 1, 30, 4000]))).isoformat()
    if chance.random() < 0.4:
        made["external_id"] = chance.choice(["k1", "k2", "k3", f"k{chance.randrange(1000)}"])
    who = chance.random()
    made |= {"customer_id": chance.choice(known)} if who < 0.4 else {"external_customer_id": chance.choice("abc")}
    return made


class Model:
    """Events as they were taken in, in their order, and where each window began."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Occurrence]] = []
        self.keys: set[str] = set()
        self.windows: dict[tuple[str, str], int] = {}

    def take(self, sent: dict[str, Any], now: datetime) -> None:
        key = sent.get("external_id")
        if key is not None and key in self.keys:
            return
        self.keys |= {key} if key else set()
        who = sent.get("customer_id") or sent["external_customer_id"]
        at = datetime.fromisoformat(sent["timestamp"]) if "timestamp" in sent else now
        self.events.append((who, Occurrence(sent["name"], "user", at, sent["metadata"])))

    def consumed(self, meter: dict[str, Any], customer: dict[str, Any]) -> Decimal:
        rules: Filter = parse(meter["filter"])
        aggregation = Aggregation.parse(meter["aggregation"])
        window = self.events[self.windows.get((customer["id"], meter["id"]), 0) :]
        mine = [seen for who, seen in window if who in (customer["id"], customer["external_id"])]
        return quantity(aggregation.function, measure(rules, aggregation, mine))


async def check(shop: Shop, model: Model, meters: list[dict[str, Any]], customers: list[dict[str, Any]]) -> None:
    for customer in customers:
        page = good(await shop.client.get("/v1/customer-meters/", params={"customer_id": customer["id"], "limit": 100}))
        shown = {item["meter_id"]: item["consumed_units"] for item in page["items"]}
        for meter in meters:
            expected = float(model.consumed(meter, customer))
            assert shown.get(meter["id"], 0) == pytest.approx(expected, rel=1e-12, abs=0), (meter, customer)


@pytest.mark.parametrize("seed", range(int(os.environ.get("TEST_USAGE_SEEDS", "2"))))
async def test_every_way_of_counting_agrees(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)
    model = Model()
    customers = [await make_customer(shop, name) for name in "ab"]
    ids = [customer["id"] for customer in customers]
    meters: list[dict[str, Any]] = []

    async def new_meter() -> None:
        func = chance.choice(["count", "sum", "max", "min", "avg", "unique"])
        rule = {"func": func} | ({} if func == "count" else {"property": chance.choice(["x", "y", "timestamp"])})
        body = {"name": "meter", "filter": condition(chance), "aggregation": rule}
        meters.append(good(await shop.client.post("/v1/meters/", json=body), 201))

    for _ in range(4):
        await new_meter()
    for number in range(ROUNDS):
        batch = [event(chance, shop.clock.now(), ids) for _ in range(chance.randrange(1, 12))]
        good(await shop.client.post("/v1/events/ingest", json={"events": json.loads(json.dumps(batch))}))
        for sent in batch:
            model.take(sent, shop.clock.now())
        if chance.random() < 0.4:
            customer, meter = chance.choice(customers), chance.choice(meters)
            await shop.settle()
            async with shop.app.transaction(shop.organization_id) as tx:
                await reset(tx, customer_id=UUID(customer["id"]), meter_ids=[UUID(meter["id"])])
            model.windows[customer["id"], meter["id"]] = len(model.events)
        if chance.random() < 0.2:
            async with shop.app.transaction(shop.organization_id) as tx:
                await close(tx, customer_ids=[UUID(ids[0])], meter_ids=[UUID(meter["id"]) for meter in meters])
        if number % 4 == 1:
            await new_meter()
        shop.clock.advance(timedelta(minutes=chance.randrange(90)))
        await check(shop, model, meters, customers)
    await shop.settle()
    assert await shop.app.database.fetchval(sa.text("SELECT count(*) FROM meter_fills")) == 0
    await check(shop, model, meters, customers)


async def test_nothing_is_lost_between_many_at_once(shop: Shop) -> None:
    """Events, resets and new meters at the same time: no failure, no deadlock, and every event counted once."""
    ada = await make_customer(shop, "ada")
    body = {"name": "all", "filter": {"conjunction": "and", "clauses": []}, "aggregation": {"func": "count"}}
    meters = [good(await shop.client.post("/v1/meters/", json=body), 201) for _ in range(2)]
    counted = 0

    async def send(number: int) -> None:
        events = [{"name": "n", "external_customer_id": "ada", "external_id": f"{number % 7}-{i}"} for i in range(5)]
        events += [{"name": "n", "customer_id": ada["id"]}]
        good(await shop.client.post("/v1/events/ingest", json={"events": events}))

    async def begin_anew() -> None:
        nonlocal counted
        async with shop.app.transaction(shop.organization_id) as tx:
            ids = [UUID(meter["id"]) for meter in meters]
            done = await reset(tx, customer_id=UUID(ada["id"]), meter_ids=ids)
        counted += int(done.ended[ids[0]].consumed)

    async def new_meter() -> None:
        good(await shop.client.post("/v1/meters/", json=body), 201)

    await asyncio.gather(*(send(number) for number in range(28)), *(begin_anew() for _ in range(3)), new_meter())
    await shop.settle()
    query = {"customer_id": ada["id"], "meter_id": meters[0]["id"]}
    (item,) = good(await shop.client.get("/v1/customer-meters/", params=query))["items"]
    assert counted + item["consumed_units"] == 7 * 5 + 28
