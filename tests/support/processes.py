"""Commands of `boreal` in processes of their own, as people run them, and what is left of them.

with running(folder, "demo", "--port", "0") as boreal:
    await boreal.says("is ready on")
    ...
"""

import asyncio
import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

COMMAND = [sys.executable, "-m", "boreal"]

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A new folder directly below /tmp that the user of an embedded PostgreSQL may enter."""
    folder = Path(tempfile.mkdtemp(prefix="boreal-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment(**values: str) -> dict[str, str]:
    """The environment of a process: ours, without any setting of Boreal but these."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("BOREAL_")}
    for name in ("DATABASE_URL", "PYTHONDONTWRITEBYTECODE"):
        ours.pop(name, None)
    return {**ours, "BOREAL_SHARED_BUFFERS_MB": "16", **values}


def run(*arguments: str, **values: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself, with what it printed."""
    command = [*COMMAND, *arguments]
    return subprocess.run(command, env=environment(**values), capture_output=True, text=True, timeout=110)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def command_of(pid: int) -> str:
    """How the process was called; nothing for one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


async def gone(pids: list[int], *, within_s: float) -> bool:
    """Whether all of them have ended within so many seconds."""
    deadline = monotonic() + within_s
    while any(is_alive(pid) for pid in pids):
        if monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


@dataclass
class Running:
    """A process of `boreal`, and where it writes what it says and what it logs."""

    process: subprocess.Popen[bytes]
    output: Path
    log: Path

    @property
    def said(self) -> str:
        """Everything that it has written so far."""
        return self.output.read_text() + self.log.read_text()

    async def says(self, pattern: str, *, within_s: float = 60.0) -> re.Match[str]:
        """Waits until it has written something that matches."""
        deadline = monotonic() + within_s
        while (found := re.search(pattern, self.said)) is None:
            assert self.process.poll() is None and monotonic() < deadline, self.said
            await asyncio.sleep(0.02)
        return found

    def family(self) -> list[int]:
        """It and its descendants, such as the embedded PostgreSQL."""
        return family(self.process.pid)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Its exit status once it was asked to stop, and how many seconds it took until nothing of it was left."""
        members, started = self.family(), monotonic()
        self.process.send_signal(number)
        await asyncio.to_thread(self.process.wait, 20)
        assert await gone(members, within_s=5), self.said
        return self.process.returncode, monotonic() - started

    def kill(self, *pids: int) -> None:
        """SIGKILL for these processes, or for all of its family."""
        for pid in pids or self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process.pid in pids or not pids:
            self.process.wait()


@contextlib.contextmanager
def running(folder: Path, *arguments: str, **values: str) -> Iterator[Running]:
    """Starts a command that runs until it is stopped, and ends with the block at the latest. It writes to `folder`."""
    name = folder / f"{arguments[0]}-{monotonic()}"
    output, log = name.with_suffix(".out"), name.with_suffix(".log")
    with output.open("wb") as out, log.open("wb") as err:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=environment(**values),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            preexec_fn=_die_with_parent,
        )
    started = Running(process, output, log)
    try:
        yield started
    finally:
        started.kill()


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
