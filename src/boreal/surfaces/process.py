"""A running process: HTTP, worker and listeners in one event loop, until a signal stops it."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import structlog
import uvicorn

from boreal.kit.app import App
from boreal.kit.auth import Authenticator
from boreal.kit.work import Wakeups

_log = structlog.get_logger("boreal.process")

STOP_S = 3
"""How long requests in progress may take once the process is told to stop."""


class PortInUse(Exception):
    """Somebody else listens there, or the address is not ours; the message is for people."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the process, which stops the server together with everything else."""
        yield


def open_socket(host: str, port: int) -> socket.socket:
    """The listening socket; raises `PortInUse`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortInUse(f"cannot listen on {host}:{port}: {error.strerror}. Choose another with --port.") from error
    return listener


@asynccontextmanager
async def serving(http: Any, listener: socket.socket) -> AsyncIterator[None]:
    """The HTTP surface answers on the socket while the block runs."""
    config = uvicorn.Config(
        http,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=STOP_S,
        timeout_keep_alive=75,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        if task.done():
            await task
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def background(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """The loops run while the block runs. One that fails ends the block with its error."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def until_stopped() -> None:
    """Returns at the first SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


async def hear_revocations(app: App) -> None:
    """Listens for revoked tokens as long as it runs; while the listener is lost, nothing is remembered."""
    while True:
        with suppress(OSError):
            async with app.database.listening(Authenticator.CHANNEL, app.authenticator.forget) as connection:
                app.authenticator.hear(True)
                await _closed(connection)
        app.authenticator.hear(False)
        await asyncio.sleep(1)


async def hear_work(app: App) -> None:
    """Wakes this process when another one has written work for it."""
    while True:
        with suppress(OSError):
            async with app.database.listening(Wakeups.CHANNEL, lambda _payload: app.wakeups.wake_here()) as connection:
                await _closed(connection)
        await asyncio.sleep(1)


async def _closed(connection: Any) -> None:
    """Returns when the connection is lost, which asyncpg tells at once."""
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _connection: lost.set())
    await lost.wait()


async def every(seconds: float, action: Callable[[], Awaitable[None]]) -> None:
    """Runs an action at intervals; a failure is logged and the next interval tries again."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await action()
        except Exception as error:
            _log.error("periodic_action_failed", exc_info=error)
