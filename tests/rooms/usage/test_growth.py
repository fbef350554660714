"""What reads cost does not grow with the events: counted in pages that the database touches, which time cannot blur."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from boreal.kit.db import compile_statement
from boreal.rooms.usage.customer_meters.balances import OF_CUSTOMER
from boreal.rooms.usage.meters.counting import ALL
from boreal.rooms.usage.meters.quantities import ROLLED
from tests.support.shop import Shop
from tests.support.usage import ingest, make_customer, make_meter


async def pages(shop: Shop, statement: sa.sql.base.Executable, **binds: Any) -> int:
    """How many pages the database touches for a statement."""
    sql = compile_statement(statement)
    async with shop.app.database.pool.acquire() as raw:
        explained = await raw.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql.text}", *sql.arguments(binds))
    plan = json.loads(explained)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.parametrize("func", ["sum", "unique"])
async def test_ten_times_the_events_cost_the_same(shop: Shop, func: str) -> None:
    ada, meter = await make_customer(shop, "ada"), await make_meter(shop, func, "v")
    await shop.settle()
    start = shop.clock.now()

    async def cost() -> list[int]:
        await shop.app.database.pool.execute("VACUUM ANALYZE meter_usage, meter_rollups, meter_values")
        hour = int(start.timestamp() // 3600)
        window = {"first": hour // 24 - 30, "last": hour // 24 + 1, "hours": 24, "apart": False}
        return [
            await pages(shop, ROLLED, meter_id=meter["id"], subjects=[ALL], **window),
            await pages(shop, OF_CUSTOMER, customer_id=ada["id"]),
        ]

    async def take(count: int) -> None:
        times = [(start - timedelta(hours=index % 700)).isoformat() for index in range(count)]
        events = [{"timestamp": time, "metadata": {"v": index % 5}} for index, time in enumerate(times)]
        await ingest(shop, *events)

    await take(300)
    few = await cost()
    await take(2700)
    many = await cost()
    assert all(after <= 1.3 * before + 2 for before, after in zip(few, many, strict=True)), (few, many)
