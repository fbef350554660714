"""Migrations: brings the schema of a database up to the one head that this version of the code knows.

Alembic writes the SQL, we run it: each revision in a transaction of its own, so that locks are short and whatever stops
an upgrade, the next start goes on from there; under an advisory lock (several processes may start at once); and with a
lock timeout, so that a migration that cannot get a table gives up instead of stopping everybody else.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

LOCK_TIMEOUT_S = 10
MINIMUM_SERVER_VERSION = 15


class MigrationFailed(Exception):
    """The database cannot be used by this version; the message says why and what to do."""


def _folder() -> Path:
    """Where the migrations are: beside the package once installed, at the top of the repository in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parents[1] / "migrations"


def _config(buffer: io.StringIO) -> Config:
    config = Config(output_buffer=buffer)
    config.set_main_option("script_location", str(_folder()))
    config.set_main_option("path_separator", "os")
    return config


def heads() -> list[str]:
    """The newest revisions that the code knows; there must be exactly one."""
    return ScriptDirectory.from_config(_config(io.StringIO())).get_heads()


@cache
def older_revisions() -> frozenset[str]:
    """The revisions that the code knows and that are not the newest."""
    script = ScriptDirectory.from_config(_config(io.StringIO()))
    return frozenset(item.revision for item in script.walk_revisions()).difference(script.get_heads())


def upgrade_sql(current: str | None, *, to: str = "head") -> str:
    """The SQL from a revision (None: an empty database) to another, each in a transaction; empty for nothing to do."""
    buffer = io.StringIO()
    config = _config(buffer)
    if current in heads():
        return ""
    with _readable(current):
        command.upgrade(config, f"{current or 'base'}:{to}", sql=True)
    return buffer.getvalue()


@contextmanager
def _readable(current: str | None) -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        raise MigrationFailed(
            f"the database is at revision {current}, which this version of Boreal does not know: it was made by a "
            "newer one. Start that version, or restore a backup."
        ) from error


async def migrate(dsn: str) -> bool:
    """Brings the database up to date; True if anything had to be done. Raises `MigrationFailed`.

    If it fails, the database is at the last revision that succeeded.
    """
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "boreal-migrate"})
    try:
        version = connection.get_server_version()
        if version.major < MINIMUM_SERVER_VERSION:
            raise MigrationFailed(
                f"PostgreSQL {version.major} is too old: Boreal needs {MINIMUM_SERVER_VERSION} or later"
            )
        await connection.execute("SELECT pg_advisory_lock(hashtext('boreal:migrate'))")
        current = await current_revision(connection)
        script = upgrade_sql(current)
        if not script:
            return False
        await connection.execute(f"SET lock_timeout = '{int(LOCK_TIMEOUT_S * 1000)}ms'")
        await connection.execute(script)
        return True
    except asyncpg.LockNotAvailableError as error:
        raise MigrationFailed(
            f"a table was in use for more than {LOCK_TIMEOUT_S} s. Try again in a quieter moment."
        ) from error
    finally:
        await connection.close()


async def current_revision(connection: asyncpg.Connection) -> str | None:
    """The revision that the database is at, or None for an empty one."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return revision
