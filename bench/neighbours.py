#!/usr/bin/env python3
"""How others fare while one organization sends all the events that it can.

    bin/demo --port 8123 --data-dir D --ready-file r.json &      with BOREAL_RATE_LIMIT_PER_MINUTE=0
    .venv/bin/boreal organization create Loud loud --data-dir D; .venv/bin/boreal token create loud --data-dir D
    .venv/bin/python -m bench.neighbours r.json --loud TOKEN

The organization of the ready file opens checkouts and reads the state of a customer, one after the other on a
connection each, first alone and then beside the flood: `--floods` connections of the loud one, each sending `--size`
events after the other. Prints median and 99th percentile of both, the ratio, and what the flood was answered.
"""

import argparse
import asyncio
import json
import statistics
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.requests import Connection


async def loop(connection: Connection, method: str, path: str, body: Any, *, seconds: float) -> list[float]:
    """How long each request took, one after the other."""
    times: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        status, content = await connection.request(method, path, body)
        assert status < 300, (status, content[:300])
        times.append((time.monotonic() - began) * 1000)
    return times


async def flood(connection: Connection, size: int, answered: Counter[int]) -> None:
    """Sends events until cancelled; a refusal is waited out as it says."""
    events = [
        {"name": "call", "external_customer_id": f"loud-{number % 50}", "metadata": {"n": number}}
        for number in range(size)
    ]
    body = json.dumps({"events": events}).encode()
    while True:
        status, _ = await connection.request("POST", "/v1/events/ingest", body)
        answered[status] += 1
        if status == 429:
            await asyncio.sleep(1)


def told(name: str, alone: list[float], beside: list[float]) -> None:
    """Prints both, and what the flood made of them."""
    figures = []
    for times in (sorted(alone), sorted(beside)):
        figures += [statistics.median(times), times[int(len(times) * 0.99)]]
    p50, p99, p50_beside, p99_beside = figures
    print(
        f"{name:10} alone p50 {p50:7.2f} p99 {p99:7.2f}   beside p50 {p50_beside:7.2f} p99 {p99_beside:7.2f} ms"
        f"   p99 x {p99_beside / p99:.2f}"
    )


async def run(options: argparse.Namespace) -> None:
    """Measures alone, then beside the flood."""
    ready = options.found
    parts = urlsplit(ready["base_url"])
    address = (str(parts.hostname), parts.port or 80)
    setup = await Connection(*address, ready["access_token"]).open()
    email = f"bench{uuid.uuid4().hex}@example.com"
    _, made = await setup.request("POST", "/v1/customers/", {"email": email})
    calls = {
        "checkout": ("POST", "/v1/checkouts/", {"products": [ready["product_ids"][0]]}),
        "state": ("GET", f"/v1/customers/{json.loads(made)['id']}/state", None),
    }
    connections = {name: await Connection(*address, ready["access_token"]).open() for name in calls}

    async def both() -> dict[str, list[float]]:
        loops = (loop(connections[name], *call, seconds=options.seconds) for name, call in calls.items())
        return dict(zip(calls, await asyncio.gather(*loops), strict=True))

    await both()  # caches are filled by then
    alone = await both()
    answered: Counter[int] = Counter()
    floods = [
        asyncio.create_task(flood(await Connection(*address, options.loud).open(), options.size, answered))
        for _ in range(options.floods)
    ]
    await asyncio.sleep(2)
    answered.clear()
    beside = await both()
    for task in floods:
        task.cancel()
    for name in calls:
        told(name, alone[name], beside[name])
    rate = answered[200] * options.size / options.seconds
    print(f"the flood: {rate:.0f} events/s taken in; replies {dict(answered)}")


def main() -> None:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ready", type=Path, help="the ready file of a demo")
    parser.add_argument("--loud", required=True, help="a token of another organization, with events:write")
    parser.add_argument("--floods", type=int, default=32)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    options.found = json.loads(options.ready.read_text())
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
