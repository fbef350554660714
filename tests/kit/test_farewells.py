"""A server that ends a connection says so first: between that and the end of the stream, the driver is in no state to
be asked for anything. Whoever asks all the same must not end with it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
import sqlalchemy as sa

from boreal.kit.app import App
from boreal.kit.db import Database, is_away
from boreal.surfaces.process import hear_revocations, hear_work
from tests.support.shop import Shop

_TELL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}' AND datname = '{base}'
"""
_ONE = sa.text("SELECT 1")


@asynccontextmanager
async def never_ending(dsn: str) -> AsyncIterator[str]:
    """A DSN of the same database through a wire on which the server's last words arrive, but not its hanging up."""
    parts = urlsplit(dsn)
    places = {name: values[0] for name, values in parse_qs(parts.query).items()}
    held: list[asyncio.StreamWriter] = []

    async def reach() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if "host" in places:
            return await asyncio.open_unix_connection(f"{places['host']}/.s.PGSQL.{places['port']}")
        return await asyncio.open_connection(parts.hostname, parts.port)

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                sink.write(data)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await reach()
        held.extend((writer, server_writer))
        await asyncio.gather(carry(reader, server_writer), carry(server_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    who = parts.netloc.rpartition("@")[0] or "boreal"
    try:
        yield f"postgresql://{who}@127.0.0.1:{port}{parts.path}"
    finally:
        server.close()
        for writer in held:
            writer.close()


async def end_connections(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(_TELL.format(name=name, base=urlsplit(dsn).path[1:]))
    await connection.close()
    await asyncio.sleep(0.1)


async def test_a_connection_that_was_told_of_its_end_counts_as_a_server_that_is_away(dsn: str) -> None:
    async with never_ending(dsn) as wire:
        database = await Database.connect(wire, pool_size=1)
        assert await database.fetchval(_ONE) == 1
        await end_connections(dsn, "boreal")
        with pytest.raises(asyncpg.InternalClientError) as told:
            await database.fetchval(_ONE)
        assert is_away(told.value)
        database.pool.terminate()


async def test_a_connection_that_ends_in_the_middle_of_a_transaction_counts_as_a_server_that_is_away(dsn: str) -> None:
    database = await Database.connect(dsn, pool_size=1)
    with pytest.raises(asyncpg.InterfaceError) as told:
        async with database.transaction():
            await end_connections(dsn, "boreal")
    assert is_away(told.value)
    assert await database.fetchval(_ONE) == 1
    await database.close()
    with pytest.raises(asyncpg.InterfaceError) as told:
        await database.fetchval(_ONE)
    assert is_away(told.value), "a process that stops"


async def test_a_misused_connection_does_not_count_as_a_server_that_is_away(dsn: str) -> None:
    database = await Database.connect(dsn, pool_size=1)
    async with database.transaction() as connection:
        slow = asyncio.create_task(connection.fetchval(sa.text("SELECT pg_sleep(0.2)")))
        await asyncio.sleep(0.05)
        with pytest.raises(asyncpg.InterfaceError) as told:
            await connection.fetchval(_ONE)
        await slow
    assert not is_away(told.value)
    await database.close()


@pytest.mark.parametrize("hear", [hear_revocations, hear_work])
async def test_a_listener_that_is_told_of_its_end_before_it_listens_tries_again(
    shop: Shop, dsn: str, hear: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    listened = asyncpg.Connection.add_listener
    refusals: list[Exception] = []

    async def told(self: asyncpg.Connection, *arguments: object) -> None:
        if not refusals:
            await end_connections(dsn, "boreal-listen")
        try:
            await listened(self, *arguments)
        except Exception as refusal:
            refusals.append(refusal)
            raise

    monkeypatch.setattr(asyncpg.Connection, "add_listener", told)
    async with never_ending(dsn) as wire:
        shop.app.database.dsn = wire
        task = asyncio.create_task(hear(shop.app))  # type: ignore[operator]
        async with asyncio.timeout(10):
            while not await _listens(shop.app):
                assert not task.done(), task
                await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [type(refusal) for refusal in refusals] == [asyncpg.InternalClientError]


_LISTENING = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'boreal-listen' AND query LIKE 'LISTEN%' "
    "AND datname = current_database()"
)


async def _listens(app: App) -> bool:
    return bool(await app.database.fetchval(_LISTENING))
