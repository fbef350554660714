"""A Boreal split into processes on a PostgreSQL of its own, all of which can be killed and come back by themselves.

async with open_fleet(folder, apis=2, workers=2, faults={"lost_after": 0.1}) as fleet:
    fleet.kill("everything", random)

What stands for the init system of a host starts each process again as soon as it is gone. The server of the database
does not wait for the disk: SIGKILL takes nothing that was written, only the death of the machine would.
"""

import asyncio
import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from boreal.kit.clock import Clock
from boreal.kit.db import Database
from boreal.kit.migrations import migrate
from boreal.kit.postgres import EmbeddedPostgres
from boreal.kit.secrets import Keyring
from boreal.main import Boreal, compose
from tests.support.processes import environment, family, is_alive
from tests.support.shop import settings

VICTIMS = ("api", "worker", "postgres", "everything")

_ROOT = Path(__file__).parents[2]
_READY = re.compile(r"^Boreal is ready on (\S+:(\d+))$", re.MULTILINE)
_EXPECTED = "boreal: "
"""How the one line begins with which a process ends that finds no database when it starts."""


@dataclass
class Unit:
    """One process that is kept running: the command `serve` or `worker`. `ended` has its last words when it ended by
    itself, and not because its database was away.
    """

    arguments: list[str]
    log: Path
    pid: int = 0
    starts: int = 0
    killed: bool = False
    ended: list[str] = field(default_factory=list)

    @property
    def role(self) -> str:
        """`api` or `worker`."""
        return "api" if self.arguments[0] == "serve" else "worker"

    def kill(self) -> None:
        """It is gone at once."""
        self.killed = True
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def last_words(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text().splitlines()[-lines:])


class Launcher:
    """Starts processes of `tests.support.faulty`, each with faults drawn from a seed of its own."""

    def __init__(self, variables: Mapping[str, str], faults: Mapping[str, Any]) -> None:
        self._variables = variables
        self._faults = faults
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process

    async def open(self) -> None:
        """Loads Boreal, from which every start is forked."""
        command = [sys.executable, "-m", "tests.support.faulty"]
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=_ROOT)

    async def start(self, unit: Unit, *, seed: int) -> None:
        """Starts the unit (again)."""
        variables = {**self._variables, "TEST_FAULTS": json.dumps({**self._faults, "seed": seed})}
        order = {"arguments": unit.arguments, "environment": environment(**variables), "log": str(unit.log)}
        async with self._turn:
            assert self._process.stdin and self._process.stdout
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            unit.pid = int(await self._process.stdout.readline())
        unit.starts += 1
        unit.killed = False

    async def close(self) -> None:
        """Whatever it started ends with it."""
        self._process.kill()
        await self._process.wait()


@dataclass
class Fleet:
    """The running processes. `boreal` is composed in this process, to set the scene and to look behind the wire.

    `postgres` is None where the server belongs to somebody else and is never killed.
    """

    folder: Path
    postgres: EmbeddedPostgres | None
    launcher: Launcher
    units: list[Unit]
    boreal: Boreal
    base_urls: list[str] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    seed: int = 0

    async def open(self) -> None:
        """Every process was started for the first time, and every API has a port that it keeps."""
        await self.launcher.open()
        for number, unit in enumerate(self.units):
            await self.launcher.start(unit, seed=self.seed + number)
        for unit in self.units:
            async with asyncio.timeout(60):
                while "ready" not in unit.log.read_text():
                    assert is_alive(unit.pid), unit.last_words()
                    await asyncio.sleep(0.02)
            if found := _READY.search(unit.log.read_text()):
                self.base_urls.append(found[1])
                unit.arguments[-1] = found[2]

    async def keep(self, unit: Unit) -> None:
        """Starts the process anew whenever it is gone, as an init system does."""
        while True:
            await asyncio.sleep(0.1)
            if not is_alive(unit.pid):
                if not unit.killed and not unit.last_words(1).startswith(_EXPECTED):
                    unit.ended.append(unit.last_words())
                seed = self.seed + 1000 * unit.starts + self.units.index(unit)
                await self.launcher.start(unit, seed=seed)

    def kill(self, victim: str, random: Random) -> None:
        """SIGKILL for one of `VICTIMS`: an API, a worker, PostgreSQL or a part of it, or all that there is."""
        self.kills[victim] += 1
        if victim == "everything":
            self._kill_postgres("all of it", random)
            for unit in self.units:
                unit.kill()
        elif victim == "postgres":
            self._kill_postgres(random.choice(("first process", "any process", "all of it")), random)
        else:
            random.choice([unit for unit in self.units if unit.role == victim]).kill()

    def _kill_postgres(self, what: str, random: Random) -> None:
        """When any process of it is gone, the first one ends the others, recovers and goes on."""
        if self.postgres is None or self.postgres.pid is None:
            return
        members = family(self.postgres.pid)
        victims = {"first process": members[:1], "any process": [random.choice(members)], "all of it": members}[what]
        for pid in victims:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def close(self) -> None:
        """Nothing runs any more."""
        await self.launcher.close()
        await self.boreal.close()
        self.boreal.app.database.pool.terminate()


@asynccontextmanager
async def open_fleet(folder: Path, *, apis: int, workers: int, faults: Mapping[str, Any]) -> AsyncIterator[Fleet]:
    """Starts everything in `folder`, with an empty, migrated database. Says what was logged last if the block fails."""
    postgres = EmbeddedPostgres(folder, settings={"fsync": "off", "shared_buffers": "64MB"})
    dsn = await postgres.start()
    try:
        await migrate(dsn)
        fleet = await _fleet(folder, postgres, dsn, apis=apis, workers=workers, faults=faults)
        async with _running(fleet, postgres.keep_running()):
            yield fleet
    finally:
        await postgres.stop()


@asynccontextmanager
async def open_workers(
    folder: Path, dsn: str, *, workers: int, faults: Mapping[str, Any], seed: int = 0
) -> AsyncIterator[Fleet]:
    """Starts workers only, on a migrated database of somebody else's server."""
    fleet = await _fleet(folder, None, dsn, apis=0, workers=workers, faults=faults)
    fleet.seed = seed
    async with _running(fleet):
        yield fleet


@asynccontextmanager
async def _running(fleet: Fleet, *keepers: Any) -> AsyncIterator[None]:
    """The processes run while the block runs; what they logged last is told if it fails."""
    try:
        await fleet.open()
        async with _kept(*keepers, *map(fleet.keep, fleet.units)):
            yield
    except BaseException:
        for unit in fleet.units:
            sys.stdout.write(f"== {unit.role}, {unit.starts} starts ==\n{unit.last_words()}\n")
        raise
    finally:
        await fleet.close()


async def _fleet(
    folder: Path, postgres: EmbeddedPostgres | None, dsn: str, *, apis: int, workers: int, faults: Mapping[str, Any]
) -> Fleet:
    variables = {
        "DATABASE_URL": dsn,
        "BOREAL_DATA_DIR": str(folder),
        "BOREAL_LOG_LEVEL": "warning",
        "BOREAL_RATE_LIMIT_PER_MINUTE": "0",
        "BOREAL_WEBHOOK_ALLOWED_HOSTS": "127.0.0.1",
    }
    commands = [["serve", "--port", "0"] for _ in range(apis)] + [["worker"] for _ in range(workers)]
    units = [Unit(command, folder / f"{command[0]}-{number}.log") for number, command in enumerate(commands)]
    for unit in units:
        unit.log.touch()
    database = await Database.connect(dsn, pool_size=2)
    keyring = Keyring.open(folder / "keys")
    boreal = compose(settings(), database=database, clock=Clock(), keyring=keyring)
    return Fleet(folder, postgres, Launcher(variables, faults), units, boreal)


@asynccontextmanager
async def _kept(*keepers: Any) -> AsyncIterator[None]:
    """The keepers run while the block runs; one that fails ends the block with its error."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(keeper) for keeper in keepers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
