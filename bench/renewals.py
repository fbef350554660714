"""How many renewals a worker does per second: periods, orders, charges in the sandbox, facts and mails left out.

    .venv/bin/python -m bench.renewals --count 5000

Starts an embedded PostgreSQL of its own (or takes `DATABASE_URL`, whose role must be allowed to create databases),
makes one subscriber, copies it, and moves the clock to the end of the period. Then one worker renews everybody. Mails
are switched off: each costs as much as a renewal, and waits in a queue of its own.
"""

import argparse
import asyncio
import resource
import time
from datetime import timedelta
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from tests.support.catalog import fixed, make_product
from tests.support.clones import clone
from tests.support.postgres import create_database, drop_database
from tests.support.schema import ddl
from tests.support.shop import open_shop
from tests.support.subscribers import MONTHLY, subscribe

_PAID = sa.text("SELECT count(*) FROM orders WHERE status = 'paid' AND period_number = 2")
_QUIET = sa.text(
    "UPDATE organizations SET customer_email_settings = customer_email_settings || '{\"subscription_cycled\": false}'"
)


async def main(count: int) -> None:
    """Prints what it took."""
    dsn = await create_database("boreal_bench")
    try:
        connection = await asyncpg.connect(dsn)
        await connection.execute(ddl())
        async with open_shop(dsn, log_level="error") as shop:
            bought = await subscribe(shop, await make_product(shop, fixed(1000), **MONTHLY))
            await shop.app.database.execute(_QUIET)
            await clone(connection, UUID(bought["id"]), count=count - 1)
            shop.clock.advance(timedelta(days=31))
            began, cpu = time.perf_counter(), time.process_time()
            work = asyncio.create_task(shop.boreal.work())
            done = 0
            while done < count:
                await asyncio.sleep(1)
                done = await shop.app.database.fetchval(_PAID)
            took, cpu = time.perf_counter() - began, time.process_time() - cpu
            work.cancel()
            rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        await connection.close()
        print(f"{count} renewals in {took:.1f} s: {count / took:.0f}/s")
        print(f"{1000 * cpu / count:.1f} ms of CPU for each in this process, which took {rss:.0f} MB")
    finally:
        await drop_database("boreal_bench")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--count", type=int, default=2000)
    asyncio.run(main(arguments.parse_args().count))
