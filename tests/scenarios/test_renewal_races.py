"""Several workers renew many subscriptions that are due at once, and die all the time: one order per subscription and
period, and one charge per order, even when the processor answers late, twice or never.

CI runs a few dozen; `TEST_RENEWALS=500 TEST_RENEWAL_WORKERS=5` is the whole of it.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from random import Random
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from boreal.kit.db import Database
from boreal.main import Boreal, compose
from boreal.providers.payments.sandbox.faults import Faults
from tests.support.catalog import fixed, make_product
from tests.support.checkout import processor_of
from tests.support.clones import clone
from tests.support.shop import KEYRING, Shop, settings
from tests.support.subscribers import MONTHLY, subscribe

RENEWALS = int(os.environ.get("TEST_RENEWALS", "12"))
WORKERS = int(os.environ.get("TEST_RENEWAL_WORKERS", "2"))
PATIENCE_S = 30 + RENEWALS / 2

_OPEN = sa.text("SELECT (SELECT count(*) FROM orders WHERE status = 'paid' AND period_number = 2)")
_PERIODS = sa.text(
    "SELECT subscription_id, count(*) AS orders FROM orders WHERE period_number = 2 GROUP BY subscription_id"
)
_PAID = sa.text(
    """
    SELECT orders.id, count(payments.id) FILTER (WHERE payments.status = 'succeeded') AS paid
    FROM orders LEFT JOIN payments ON payments.order_id = orders.id
    WHERE period_number = 2 GROUP BY orders.id
    """
)
_CHARGED = sa.text(
    """
    SELECT metadata->>'order_id' AS order_id, count(*) AS charges FROM sandbox_intents
    WHERE status = 'succeeded' AND metadata ? 'order_id' GROUP BY 1
    """
)


@asynccontextmanager
async def worker(shop: Shop, dsn: str, seed: int) -> AsyncIterator[Boreal]:
    """A worker with a pool and a network of its own."""
    database = await Database.connect(dsn, pool_size=4)
    boreal = compose(settings(), database=database, clock=shop.clock, keyring=KEYRING)
    processor_of(Shop(boreal, shop.clock, shop.organization_id, "", shop.client)).faults = Faults(
        seed=seed,
        latency_s=0.02,
        lost_before=0.1,
        lost_after=0.1,
        processing=0.2,
        settles_after_s=30.0,
        doubled=0.2,
        silent=0.3,
    )
    try:
        yield boreal
    finally:
        await boreal.close()
        await database.close()


async def keep_working(shop: Shop, dsn: str, number: int, random: Random) -> None:
    """Works, dies at a random moment, and comes back; what it had begun is left to its lease."""
    life = 0
    while True:
        life += 1
        async with worker(shop, dsn, seed=100 * number + life) as boreal:
            with suppress(TimeoutError):
                async with asyncio.timeout(random.uniform(0.5, 2.5)):
                    await boreal.work()


async def test_renewals_under_fire(shop: Shop, dsn: str) -> None:
    bought = await subscribe(shop, await make_product(shop, fixed(1000), **MONTHLY))
    connection = await asyncpg.connect(dsn)
    await clone(connection, UUID(bought["id"]), count=RENEWALS - 1)
    await connection.close()
    shop.clock.advance(timedelta(days=31))
    random = Random(7)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(keep_working(shop, dsn, number, random)) for number in range(WORKERS)]
        async with asyncio.timeout(PATIENCE_S):
            while await shop.app.database.fetchval(_OPEN) < RENEWALS:
                await asyncio.sleep(0.1)
                shop.clock.advance(timedelta(seconds=10))  # leases and pauses pass
        for task in tasks:
            task.cancel()
    await shop.advance(minutes=30)
    database = shop.app.database
    assert {row["orders"] for row in await database.fetch(_PERIODS)} == {1}
    assert [row["paid"] for row in await database.fetch(_PAID)] == [1] * RENEWALS
    assert [row["charges"] for row in await database.fetch(_CHARGED)] == [1] * RENEWALS
