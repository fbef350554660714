"""How many renewals a worker does per second, and whether its memory stays flat: periods, orders, charges in the
sandbox, ledger and facts; mails left out.

    .venv/bin/python -m bench.renewals --count 5000
    .venv/bin/python -m bench.renewals --count 100000 --seconds 600

Starts an embedded PostgreSQL of its own (or takes `DATABASE_URL`, whose role must be allowed to create databases),
makes one subscriber, copies it by SQL, and moves the clock to the end of the period. Then one worker renews everybody,
or as many as it can within the seconds. Mails are switched off: each costs as much as a renewal, and waits in a queue
of its own. Memory is looked at ten times on the way.
"""

import argparse
import asyncio
import resource
import time
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from tests.support.catalog import fixed, make_product
from tests.support.clones import clone
from tests.support.postgres import create_database, drop_database
from tests.support.schema import ddl
from tests.support.shop import Shop, open_shop
from tests.support.subscribers import MONTHLY, subscribe

_PAID = sa.text("SELECT count(*) FROM orders WHERE status = 'paid' AND period_number = 2")
_QUIET = sa.text(
    "UPDATE organizations SET customer_email_settings = customer_email_settings || '{\"subscription_cycled\": false}'"
)


async def main(count: int, within_s: float) -> None:
    """Prints what it took."""
    dsn = await create_database("boreal_bench")
    try:
        connection = await asyncpg.connect(dsn)
        await connection.execute(ddl())
        async with open_shop(dsn, log_level="error") as shop:
            bought = await subscribe(shop, await make_product(shop, fixed(1000), **MONTHLY))
            await shop.app.database.execute(_QUIET)
            await shop.settle()
            await clone(connection, UUID(bought["id"]), count=count - 1)
            shop.clock.advance(timedelta(days=31))
            print(f"{count} subscriptions are due; {rss_mb():.0f} MB")
            await renew(shop, count, within_s)
        await connection.close()
    finally:
        await drop_database("boreal_bench")


async def renew(shop: Shop, count: int, within_s: float) -> None:
    """One worker renews until all is done, or the time is over."""
    began, cpu, done = time.perf_counter(), time.process_time(), 0
    seen: list[str] = []
    work = asyncio.create_task(shop.boreal.work())
    while done < count and time.perf_counter() - began < within_s:
        await asyncio.sleep(1)
        done = await shop.app.database.fetchval(_PAID)
        share = max(done / count, (time.perf_counter() - began) / within_s)
        if share * 10 >= len(seen) + 1:
            seen.append(f"{done}: {rss_mb():.0f}")
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    work.cancel()
    await asyncio.wait([work])
    print(f"{done} renewals in {took:.1f} s: {done / took:.0f}/s")
    print(f"{1000 * cpu / done:.1f} ms of CPU for each in this process; MB resident after so many: {', '.join(seen)}")


def rss_mb() -> float:
    """What this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024 / 1024


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--count", type=int, default=2000)
    arguments.add_argument("--seconds", type=float, default=3600.0)
    given = arguments.parse_args()
    asyncio.run(main(given.count, given.seconds))
