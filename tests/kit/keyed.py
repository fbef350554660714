"""Two processes on one database whose operations do what a test says, for tests of idempotency keys."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from boreal.kit.app import App
from boreal.kit.auth import MERCHANT, PUBLIC, Actor
from boreal.kit.problems import Problem
from boreal.kit.routing import Routes
from boreal.kit.schemas import Schema
from boreal.kit.secrets import new_token
from boreal.kit.work import NOBODY
from boreal.surfaces.http import HttpApp
from tests.support.shop import Shop

Act = Callable[[App], Awaitable[Any]]


class Order(Schema):
    """What the operations of these tests take."""

    name: str = "one"


async def effect(app: App) -> dict[str, Any]:
    """Writes one effect, and answers with its number and a secret that only this reply knows."""
    async with app.transaction(NOBODY) as tx:
        number = await tx.connection.raw.fetchval("INSERT INTO effects DEFAULT VALUES RETURNING id")
    return {"number": number, "secret": new_token("polar_oat_"), "umlaut": "ä"}


@dataclass
class Bench:
    """Two processes on one database, whose operations do what a test says."""

    shop: Shop
    act: Act = effect
    runs: int = 0
    processes: list[HttpApp] = field(default_factory=list)

    def client(self, process: int = 0, *, token: str | None = None, address: str = "192.0.2.1") -> httpx2.AsyncClient:
        """Somebody at an address who calls one of the processes; with the shop's token unless it is ""."""
        token = self.shop.token if token is None else token
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.processes[process], client=(address, 1)),
            base_url="http://boreal.test",
            headers={"authorization": f"Bearer {token}"} if token else {},
        )

    async def post(self, key: str | None = "k", *, process: int = 0, json: Any = None, query: str = "") -> Any:
        """Sends the write of these tests once."""
        async with self.client(process) as client:
            headers = {"idempotency-key": key} if key is not None else {}
            return await client.post(f"/v1/things/a{query}", json=json or {}, headers=headers)

    async def effects(self) -> int:
        """How many effects there are."""
        count: int = await self.shop.app.database.pool.fetchval("SELECT count(*) FROM effects")
        return count

    async def rows(self) -> list[Any]:
        """What is remembered."""
        found: list[Any] = await self.shop.app.database.pool.fetch("SELECT * FROM idempotent_replies")
        return found

    def routes(self) -> Routes:
        """The operations."""
        routes = Routes("/v1/things", tags=("things",))

        async def run(app: App) -> Any:
            self.runs += 1
            return await self.act(app)

        @routes.post("/{name}", audience=MERCHANT, scopes=(), status=201)
        async def create(app: App, actor: Actor, name: str, body: Order) -> Any:
            return await run(app)

        @routes.put("/{name}", audience=MERCHANT, scopes=(), status=201)
        async def replace(app: App, name: str, body: Order) -> Any:
            return await run(app)

        @routes.get("/{name}", audience=MERCHANT, scopes=())
        async def get(app: App, name: str) -> Any:
            return await run(app)

        @routes.post("/client/{client_secret}", audience=PUBLIC, scopes=())
        async def confirm(app: App, client_secret: str, body: Order) -> Any:
            return await run(app)

        @routes.post("/", audience=PUBLIC, scopes=())
        async def activate(app: App, body: Order) -> Any:
            return await run(app)

        return routes


class Gate:
    """Holds an operation until the test opens it: before its transaction commits, or after."""

    def __init__(self, *, after_commit: bool) -> None:
        self._after_commit = after_commit
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self, app: App) -> Any:
        if not self._after_commit:
            self.reached.set()
            await self.open.wait()
        done = await effect(app)
        if self._after_commit:
            self.reached.set()
            await self.open.wait()
        return done


async def dies(bench: Bench, *, after_commit: bool) -> None:
    """One request whose process dies before or after the commit."""
    bench.act = gate = Gate(after_commit=after_commit)
    request = asyncio.create_task(bench.post())
    await gate.reached.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    bench.act = effect


def refusal(status: int) -> Act:
    """An operation that writes something, changes its mind, and answers with the status."""

    class Refused(Problem):
        pass

    Refused.status = status

    async def act(app: App) -> Any:
        async with app.transaction(NOBODY) as tx:
            await tx.connection.raw.execute("INSERT INTO effects DEFAULT VALUES")
            raise Refused("no", headers={"x-else": "1"})

    return act
