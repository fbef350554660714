"""The commands: what they say, and one readable line with the right exit status where something is wrong."""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from boreal.kit import migrations
from boreal.main import Root
from boreal.surfaces.cli import running
from boreal.surfaces.cli.app import commands
from tests.support.postgres import create_database, drop_database
from tests.support.processes import run, short_folder

Boreal = Callable[..., Result]
NAME = f"boreal_cli_{os.getpid()}"
NOWHERE = "postgresql://ada:hush@127.0.0.1:1/boreal"


@pytest.fixture
def boreal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Boreal]:
    """Runs a command in this process, with only the settings that are given."""
    monkeypatch.setattr(running, "configure_logs", lambda **options: None)
    for name in [name for name in os.environ if name.startswith("BOREAL_")]:
        monkeypatch.delenv(name)
    cli = commands(Root())

    def call(*arguments: str, **values: str) -> Result:
        return CliRunner().invoke(cli, arguments, env={"DATABASE_URL": "", **values})

    with capture_logs():
        yield call


@pytest.fixture(scope="module")
async def migrated() -> Any:
    """A database that this module may use, migrated."""
    await drop_database(NAME)
    dsn = await create_database(NAME)
    await migrations.migrate(dsn)
    yield dsn
    await drop_database(NAME)


@pytest.fixture(scope="module")
def used(migrated: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of an installation on that database."""
    return {"DATABASE_URL": migrated, "BOREAL_DATA_DIR": str(tmp_path_factory.mktemp("cli"))}


def sql(dsn: str, *statements: str) -> Any:
    """Runs statements behind everybody's back; returns the first value of the last."""

    async def each() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            return [await connection.fetchval(statement) for statement in statements][-1]
        finally:
            await connection.close()

    return asyncio.run(each())


def refused(result: Result, *words: str, status: int = 1) -> None:
    """The command ended with this status and one line on standard error, which has these words."""
    assert result.exit_code == status, (result.output, result.exception)
    assert result.stdout == ""
    assert result.stderr.startswith("boreal: ") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr, result.stderr


@pytest.mark.parametrize("command", ["up", "serve", "worker", "demo", "migrate", "check"])
def test_an_unknown_setting_is_named(boreal: Boreal, command: str) -> None:
    refused(boreal(command, BOREAL_PROT="80"), "BOREAL_PROT is not a setting", status=2)


WRONG = {
    "BOREAL_PORT": "80000",
    "BOREAL_LOG_LEVEL": "loud",
    "BOREAL_MAIL": "smtp",
    "BOREAL_METRICS": "9464",
    "BOREAL_ENVIRONMENT": "production",
    "DATABASE_URL": "mysql://localhost/boreal",
}


@pytest.mark.parametrize(("variable", "value"), WRONG.items())
def test_a_wrong_setting_is_named(boreal: Boreal, variable: str, value: str) -> None:
    named = {"BOREAL_MAIL": "BOREAL_SMTP_URL", "BOREAL_ENVIRONMENT": "BOREAL_PAYMENTS"}.get(variable, variable)
    refused(boreal("up", **{variable: value}), named, status=2)


def test_a_wrong_option_is_refused(boreal: Boreal) -> None:
    assert boreal("up", "--port", "80000").exit_code == 2


def test_a_real_process_says_one_line_too() -> None:
    said = run("up", BOREAL_PROT="80")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == "boreal: BOREAL_PROT is not a setting of Boreal\n"


def test_a_port_in_use(boreal: Boreal, used: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(boreal("up", "--port", str(port), **used), f"127.0.0.1:{port}", "in use", "--port")
        refused(boreal("worker", **used, BOREAL_METRICS=f"127.0.0.1:{port}"), f"127.0.0.1:{port}", "BOREAL_METRICS")


def test_a_database_that_is_down(boreal: Boreal, tmp_path: Path) -> None:
    result = boreal("up", "--port", "0", DATABASE_URL=NOWHERE, BOREAL_DATA_DIR=str(tmp_path))
    refused(result, "127.0.0.1:1/boreal", "DATABASE_URL", "refused")
    assert "hush" not in result.stderr


def test_a_database_that_does_not_exist(boreal: Boreal, used: dict[str, str]) -> None:
    elsewhere = used["DATABASE_URL"].replace(NAME, "nowhere")
    refused(boreal("check", **{**used, "DATABASE_URL": elsewhere}), '"nowhere" does not exist')


def test_a_database_that_is_too_old(boreal: Boreal, used: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "MINIMUM_SERVER_VERSION", 99)
    refused(boreal("up", "--port", "0", **used), "is too old: Boreal needs 99 or later")


def test_a_schema_of_a_newer_version(boreal: Boreal, used: dict[str, str]) -> None:
    head = migrations.heads()[0]
    sql(used["DATABASE_URL"], "UPDATE alembic_version SET version_num = '9999_from_the_future'")
    try:
        refused(boreal("up", "--port", "0", **used), "9999_from_the_future", "newer")
    finally:
        sql(used["DATABASE_URL"], f"UPDATE alembic_version SET version_num = '{head}'")


def test_a_place_where_nothing_can_be_made(boreal: Boreal, used: dict[str, str]) -> None:
    """In /proc not even root can."""
    refused(boreal("check", "--data-dir", "/proc/none/data"), "cannot run PostgreSQL on /proc/none/data: ")
    refused(boreal("check", **used, BOREAL_KEY_FILE="/proc/none/keys"), "cannot make the key file /proc/none/keys: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_where_we_may_not_write(boreal: Boreal, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    refused(boreal("check", "--data-dir", str(tmp_path / "data")), "ermission denied")


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system with room for less than a database."""
    with short_folder() as place:
        command = ["mount", "-t", "tmpfs", "-o", "size=30m,mode=711", "tmpfs", str(place)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
            pytest.skip("NOT TESTED: a full disk. Only root, where mounting is allowed, can make a small one.")
        yield place
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_breaks_nothing(boreal: Boreal, small_disk: Path) -> None:
    data, filler = str(small_disk / "data"), small_disk / "filler"
    refused(boreal("migrate", "--data-dir", data), "No space left on device")
    subprocess.run(["mount", "-o", "remount,size=400m", str(small_disk)], check=True)
    assert boreal("migrate", "--data-dir", data, BOREAL_SHARED_BUFFERS_MB="16").exit_code == 0
    free = shutil.disk_usage(small_disk).free
    filler.write_bytes(bytes(free // 2))
    subprocess.run(["sh", "-c", f"cat /dev/zero >> {filler}"], capture_output=True)
    refused(boreal("check", "--data-dir", data, BOREAL_SHARED_BUFFERS_MB="16"), "No space left on device")
    filler.unlink()
    result = boreal("check", "--data-dir", data, BOREAL_SHARED_BUFFERS_MB="16")
    assert result.exit_code == 0, result.output


def test_the_document_needs_neither_database_nor_disk() -> None:
    said = run("openapi", DATABASE_URL=NOWHERE, BOREAL_DATA_DIR="/proc/none")
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["openapi"].startswith("3.")


UNPRICED = """
    INSERT INTO products (id, created_at, organization_id, name, is_archived, metadata)
    VALUES (gen_random_uuid(), now(), '%s', 'Nothing', false, '{}')
"""


def test_a_shop_is_checked_and_given_tokens(boreal: Boreal, used: dict[str, str]) -> None:
    dsn = used["DATABASE_URL"]
    id = UUID(boreal("organization", "create", "Acme", "acme", **used).stdout.strip())
    refused(boreal("organization", "create", "Acme", "acme", **used), "the slug 'acme' was used before")
    refused(boreal("organization", "create", "Acme", "A B", **used), "'A B' cannot be a slug")
    refused(boreal("token", "create", "nobody", **used), "there is no organization 'nobody'")
    for name in ("acme", str(id)):
        made = boreal("token", "create", name, "--scope", "orders:read", "--comment", "till", **used)
        assert (made.exit_code, made.stderr) == (0, "")
        assert re.fullmatch(r"polar_oat_[0-9A-Za-z]{43}\n", made.stdout)
    assert sql(dsn, "SELECT array_agg(DISTINCT scopes) FROM organization_access_tokens") == [["orders:read"]]
    held = boreal("check", **used)
    assert (held.exit_code, held.stdout) == (0, "Every invariant holds.\n")
    sql(dsn, UNPRICED % id)
    assert boreal("check", "usage", **used).exit_code == 0, "what is broken is in another room"
    refused(boreal("check", "cellar", **used), "there is no room cellar; rooms are ")
    broken = boreal("check", **used)
    assert broken.exit_code == 1
    assert broken.stdout.startswith("BROKEN catalog: a product has a live price: 1 rows, such as {'id': ")
    assert broken.stderr == "boreal: 1 invariants do not hold\n"
    sql(dsn, "DELETE FROM products")


def test_a_used_database_is_not_given_new_keys(boreal: Boreal, used: dict[str, str], tmp_path: Path) -> None:
    refused(boreal("check", **{**used, "BOREAL_DATA_DIR": str(tmp_path)}), f"{tmp_path}/keys is missing")
    assert list(tmp_path.iterdir()) == []


def test_the_keys_of_another_installation_are_refused(boreal: Boreal, used: dict[str, str], tmp_path: Path) -> None:
    assert boreal("check", **used).exit_code == 0
    other = tmp_path / "keys"
    other.write_text(f"k1 {'B' * 43}=\n")
    refused(boreal("check", **{**used, "BOREAL_KEY_FILE": str(other)}), "the key file holds other keys than those")
    own = Path(used["BOREAL_DATA_DIR"], "keys").read_text()
    other.write_text(f"{own}k2 {'B' * 43}=\n")
    assert boreal("check", **{**used, "BOREAL_KEY_FILE": str(other)}).exit_code == 0, "a key was added"
    (tmp_path / "keys").write_text("k1 AAAA\n")
    refused(boreal("check", **{**used, "BOREAL_DATA_DIR": str(tmp_path)}), "something else than keys")


GIVEN_UP = """
    INSERT INTO work (organization_id, queue, kind, payload, due_at, created_at, attempts, failed_at, last_error)
    SELECT gen_random_uuid(), 'mail', 'send_order_mail', '{}', now(), now(), 20, now(), 'SmtpRefused: no, ' || number
    FROM generate_series(1, 3) AS number RETURNING id
"""


def test_work_that_was_given_up_is_listed_and_done_again(boreal: Boreal, used: dict[str, str]) -> None:
    dsn, due = used["DATABASE_URL"], "SELECT count(*) FROM work WHERE kind = 'send_order_mail' AND failed_at IS NULL"
    first = sql(dsn, GIVEN_UP)
    listed = boreal("work", "list", **used)
    rows = [line.split("\t") for line in listed.stdout.splitlines()]
    assert [row[0] for row in rows] == [str(first + number) for number in range(3)]
    assert [row[2:] for row in rows] == [["send_order_mail", f"SmtpRefused: no, {number}"] for number in (1, 2, 3)]
    assert boreal("work", "retry", str(first), **used).stdout == "1 due again\n"
    assert sql(dsn, due) == 1
    assert boreal("work", "retry", **used).stdout == "2 due again\n"
    assert (sql(dsn, due), boreal("work", "list", **used).stdout) == (3, "")
    refused(boreal("work", "retry", "1000000", **used), "no work 1000000 was given up")


def test_a_test_clock(boreal: Boreal, used: dict[str, str]) -> None:
    boreal("organization", "create", "Acme", "acme-clock", **used)
    refused(boreal("clock", "show", "acme-clock", **used), "acme-clock has no test clock")
    assert boreal("clock", "create", "acme-clock", "2027-01-31", **used).stdout == "2027-01-31 00:00:00 UTC\n"
    refused(boreal("clock", "advance", "acme-clock", "2026-01-01", **used), "only moves forward")
    assert boreal("clock", "show", "acme-clock", **used).stdout == "2027-01-31 00:00:00 UTC\n"
    assert boreal("clock", "remove", "acme-clock", **used).stdout == "Removed.\n"


def test_events_are_exported_behind_what_is_there(boreal: Boreal, used: dict[str, str], tmp_path: Path) -> None:
    boreal("organization", "create", "Acme", "acme-events", **used)
    file = tmp_path / "events.jsonl"
    file.write_text("kept\n")
    said = boreal("events", "export", "acme-events", str(file), **used).stdout
    assert said.startswith("0 events. Next time: --after ")
    assert file.read_text() == "kept\n"
    refused(boreal("events", "export", "nobody", str(file), **used), "nobody")
