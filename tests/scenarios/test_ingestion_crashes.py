"""The crash test of ingestion: everything is killed while events pour in, and nothing is lost, doubled or miscounted.

A round: senders on two API processes at full speed, in batches of 1 to 1,000, SIGKILL for PostgreSQL, every API and the
worker at a random moment, and everything again until each sender has its answer. Batches whose events have external
ids are sent again until they are acknowledged; of the others, whose answer never came, nobody knows, but they are there
as a whole or not at all. CI runs one round; `TEST_CRASH_ROUNDS=20` is the whole of it, with `-s` to read the figures.
"""

import asyncio
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from random import Random, SystemRandom
from time import monotonic
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from boreal.core.scopes import AvailableScope
from boreal.main import broken_invariants
from boreal.rooms.platform.public import create_organization, create_token
from tests.support.aftermath import rest
from tests.support.checkout import good
from tests.support.fleet import Fleet, open_fleet
from tests.support.processes import short_folder
from tests.support.usage import EVERYTHING

ROUNDS = int(os.environ.get("TEST_CRASH_ROUNDS", "1"))
SEED = int(os.environ.get("TEST_CRASH_SEED") or SystemRandom().randrange(1_000_000))
SPEED_S = (0.3, 1.5)
"""How long events pour in before everything is killed; as long again afterwards."""
SENDERS = 8
SIZES = (1, 1, 1, 1, 10, 100, 1000)
CUSTOMERS = [f"customer-{number}" for number in range(20)]
PATIENCE_S = 120.0
METERS: dict[str, dict[str, Any]] = {
    "count": {"func": "count"},
    "sum": {"func": "sum", "property": "v"},
    "unique": {"func": "unique", "property": "v"},
}

_STORED = sa.text(
    """
    SELECT (metadata ->> 'batch')::int AS batch, count(*) AS events, count(DISTINCT metadata ->> 'n') AS different
    FROM events WHERE source = 'user' GROUP BY 1
    """
)


@dataclass
class Sending:
    """A batch: what it holds, whether somebody was told that it is stored, and whether an answer to it was lost."""

    number: int
    events: list[dict[str, Any]]
    is_keyed: bool
    acknowledged: bool = False
    doubted: bool = False


def batches(random: Random) -> Iterator[Sending]:
    """Batches without end, every second of them with external ids."""
    for number in count():
        is_keyed = number % 2 == 0
        events = [
            {
                "name": "call",
                "external_customer_id": random.choice(CUSTOMERS),
                "metadata": {"batch": number, "n": place, "v": random.randrange(50)},
                **({"external_id": f"{number}-{place}"} if is_keyed else {}),
            }
            for place in range(random.choice(SIZES))
        ]
        yield Sending(number, events, is_keyed)


@dataclass
class Flood:
    """Who sends to the fleet, and what became of what was sent. `seen` counts replies by status, or as `lost`."""

    fleet: Fleet
    client: httpx2.AsyncClient
    token: str
    meters: dict[str, str] = field(default_factory=dict)
    sent: list[Sending] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    async def call(self, method: str, path: str, **request: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.token}"}
        return await self.client.request(method, self.fleet.base_urls[0] + path, headers=headers, **request)

    async def open(self) -> None:
        """Three meters, and customers for half of the external ids."""
        for name, aggregation in METERS.items():
            body = {"name": name, "filter": EVERYTHING, "aggregation": aggregation}
            self.meters[name] = good(await self.call("POST", "/v1/meters/", json=body), 201)["id"]
        for name in CUSTOMERS[::2]:
            body = {"email": f"{name}@example.com", "external_id": name}
            good(await self.call("POST", "/v1/customers/", json=body), 201)

    async def pour(self, seed: int, numbers: Iterator[Sending]) -> None:
        """Events pour in, everything is killed, and events pour in; returns when every sender has its answers."""
        random = Random(seed)
        until_kill, afterwards = random.uniform(*SPEED_S), random.uniform(*SPEED_S)
        ended = asyncio.Event()

        async def sender(url: str) -> None:
            while not ended.is_set():
                sending = next(numbers)
                self.sent.append(sending)
                await self._send(sending, url, random)

        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            for number in range(SENDERS):
                group.create_task(sender(self.fleet.base_urls[number % len(self.fleet.base_urls)]))
            await asyncio.sleep(until_kill)
            self.fleet.kill("everything", random)
            answers = self.seen["200"]
            while self.seen["200"] < answers + SENDERS:
                await asyncio.sleep(0.05)
            await asyncio.sleep(afterwards)
            ended.set()

    async def _send(self, sending: Sending, url: str, random: Random) -> None:
        """Sends a batch until it is acknowledged, or, without external ids, until nobody knows."""
        size = len(sending.events)
        while not sending.acknowledged:
            try:
                headers = {"authorization": f"Bearer {self.token}"}
                body = {"events": sending.events}
                reply = await self.client.post(f"{url}/v1/events/ingest", json=body, headers=headers)
            except httpx2.ConnectError:
                self.seen["refused"] += 1  # it never left us
            except httpx2.TransportError:
                self.seen["lost"] += 1
                sending.doubted = True
            else:
                self.seen[str(reply.status_code)] += 1
                if reply.status_code == 200:
                    sending.acknowledged = True
                    told = (reply.json()["inserted"], reply.json()["duplicates"])
                    assert told == (size, 0) or (sending.doubted and told == (0, size)), (told, sending)
                    return
                assert reply.status_code in (429, 503), reply.text
                sending.doubted |= reply.status_code == 503
            if sending.doubted and not sending.is_keyed:
                return
            await asyncio.sleep(random.uniform(0.05, 0.2))

    async def check(self) -> None:
        """What is stored is what was acknowledged, and what the meters say is what is stored."""
        database = self.fleet.boreal.app.database
        rows = {row["batch"]: (row["events"], row["different"]) for row in await database.fetch(_STORED)}
        wrong = {}
        there: list[Sending] = []
        for sending in self.sent:
            size, found = len(sending.events), rows.pop(sending.number, (0, 0))
            if found == (size, size):
                there.append(sending)
            elif found != (0, 0) or sending.acknowledged:
                wrong[sending.number] = (found, size, sending.acknowledged)
        assert (wrong, rows) == ({}, {})
        await self._meters_are_right(there)

    async def _meters_are_right(self, there: list[Sending]) -> None:
        values: dict[str, list[int]] = defaultdict(list)
        for sending in there:
            for event in sending.events:
                values[event["external_customer_id"]].append(event["metadata"]["v"])
        for name in CUSTOMERS[::2]:
            query = {"external_customer_id": name, "limit": 100}
            page = good(await self.call("GET", "/v1/customer-meters/", params=query))
            shown = {item["meter_id"]: item["consumed_units"] for item in page["items"]}
            mine = values[name]
            expected = {"count": len(mine), "sum": sum(mine), "unique": len(set(mine))}
            assert {kind: shown[id] for kind, id in self.meters.items()} == expected, name
        now = self.fleet.boreal.app.clock.now()
        days = {"start_timestamp": now - timedelta(days=2), "end_timestamp": now + timedelta(days=1), "interval": "day"}
        total = good(await self.call("GET", f"/v1/meters/{self.meters['sum']}/quantities", params=days))["total"]
        assert total == sum(map(sum, values.values()))

    def figures(self) -> str:
        """What happened so far, in one line."""
        known = [sending for sending in self.sent if sending.acknowledged]
        events = sum(len(sending.events) for sending in known)
        doubted = sum(sending.doubted for sending in self.sent)
        lost = sum(not sending.acknowledged for sending in self.sent)
        return (
            f"{len(known)} batches of {events} events acknowledged, {doubted} answers lost, of {lost} never known; "
            f"replies {dict(self.seen)}; kills {dict(self.fleet.kills)}\n"
        )


@pytest.mark.timeout(60 + ROUNDS * PATIENCE_S)
async def test_no_event_is_lost_or_doubled_when_everything_is_killed() -> None:
    with short_folder() as folder:
        limits = httpx2.Limits(max_connections=None)
        async with (
            open_fleet(folder, apis=2, workers=1, faults={}) as fleet,
            httpx2.AsyncClient(timeout=30, limits=limits) as client,
        ):
            app = fleet.boreal.app
            organization = await create_organization(app, name="Acme", slug="acme", ready=True)
            scopes = [scope.value for scope in AvailableScope]
            _, token = await create_token(app, organization_id=organization.id, comment="crash", scopes=scopes)
            flood = Flood(fleet, client, token)
            await flood.open()
            await rest(app.database, within_s=PATIENCE_S)  # customers have their meters
            numbers = batches(Random(SEED))
            for number in range(ROUNDS):
                began = monotonic()
                await flood.pour(SEED + number, numbers)
                await flood.check()
                sys.stdout.write(f"\nround {number + 1}, seed {SEED + number}, {monotonic() - began:.1f} s: ")
                sys.stdout.write(flood.figures())
                sys.stdout.flush()
            assert [words for unit in fleet.units for words in unit.ended] == [], "a process ended by itself"
            assert await broken_invariants(app.database, "usage") == {}  # `boreal check usage`
