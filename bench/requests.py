#!/usr/bin/env python3
"""CPU time per request of a running Boreal: everything that a request causes, the database included.

    bin/demo --port 8123 --ready-file r.json &        (or any Boreal, with a file of the same members)
    .venv/bin/python bench/requests.py r.json --pid $(pgrep -f 'boreal demo')

Each scenario runs for some seconds over keep-alive connections of its own. CPU is user and system time of the process
and all its descendants from /proc (worker and PostgreSQL included), divided by the requests answered. The client's own
time is not counted. With background work (a confirmed checkout sends mail), the run waits until things are quiet.
Prints one line per scenario: requests per second, median and 99th percentile in ms, CPU ms per request.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from boreal.kit.clock import Clock

TICKS = os.sysconf("SC_CLK_TCK")


class Connection:
    """One keep-alive HTTP/1.1 connection; replies must carry a content length."""

    def __init__(self, host: str, port: int, token: str | None) -> None:
        self._address = (host, port)
        self._token = token

    async def open(self) -> "Connection":
        self._reader, self._writer = await asyncio.open_connection(*self._address)
        return self

    async def request(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """`body` is sent as JSON, or as it is if it is bytes; a client that writes JSON all the time measures that."""
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nhost: bench\r\ncontent-length: {len(content)}\r\n"
        if body is not None:
            head += "content-type: application/json\r\n"
        if self._token:
            head += f"authorization: Bearer {self._token}\r\n"
        self._writer.write(head.encode() + b"\r\n" + content)
        reply = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(reply.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        return int(reply[9:12]), await self._reader.readexactly(length)


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


def cpu_s(pids: list[int]) -> float:
    """User and system time of processes so far, children that ended included."""
    total = 0
    for pid in family(pids[0]) if len(pids) == 1 else [p for root in pids for p in family(root)]:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(value) for value in fields[11:15])
    return total / TICKS


def rss_mb(pids: list[int]) -> float:
    """Proportional memory of processes and their descendants."""
    total = 0
    for root in pids:
        for pid in family(root):
            try:
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
            except OSError:
                continue
    return total / 1024


Step = Callable[[Connection], Awaitable[int]]


async def quiet(pids: list[int]) -> None:
    """Waits until the background work of the last scenario is done."""
    before = cpu_s(pids)
    for _ in range(120):
        await asyncio.sleep(0.5)
        now = cpu_s(pids)
        if now - before < 0.02:
            return
        before = now


async def run(
    name: str, step: Step, open_one: Callable[[], Awaitable[Connection]], options: argparse.Namespace
) -> None:
    """One scenario at one concurrency; one that has a stock to use up ends with it (`IndexError`)."""
    connections = [await open_one() for _ in range(options.concurrency)]
    for connection in connections:
        await step(connection)
    await quiet(options.pid)
    before, times, failures = cpu_s(options.pid), [], 0
    end = time.monotonic() + options.seconds

    async def loop(connection: Connection) -> None:
        nonlocal failures
        while time.monotonic() < end:
            started = time.monotonic()
            try:
                status = await step(connection)
            except IndexError:
                return
            times.append(time.monotonic() - started)
            failures += status >= 400

    started = time.monotonic()
    await asyncio.gather(*(loop(connection) for connection in connections))
    elapsed = time.monotonic() - started
    await quiet(options.pid)
    spent = cpu_s(options.pid) - before
    times.sort()
    print(
        f"{name:28} {len(times) / elapsed:8.0f}/s  p50 {statistics.median(times) * 1000:7.2f}"
        f"  p99 {times[int(len(times) * 0.99)] * 1000:7.2f}  CPU {spent / len(times) * 1000:6.3f} ms"
        + (f"  {failures} FAILED" if failures else "")
    )


BUYER = {"customer_name": "Ada", "customer_billing_address": {"country": "FR"}, "confirmation_token_id": "pm_card_visa"}


async def scenarios(ready: dict[str, Any], options: argparse.Namespace) -> None:
    """Makes what the scenarios need, then runs them."""
    parts = urlsplit(ready["base_url"])
    product, organization = ready["product_ids"][0], ready["organization_id"]

    async def merchant() -> Connection:
        return await Connection(str(parts.hostname), parts.port or 80, ready["access_token"]).open()

    async def stranger() -> Connection:
        return await Connection(str(parts.hostname), parts.port or 80, None).open()

    def simple(method: str, path: str, body: Any = None) -> Step:
        async def step(connection: Connection) -> int:
            return (await connection.request(method, path, body))[0]

        return step

    setup = await merchant()
    _, listed = await setup.request("GET", "/v1/products/?limit=1")
    missing = 100 - json.loads(listed)["pagination"]["total_count"]
    for number in range(max(0, missing)):
        price = {"amount_type": "fixed", "price_amount": 1000 + number}
        await setup.request("POST", "/v1/products/", {"name": f"Bench {number}", "prices": [price]})
    _, made = await setup.request("POST", "/v1/customers/", {"email": f"bench{uuid.uuid4().hex}@example.com"})
    customer = json.loads(made)["id"]
    _, opened = await setup.request("POST", "/v1/checkouts/", {"products": [product]})
    secret = json.loads(opened)["client_secret"]
    waiting: list[str] = []

    async def begin(connection: Connection) -> str:
        _, body = await connection.request("POST", "/v1/checkouts/", {"products": [product]})
        return str(json.loads(body)["client_secret"])

    async def confirm(connection: Connection) -> int:
        path, email = f"/v1/checkouts/client/{waiting.pop()}/confirm", f"buyer{uuid.uuid4().hex}@example.com"
        return (await connection.request("POST", path, {**BUYER, "customer_email": email}))[0]

    async def buy(connection: Connection) -> int:
        waiting.append(await begin(connection))
        return await confirm(connection)

    today = Clock().now().date()
    year = f"start_date={today - timedelta(days=364)}&end_date={today}"
    calls = [{"name": "bench.call", "customer_id": customer, "metadata": {"n": number}} for number in range(1000)]
    await setup.request("POST", "/v1/events/ingest", {"events": calls})
    wanted: list[tuple[str, Step, Any]] = [
        ("health", simple("GET", "/healthz"), stranger),
        ("organization", simple("GET", f"/v1/organizations/{organization}"), merchant),
        ("products limit=10", simple("GET", "/v1/products/?limit=10"), merchant),
        ("products limit=100", simple("GET", "/v1/products/?limit=100"), merchant),
        ("customer state", simple("GET", f"/v1/customers/{customer}/state"), merchant),
        ("metrics, a year by day", simple("GET", f"/v1/metrics/?{year}&interval=day"), merchant),
        ("events newest 100", simple("GET", "/v1/events/?limit=100"), merchant),
        ("events of one customer", simple("GET", f"/v1/events/?limit=100&customer_id={customer}"), merchant),
        ("checkout create", simple("POST", "/v1/checkouts/", {"products": [product]}), merchant),
        ("checkout client get", simple("GET", f"/v1/checkouts/client/{secret}"), stranger),
        ("checkout client update", update(secret), stranger),
        ("checkout confirm", confirm, stranger),
        ("checkout create + confirm", buy, merchant),
    ]
    for name, step, open_one in wanted:
        if options.only in name:
            if step is confirm:
                waiting += [await begin(setup) for _ in range(options.sessions)]
            await run(name, step, open_one, options)
    print(f"memory of the process and PostgreSQL: {rss_mb(options.pid):.0f} MB (PSS)")


def update(secret: str) -> Step:
    """Alternates the country; a session of its own per connection would measure the same."""

    async def step(connection: Connection) -> int:
        path = f"/v1/checkouts/client/{secret}"
        status, _ = await connection.request("PATCH", path, {"customer_billing_address": {"country": "FR"}})
        return 200 if status == 409 else status  # two connections may meet on one session

    return step


def main() -> None:
    """Reads the command line and runs the scenarios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ready", type=Path, help="the ready file of a demo")
    parser.add_argument("--pid", type=int, nargs="+", required=True, help="the server's process or processes")
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--sessions", type=int, default=300, help="made beforehand, to be confirmed")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    options = parser.parse_args()
    asyncio.run(scenarios(json.loads(options.ready.read_text()), options))


if __name__ == "__main__":
    main()
