"""Watching a session, over a real connection (catalog spec 8)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from boreal.kit.db import Database
from boreal.main import Boreal, compose
from boreal.rooms.checkout.checkouts import streams
from boreal.surfaces.process import background, hear_work, open_socket, serving, tell_others
from tests.support.catalog import make_product
from tests.support.checkout import Session, finish, good, open_session, problem
from tests.support.receiver import open_receiver
from tests.support.shop import KEYRING, Shop, settings


@dataclass
class Watch:
    """A stream that is read as it comes: what it told, in words, and whether it has ended."""

    reply: httpx2.Response
    told: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    pings: int = 0
    ended: bool = False

    async def read(self) -> None:
        async for line in self.reply.aiter_lines():
            if line.startswith(":"):
                self.pings += 1
            elif line:
                self._hear(json.loads(line.removeprefix("data: ")))
        self.ended = True

    def _hear(self, message: dict[str, Any]) -> None:
        assert message.keys() == {"id", "key", "payload"}
        self.ids.add(message["id"])
        words = [message["key"].removeprefix("checkout."), *message["payload"].values()]
        self.told.append(" ".join(words))

    async def hears(self, *words: str) -> None:
        """Waits for exactly these messages since the last time."""
        await eventually(lambda: len(self.told) >= len(words))
        assert self.told == list(words)
        self.told.clear()


async def eventually(holds: Any) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def served(boreal: Boreal) -> AsyncIterator[httpx2.AsyncClient]:
    listener = open_socket("127.0.0.1", 0)
    address = "http://{}:{}".format(*listener.getsockname())
    async with serving(boreal.served, listener), httpx2.AsyncClient(base_url=address, trust_env=False) as client:
        yield client


@asynccontextmanager
async def watching(client: httpx2.AsyncClient, session: Session) -> AsyncIterator[Watch]:
    async with client.stream("GET", f"{session.url}/stream", timeout=30) as reply:
        assert (reply.status_code, reply.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
        watch = Watch(reply)
        task = asyncio.create_task(watch.read())
        await eventually(lambda: watch.pings)
        yield watch
        task.cancel()
        await asyncio.wait([task])


async def test_a_purchase_is_told_in_order_and_then_the_stream_ends(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, recurring_interval="month"))
    async with served(shop.boreal) as client, watching(client, session) as watch:
        await shop.advance(seconds=1)
        good(await session.update(customer_name="Ada"))
        await shop.settle()
        await watch.hears("updated open", "webhook_event_delivered open")
        await shop.advance(seconds=1)
        good(await session.confirm())
        await watch.hears("updated confirmed")
        await shop.advance(seconds=1)
        await finish(shop)
        heard = ["subscription_created", "order_created", "updated succeeded", "webhook_event_delivered succeeded"]
        await eventually(lambda: watch.told[-1:] == heard[-1:])
        assert [words for words in watch.told if words != "webhook_event_delivered confirmed"] == heard
        await eventually(lambda: watch.ended)
        assert len(watch.ids) == 3 + len(watch.told)
        async with client.stream("GET", f"{session.url}/stream", timeout=30) as again:
            assert [line async for line in again.aiter_lines() if line.startswith("data")] == []


async def test_delivered_means_that_the_merchant_has_heard(shop: Shop) -> None:
    async with open_receiver() as receiver, served(shop.boreal) as client:
        endpoint = {"url": receiver.url, "format": "raw", "events": ["checkout.updated"]}
        good(await shop.client.post("/v1/webhooks/endpoints", json=endpoint), 201)
        session = await open_session(shop, await make_product(shop))
        await shop.settle()
        async with watching(client, session) as watch:
            await shop.advance(seconds=1)
            good(await session.update(customer_name="Ada"))
            await watch.hears("updated open")
            assert not receiver.requests
            await asyncio.sleep(streams.UNTOLD_S + streams.AGAIN_S)
            assert watch.told == []
            await shop.settle()
            assert len(receiver.requests) == 1
            await watch.hears("webhook_event_delivered open")


async def test_another_process_changes_the_session(shop: Shop, dsn: str) -> None:
    database = await Database.connect(dsn, pool_size=2)
    other = compose(settings(), database=database, clock=shop.clock, keyring=KEYRING)
    session = await open_session(shop, await make_product(shop))
    tell_others(shop.app)
    try:
        async with served(other) as client, background(hear_work(other.app)), watching(client, session) as watch:
            await asyncio.sleep(0.3)  # the look that every watcher begins with is over
            await shop.advance(seconds=1)
            good(await session.update(customer_name="Ada"))
            await eventually(lambda: "updated open" in watch.told)
    finally:
        await other.close()
        await database.close()


async def test_the_hour_ends_the_stream(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    async with served(shop.boreal) as client, watching(client, session) as watch:
        shop.clock.advance(timedelta(hours=1))
        shop.app.wakeups.wake_here()
        await eventually(lambda: watch.ended)
        late = await client.get(f"{session.url}/stream")
        assert problem(late) == (410, "ExpiredCheckoutError", "This checkout session has expired.")
        assert (await client.get("/v1/checkouts/client/polar_c_x/stream")).status_code == 404


async def test_the_hour_passes_by_the_clock_of_the_organization(shop: Shop) -> None:
    clock = good(await shop.client.post("/v1/test-clocks/", json={"name": "a", "time": "2020-01-31T09:00:00Z"}), 201)
    session = await open_session(shop, await make_product(shop))
    async with served(shop.boreal) as client, watching(client, session) as watch:
        good(await session.update(customer_name="Ada"))
        await eventually(lambda: "updated open" in watch.told)
        assert not watch.ended
        then = {"time": "2020-01-31T10:00:00Z"}
        good(await shop.client.post(f"/v1/test-clocks/{clock['id']}/advance", json=then), 202)
        await shop.settle()
        shop.app.wakeups.wake_here()
        await eventually(lambda: watch.ended)


async def test_streams_are_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_PER_SESSION", 1)
    monkeypatch.setattr(streams, "PING_S", 0.05)
    product = await make_product(shop)
    session, other = await open_session(shop, product), await open_session(shop, product)
    hub = shop.app.get(streams.CheckoutStreams)
    async with served(shop.boreal) as client:
        async with watching(client, session) as watch:
            await eventually(lambda: watch.pings > 2)
            refused = await client.get(f"{session.url}/stream")
            assert problem(refused) == (429, "TooManyStreams", "Too many streams are open.")
            async with watching(client, other):
                pass
            head = await client.head(f"{session.url}/stream")
            assert (head.status_code, head.headers["cache-control"]) == (200, "no-store")
        await eventually(lambda: not hub.count)
        async with watching(client, session):
            monkeypatch.setattr(streams, "MAX_WATCHERS", 1)
            assert (await client.get(f"{other.url}/stream")).status_code == 429
