"""Processes that never outlive us.

On Linux the kernel interrupts the child when the thread that started it ends, however that happens. Elsewhere a
watchdog, a shell that reads from a pipe which only we hold open, does the same when the pipe closes.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from time import monotonic

from boreal.kit.postgres.account import Account

HAS_PARENT_DEATH_SIGNAL = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if HAS_PARENT_DEATH_SIGNAL else None
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}


class Child:
    """A running program. `log` receives what it prints; the descriptors in `keep_open` stay open in it."""

    def __init__(self, command: Sequence[str], *, account: Account, log: int, keep_open: Sequence[int] = ()) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("a child has to be started from the main thread: it is interrupted when its thread ends")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_ENVIRONMENT,
            start_new_session=True,  # Ctrl-C in a terminal is for us; we end the child in our own time
            pass_fds=keep_open,
            preexec_fn=_interrupt_with_parent(os.getpid()) if HAS_PARENT_DEATH_SIGNAL else None,  # after the new user
            **account.identity(),
        )
        self._watchdog = None if HAS_PARENT_DEATH_SIGNAL else _Watchdog(self._process.pid, account)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status; None while it runs."""
        return self._process.poll()

    async def ends_within(self, seconds: float) -> bool:
        """Waits for the end, at most so long, and says whether it came."""
        return await happens(lambda: self.status is not None, within_s=seconds)

    async def end(self, *steps: tuple[signal.Signals, float]) -> None:
        """It has ended: by itself, by the first of these signals that works within its seconds, or killed."""
        for number, seconds in (*steps, (signal.SIGKILL, 5.0)):
            if self.status is not None:
                break
            self._process.send_signal(number)
            await self.ends_within(seconds)
        if self._watchdog:
            self._watchdog.dismiss()
            self._watchdog = None


async def happens(condition: Callable[[], bool], *, within_s: float) -> bool:
    """Waits until `condition` holds, at most so long, and says whether it does."""
    deadline = monotonic() + within_s
    while not condition():
        if monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True


def _interrupt_with_parent(parent: int) -> Callable[[], None]:
    def arrange() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
        if os.getppid() != parent:  # it has died already, and no signal will come
            os._exit(1)

    return arrange


class _Watchdog:
    """A shell that interrupts a process as soon as we are gone."""

    def __init__(self, watched: int, account: Account) -> None:
        reading, self._held = os.pipe()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; kill -INT "$1"', "sh", str(watched)],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            **account.identity(),
        )
        os.close(reading)

    def dismiss(self) -> None:
        """Ends the watch."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            os.close(self._held)
