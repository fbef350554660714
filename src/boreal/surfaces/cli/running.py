"""Running a process from the command line: what all of `up`, `serve`, `worker` and `demo` share."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import structlog
import typer
import uvloop

from boreal.kit.app import App
from boreal.kit.backup import BackupFailed
from boreal.kit.migrations import MigrationFailed
from boreal.kit.postgres import PostgresFailed
from boreal.kit.secrets import KeyFileFailed
from boreal.kit.settings import Settings, SettingsError, read_settings
from boreal.kit.telemetry import configure_logs
from boreal.kit.times import REFRESH_S
from boreal.rooms.platform.public import organization_by_id, organization_by_slug
from boreal.surfaces.cli.database import DatabaseUnavailable
from boreal.surfaces.cli.root import Process, Root
from boreal.surfaces.process import (
    PortInUse,
    background,
    every,
    hear_revocations,
    hear_work,
    interruptible,
    open_socket,
    serving,
    tell_others,
)

USED_TOKENS_S = 60.0
LAST_UPKEEP_S = 0.3

DataDir = Annotated[Path | None, typer.Option(help="Where the data lives. Default: BOREAL_DATA_DIR.")]

_log = structlog.get_logger("boreal.process")


class CommandFailed(Exception):
    """A command cannot go on; the message is one line for people."""


_OURS = (
    BackupFailed,
    CommandFailed,
    DatabaseUnavailable,
    KeyFileFailed,
    MigrationFailed,
    PortInUse,
    PostgresFailed,
    SettingsError,
)
_DATABASE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def settings_for(**options: Any) -> Settings:
    """The settings of this process, with the options of the command; a wrong one is one line and exit code 2."""
    try:
        settings = read_settings(**options)
    except SettingsError as error:
        typer.echo(f"boreal: {error}", err=True)
        raise typer.Exit(2) from None
    configure_logs(level=settings.log_level, json=settings.log_format == "json")
    return settings


def run(main: Coroutine[Any, Any, None], *, until_stopped: bool = False) -> None:
    """Runs a command to its end, or until SIGINT or SIGTERM, which is the only end that `until_stopped` has.

    What can be expected to go wrong is one readable line and exit code 1, or 2 for a setting that only the adapter
    behind it can judge; being interrupted is exit code 130.
    """
    try:
        stopped = uvloop.run(interruptible(main))
    except Exception as error:  # told apart below, where a defect is raised again
        reason = _first(error)
        if not isinstance(reason, (*_OURS, *_DATABASE, OSError)):
            raise
        status = 2 if isinstance(reason, SettingsError) else 1
        _log.debug("command_failed", exc_info=reason)
        typer.echo(f"boreal: {_one_line(reason)}", err=True)
        raise typer.Exit(status) from None
    if stopped and not until_stopped:
        raise typer.Exit(130)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _one_line(error: BaseException) -> str:
    """What the error says; of a log that it quotes, the first line that tells why."""
    said, *log = [line.strip() for line in (str(error) or type(error).__name__).splitlines() if line.strip()]
    telling = [line for line in log if any(word in line for word in ("PANIC:", "FATAL:", "ERROR:", "error:"))]
    if isinstance(error, _DATABASE):
        return f"the database says: {said}"
    return f"{said} {(telling or log)[0]}" if log else said


async def serve(
    root: Root,
    settings: Settings,
    *,
    http: bool = True,
    worker: bool = True,
    ready: Callable[[Process], Awaitable[None]],
) -> None:
    """Runs HTTP, worker or both until it is cancelled; everything has stopped when it returns."""
    async with AsyncExitStack() as stack:
        listener = open_socket(settings.host, settings.port) if http else None
        if listener is not None:
            stack.callback(listener.close)
            settings = replace(settings, port=listener.getsockname()[1])  # port 0 asks for any that is free
        watching = settings.metrics_address
        watched = open_socket(*watching, setting="BOREAL_METRICS") if watching else None
        if watched is not None:
            stack.callback(watched.close)
            settings = replace(settings, metrics="{}:{}".format(*watched.getsockname()))
        process = await stack.enter_async_context(root.open(settings))
        app = process.app
        stack.push_async_callback(_last_upkeep, root, app)
        loops = [
            hear_revocations(app),
            every(USED_TOKENS_S, lambda: root.upkeep(app)),
            every(REFRESH_S, app.times.refresh),
            _kept(process),
        ]
        if worker:
            loops.append(process.work())
        if settings.database_url is not None:  # which other processes may use too
            tell_others(app)
            loops.append(hear_work(app))
        await stack.enter_async_context(background(*loops))
        if watched is not None:
            await stack.enter_async_context(serving(process.operations, watched))
        if listener is not None:
            await stack.enter_async_context(serving(process.served, listener))
        _freeze()
        await ready(process)
        await asyncio.Event().wait()


def _freeze() -> None:
    """Takes what the program itself consists of out of the garbage collector's sight, and lets it run less often.

    A reply is made of some thousand small objects that no cycle ties together: counting references frees them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def _kept(process: Process) -> None:
    await process.keep_running()


async def _last_upkeep(root: Root, app: App) -> None:
    with suppress(OSError, *_DATABASE):
        async with asyncio.timeout(LAST_UPKEEP_S):
            await root.upkeep(app)


async def once(root: Root, settings: Settings, action: Callable[[Process], Awaitable[None]]) -> None:
    """Runs one action on an opened Boreal; on the database of one that runs already, if there is one."""
    async with root.open(settings, share=True) as process:
        await action(process)


async def named_organization(process: Process, name: str) -> Any:
    """The organization with a slug or an id; raises `CommandFailed`."""
    row = await organization_by_slug(process.app.database, name)
    if row is None:
        try:
            row = await organization_by_id(process.app.database, UUID(name))
        except ValueError:
            row = None
    if row is None:
        raise CommandFailed(f"there is no organization {name!r}")
    return row
