"""Upgrades of databases that are in use: from every earlier revision to the newest, with rows in every table.

The rows are those of a shop that has just sold, as far as the older schema has a place for them; tables that the shop
leaves empty get a row that is made up from the catalog.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from boreal.core.webhooks import WebhookEventType
from boreal.kit.db import Database
from boreal.kit.migrations import heads, migrate, older_revisions, upgrade_sql
from boreal.main import broken_invariants
from boreal.rooms.checkout.public import create_checkout_link
from tests.support.catalog import FREE, make_product
from tests.support.checkout import good, open_session
from tests.support.organizations import send_mails
from tests.support.postgres import create_database, drop_database
from tests.support.processes import run, running, short_folder
from tests.support.receiver import open_receiver
from tests.support.rows import Catalog, Rows, make_up, put, read_catalog, take
from tests.support.schema import schema_of
from tests.support.shop import Shop, open_shop

NewDatabase = Callable[[str], Awaitable[str]]

NEWEST = heads()[0]
REVISIONS = [*sorted(older_revisions()), NEWEST]


@pytest.fixture(scope="module")
async def new_database() -> AsyncIterator[NewDatabase]:
    """Makes empty databases."""
    made: list[str] = []

    async def make(name: str) -> str:
        made.append(f"boreal_upgrade_{name}_{os.getpid()}")
        await drop_database(made[-1])
        return await create_database(made[-1])

    yield make
    for name in made:
        await drop_database(name)


async def connect(dsn: str) -> asyncpg.Connection:
    return await asyncpg.connect(dsn, server_settings={"timezone": "UTC"})


async def sell(shop: Shop) -> None:
    """A bit of everything: bought once, on trial and for nothing, refused, left open, told to a webhook and by mail."""
    await send_mails(shop)
    async with open_receiver() as receiver:
        everything = [event.value for event in WebhookEventType]
        endpoint = {"url": receiver.url, "format": "raw", "events": everything}
        good(await shop.client.post("/v1/webhooks/endpoints", json=endpoint), 201)
        once = await make_product(shop)
        trial = await make_product(shop, recurring_interval="month", trial_interval="day", trial_interval_count=7)
        free = await make_product(shop, FREE)
        await create_checkout_link(shop.app, organization_id=shop.organization_id, product_ids=[once["id"]])
        shop.client.headers["idempotency-key"] = "a key"
        await (await open_session(shop, once)).pay()
        del shop.client.headers["idempotency-key"]
        await (await open_session(shop, trial)).pay()
        await (await open_session(shop, free)).pay(None)
        assert (await (await open_session(shop, once)).confirm("pm_card_visa_chargeDeclined")).status_code == 400
        await shop.settle()


@pytest.fixture(scope="module")
async def sold(new_database: NewDatabase) -> tuple[Catalog, Rows]:
    """The rows of a shop that has sold, at the newest revision."""
    dsn = await new_database("sold")
    await migrate(dsn)
    async with open_shop(dsn) as shop:
        await sell(shop)
        await shop.check()
    connection = await connect(dsn)
    catalog = await read_catalog(connection)
    rows = await take(connection, catalog)
    await connection.close()
    assert rows["orders"] and rows["payments"] and rows["webhook_deliveries"] and rows["captured_mails"]
    return catalog, rows


@pytest.fixture(scope="module")
async def fresh(new_database: NewDatabase) -> list[list[tuple[object, ...]]]:
    """The schema of a database that began at the newest revision."""
    dsn = await new_database("fresh")
    await migrate(dsn)
    return await schema_of(dsn)


async def fill(connection: asyncpg.Connection, catalog: Catalog, rows: Rows) -> Rows:
    """Puts what was sold into an older database, and a row into every table that is still empty; returns those.

    What triggers would write is among the rows already.
    """
    made: Rows = {}
    there: Rows = {}
    for table in catalog.columns:
        there[table] = rows.get(table, [])
        await connection.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
        await put(connection, catalog, table, there[table])
        if not there[table]:
            made[table] = there[table] = [await make_up(connection, catalog, table, there)]
        await connection.execute(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')
    return made


def known(rows: Rows, older: Catalog, newer: Catalog) -> dict[str, list[str]]:
    """The rows of every older table, in the columns that the newer one still has, in no particular order."""
    return {
        table: sorted(json.dumps({name: row[name] for name in older.shared(table, newer)}) for row in rows[table])
        for table in older.columns
    }


async def take_away(connection: asyncpg.Connection, made: Rows) -> None:
    """Removes what was made up: it follows the rules of the database, not those of the rooms."""
    for table in reversed(made):
        await connection.execute(f'DELETE FROM "{table}"')


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_database_in_use_is_upgraded(
    revision: str, new_database: NewDatabase, sold: tuple[Catalog, Rows], fresh: list[list[tuple[object, ...]]]
) -> None:
    newest, rows = sold
    dsn = await new_database(revision)
    connection = await connect(dsn)
    await connection.execute(upgrade_sql(None, to=revision))
    older = await read_catalog(connection)
    assert older.columns.keys() <= newest.columns.keys(), "a table that is not needed any more goes one release later"
    made = await fill(connection, older, rows)
    before = await take(connection, older)
    assert [table for table in before if not before[table]] == []

    assert await migrate(dsn) is (revision != NEWEST)

    assert await connection.fetchval("SELECT version_num FROM alembic_version") == NEWEST
    after = await take(connection, newest)
    had, kept = known(before, older, newest), known(after, older, newest)
    assert {table: (had[table], kept[table]) for table in had if kept[table] != had[table]} == {}
    assert await schema_of(dsn) == fresh
    await take_away(connection, made)
    await connection.close()
    database = await Database.connect(dsn, pool_size=1)
    assert await broken_invariants(database) == {}
    await database.close()


async def everything_of(dsn: str) -> tuple[Any, Rows]:
    """The whole schema and every row."""
    connection = await connect(dsn)
    try:
        return await schema_of(dsn), await take(connection, await read_catalog(connection))
    finally:
        await connection.close()


@pytest.mark.parametrize("command", [("migrate",), ("worker",), ("serve", "--port", "0"), ("check",)])
async def test_a_newer_schema_is_refused_and_left_alone(
    command: tuple[str, ...], new_database: NewDatabase, tmp_path: Path
) -> None:
    dsn = await new_database("newer")
    await migrate(dsn)
    connection = await connect(dsn)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.execute("CREATE TABLE of_the_future AS SELECT 1 AS id")
    await connection.close()
    before = await everything_of(dsn)
    variables = {"DATABASE_URL": dsn, "BOREAL_DATA_DIR": str(tmp_path)}
    refused = await asyncio.to_thread(run, *command, **variables)
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert line.startswith("boreal: the database is at revision 9999, which this version of Boreal does not know")
    assert await everything_of(dsn) == before


async def test_two_processes_may_start_at_once_on_an_empty_database(
    new_database: NewDatabase, fresh: list[list[tuple[object, ...]]]
) -> None:
    dsn = await new_database("empty")
    with short_folder() as folder:
        variables = {"DATABASE_URL": dsn, "BOREAL_DATA_DIR": str(folder), "BOREAL_LOG_LEVEL": "warning"}
        with (
            running(folder, "serve", "--port", "0", **variables) as serving,
            running(folder, "worker", **variables) as working,
        ):
            await serving.says("Boreal is ready on")
            await working.says("Boreal's worker is ready")
            assert [(await process.stop())[0] for process in (serving, working)] == [0, 0]
            assert (serving.said.count("\n"), working.said.count("\n")) == (1, 1), serving.said + working.said
    assert await schema_of(dsn) == fresh
