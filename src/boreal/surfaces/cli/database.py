"""The database that a command runs on: the one that the settings name, or the embedded one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from boreal.kit.db import FAILURES
from boreal.kit.postgres import EmbeddedPostgres
from boreal.kit.settings import Settings

CONNECT_S = 10.0

CANNOT_CONNECT = (ValueError, *FAILURES)


class DatabaseUnavailable(Exception):
    """The database that the settings name cannot be used; the message says which and why, without its password."""


async def left_alone() -> None:
    """Keeps nothing running: the server is somebody else's."""


@dataclass(frozen=True)
class RunningDatabase:
    """A database that answered. `keep_running` restarts a server of ours that dies, until it is cancelled."""

    dsn: str
    keep_running: Callable[[], Awaitable[None]] = left_alone


@asynccontextmanager
async def running_database(settings: Settings, data_dir: Path, *, share: bool) -> AsyncIterator[RunningDatabase]:
    """The database while the block runs; an embedded one is started before and stopped after it.

    With `share` the embedded server of a Boreal that runs already is used as it is, so that a command can look at, or
    back up, what is in use. Raises `DatabaseUnavailable`, or `PostgresFailed` for the embedded one.
    """
    if settings.database_url is not None:
        await _knock(settings.database_url)
        yield RunningDatabase(settings.database_url)
        return
    server = EmbeddedPostgres(data_dir, settings={"shared_buffers": f"{settings.shared_buffers_mb}MB"})
    if share and await _answers(server.dsn):
        yield RunningDatabase(server.dsn)
        return
    try:
        yield RunningDatabase(await server.start(), server.keep_running)
    finally:
        await server.stop()


async def _knock(dsn: str) -> None:
    try:
        async with asyncio.timeout(CONNECT_S):
            await (await asyncpg.connect(dsn)).close()
    except CANNOT_CONNECT as error:
        parts = urlsplit(dsn)
        where = parts.netloc.rpartition("@")[2] + parts.path
        reason = str(error) or f"no answer within {CONNECT_S:.0f} s"
        raise DatabaseUnavailable(f"cannot use the database {where} of DATABASE_URL: {reason}") from error


async def _answers(dsn: str) -> bool:
    try:
        async with asyncio.timeout(CONNECT_S):
            await (await asyncpg.connect(dsn)).close()
    except CANNOT_CONNECT:
        return False
    return True
