"""A server as people run it: `boreal up` in a process of its own, with its worker and the real clock.

async with open_live(dsn, folder) as live:
    merchant = await live.found("acme")
    Polar(access_token=merchant.token, server_url=live.base_url)

The process ends with the test run, however that ends. What it printed is in `live.log`.
"""

import asyncio
import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from boreal.core.scopes import AvailableScope
from boreal.kit.clock import Clock
from boreal.kit.db import Database
from boreal.kit.secrets import Keyring
from boreal.main import Boreal, compose
from boreal.rooms.platform.public import create_organization, create_token
from tests.support.shop import settings

Result = TypeVar("Result")

_READY = re.compile(r"^Boreal is ready on (\S+:(\d+))$", re.MULTILINE)
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Merchant:
    """An organization that may take payments, and a token of it that holds every scope."""

    organization_id: UUID
    token: str


@dataclass
class Live:
    """The server. `boreal` is the same Boreal composed here, to set the scene and to look behind the wire."""

    dsn: str
    folder: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    """Settings of this server beyond the usual ones."""
    base_url: str = ""
    port: int = 0
    boreal: Boreal = field(init=False)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """Everything that the server printed, over all its starts."""
        return (self.folder / "log").read_text()

    async def start(self, *, timeout_s: float = 60.0) -> None:
        """The server answers, after a restart on the same port."""
        with (self.folder / "log").open("ab") as log:
            said_before = log.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "boreal", "up", "--port", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**_ordinary_environment(), **self._environment()},
                preexec_fn=_die_with_parent,
            )
        async with asyncio.timeout(timeout_s):
            while (ready := _READY.search(self.log, said_before)) is None:
                assert self.process.poll() is None, f"the server did not start:\n{self.log}"
                await asyncio.sleep(0.05)
        self.base_url, self.port = ready[1], int(ready[2])

    def _environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.dsn,
            "BOREAL_DATA_DIR": str(self.folder),
            "BOREAL_LOG_LEVEL": "warning",
            "BOREAL_POOL_SIZE": "5",
            "BOREAL_RATE_LIMIT_PER_MINUTE": "0",
            "BOREAL_WEBHOOK_ALLOWED_HOSTS": "127.0.0.1",
            **self.extra,
        }

    def kill(self) -> None:
        """The server is gone at once, as by a power failure."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    async def stop(self, *, timeout_s: float = 15.0) -> int:
        """The server was asked to stop and did; returns its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(timeout_s):
                while (status := self.process.poll()) is None:
                    await asyncio.sleep(0.02)
        finally:
            self.kill()
        return status

    async def found(self, slug: str) -> Merchant:
        """A new organization with a token."""
        app = self.boreal.app
        organization = await create_organization(app, name=slug.title(), slug=slug, ready=True)
        scopes = [scope.value for scope in AvailableScope]
        _, token = await create_token(app, organization_id=organization.id, comment="live", scopes=scopes)
        return Merchant(organization.id, token)


def _ordinary_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("BOREAL_")}


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


@asynccontextmanager
async def open_live(dsn: str, folder: Path, **extra: str) -> AsyncIterator[Live]:
    """Starts a server on a database, which it migrates, with its key file and its log in `folder`.

    `extra` are further settings, by their variables.
    """
    live = Live(dsn, folder, extra)
    (folder / "log").touch()
    await live.start()
    database = await Database.connect(dsn, pool_size=2)
    keyring = Keyring.open(folder / "keys")
    live.boreal = compose(settings(base_url=live.base_url), database=database, clock=Clock(), keyring=keyring)
    try:
        yield live
        assert await live.stop() == 0, live.log
    finally:
        live.kill()
        await live.boreal.close()
        await database.close()


async def until(look: Callable[[], Awaitable[Result | None]], *, timeout_s: float = 20.0) -> Result:
    """What `look` returns, once that is something; `TimeoutError` when it does not come."""
    async with asyncio.timeout(timeout_s):
        while not (found := await look()):
            await asyncio.sleep(0.05)
    return found
