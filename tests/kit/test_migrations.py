"""Migrations: one head, the same schema as the code's tables, and refusals that people understand."""

import asyncio

import asyncpg
import pytest

from boreal.kit.migrations import MigrationFailed, current_revision, heads, migrate, upgrade_sql
from tests.support.postgres import create_database, drop_database
from tests.support.schema import ddl, schema_of


@pytest.fixture
async def empty():
    name = "boreal_migrations"
    await drop_database(name)
    yield await create_database(name)
    await drop_database(name)


def test_there_is_one_head() -> None:
    assert len(heads()) == 1


async def test_the_migrated_schema_is_that_of_the_code(empty: str) -> None:
    name = "boreal_described"
    await drop_database(name)
    described = await create_database(name)
    try:
        connection = await asyncpg.connect(described)
        await connection.execute(ddl())
        await connection.close()
        assert await migrate(empty)
        for migrated, wanted in zip(await schema_of(empty), await schema_of(described), strict=True):
            assert migrated == wanted
    finally:
        await drop_database(name)


async def test_several_processes_may_start_at_once(empty: str) -> None:
    assert sorted(await asyncio.gather(*(migrate(empty) for _ in range(4)))) == [False, False, False, True]


async def test_an_upgrade_that_is_stopped_goes_on_where_it_was(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done = "UPDATE alembic_version SET version_num='0003'"
    whole = upgrade_sql(None)
    assert done in whole
    with monkeypatch.context() as patched:
        patched.setattr(
            "boreal.kit.migrations.upgrade_sql", lambda current: whole.replace(done, f"SELECT 1 / 0; {done}")
        )
        with pytest.raises(asyncpg.DivisionByZeroError):
            await migrate(empty)
    connection = await asyncpg.connect(empty)
    assert await current_revision(connection) == "0002"
    assert await migrate(empty)
    assert await current_revision(connection) == heads()[0]
    await connection.close()


async def test_a_newer_schema_is_refused(empty: str) -> None:
    await migrate(empty)
    connection = await asyncpg.connect(empty)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()
    with pytest.raises(MigrationFailed, match="made by a newer one"):
        await migrate(empty)


async def test_a_table_in_use_is_waited_for_only_so_long(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boreal.kit.migrations.LOCK_TIMEOUT_S", 0.2)
    monkeypatch.setattr("boreal.kit.migrations.upgrade_sql", lambda current: "ALTER TABLE work ADD COLUMN x int")
    connection = await asyncpg.connect(empty)
    try:
        await connection.execute("CREATE TABLE work ()")
        async with connection.transaction():
            await connection.execute("LOCK TABLE work")
            with pytest.raises(MigrationFailed, match="in use"):
                await migrate(empty)
    finally:
        await connection.close()
