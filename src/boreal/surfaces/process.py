"""A running process: HTTP, worker and listeners in one event loop, until a signal stops it."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import asyncpg
import structlog
import uvicorn

from boreal.kit.app import App
from boreal.kit.auth import Authenticator
from boreal.kit.db import FAILURES
from boreal.kit.work import NOTIFY, Wakeups

_log = structlog.get_logger("boreal.process")

STOP_S = 1.5
"""How long requests in progress may take once the process is told to stop; all of it has 5 s (design 15)."""

LISTENER_CHECK_S = 15.0
"""How often a listener asks whether its connection still lives: a host that vanishes does not say so."""


class PortInUse(Exception):
    """Somebody else listens there, or the address is not ours; the message is for people."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the process, which stops the server together with everything else."""
        yield


def open_socket(host: str, port: int, *, setting: str = "--port or BOREAL_PORT") -> socket.socket:
    """The socket to listen on, bound; raises `PortInUse`. `setting` is where another port can be chosen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortInUse(f"cannot listen on {host}:{port}: {error.strerror}; choose another with {setting}") from error
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
        timeout_graceful_shutdown=STOP_S,  # type: ignore[arg-type]  # it goes to `asyncio.wait_for`
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


async def interruptible(main: Coroutine[Any, Any, None]) -> bool:
    """Runs `main` until it ends, or cancels it at the first SIGINT or SIGTERM; says whether it was a signal.

    What `main` entered is left in order either way. Further signals are ignored: stopping takes seconds at most.
    """
    task = asyncio.current_task()
    assert task is not None
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await main
    except asyncio.CancelledError:
        if not stopped:
            raise
    return stopped


async def hear_revocations(app: App) -> None:
    """Listens for revoked tokens as long as it runs; while the listener is lost, nothing is remembered."""
    while True:
        with suppress(*FAILURES):
            async with app.database.listening(Authenticator.CHANNEL, app.authenticator.forget) as connection:
                app.authenticator.hear(True)
                await _closed(connection)
        app.authenticator.hear(False)
        await asyncio.sleep(1)


async def hear_work(app: App) -> None:
    """Wakes this process when another one has written work: its worker, and who watches a checkout."""

    def hear(concerns: str) -> None:
        app.wakeups.wake_here(concerns.split())

    while True:
        with suppress(*FAILURES):
            async with app.database.listening(Wakeups.CHANNEL, hear) as connection:
                app.wakeups.wake_here()  # for what was written while nobody listened
                await _closed(connection)
        await asyncio.sleep(1)


def tell_others(app: App) -> None:
    """Other processes hear of work that this one writes."""

    async def notify(concerns: Collection[str]) -> None:
        await app.database.execute(NOTIFY, concerns=" ".join(concerns))

    app.wakeups.tell_others(notify)


async def _closed(connection: asyncpg.Connection) -> None:
    """Returns when the connection is lost, or raises what it is lost by."""
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _connection: lost.set())
    while not lost.is_set() and not connection.is_closed():
        with suppress(TimeoutError):
            async with asyncio.timeout(LISTENER_CHECK_S):
                await lost.wait()
                return
        await connection.execute("SELECT", timeout=LISTENER_CHECK_S)


async def every(seconds: float, action: Callable[[], Awaitable[None]]) -> None:
    """Runs an action at intervals; a failure is logged and the next interval tries again."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await action()
        except Exception as error:
            _log.error("periodic_action_failed", exc_info=error)
