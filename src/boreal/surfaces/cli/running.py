"""Running a process from the command line: what all of `up`, `serve`, `worker` and `demo` share."""

import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import asyncpg
import typer
import uvloop

from boreal.kit.migrations import MigrationFailed
from boreal.kit.postgres import PostgresFailed
from boreal.kit.settings import Settings, SettingsError, read_settings
from boreal.kit.telemetry import configure_logs
from boreal.kit.work import NOTIFY
from boreal.surfaces.cli.root import Process, Root
from boreal.surfaces.process import (
    PortInUse,
    background,
    every,
    hear_revocations,
    hear_work,
    open_socket,
    serving,
    until_stopped,
)

USED_TOKENS_S = 60.0


class CommandFailed(Exception):
    """A command cannot go on; the message is one line for people."""


def settings_for(**options: Any) -> Settings:
    """The settings of this process, with the options of the command; a wrong one is one line and exit code 2."""
    try:
        settings = read_settings(**options)
    except SettingsError as error:
        typer.echo(f"boreal: {error}", err=True)
        raise typer.Exit(2) from None
    configure_logs(level=settings.log_level, json=settings.log_format == "json")
    return settings


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs a command to its end; what can be expected to go wrong is one readable line and exit code 1."""
    try:
        uvloop.run(main)
    except BaseExceptionGroup as group:
        _say(group.exceptions[0])
    except (CommandFailed, PostgresFailed, MigrationFailed, PortInUse, OSError, asyncpg.PostgresError) as error:
        _say(error)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _say(error: BaseException) -> None:
    expected = (CommandFailed, PostgresFailed, MigrationFailed, PortInUse, OSError, asyncpg.PostgresError)
    if not isinstance(error, expected):
        raise error
    message = str(error) or type(error).__name__
    typer.echo(f"boreal: {message.splitlines()[0]}", err=True)
    raise typer.Exit(1) from None


async def serve(
    root: Root,
    settings: Settings,
    *,
    http: bool = True,
    worker: bool = True,
    ready: Callable[[Process], Awaitable[None]] | None = None,
) -> None:
    """Runs HTTP, worker or both until a signal; everything has stopped when it returns."""
    async with AsyncExitStack() as stack:
        listener = open_socket(settings.host, settings.port) if http else None
        if listener is not None:
            settings = replace(settings, port=listener.getsockname()[1])  # port 0 asks for any that is free
        process = await stack.enter_async_context(root.open(settings))
        app = process.app
        loops = [hear_revocations(app), every(USED_TOKENS_S, lambda: root.upkeep(app))]
        if worker:
            loops.append(process.work())
        if not (http and worker):
            app.wakeups.tell_others(lambda: _notify(process))
            loops.append(hear_work(app))
        await stack.enter_async_context(background(*loops))
        if listener is not None:
            await stack.enter_async_context(serving(process.http, listener))
        if ready is not None:
            await ready(process)
        await until_stopped()
        await root.upkeep(app)
        sys.stdout.flush()


async def _notify(process: Process) -> None:
    await process.app.database.execute(NOTIFY)


async def once(root: Root, settings: Settings, action: Callable[[Process], Awaitable[None]]) -> None:
    """Runs one action on an opened Boreal."""
    async with root.open(settings) as process:
        await action(process)
