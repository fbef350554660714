"""The worker: in slots, in time, through failures, and through being killed."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from boreal.kit import work, worker
from boreal.kit.claims import Claims
from boreal.kit.clock import Clock, ManualClock
from boreal.kit.telemetry import begin_trace, current_trace
from boreal.kit.work import Kind, Later, Work
from boreal.kit.worker import Worker, drain, run
from tests.kit.work_victim import KINDS
from tests.support.lamps import START, Lamps, open_lamps

ROOT = Path(__file__).parents[2]
Handlers = dict[str, Kind]


@asynccontextmanager
async def working(lamps: Lamps, **options: Any) -> AsyncIterator[asyncio.Task[None]]:
    """A worker that runs while the block does."""
    task = asyncio.create_task(Worker(lamps.app, lamps.dispatcher(), **options).run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def victim(role: str, dsn: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of `work_victim`, dead at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.kit.work_victim", role, dsn, cwd=ROOT, **options
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(lamps: Lamps, query: str, *, timeout_s: float = 30.0) -> None:
    """Returns once the query has a row."""
    async with asyncio.timeout(timeout_s):
        while not await lamps.rows(query):
            await asyncio.sleep(0.02)


async def alone(lamps: Lamps) -> None:
    """Returns once nobody else is connected: the server has done what the dead had sent, or has thrown it away."""
    own = lamps.app.database.pool.get_size()
    await until(lamps, f"SELECT 1 FROM pg_stat_activity WHERE datname = current_database() HAVING count(*) <= {own}")


async def ask(lamps: Lamps, kind: str, count: int = 1, **request: Any) -> None:
    async with lamps.app.transaction(lamps.organization_id) as tx:
        for _ in range(count):
            tx.enqueue(kind, **request)


async def test_draining_does_what_work_brings_about_in_order_of_time(kit_dsn: str) -> None:
    done: list[str] = []

    async def step(app: Any, work: Work) -> None:
        done.append(work.payload["name"])
        for name in work.payload.get("then", ()):
            async with app.transaction(work.organization_id) as tx:
                tx.enqueue("step", payload={"name": name})

    async with open_lamps(kit_dsn, kinds={"step": Kind(step)}) as lamps:
        await ask(lamps, "step", payload={"name": "second", "then": ["fourth"]})
        await ask(lamps, "step", payload={"name": "first"}, due_at=START - timedelta(hours=1))
        await ask(lamps, "step", payload={"name": "third"})
        await ask(lamps, "step", payload={"name": "never"}, due_at=START + timedelta(microseconds=1))
        assert await drain(lamps.app, lamps.dispatcher()) == 4
        assert done == ["first", "second", "third", "fourth"]


async def test_draining_stops_at_work_that_brings_about_itself(kit_dsn: str) -> None:
    async def again(app: Any, work: Work) -> None:
        raise Later(app.clock.now())

    async with open_lamps(kit_dsn, kinds={"again": Kind(again)}) as lamps:
        await ask(lamps, "again")
        with pytest.raises(RuntimeError, match="more than 20 rows"):
            await drain(lamps.app, lamps.dispatcher(), limit=20)


async def test_every_end_of_a_handler_is_recorded(kit_dsn: str) -> None:
    async def fail(app: Any, work: Work) -> None:
        raise ValueError("no cloth")

    async def hang(app: Any, work: Work) -> None:
        await asyncio.sleep(30)

    async def later(app: Any, work: Work) -> None:
        raise Later(START + timedelta(days=1), counts=False)

    async def finish(app: Any, work: Work) -> None:
        pass

    kinds = {"fail": Kind(fail), "hang": Kind(hang, lease_s=0.05), "later": Kind(later), "finish": Kind(finish)}
    async with open_lamps(kit_dsn, kinds={**kinds, "unknown": Kind(finish)}) as lamps:
        for kind in lamps.app.kinds:
            await ask(lamps, kind)
        lamps.app.kinds.pop("unknown")  # type: ignore[attr-defined]  # as an older version would have it
        claims = Claims(lamps.app.database, "default")
        for row in await claims.claim(now=START, batch_size=10, lease_s=35):
            await run(lamps.app, row, claims)
        rows = await lamps.rows("SELECT kind, attempts, last_error, due_at, claimed_at FROM work ORDER BY kind")
        second = START + timedelta(seconds=1)
        assert [tuple(row.values()) for row in rows] == [
            ("fail", 1, "ValueError: no cloth", second, None),
            ("hang", 1, "TimeoutError: ", second, None),
            ("later", 0, None, START + timedelta(days=1), None),
            ("unknown", 1, "LookupError: no room of this version does unknown", second, None),
        ]


async def test_a_handler_that_always_fails_is_given_up_with_growing_pauses(kit_dsn: str) -> None:
    times: list[float] = []

    async def fail(app: Any, work: Work) -> None:
        times.append((app.clock.now() - START).total_seconds())
        raise ValueError("no cloth")

    async with open_lamps(kit_dsn, kinds={"fail": Kind(fail, max_attempts=5)}) as lamps:
        await ask(lamps, "fail")
        for _ in range(60):
            await drain(lamps.app, lamps.dispatcher())
            lamps.clock.advance(timedelta(seconds=1))
        assert times == [0, 1, 3, 7, 15]
        (failed,) = await work.failed(lamps.app.database)
        assert failed["last_error"] == "ValueError: no cloth"


async def test_work_goes_on_with_the_trace_of_who_asked(kit_dsn: str) -> None:
    traces: list[str | None] = []

    async def look(app: Any, work: Work) -> None:
        traces.append(current_trace())

    async with open_lamps(kit_dsn, kinds={"look": Kind(look)}) as lamps:
        asked = begin_trace()
        await ask(lamps, "look")
        begin_trace()
        await drain(lamps.app, lamps.dispatcher())
        assert traces == [asked]


async def test_queues_have_slots_of_their_own(kit_dsn: str) -> None:
    running: dict[str, int] = {"slow": 0, "fast": 0}
    most = dict(running)

    async def handler(app: Any, work: Work) -> None:
        running[work.kind] += 1
        most[work.kind] = max(most[work.kind], running[work.kind])
        await asyncio.sleep(1 if work.kind == "slow" else 0)
        running[work.kind] -= 1

    kinds = {"slow": Kind(handler, queue="slow"), "fast": Kind(handler, queue="fast")}
    async with open_lamps(kit_dsn, kinds=kinds) as lamps:
        await ask(lamps, "slow", 7)
        async with working(lamps, concurrency={"slow": 3, "fast": 2}):
            await asyncio.sleep(0.1)
            await ask(lamps, "fast", 5)
            await until(lamps, "SELECT 1 WHERE NOT EXISTS (SELECT FROM work WHERE queue = 'fast')")
            assert await lamps.rows("SELECT 1 FROM work WHERE queue = 'slow'"), "fast work did not wait for slow work"
            await until(lamps, "SELECT 1 WHERE NOT EXISTS (SELECT FROM work)")
        assert most["slow"] == 3
        assert 1 <= most["fast"] <= 2


async def test_what_is_asked_for_within_the_pace_is_done_at_once(kit_dsn: str) -> None:
    runs = 0

    async def handler(app: Any, work: Work) -> None:
        nonlocal runs
        runs += 1

    async with open_lamps(kit_dsn, kinds={"record": Kind(handler, pace_s=2.0)}) as lamps, working(lamps):
        await ask(lamps, "record", unique_key="all")
        await until(lamps, "SELECT 1 WHERE NOT EXISTS (SELECT FROM work)")
        assert runs == 1
        for _ in range(10):
            await ask(lamps, "record", unique_key="all")
        await until(lamps, "SELECT 1 WHERE NOT EXISTS (SELECT FROM work)")
    assert runs == 2


async def test_rows_that_find_no_slot_go_back(kit_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a flood a claim takes more than there are slots for; what has waited for too long is left to others."""
    monkeypatch.setattr(worker, "WAIT_S", 0.2)
    seen: list[int] = []

    async def handler(app: Any, work: Work) -> None:
        seen.append(work.id)
        if len(seen) > 2:
            await asyncio.sleep(30)

    async with open_lamps(kit_dsn, kinds={"some": Kind(handler)}) as lamps:
        await ask(lamps, "some", 8)
        async with working(lamps, concurrency={"default": 2}):
            await until(lamps, "SELECT 1 FROM work WHERE claimed_at IS NOT NULL OFFSET 2")
            await until(lamps, "SELECT 1 FROM work WHERE claimed_at IS NULL OFFSET 3")
            left = await lamps.rows("SELECT id, attempts FROM work WHERE claimed_at IS NULL AND due_at <= now()")
        assert len(seen) == 4
        assert {row["attempts"] for row in left} == {0}
        assert {row["id"] for row in left}.isdisjoint(seen)


async def test_new_work_wakes_a_sleeping_worker_and_waiting_work_is_done_in_time(kit_dsn: str) -> None:
    late: list[float] = []

    async def look(app: Any, work: Work) -> None:
        late.append((app.clock.now() - await due(work)).total_seconds())

    async def due(work: Work) -> Any:
        (row,) = await lamps.rows("SELECT created_at FROM work WHERE id = :id", id=work.id)
        return row["created_at"] + timedelta(seconds=work.payload["in_s"])

    async with open_lamps(kit_dsn, kinds={"look": Kind(look)}, clock=Clock()) as lamps, working(lamps):
        await asyncio.sleep(0.2)
        for in_s in (0.0, 0.5):
            due_at = lamps.app.clock.now() + timedelta(seconds=in_s)
            await ask(lamps, "look", due_at=due_at, payload={"in_s": in_s})
        await until(lamps, "SELECT 1 WHERE NOT EXISTS (SELECT FROM work)", timeout_s=10)
    assert len(late) == 2
    assert all(-0.01 <= seconds < 4 for seconds in late), late


async def test_a_fact_wakes_the_dispatcher_and_its_reaction_the_queue(kit_dsn: str) -> None:
    seen: list[str] = []

    async def note(app: Any, work: Work) -> None:
        seen.append(work.payload["fact"])

    async def react(connection: Any, facts: Any, now: Any) -> None:
        asked = [work.Request("note", fact["organization_id"], {"fact": fact["name"]}) for fact in facts]
        await work.enqueue(connection, asked, kinds=lamps.app.kinds, now=now, trace=None)

    async with open_lamps(kit_dsn, kinds={"note": Kind(note)}) as lamps:
        task = asyncio.create_task(Worker(lamps.app, lamps.dispatcher(react=react)).run())
        await asyncio.sleep(0.2)
        await lamps.add()
        async with asyncio.timeout(4):
            while not seen:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert seen == ["lamp.created"]


async def test_a_broken_dispatch_and_a_lost_database_do_not_end_the_worker(kit_dsn: str) -> None:
    async def note(app: Any, work: Work) -> None:
        pass

    failures = 0

    async def react(connection: Any, facts: Any, now: Any) -> None:
        nonlocal failures
        failures += 1
        if failures == 1:
            raise ValueError("not now")

    async with open_lamps(kit_dsn, kinds={"note": Kind(note)}) as lamps:
        await lamps.add()
        await ask(lamps, "note", due_at=START + timedelta(seconds=0.5))
        task = asyncio.create_task(Worker(lamps.app, lamps.dispatcher(react=react)).run())
        await asyncio.sleep(0.2)
        async with open_lamps(kit_dsn, fresh=False) as others:
            await others.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            lamps.clock.advance(timedelta(seconds=1))
            await until(others, "SELECT 1 FROM facts WHERE position IS NOT NULL", timeout_s=5)
            await until(others, "SELECT 1 WHERE NOT EXISTS (SELECT FROM work)", timeout_s=5)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert failures == 2


async def test_a_worker_that_is_told_to_stop_leaves_its_rows_to_their_lease(kit_dsn: str) -> None:
    stopped: list[str] = []

    async def hang(app: Any, work: Work) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.05)
            stopped.append("tidied up")

    async with open_lamps(kit_dsn, kinds={"hang": Kind(hang)}) as lamps:
        await ask(lamps, "hang")
        async with working(lamps):
            await until(lamps, "SELECT 1 FROM work WHERE claimed_at IS NOT NULL")
            await asyncio.sleep(0.05)
        assert stopped == ["tidied up"], "the worker waits for what it stops"
        (row,) = await lamps.rows("SELECT attempts, due_at, failed_at FROM work")
        assert row == {"attempts": 1, "due_at": START + timedelta(seconds=35), "failed_at": None}


async def test_nothing_is_lost_when_workers_are_killed(kit_dsn: str) -> None:
    """Two workers are killed in the middle of 400 rows. What they had finished is not done again; what they were at is
    done by the next one, as soon as their leases are over; and keys that were asked for again run once more.
    """
    async with open_lamps(kit_dsn, kinds=KINDS, clock=Clock()) as lamps:
        await ask(lamps, "mark", 380, payload={"takes_s": 0.06})
        for number in range(20):
            await ask(lamps, "mark", payload={"takes_s": 0.06}, unique_key=f"key {number}")
        async with victim("worker", kit_dsn) as one, victim("worker", kit_dsn) as two:
            await until(lamps, "SELECT 1 FROM runs WHERE mark = 'ended' OFFSET 100")
            for number in range(20):
                await ask(lamps, "mark", unique_key=f"key {number}")
            await until(lamps, "SELECT 1 FROM runs GROUP BY pid HAVING count(*) > 20 OFFSET 1")
            one.send_signal(signal.SIGKILL)
            two.send_signal(signal.SIGKILL)
            assert await one.wait() == await two.wait() == -signal.SIGKILL
        await alone(lamps)
        (asked,) = await lamps.rows("SELECT coalesce(max(number), 0) AS number FROM runs")
        left = {row["id"]: row for row in await lamps.rows("SELECT * FROM work")}
        claimed = [row for row in left.values() if row["claimed_at"] is not None]
        assert 0 < len(left) < 400
        assert 0 < len(claimed) <= 32, "no more than the slots of two workers, and as many rows that wait for one"

        next_clock = ManualClock(Clock().now())
        async with open_lamps(kit_dsn, kinds=KINDS, clock=next_clock, fresh=False) as successor:
            dispatcher = successor.dispatcher()
            await drain(successor.app, dispatcher)
            held = {row["id"] for row in await lamps.rows("SELECT id FROM work")}
            assert held == {row["id"] for row in claimed}, "a lease holds while it lasts"
            next_clock.advance(timedelta(seconds=36))
            await drain(successor.app, dispatcher)

        assert await lamps.rows("SELECT * FROM work") == []
        runs = await lamps.rows("SELECT work_id, mark, number FROM runs")
        ended = {row["work_id"] for row in runs if row["mark"] == "ended"}
        again = {row["work_id"] for row in runs if row["mark"] == "began" and row["number"] > asked["number"]}
        assert len(ended) >= 400
        assert again == set(left), "exactly what was left is done again"


async def test_nothing_acknowledged_is_lost_when_a_writer_is_killed(kit_dsn: str) -> None:
    """State, facts and work of every acknowledged change are there; of the one in progress all or nothing is."""
    async with open_lamps(kit_dsn, kinds=KINDS) as lamps:
        for _ in range(3):
            async with open_lamps(kit_dsn) as _emptied:
                pass
            async with victim("writer", kit_dsn, stdout=asyncio.subprocess.PIPE) as writer:
                assert writer.stdout is not None
                acknowledged = 0
                while acknowledged < 40:
                    acknowledged = int(await writer.stdout.readline())
                writer.send_signal(signal.SIGKILL)
                for line in (await writer.stdout.read()).splitlines():
                    acknowledged = int(line)
            await alone(lamps)
            ((lamp,), facts, rows) = (
                await lamps.rows("SELECT brightness FROM lamps"),
                await lamps.facts(),
                await lamps.rows("SELECT 1 FROM work"),
            )
            changes = lamp["brightness"]
            assert changes in (acknowledged, acknowledged + 1)
            assert facts.count("lamp.updated") == len(rows) == changes
            assert facts.count("lamp.lit") == (changes + 1) // 2
