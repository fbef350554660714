"""The launcher: one PostgreSQL server on one data directory, for as long as we live.

What it keeps is in `postgres/` of the data directory:

    data/          the database cluster; belongs to the user who runs the server
    socket/        where the server listens, 0700; there is no TCP port
    log            what the server says
    hba.conf       who may connect: the operating system vouches for the user, nobody else gets in
    ident.conf
    lock           held by the Boreal that uses this data directory
    server.lock    held by the server itself, through a descriptor that it inherits

The two locks tell apart what a process id cannot: another Boreal at work, a server left over from a Boreal that was
killed, and a number in `postmaster.pid` that means nothing any more. After SIGKILL of anything the next start waits for
leftovers to end, and PostgreSQL recovers what was committed.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import asyncpg

from boreal.kit.postgres.account import PostgresFailed, server_account, user_name
from boreal.kit.postgres.binaries import SHARED, binaries
from boreal.kit.postgres.children import Child, happens

DATABASE = "boreal"
SETTINGS = {
    "listen_addresses": "",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "max_wal_size": "4GB",
    "shared_buffers": "512MB",
    "timezone": "UTC",
    "unix_socket_permissions": "0700",
}

_PORT = 5432  # a part of the socket's name, nothing more
_LONGEST_SOCKET = 100  # bytes; the smallest limit of a supported system is 104
_LARGEST_LOG = 10_000_000  # bytes
_INITIALISED_WITHIN_S = 120
_READY_WITHIN_S = 300  # recovery may have 4 GB to replay
_RESTARTS = 6


def default_data_dir() -> Path:
    """Where Boreal keeps its data unless told otherwise: a place of the system for root, else one of the user's."""
    if os.geteuid() == 0:
        return SHARED
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "boreal"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "boreal"


class EmbeddedPostgres:
    """A PostgreSQL server of our own on `data_dir`, which is made if it is missing.

    `settings` go to the server and win over `SETTINGS`. As root the server runs as another user, who must be able to
    enter every folder above `data_dir`. All methods raise `PostgresFailed` with a message for people.
    """

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self._home = self.data_dir / "postgres"
        self._data = self._home / "data"
        self._log = self._home / "log"
        self._socket = _socket_directory(self._home)
        self._settings = {
            **SETTINGS,
            "hba_file": str(self._home / "hba.conf"),
            "ident_file": str(self._home / "ident.conf"),
            "unix_socket_directories": f'"{self._socket}"',
            **(settings or {}),
        }
        self._lock: int | None = None
        self._server: Child | None = None

    @property
    def dsn(self) -> str:
        """How to connect, as the superuser of the server, to the database `boreal`."""
        return self._dsn_of(DATABASE)

    @property
    def pid(self) -> int | None:
        """The process id of the server; None while it is not started."""
        return self._server.pid if self._server else None

    async def start(self) -> str:
        """The server is ready and has an (empty or earlier) database `boreal`; returns its DSN.

        Takes about a second on a new data directory. Must be called from the main thread.
        """
        try:
            self._account = server_account(self._data)
            self._prepare_folders()
            self._lock = self._take_lock()
            await self._boot()
            await self._ensure_database()
        except (OSError, asyncpg.PostgresError) as error:
            await self.stop()
            raise PostgresFailed(f"cannot run PostgreSQL on {self.data_dir}: {error}") from error
        except BaseException:
            await self.stop()
            raise
        return self.dsn

    async def stop(self) -> None:
        """The server has ended, in under three seconds, and the data directory is free. Harmless when not started."""
        server, self._server = self._server, None
        if server:
            await server.end((signal.SIGINT, 2.0), (signal.SIGQUIT, 0.7))
        if self._lock is not None:
            if not self._socket.is_relative_to(self._home):
                shutil.rmtree(self._socket, ignore_errors=True)
            os.close(self._lock)
            self._lock = None

    async def keep_running(self) -> None:
        """Starts the server again whenever it ends by itself. Cancel it before `stop`.

        A start may fail because the server was killed again before it was ready; the error of the last of
        `_RESTARTS` in a row is raised.
        """
        failures = 0
        while self._server:
            if self._server.status is not None:
                await self._server.end()
                try:
                    await self._boot()
                    failures = 0
                except PostgresFailed:
                    failures += 1
                    if failures == _RESTARTS:
                        raise
            await asyncio.sleep(0.2 * 2**failures)

    def _prepare_folders(self) -> None:
        account = self._account
        ancestor = next(path for path in self.data_dir.parents if path.exists())
        if blocker := account.blocked_at(ancestor):
            raise self._cannot_enter(blocker)
        self.data_dir.mkdir(mode=0o711 if account.dropped else 0o700, parents=True, exist_ok=True)
        self._home.mkdir(mode=0o700, exist_ok=True)
        account.share(self._home, mode=0o710 if account.dropped else 0o700)
        blocker = account.blocked_at(self._home)
        if blocker == self.data_dir and self.data_dir.stat().st_uid == os.geteuid():
            account.share(self.data_dir, mode=stat.S_IMODE(self.data_dir.stat().st_mode) | 0o010)
            blocker = account.blocked_at(self._home)
        if blocker:
            raise self._cannot_enter(blocker)

    def _cannot_enter(self, folder: Path) -> PostgresFailed:
        return PostgresFailed(
            f"PostgreSQL runs as the user {self._account.name}, who may not enter {folder}: choose a data directory "
            f"outside of it, or let others pass (chmod o+x {folder})"
        )

    def _take_lock(self) -> int:
        lock = _locked(self._home / "lock")
        if lock is None:
            holder = (self._home / "lock").read_text().strip() or "unknown"
            raise PostgresFailed(f"another Boreal (process {holder}) is using {self.data_dir}: stop it first")
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        return lock

    async def _boot(self) -> None:
        """The server runs and accepts connections; its data exists."""
        server_lock = await self._wait_for_leftovers()
        log = _opened_log(self._log)
        try:
            programs = binaries(self._account)
            if not self._data.exists():
                await self._initialise(programs, log, server_lock)
            self._write_access_rules()
            self._prepare_socket()
            for note in (self._data / "postmaster.pid", *self._socket.iterdir()):
                note.unlink(missing_ok=True)  # stale, since we hold the server's lock, whatever its number says
            options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
            command = [str(programs / "postgres"), "-D", str(self._data), *options]
            said = self._log.stat().st_size
            self._server = Child(command, account=self._account, log=log, keep_open=[server_lock])
        finally:
            os.close(log)
            os.close(server_lock)
        server = self._server
        if not await happens(lambda: self._is_ready() or server.status is not None, within_s=_READY_WITHIN_S):
            raise PostgresFailed(f"PostgreSQL is not ready after {_READY_WITHIN_S} s. {self._last_words(said)}")
        if server.status is not None:
            raise PostgresFailed(f"PostgreSQL ended with status {server.status}. {self._last_words(said)}")

    async def _wait_for_leftovers(self) -> int:
        """Returns the server's lock once no process of an earlier server holds it."""
        path = self._home / "server.lock"
        for number, seconds in ((None, 3.0), (signal.SIGINT, 4.0), (signal.SIGQUIT, 6.0)):
            leftover = self._recorded_pid()
            if number and leftover:
                with contextlib.suppress(ProcessLookupError):  # then its last children are on their way out
                    os.kill(leftover, number)
            if await happens(lambda: _is_free(path), within_s=seconds) and (lock := _locked(path)) is not None:
                return lock
        raise PostgresFailed(f"a server from an earlier start (process {self._recorded_pid()}) does not end: stop it")

    async def _initialise(self, programs: Path, log: int, server_lock: int) -> None:
        """Makes the cluster under another name first, so that `data` is complete or absent."""
        making = self._home / "data.new"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        self._account.own(making, mode=0o700)
        said = self._log.stat().st_size
        command = [str(programs / "initdb"), f"--pgdata={making}", f"--username={DATABASE}", "--encoding=UTF8"]
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums"]
        command += ["--auth-local=peer", "--auth-host=reject", "--no-instructions"]
        initdb = Child(command, account=self._account, log=log, keep_open=[server_lock])
        try:
            await initdb.ends_within(_INITIALISED_WITHIN_S)
            if initdb.status != 0:
                raise PostgresFailed(f"initdb failed with status {initdb.status}. {self._last_words(said)}")
        finally:
            await initdb.end((signal.SIGINT, 1.0))
        making.rename(self._data)

    def _write_access_rules(self) -> None:
        users = dict.fromkeys((self._account.name, user_name(os.geteuid())))
        rules = {
            "hba.conf": f"local all {DATABASE} peer map=boreal\n",
            "ident.conf": "".join(f'boreal "{user}" {DATABASE}\n' for user in users),
        }
        for name, text in rules.items():
            (self._home / name).write_text(text)
            self._account.share(self._home / name, mode=0o640)

    def _prepare_socket(self) -> None:
        self._socket.mkdir(mode=0o700, exist_ok=True)
        found = self._socket.lstat()  # below /tmp anybody may have made it
        ours = self._socket.is_relative_to(self._home) or found.st_uid in (os.geteuid(), self._account.uid)
        if not stat.S_ISDIR(found.st_mode) or not ours:
            raise PostgresFailed(f"{self._socket} is in the way and belongs to {user_name(found.st_uid)}: remove it")
        self._account.own(self._socket, mode=0o700)

    async def _ensure_database(self) -> None:
        connection = await asyncpg.connect(self._dsn_of("postgres"))
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close()

    def _recorded_pid(self) -> int | None:
        lines = self._status_lines()
        return int(lines[0]) if lines and lines[0].isdigit() else None

    def _is_ready(self) -> bool:
        lines = self._status_lines()
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _status_lines(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _last_words(self, start: int) -> str:
        with self._log.open("rb") as log:
            log.seek(start)
            lines = log.read().decode(errors="replace").strip().splitlines()
        return "\n".join([f"The end of its log, {self._log}:", *lines[-15:]])

    def _dsn_of(self, database: str) -> str:
        return f"postgresql://{DATABASE}@/{database}?host={quote(str(self._socket))}&port={_PORT}"


def _socket_directory(home: Path) -> Path:
    """Beside the data where a socket and a DSN can hold the name (a comma would separate hosts), else below /tmp."""
    beside = home / "socket"
    if re.fullmatch(r"[\w./-]+", str(beside), re.ASCII) and len(f"{beside}/.s.PGSQL.{_PORT}") <= _LONGEST_SOCKET:
        return beside
    return Path("/tmp") / f"boreal-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def _locked(path: Path) -> int | None:
    """A descriptor that holds the lock on `path`; None where another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _is_free(path: Path) -> bool:
    lock = _locked(path)
    if lock is not None:
        os.close(lock)
    return lock is not None


def _opened_log(path: Path) -> int:
    if path.exists() and path.stat().st_size > _LARGEST_LOG:
        path.replace(path.with_suffix(".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
