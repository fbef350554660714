"""What reads cost does not grow with the events, and the next read shows them.

Costs are counted, in pages that the database touches and calls of functions that we make, because neither depends on
what else the machine does. CPU time follows both: `bench/usage.py` measures it.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx2

from tests.support.bulk import fill
from tests.support.checkout import good
from tests.support.shop import Shop
from tests.support.usage import ingest, make_customer, make_meter

EVENTS = int(os.environ.get("TEST_GROWTH_EVENTS", "200000"))
MOST = 1.3
CUSTOMERS = [f"customer-{number}" for number in range(20)]


class Recorder:
    """A pool that writes down what is asked of it, with the arguments."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._pool, name)
        if name not in ("fetch", "fetchrow", "fetchval"):
            return found

        async def recorded(query: str, *arguments: Any, **options: Any) -> Any:
            self.asked.append((query, arguments))
            return await found(query, *arguments, **options)

        return recorded


async def cost(shop: Shop, client: httpx2.AsyncClient, path: str, query: Mapping[str, Any]) -> tuple[int, int]:
    """Pages that the database touches for a request, and calls of functions that it takes here."""
    database = shop.app.database
    pool = database.pool
    for _ in range(2):  # caches are filled by then
        good(await client.get(path, params=query))
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    recorder = Recorder(pool)
    database.pool = recorder  # type: ignore[assignment]
    sys.setprofile(count)
    try:
        good(await client.get(path, params=query))
    finally:
        sys.setprofile(None)
        database.pool = pool
    pages = 0
    async with pool.acquire() as raw:
        for asked, arguments in recorder.asked:
            explained = await raw.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {asked}", *arguments)
            plan = json.loads(explained)[0]["Plan"]
            pages += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return pages, calls


async def test_ten_times_the_events_cost_the_same(shop: Shop) -> None:
    for name in CUSTOMERS:
        await make_customer(shop, name)
    adding, counting = await make_meter(shop, "sum", "v"), await make_meter(shop)
    await shop.settle()
    now = shop.clock.now()
    month = {"start_timestamp": now.replace(month=now.month - 1 or 12, year=now.year - (now.month == 1)).isoformat()}
    days = {**month, "end_timestamp": now.isoformat(), "interval": "day"}
    one = {"external_customer_id": CUSTOMERS[3]}
    reads: dict[str, tuple[str, dict[str, Any]]] = {
        "quantities, sum": (f"/v1/meters/{adding['id']}/quantities", days),
        "quantities, count": (f"/v1/meters/{counting['id']}/quantities", days),
        "quantities of one customer": (f"/v1/meters/{adding['id']}/quantities", {**days, **one}),
        "customer meters of one customer": ("/v1/customer-meters/", one),
        "newest events": ("/v1/events/", {"limit": 100}),
        "events of one customer": ("/v1/events/", {"limit": 100, **one}),
    }
    transport = httpx2.ASGITransport(app=shop.boreal.http)  # without a check of each reply, which is slow
    headers = {"authorization": f"Bearer {shop.token}"}
    client = httpx2.AsyncClient(transport=transport, base_url="http://boreal.test", headers=headers)
    meters = {"adding": UUID(adding["id"]), "counting": UUID(counting["id"])}
    await ingest(shop, *({"external_customer_id": name} for name in CUSTOMERS))
    await fill(shop, EVENTS // 10, external_ids=CUSTOMERS, **meters)
    few = {name: await cost(shop, client, *read) for name, read in reads.items()}
    await fill(shop, EVENTS - EVENTS // 10, external_ids=CUSTOMERS, **meters)
    many = {name: await cost(shop, client, *read) for name, read in reads.items()}
    grown = {
        name: (few[name], many[name])
        for name in reads
        if any(after > MOST * before + 2 for before, after in zip(few[name], many[name], strict=True))
    }
    assert grown == {}


async def test_the_next_read_shows_every_event(shop: Shop) -> None:
    """Several senders at once, one of them for the customer of another: none reads less than it was told."""
    meter = await make_meter(shop)
    for name in ("ada", "eve"):
        await make_customer(shop, name)
    now = shop.clock.now().isoformat()
    days = {"start_timestamp": now, "end_timestamp": now, "interval": "day"}
    told = {"ada": 0, "eve": 0}

    async def sender(name: str) -> None:
        for size in (1, 2, 7, 30):
            events = [{"external_customer_id": name} for _ in range(size)]
            await ingest(shop, *events)
            told[name] += size
            least, of_all = told[name], sum(told.values())
            page = good(await shop.client.get("/v1/customer-meters/", params={"external_customer_id": name}))
            state = good(await shop.client.get(f"/v1/customers/external/{name}/state"))
            shown = good(await shop.client.get(f"/v1/meters/{meter['id']}/quantities", params=days))
            assert page["items"][0]["consumed_units"] >= least
            assert state["active_meters"][0]["consumed_units"] >= least
            assert shown["total"] >= of_all

    await asyncio.gather(sender("ada"), sender("ada"), sender("eve"))
    assert told == {"ada": 80, "eve": 40}
