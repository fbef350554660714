"""A process that pays and is killed: `python sandbox_victim.py DSN PEPPER CUSTOMER TOKEN KEY NOW WHEN`.

With WHEN `committed` it kills itself after the payment is committed and before anybody hears of it; with `waiting` it
reports `ready` and then pays, for its parent to kill it in the middle.
"""

import asyncio
import os
import signal
import sys
from datetime import datetime

from boreal.kit.clock import ManualClock
from boreal.kit.db import Database
from boreal.providers.payments.sandbox import SandboxProcessor
from boreal.providers.ports import NewMethod, PaymentRequest, ProcessorEvent


async def die(event: ProcessorEvent) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main() -> None:
    dsn, pepper, customer, token, key, now, when = sys.argv[1:]
    database = await Database.connect(dsn, pool_size=2)
    processor = SandboxProcessor(
        database, clock=ManualClock(datetime.fromisoformat(now)), pepper=pepper.encode(), listeners=[die]
    )
    request = PaymentRequest(amount=1000, currency="usd", customer=customer, source=NewMethod(token))
    if when == "waiting":
        os.write(1, b"ready\n")
    await processor.create_payment(request, idempotency_key=key)
    await processor.drain()


if __name__ == "__main__":
    asyncio.run(main())
