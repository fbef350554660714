"""Five workers race for many subscriptions that are due at once, and are killed all the time: one order per period, one
charge per order, whatever the processor answers late, twice or never.

The workers are processes, and their deaths are SIGKILL. They come whenever another few renewals are done, so that they
fall into the work however fast or slow the machine is; some take all workers at once, and what is claimed then is work
that died half done. CI renews a few dozen; `TEST_RENEWALS=500` is the whole of it, with `-s` to read the figures, and
`TEST_CRASH_SEED` draws again what a failed run drew (the moments are the machine's).
"""

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path
from random import Random, SystemRandom
from time import monotonic
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa

from boreal.kit.clock import Clock, ManualClock
from boreal.kit.db import Database
from boreal.kit.secrets import Keyring
from boreal.main import compose
from tests.support.aftermath import books_are_right, rest
from tests.support.catalog import fixed, make_product
from tests.support.clones import clone
from tests.support.fleet import Fleet, open_workers
from tests.support.organizations import send_mails
from tests.support.processes import gone
from tests.support.schema import mark_as_migrated
from tests.support.shop import found_shop, settings
from tests.support.subscribers import MONTHLY, subscribe

RENEWALS = int(os.environ.get("TEST_RENEWALS", "20"))
SEED = int(os.environ.get("TEST_CRASH_SEED") or SystemRandom().randrange(1_000_000))
WORKERS = 5
DEATHS = max(RENEWALS // 25, 3)
"""How often something is killed: one worker, or every third time all of them."""
PATIENCE_S = 120 + RENEWALS
"""How long everything may take to come to rest: far longer than it does."""

FAULTS = {
    "latency_s": 0.1,
    "lost_before": 0.1,
    "lost_after": 0.1,
    "processing": 0.2,
    "settles_after_s": 1.0,
    "doubled": 0.2,
    "late": 0.2,
    "late_s": 0.5,
    "silent": 0.3,
}

_BEGUN = sa.text("SELECT count(*) FROM orders WHERE period_number = 2")
_CLAIMED = sa.text("SELECT count(*) FROM work WHERE claimed_at IS NOT NULL AND due_at > now()")
_CHARGED_HALF = sa.text(
    """
    SELECT count(*) FROM sandbox_intents AS intent JOIN order_charges AS charge ON charge.id::text = idempotency_key
    WHERE charge.closed_at IS NULL
    """
)
_SUBSCRIPTIONS = sa.text(
    """
    SELECT subscription.status, subscription.period_number,
        ARRAY(SELECT orders.status || ' ' || orders.due_amount FROM orders
              WHERE subscription_id = subscription.id AND orders.period_number = 2) AS orders,
        ARRAY(SELECT payment.status || ' ' || payment.amount FROM payments AS payment
              JOIN orders ON orders.id = payment.order_id
              WHERE subscription_id = subscription.id AND orders.period_number = 2) AS payments,
        ARRAY(SELECT intent.status || ' ' || intent.amount FROM sandbox_intents AS intent
              JOIN orders ON orders.id::text = intent.metadata ->> 'order_id'
              WHERE subscription_id = subscription.id) AS charges
    FROM subscriptions AS subscription
    """
)
_SUMS = sa.text(
    """
    SELECT (SELECT count(*) FROM orders WHERE period_number > 1) AS orders,
        (SELECT count(*) FROM sandbox_intents WHERE metadata ? 'order_id') AS charges,
        (SELECT count(*) FROM billing_entries) AS entries,
        (SELECT count(DISTINCT order_id) FROM ledger_transactions AS transaction
         JOIN orders ON orders.id = order_id WHERE type = 'sale' AND period_number = 2) AS sales
    """
)


async def _furnish(folder: Path, dsn: str) -> None:
    """Everybody subscribed 32 days ago, so that one period of each is due by now."""
    database = await Database.connect(dsn, pool_size=2)
    clock = ManualClock(Clock().now() - timedelta(days=32))
    boreal = compose(settings(), database=database, clock=clock, keyring=Keyring.open(folder / "keys"))
    try:
        shop = await found_shop(boreal, clock, slug="acme")
        await send_mails(shop)
        bought = await subscribe(shop, await make_product(shop, fixed(1000), **MONTHLY))
        connection = await asyncpg.connect(dsn)
        await clone(connection, UUID(bought["id"]), count=RENEWALS - 1)
        await mark_as_migrated(connection)
        await connection.close()
    finally:
        await boreal.close()
        await database.close()


async def _kill(fleet: Fleet, random: Random) -> tuple[int, int]:
    """Kills whenever some more renewals are begun; the rows claimed, and charges not recorded, when all were dead."""
    database = fleet.boreal.app.database
    claimed = charged = 0
    moments = sorted(random.uniform(0, 0.8 * RENEWALS) for _ in range(DEATHS))
    for number, moment in enumerate(moments):
        while await database.fetchval(_BEGUN) < moment:
            await asyncio.sleep(0.02)
        if number % 3:
            fleet.kill("worker", random)
            continue
        pids = [unit.pid for unit in fleet.units]
        fleet.kill("everything", random)
        assert await gone(pids, within_s=10)
        claimed += await database.fetchval(_CLAIMED)
        charged += await database.fetchval(_CHARGED_HALF)
    return claimed, charged


@pytest.mark.timeout(60 + 2 * PATIENCE_S)
async def test_renewals_under_fire(dsn: str, tmp_path: Path) -> None:
    await _furnish(tmp_path, dsn)
    began = monotonic()
    async with open_workers(tmp_path, dsn, workers=WORKERS, faults=FAULTS, seed=SEED) as fleet:
        database = fleet.boreal.app.database
        async with asyncio.timeout(PATIENCE_S):
            claimed, charged = await _kill(fleet, Random(SEED))
        await rest(database, within_s=PATIENCE_S)
        deaths = sum(unit.starts for unit in fleet.units) - WORKERS
        sys.stdout.write(
            f"\nseed {SEED}: {RENEWALS} renewals in {monotonic() - began:.1f} s, {fleet.kills.total()} kills, {deaths} "
            f"deaths, {claimed} rows of work and {charged} charges half done when all were dead\n"
        )
        assert [words for unit in fleet.units for words in unit.ended] == [], "a worker ended by itself"
        assert deaths >= DEATHS, "workers have to die"
        assert claimed > 0, "they have to die at work"
        seen = {
            (row["status"], row["period_number"], *(tuple(row[name]) for name in ("orders", "payments", "charges")))
            for row in await _all(database)
        }
        money = ("succeeded 1000",)
        assert seen == {("active", 2, ("paid 1000",), money, money)}
        sums = await database.fetchrow(_SUMS)
        assert sums is not None
        assert set(sums.values()) == {RENEWALS}, dict(sums)
        await books_are_right(database)


async def _all(database: Database) -> list[asyncpg.Record]:
    rows = await database.fetch(_SUBSCRIPTIONS)
    assert len(rows) == RENEWALS
    return rows
