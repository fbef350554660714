"""Backups: one file that holds everything in the database, taken while everything runs, and its way back.

The file is a line of JSON (`Header`), then what `pg_dump` writes in its custom format, compressed, all of one moment.
The secret keys are elsewhere, so that who finds a backup cannot read the secrets in it; with `keys` they are in the
header. `pg_dump`, `pg_restore` and `psql` are those of the embedded PostgreSQL, also for a server of one's own.

A restore begins with a look at the digest in the header, since `pg_restore` does not notice every file that was cut
short, and happens in one transaction: the database is as it was in the backup, or as it was before.
"""

import asyncio
import hashlib
import json
import os
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from boreal.kit.migrations import current_revision, heads, older_revisions
from boreal.kit.postgres.account import Account, user_name
from boreal.kit.postgres.binaries import binaries
from boreal.kit.secrets import Keyring

FORMAT = "boreal-backup"
FORMAT_VERSION = 1

LOCK_TIMEOUT_S = 10

_LONGEST_HEADER = 1_000_000  # bytes
_PART_BYTES = 1 << 20
_PROLOGUE_LINES = 60

_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'boreal%'
"""
_EMPTY = f"""
    SET lock_timeout = '{LOCK_TIMEOUT_S}s';
    SET client_min_messages = warning;
    DROP SCHEMA IF EXISTS public CASCADE;
"""  # the dump makes the schema


class BackupFailed(Exception):
    """A backup cannot be made or restored; the message is for people. Nothing has changed."""


@dataclass(frozen=True)
class Header:
    """What a backup says about itself. `key_fingerprint` tells the keys that its secrets were made with."""

    version: str
    revision: str
    created_at: str
    key_fingerprint: str
    keys: str | None = None
    digest: str = "0" * hashlib.sha256().digest_size * 2

    def line(self) -> bytes:
        """The first line of the file; as long with any digest."""
        return json.dumps({"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}).encode() + b"\n"


async def back_up(dsn: str, file: Path, *, keys: str, with_keys: bool, now: datetime) -> Header:
    """Writes a backup of the database to `file`, mode 0600, complete or not at all. `keys` is the key file's text.

    Raises `BackupFailed`, also where `file` exists.
    """
    connection = await asyncpg.connect(dsn)
    try:
        revision = await current_revision(connection)
    finally:
        await connection.close()
    if revision is None:
        raise BackupFailed("the database is empty; there is nothing to back up")
    header = Header(
        version=version("boreal"),
        revision=revision,
        created_at=now.isoformat(),
        key_fingerprint=Keyring.of(keys).fingerprint,
        keys=keys if with_keys else None,
    )
    with _beside(file) as written:
        written.write(header.line())
        header = replace(header, digest=await _dump(dsn, written))
        written.seek(0)
        written.write(header.line())
    return header


def read_header(file: Path) -> Header:
    """What a backup says about itself. Raises `BackupFailed` for any other file, and for one of a newer Boreal."""
    try:
        with file.open("rb") as opened:
            line = opened.readline(_LONGEST_HEADER)
    except OSError as error:
        raise BackupFailed(f"cannot read {file}: {error.strerror}") from error
    try:
        said = json.loads(line)
        found = (said.pop("format"), said.pop("format_version"))
        if found != (FORMAT, FORMAT_VERSION):
            raise BackupFailed(f"{file} is a backup of format {found[1]}, which this version of Boreal does not know")
        header = Header(**said)
    except (ValueError, TypeError, AttributeError, KeyError):
        raise BackupFailed(f"{file} is not a backup of Boreal") from None
    if header.revision not in {*heads(), *older_revisions()}:
        raise BackupFailed(
            f"{file} was made by Boreal {header.version}, which is newer (its schema is {header.revision}): "
            "restore it with that version"
        )
    return header


async def restore(dsn: str, file: Path, *, force: bool) -> Header:
    """The database is what it was when the backup was made; its schema is still the one of then.

    Refuses a database that has tables unless `force`, which drops them, and one that a Boreal is connected to. Raises
    `BackupFailed`.
    """
    header = read_header(file)
    if await asyncio.to_thread(_digest, file) != header.digest:
        raise BackupFailed(f"{file} is damaged or incomplete")
    connection = await asyncpg.connect(dsn)
    try:
        if await connection.fetchval(_TABLES) and not force:
            raise BackupFailed("the database is not empty; --force replaces everything in it")
        if await connection.fetchval(_OTHERS):
            raise BackupFailed("a Boreal is using the database; stop it first")
    finally:
        await connection.close()
    await _load(dsn, file)
    return header


@contextmanager
def _beside(file: Path) -> Iterator[IO[bytes]]:
    """A new file, which takes its name when the block is through, and is gone if it fails."""
    if file.exists():
        raise BackupFailed(f"{file} exists already; choose another name")
    partial = file.with_name(f".{file.name}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as written:
            yield written
            written.flush()
            os.fsync(written.fileno())
        partial.rename(file)
    except OSError as error:
        raise BackupFailed(f"cannot write {file}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _digest(file: Path) -> str:
    """The digest of all but the first line."""
    with file.open("rb") as opened:
        opened.readline(_LONGEST_HEADER)
        return hashlib.file_digest(opened, "sha256").hexdigest()


async def _dump(dsn: str, written: IO[bytes]) -> str:
    """Writes the dump and returns its digest."""
    command = [_program("pg_dump"), f"--dbname={_without_password(dsn)}", "--format=custom", "--schema=public"]
    command += ["--no-owner", "--no-privileges", f"--lock-wait-timeout={LOCK_TIMEOUT_S}s"]
    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as said:
        async with _running(command, env=_environment(dsn), stdout=PIPE, stderr=said) as dumping:
            assert dumping.stdout is not None
            while part := await dumping.stdout.read(_PART_BYTES):
                digest.update(part)
                written.write(part)
            if await dumping.wait():
                raise BackupFailed(f"the backup failed: {_told(said)}")
    return digest.hexdigest()


async def _load(dsn: str, file: Path) -> None:
    """Runs the dump as SQL, after what empties the database, in one transaction."""
    read = [_program("pg_restore"), "--file=-", "--no-owner", "--no-privileges"]
    run = [_program("psql"), f"--dbname={_without_password(dsn)}", "--file=-", "--single-transaction", "--no-psqlrc"]
    run += ["--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1"]
    with tempfile.TemporaryFile() as said, file.open("rb") as dump:
        dump.readline()
        os.lseek(dump.fileno(), dump.tell(), os.SEEK_SET)  # where the program that reads it goes on
        async with (
            _running(read, stdin=dump, stdout=PIPE, stderr=said) as reader,
            _running(run, env=_environment(dsn), stdin=PIPE, stderr=said) as runner,
        ):
            assert reader.stdout is not None and runner.stdin is not None
            with suppress(ConnectionError):  # the runner has ended and said why
                runner.stdin.write(_EMPTY.encode())
                await _pass_on(reader.stdout, runner.stdin)
                if await reader.wait() == 0:  # else the runner must not take this for the end of the dump
                    runner.stdin.close()
                    await runner.wait()
        if reader.returncode or runner.returncode:
            raise BackupFailed(f"the restore failed, and the database is as it was: {_told(said)}")


@asynccontextmanager
async def _running(command: Sequence[str], **options: Any) -> AsyncIterator[Process]:
    """A program while the block runs; killed if it has not ended by then."""
    process = await asyncio.create_subprocess_exec(*command, **options)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _pass_on(script: asyncio.StreamReader, runner: asyncio.StreamWriter) -> None:
    """Hands the script over, without a setting that is news to PostgreSQL 15 and 16 and has its default value here."""
    for _ in range(_PROLOGUE_LINES):
        line = await script.readline()
        if not line.startswith(b"SET transaction_timeout"):
            runner.write(line)
    while part := await script.read(_PART_BYTES):
        runner.write(part)
        await runner.drain()


def _program(name: str) -> str:
    us = Account(user_name(os.geteuid()), os.geteuid(), os.getegid(), dropped=False)
    return str(binaries(us) / name)


def _without_password(dsn: str) -> str:
    """The DSN for a command line, which everybody on this machine can read."""
    parts = urlsplit(dsn)
    user, at, hosts = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=user.partition(":")[0] + at + hosts))


def _environment(dsn: str) -> Mapping[str, str]:
    user, _, _ = urlsplit(dsn).netloc.rpartition("@")
    _, colon, password = user.partition(":")
    return {**os.environ, "LC_ALL": "C", **({"PGPASSWORD": unquote(password)} if colon else {})}


def _told(said: IO[bytes]) -> str:
    """The first line that a program wrote, without its own name before it."""
    said.seek(0)
    lines = said.read().decode(errors="replace").strip().splitlines() or ["without saying why"]
    return next((line for line in lines if "error:" in line or "ERROR:" in line), lines[0]).removeprefix("pg_dump: ")
