#!/usr/bin/env python3
"""What usage costs: events in, and what is read of them, in CPU time of everything that a request causes.

    BOREAL_RATE_LIMIT_PER_MINUTE=0 bin/demo --port 8123 --ready-file r.json &
    .venv/bin/python -m bench.usage r.json --pid PID_OF_BOREAL --fill 100000      # makes meters and customers, fills
    .venv/bin/python -m bench.usage r.json --pid PID_OF_BOREAL --fill 1000000     # fills up, measures again

There are 100 customers, known by their ids at the merchant, and three meters that every event passes. `--fill` is how
many events there are before anything is measured; the first run writes what it made to `usage.json` beside the ready
file. A loop of plain Python, timed on the clock and in CPU time before and after each scenario, says what the machine
was like: figures of runs whose loops differ cannot be compared. Exits with 1 if a read did not show an event that had
been acknowledged.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from bench.requests import Connection, cpu_s, quiet, rss_mb
from boreal.kit.clock import Clock

METERS: dict[str, dict[str, Any]] = {
    "count": {"func": "count"},
    "sum": {"func": "sum", "property": "tokens"},
    "unique": {"func": "unique", "property": "model"},
}
CUSTOMERS = 100
MODELS = ("small", "medium", "large", "huge")
DAYS = 30
LOOP = 300_000


def loop_ms() -> tuple[float, float]:
    """How long a fixed piece of plain Python takes: on the clock, and in CPU time."""
    began, spent, total = time.monotonic(), time.process_time(), 0
    for number in range(LOOP):
        total = (total * 31 + number) & 0xFFFFFFFF
    return (time.monotonic() - began) * 1000, (time.process_time() - spent) * 1000


class Merchant:
    """Whose usage it is, and connections of its own."""

    def __init__(self, ready: dict[str, Any]) -> None:
        parts = urlsplit(ready["base_url"])
        self._address = (str(parts.hostname), parts.port or 80, ready["access_token"])
        self.meters: dict[str, str] = {}
        self.customers: list[str] = []
        self.events = 0

    async def connect(self) -> Connection:
        return await Connection(*self._address).open()

    async def make(self) -> None:
        """Meters and customers."""
        connection = await self.connect()
        for name, aggregation in METERS.items():
            everything = {"conjunction": "and", "clauses": []}
            body = {"name": f"Bench {name}", "filter": everything, "aggregation": aggregation}
            self.meters[name] = (await asked(connection, "POST", "/v1/meters/", body))["id"]
        for number in range(CUSTOMERS):
            id = f"bench-{random.randrange(2**40):x}-{number}"
            await asked(connection, "POST", "/v1/customers/", {"email": f"{id}@example.com", "external_id": id})
            self.customers.append(id)

    def recall(self, known: Path) -> bool:
        """Whether an earlier run made what is needed, which is known then."""
        if not known.exists():
            return False
        self.__dict__.update(json.loads(known.read_text()))
        return True

    def keep(self, known: Path) -> None:
        """Writes down what there is, for another run."""
        known.write_text(json.dumps({"meters": self.meters, "customers": self.customers, "events": self.events}))

    def event(self, at: datetime | None = None) -> dict[str, Any]:
        metadata = {"tokens": random.randint(1, 4000), "model": random.choice(MODELS), "region": "eu"}
        made: dict[str, Any] = {"name": "call", "external_customer_id": random.choice(self.customers)}
        return {**made, "metadata": metadata, **({} if at is None else {"timestamp": at.isoformat()})}

    def body(self, size: int, *, keyed: bool) -> bytes:
        """A request of so many events; `keyed`: with an id each, which no other has."""
        events = [self.event() for _ in range(size)]
        for event in events if keyed else ():
            event["external_id"] = f"{random.getrandbits(96):x}"
        return json.dumps({"events": events}).encode()


async def asked(connection: Connection, method: str, path: str, body: Any = None) -> Any:
    """What is answered; exits with the refusal, if it is one."""
    status, content = await connection.request(method, path, body)
    if status >= 300:
        sys.exit(f"{method} {path}: {status} {content[:500]!r}")
    return json.loads(content)


async def fill(merchant: Merchant, wanted: int) -> None:
    """There are so many events, over thirty days, taken in by thousands on two connections."""
    now = Clock().now()

    async def sender(share: Iterator[int]) -> None:
        connection = await merchant.connect()
        for size in share:
            times = (now - timedelta(seconds=random.random() * DAYS * 86_400) for _ in range(size))
            await asked(connection, "POST", "/v1/events/ingest", {"events": [merchant.event(at) for at in times]})
            merchant.events += size

    missing = wanted - merchant.events
    share = iter([min(1000, missing - done) for done in range(0, missing, 1000)])
    await asyncio.gather(sender(share), sender(share))


async def measure(name: str, merchant: Merchant, calls: Any, options: argparse.Namespace, *, events: int = 0) -> None:
    """One scenario: `calls` draws a request (method, path, body). Prints rates, times and CPU, per event if any.

    429 is an answer: it is counted apart, and its sender waits as it was told.
    """
    connections = [await merchant.connect() for _ in range(options.concurrency)]
    await quiet(options.pid)
    loops, before, times, refused = [loop_ms()], cpu_s(options.pid), [], 0
    end = time.monotonic() + options.seconds

    async def one(connection: Connection) -> None:
        nonlocal refused
        while time.monotonic() < end:
            method, path, body = calls()
            began = time.monotonic()
            status, content = await connection.request(method, path, body)
            if status == 429:
                refused += 1
                await asyncio.sleep(1)
                continue
            if status >= 300:
                sys.exit(f"{name}: {status} {content[:500]!r}")
            times.append(time.monotonic() - began)
            merchant.events += events

    began = time.monotonic()
    await asyncio.gather(*(one(connection) for connection in connections))
    elapsed = time.monotonic() - began
    await quiet(options.pid)
    spent = cpu_s(options.pid) - before
    loops.append(loop_ms())
    times.sort()
    per_event = f"  {spent / len(times) / events * 1000:7.4f} ms an event" if events else ""
    rate = f"  {len(times) * events / elapsed:8.0f} events/s" if events else ""
    print(
        f"{name:34} {len(times) / elapsed:8.1f}/s{rate}  p50 {statistics.median(times) * 1000:7.2f}"
        f"  p99 {times[int(len(times) * 0.99)] * 1000:7.2f}  CPU {spent / len(times) * 1000:7.3f} ms{per_event}"
        f"  loop {max(clock for clock, _ in loops):.0f}/{max(cpu for _, cpu in loops):.0f} ms"
        + (f"  {refused} REFUSED" if refused else ""),
        flush=True,
    )


async def stale_reads(merchant: Merchant, samples: int) -> int:
    """How many of so many reads right after an acknowledged event did not show it."""
    connection, stale = await merchant.connect(), 0
    for number in range(samples):
        who = merchant.customers[number % len(merchant.customers)]
        path = f"/v1/customer-meters/?external_customer_id={who}&meter_id={merchant.meters['count']}"
        before = [item["consumed_units"] for item in (await asked(connection, "GET", path))["items"]]
        event = {**merchant.event(), "external_customer_id": who}
        await asked(connection, "POST", "/v1/events/ingest", {"events": [event]})
        after = [item["consumed_units"] for item in (await asked(connection, "GET", path))["items"]]
        stale += sum(after) < sum(before) + 1
        merchant.events += 1
    return stale


async def run(options: argparse.Namespace) -> int:
    """Fills, measures, and says how many reads were stale."""
    merchant, known = Merchant(options.found), options.ready.with_name("usage.json")
    if not merchant.recall(known):
        await merchant.make()
    await fill(merchant, options.fill)
    merchant.keep(known)
    print(f"{merchant.events} events")
    now = Clock().now()
    since = quote((now - timedelta(days=DAYS)).isoformat())
    days = f"start_timestamp={since}&end_timestamp={quote(now.isoformat())}&interval=day"

    def get(path: str, *, of_one: bool = False) -> Any:
        joint = "&" if "?" in path else "?"

        def call() -> tuple[str, str, None]:
            one = f"{joint}external_customer_id={random.choice(merchant.customers)}" if of_one else ""
            return "GET", path + one, None

        return call

    def post(size: int, *, keyed: bool = False) -> Any:
        bodies = [merchant.body(size, keyed=False) for _ in range(8)]

        def call() -> tuple[str, str, bytes]:
            return "POST", "/v1/events/ingest", merchant.body(size, keyed=True) if keyed else random.choice(bodies)

        return call

    reads = [
        ("quantities, sum", get(f"/v1/meters/{merchant.meters['sum']}/quantities?{days}")),
        ("quantities, count", get(f"/v1/meters/{merchant.meters['count']}/quantities?{days}")),
        ("quantities, sum, one customer", get(f"/v1/meters/{merchant.meters['sum']}/quantities?{days}", of_one=True)),
        ("customer meters of one customer", get("/v1/customer-meters/", of_one=True)),
        ("events newest 100", get("/v1/events/?limit=100")),
        ("events of one customer, 100", get("/v1/events/?limit=100", of_one=True)),
    ]
    writes = [
        ("ingest 1", post(1), 1),
        ("ingest 100", post(100), 100),
        ("ingest 1000", post(1000), 1000),
        ("ingest 1000, with external ids", post(1000, keyed=True), 1000),
    ]
    for name, call in reads:
        if options.only in name:
            await measure(name, merchant, call, options)
    for name, call, events in writes:
        if options.only in name:
            await measure(name, merchant, call, options, events=events)
    stale = await stale_reads(merchant, options.samples)
    merchant.keep(known)
    print(f"{stale} of {options.samples} next reads stale; {rss_mb(options.pid):.0f} MB with PostgreSQL (PSS)")
    return stale


def main() -> None:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ready", type=Path, help="the ready file of a demo")
    parser.add_argument("--pid", type=int, nargs="+", required=True, help="the server's process or processes")
    parser.add_argument("--fill", type=int, default=100_000, help="how many events there are before measuring")
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--samples", type=int, default=50, help="of reads right after an event")
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    options = parser.parse_args()
    options.found = json.loads(options.ready.read_text())
    sys.exit(1 if asyncio.run(run(options)) else 0)


if __name__ == "__main__":
    main()
