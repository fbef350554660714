"""The life of processes, through the command line: they start, find again what was there, survive kills, and stop."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg
import httpx2
import pytest

from boreal.kit.postgres import EmbeddedPostgres
from tests.support.postgres import create_database, drop_database
from tests.support.processes import Running, gone, running, short_folder

READY = {"base_url", "organization_id", "access_token", "product_ids", "checkout_url"}
STALE = "an earlier start wrote this"
BUYER = {
    "customer_name": "Ada Lovelace",
    "customer_email": "ada@example.com",
    "customer_billing_address": {"country": "FR"},
    "confirmation_token_id": "pm_card_visa",
}


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Where the demos of this module keep their data, one after the other."""
    with short_folder() as folder:
        yield folder


@dataclass
class Shop:
    """What a ready demo says about itself, and a client with its token."""

    ready: dict[str, Any]
    client: httpx2.AsyncClient

    async def confirm(self) -> str:
        """Buys the first product; returns the id of the checkout, whose confirmation was acknowledged."""
        made = await self.client.post("/v1/checkouts/", json={"products": self.ready["product_ids"][:1]})
        assert made.status_code == 201, made.text
        confirmed = await self.client.post(f"/v1/checkouts/client/{made.json()['client_secret']}/confirm", json=BUYER)
        assert confirmed.status_code == 200, confirmed.text
        return str(made.json()["id"])

    async def completed(self, checkout_id: str, *, within_s: float) -> dict[str, Any]:
        """The paid order of a checkout, once there is one; there is never a second one."""
        deadline = monotonic() + within_s
        while True:
            reply = await self.client.get("/v1/orders/", params={"checkout_id": checkout_id})
            orders = reply.json()["items"]
            if orders and orders[0]["status"] == "paid":
                assert len(orders) == 1
                return dict(orders[0])
            assert monotonic() < deadline, reply.text
            await asyncio.sleep(0.02)


async def ready(boreal: Running, file: Path) -> Shop:
    """Waits for the ready file of a demo, which is complete as soon as it is there."""
    while _text(file) in (None, STALE):
        assert boreal.process.poll() is None, boreal.said
        await asyncio.sleep(0.02)
    said = json.loads(file.read_text())
    return shop_at(said["base_url"], said["access_token"], said)


def _text(file: Path) -> str | None:
    """What a file says; None while there is none. A start takes a stale one away at any moment."""
    try:
        return file.read_text()
    except FileNotFoundError:
        return None


def shop_at(base_url: str, token: str, said: dict[str, Any] | None = None) -> Shop:
    """A shop that answers at an address."""
    client = httpx2.AsyncClient(base_url=base_url, headers={"authorization": f"Bearer {token}"}, timeout=30)
    return Shop(said or {}, client)


def demo(place: Path) -> Any:
    """Starts the demo of this module on a free port; its ready file is `place/ready`, where an old one lies."""
    (place / "ready").write_text(STALE)
    options = ("--port", "0", "--data-dir", str(place / "data"), "--ready-file", str(place / "ready"))
    return running(place, "demo", *options, BOREAL_LOG_LEVEL="error")


async def test_a_second_start_finds_what_the_first_one_made(place: Path) -> None:
    with demo(place) as boreal:
        first = await ready(boreal, place / "ready")
        assert first.ready.keys() == READY
        assert (await first.client.get("/healthz")).json() == {"status": "ok"}
        assert (await first.client.get("/readyz")).json() == {"status": "ready"}
        assert (await first.client.get("/metrics")).status_code == 200
        status, took_s = await boreal.stop(signal.SIGINT)
        assert status == 0 and took_s < 5, boreal.said
    with demo(place) as boreal:
        second = await ready(boreal, place / "ready")
        moved = {name: second.ready[name] for name in ("base_url", "checkout_url")}
        assert second.ready == {**first.ready, **moved}
        assert (await second.client.get("/v1/products/")).json()["pagination"]["total_count"] == 4
        bought = await second.client.get(second.ready["checkout_url"])
        assert bought.status_code in (302, 303, 307), bought.text
        assert bought.headers["location"].startswith(f"{second.ready['base_url']}/checkout/")
        status, took_s = await boreal.stop(signal.SIGTERM)
        assert status == 0 and took_s < 5, boreal.said
        assert "rror" not in boreal.said


async def test_what_was_acknowledged_survives_the_death_of_everything(place: Path) -> None:
    with demo(place) as boreal:
        shop = await ready(boreal, place / "ready")
        checkout_id = await shop.confirm()
        boreal.kill()
    with demo(place) as boreal:
        shop = await ready(boreal, place / "ready")
        await shop.completed(checkout_id, within_s=10)
        checkout_id = await shop.confirm()
        family = boreal.family()
        boreal.kill(boreal.process.pid)
        assert await gone(family, within_s=5), "the embedded PostgreSQL outlives us"
    with demo(place) as boreal:
        shop = await ready(boreal, place / "ready")
        await shop.completed(checkout_id, within_s=10)


async def test_a_killed_postgres_is_started_again_under_a_running_process(place: Path) -> None:
    with demo(place) as boreal:
        shop = await ready(boreal, place / "ready")
        await shop.completed(await shop.confirm(), within_s=10)
        for few in (slice(1, None), slice(1, 2)):  # all of it, then only the process that started the others
            boreal.kill(*boreal.family()[few])
            deadline, status = monotonic() + 15, 0
            while status != 200:
                assert monotonic() < deadline and boreal.process.poll() is None, boreal.said
                status = (await shop.client.get("/v1/products/")).status_code
                assert status in (200, 503), boreal.said
                await asyncio.sleep(0.05)
            await shop.completed(await shop.confirm(), within_s=10)
        assert (await shop.client.get("/readyz")).json() == {"status": "ready"}
        settings = place / "data" / "postgres" / "data" / "postgresql.auto.conf"
        settings.write_text("nonsense = 1\n")
        boreal.kill(*boreal.family()[1:])
        await asyncio.to_thread(boreal.process.wait, 20)
        settings.write_text("")
        assert boreal.process.returncode == 1
        assert boreal.log.read_text().splitlines()[-1].startswith("boreal: PostgreSQL ended with status 1."), (
            boreal.said
        )


async def test_requests_that_hang_do_not_keep_it_from_stopping(place: Path) -> None:
    with demo(place) as boreal:
        shop = await ready(boreal, place / "ready")
        connection = await asyncpg.connect(EmbeddedPostgres(place / "data").dsn)
        await connection.execute("BEGIN; LOCK TABLE products")
        hanging = [asyncio.create_task(shop.client.get("/v1/products/")) for _ in range(12)]  # more than connections
        while not await connection.fetchval("SELECT count(*) > 4 FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.02)
        status, took_s = await boreal.stop()
        assert status == 0 and took_s < 5, boreal.said
        await asyncio.gather(*hanging, return_exceptions=True)
        connection.terminate()


async def test_being_stopped_while_starting_leaves_nothing(place: Path) -> None:
    with demo(place) as boreal:
        while len(boreal.family()) == 1:
            assert boreal.process.poll() is None, boreal.said
            await asyncio.sleep(0.005)
        status, took_s = await boreal.stop(signal.SIGTERM)
        assert status == 0 and took_s < 5, boreal.said
        assert not (place / "ready").exists()


@pytest.fixture
async def database() -> Any:
    """An empty database on the server of the tests."""
    name = f"boreal_processes_{os.getpid()}"
    await drop_database(name)
    yield await create_database(name)
    await drop_database(name)


async def test_a_worker_hears_at_once_of_what_another_process_sold(database: str, place: Path) -> None:
    common = {"DATABASE_URL": database, "BOREAL_DATA_DIR": str(place / "split"), "BOREAL_LOG_LEVEL": "warning"}
    options = ("--port", "0", "--ready-file", str(place / "split.json"))
    with running(place, "demo", *options, **common) as boreal:
        said = (await ready(boreal, place / "split.json")).ready
        assert (await boreal.stop())[0] == 0, boreal.said
    with (
        running(place, "serve", "--port", "0", **common) as serving,
        running(place, "worker", BOREAL_METRICS="127.0.0.1:0", **common) as working,
    ):
        address = (await serving.says(r"Boreal is ready on (\S+)"))[1]
        metrics = (await working.says(r"worker is ready\nMetrics are at (\S+)"))[1]
        shop = shop_at(address, said["access_token"], said)
        await shop.completed(await shop.confirm(), within_s=10)  # both are warm now
        await asyncio.sleep(0.2)
        started = monotonic()
        await shop.completed(await shop.confirm(), within_s=10)
        assert monotonic() - started < 2.5, "only polling, every five seconds, can have found it"
        page = (await shop.client.get(metrics, headers={"authorization": ""})).text
        assert 'boreal_loop_last_round_seconds{loop="dispatch"}' in page
        assert (await shop.client.get(metrics.replace("metrics", "readyz"))).json() == {"status": "ready"}
        assert (await shop.client.get("/metrics")).status_code == 404
        assert [(await boreal.stop())[0] for boreal in (serving, working)] == [0, 0]
        assert (serving.said.count("\n"), working.said.count("\n")) == (1, 2), serving.said + working.said
