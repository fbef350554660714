"""The PostgreSQL server that all tests of a run share, and the databases on it.

`DATABASE_URL` names a server, if set: its role must be allowed to create databases. Otherwise the first test that needs
one starts an embedded server in a process of its own. It serves every xdist worker and ends, with its data, as soon as
the pytest that started it all is gone, however it went. It does not wait for the disk (`fsync` is off): a test of
crashes starts an `EmbeddedPostgres` itself.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from boreal.kit.postgres import EmbeddedPostgres

FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "shared_buffers": "128MB",
    "max_connections": "200",
}
_ROOT = Path(__file__).parents[2]


@cache
def server_dsn() -> str:
    """The DSN of the shared server; starts the server if it does not run yet."""
    if url := os.environ.get("DATABASE_URL"):
        return url
    run = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    folder = Path("/tmp") / f"boreal-tests-{os.geteuid()}-{run}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "starting").open("w") as turn, (folder / "output").open("a") as output:
        fcntl.flock(turn, fcntl.LOCK_EX)
        ready = folder / "dsn"
        if not ready.exists():
            command = [sys.executable, "-m", "tests.support.postgres", str(folder), str(run)]
            server = subprocess.Popen(
                command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
            while not ready.exists():
                if server.poll() is not None:
                    raise RuntimeError(f"no server for the tests:\n{(folder / 'output').read_text()}")
                time.sleep(0.02)
        return ready.read_text()


def dsn_of(name: str) -> str:
    """The DSN of a database of the shared server."""
    return urlunsplit(urlsplit(server_dsn())._replace(path=f"/{name}"))


async def create_database(name: str, *, template: str = "template1") -> str:
    """Creates a database as a copy of `template`, to which nobody may be connected, and returns its DSN."""
    await _administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    return dsn_of(name)


async def drop_database(name: str) -> None:
    """Drops a database if it exists, whoever is still connected."""
    await _administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _administer(statement: str) -> None:
    connection = await asyncpg.connect(server_dsn())
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _serve(folder: Path, run: int) -> None:
    server = EmbeddedPostgres(folder, settings=FAST)
    written = folder / "dsn.new"
    written.write_text(await server.start())
    written.rename(folder / "dsn")
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.kill(run, 0)
            await asyncio.sleep(0.2)
    await server.stop()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
