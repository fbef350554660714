"""Facts: dispatched exactly once and in order, whoever writes, whoever dispatches, and whatever is killed meanwhile."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import orjson
import pytest
import sqlalchemy as sa

from boreal.kit import facts, work
from boreal.kit.db import Connection, Record
from boreal.kit.facts import Dispatcher, Renderers
from boreal.kit.work import Kind, Work
from tests.support.lamps import START, Lamp, Lamps, ignore, open_lamps, render_lamp

SEEN = sa.text("INSERT INTO runs (work_id, mark) VALUES (:id, :mark)").bindparams(
    sa.bindparam("id", type_=sa.BigInteger)
)


async def nothing(app: object, work: Work) -> None:
    """A handler that does nothing."""


KINDS = {"note": Kind(nothing)}


@pytest.fixture
async def lamps(kit_dsn: str) -> AsyncIterator[Lamps]:
    async with open_lamps(kit_dsn, kinds=KINDS, pool_size=24) as opened:
        yield opened


async def write_down(connection: Connection, facts: Sequence[Record], now: datetime) -> None:
    """A fan-out that writes down what it is given, in the dispatcher's transaction."""
    await connection.execute_many(SEEN, [{"id": fact["id"], "mark": fact["name"]} for fact in facts])


async def react(connection: Connection, facts: Sequence[Record], now: datetime) -> None:
    """One row of work for each fact."""
    asked = [work.Request("note", fact["organization_id"], {"fact": fact["id"]}) for fact in facts]
    await work.enqueue(connection, asked, kinds=KINDS, now=now, trace=None)


async def announce(lamps: Lamps, *names: str) -> None:
    async with lamps.app.transaction(lamps.organization_id) as tx:
        for name in names:
            tx.announce(name, subject_kind="house", subject_id=lamps.organization_id)


async def positions(lamps: Lamps) -> list[tuple[str, int | None]]:
    rows = await lamps.rows("SELECT name, position FROM facts ORDER BY id")
    return [(row["name"], row["position"]) for row in rows]


async def test_positions_follow_one_another_across_batches(lamps: Lamps) -> None:
    dispatcher = lamps.dispatcher()
    assert await dispatcher.run_once(now=START) == 0
    await announce(lamps, "a", "b", "c")
    assert await dispatcher.run_once(now=START, batch_size=2) == 2
    assert await positions(lamps) == [("a", 1), ("b", 2), ("c", None)]
    assert await dispatcher.run_once(now=START, batch_size=2) == 1
    assert await dispatcher.run_once(now=START) == 0
    await announce(lamps, "d")
    await dispatcher.run_once(now=START)
    assert await positions(lamps) == [("a", 1), ("b", 2), ("c", 3), ("d", 4)]


async def test_a_transaction_that_commits_late_holds_nobody_up_and_loses_nothing(lamps: Lamps) -> None:
    dispatcher = lamps.dispatcher(fan_out=write_down)
    async with lamps.app.transaction(lamps.organization_id) as tx:
        tx.announce("early", subject_kind="house", subject_id=UUID(int=5))
        await tx.flush()
        await announce(lamps, "late")
        assert await dispatcher.run_once(now=START) == 1
    assert await dispatcher.run_once(now=START) == 1
    assert await positions(lamps) == [("early", 2), ("late", 1)]
    assert [row["mark"] for row in await lamps.rows("SELECT mark FROM runs ORDER BY number")] == ["late", "early"]


async def test_one_dispatcher_at_a_time(lamps: Lamps) -> None:
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def wait(connection: Connection, facts: Sequence[Record], now: datetime) -> None:
        inside.set()
        await go_on.wait()

    await announce(lamps, "a")
    slow = asyncio.create_task(lamps.dispatcher(fan_out=wait).run_once(now=START))
    await inside.wait()
    try:
        async with asyncio.timeout(5):
            assert await lamps.dispatcher().run_once(now=START) == 0, "it does not wait either"
    finally:
        go_on.set()
    assert await slow == 1


async def test_deliveries_reactions_and_positions_are_one_thing(lamps: Lamps) -> None:
    async def fail(connection: Connection, facts: Sequence[Record], now: datetime) -> None:
        await react(connection, facts, now)
        raise ValueError("not now")

    await announce(lamps, "a", "b")
    with pytest.raises(ValueError, match="not now"):
        await lamps.dispatcher(fan_out=write_down, react=fail).run_once(now=START)
    assert await positions(lamps) == [("a", None), ("b", None)]
    assert await lamps.rows("SELECT * FROM runs") == []
    assert await lamps.rows("SELECT * FROM work") == []
    assert await lamps.dispatcher(fan_out=write_down, react=react).run_once(now=START) == 2
    assert await positions(lamps) == [("a", 1), ("b", 2)]
    assert [row["payload"]["fact"] for row in await lamps.rows("SELECT payload FROM work ORDER BY id")] == [
        row["work_id"] for row in await lamps.rows("SELECT work_id FROM runs ORDER BY number")
    ]


async def test_a_dispatcher_that_is_killed_in_the_middle_leaves_its_facts_to_the_next(
    lamps: Lamps, kit_dsn: str
) -> None:
    async def die(connection: Connection, facts: Sequence[Record], now: datetime) -> None:
        await react(connection, facts, now)
        pid = connection.raw.get_server_pid()
        await lamps.rows("SELECT pg_terminate_backend(CAST(:pid AS integer))", pid=pid)
        await connection.raw.execute("SELECT 1")

    await announce(lamps, "a", "b")
    async with open_lamps(kit_dsn, fresh=False) as doomed:
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await Dispatcher(doomed.app.database, fan_out=die, react=ignore, wake=doomed.app.wakeups.wake).run_once(
                now=START
            )
    assert await lamps.rows("SELECT * FROM work") == []
    assert await lamps.dispatcher(fan_out=write_down).run_once(now=START) == 2
    assert await positions(lamps) == [("a", 1), ("b", 2)]


WRITERS, CHANGES = 16, 30


@dataclass
class Race:
    """Writers and dispatchers at the same time. Brightness counts the changes of a lamp, under its lock."""

    lamps: Lamps
    subjects: list[Lamp]
    chance: random.Random = field(default_factory=lambda: random.Random(4))
    writing: int = WRITERS
    kept: Counter[UUID] = field(default_factory=Counter)

    async def write(self) -> None:
        """Changes lamps; three in ten changes are rolled back after their facts were stored."""
        for _ in range(CHANGES):
            lamp = self.chance.choice(self.subjects)
            with suppress(ZeroDivisionError):
                await self._change(lamp, fails=self.chance.random() < 0.3)
                self.kept[lamp.id] += 1
        self.writing -= 1

    async def _change(self, lamp: Lamp, *, fails: bool) -> None:
        async with self.lamps.app.transaction(self.lamps.organization_id) as tx:
            before = await tx.lock(Lamp, lamp.id)
            assert before is not None
            number = before.brightness + 1
            await tx.save(before, replace(before, brightness=number), details={"number": number})
            await tx.flush()
            if fails:
                raise ZeroDivisionError

    async def dispatch(self) -> int:
        """Dispatches until everybody has written and nothing is left; returns how many facts this one had."""
        dispatcher = self.lamps.dispatcher(fan_out=write_down, react=react)
        done = 0
        while True:
            last = not self.writing
            step = await dispatcher.run_once(now=START, batch_size=7)
            done += step
            if not step:
                if last and not await self.lamps.rows("SELECT 1 FROM facts WHERE position IS NULL LIMIT 1"):
                    return done
                await asyncio.sleep(0.001)


async def test_sixteen_writers_and_two_dispatchers(lamps: Lamps) -> None:
    """Every committed fact is dispatched once, none of a rolled-back change exists, and the facts of each subject are
    in the order of its changes.
    """
    race = Race(lamps, [await lamps.add() for _ in range(3)])
    async with asyncio.timeout(90):
        counts = await asyncio.gather(race.dispatch(), race.dispatch(), *(race.write() for _ in range(WRITERS)))

    rows = await lamps.rows("SELECT * FROM facts ORDER BY position")
    assert 100 < race.kept.total() < WRITERS * CHANGES
    assert counts[0] + counts[1] == len(rows) == 3 + race.kept.total()
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    seen = [row["work_id"] for row in await lamps.rows("SELECT work_id FROM runs ORDER BY number")]
    assert seen == [row["id"] for row in rows], "each once, and in the order of the positions"
    reacted = await lamps.rows("SELECT payload FROM work")
    assert sorted(row["payload"]["fact"] for row in reacted) == sorted(seen)
    for lamp in race.subjects:
        own = [row for row in rows if row["subject_id"] == lamp.id]
        assert [row["details"].get("number") for row in own] == [None, *range(1, race.kept[lamp.id] + 1)]
        assert all(earlier["id"] < later["id"] for earlier, later in itertools.pairwise(own))


def test_a_renderer_is_found_by_the_whole_name_then_by_the_noun() -> None:
    async def other(connection: Connection, subject_id: UUID) -> dict[str, object]:
        return {}

    renderers = Renderers({"lamp": render_lamp, "lamp.sold": other})
    assert renderers.of("lamp.lit") is render_lamp
    assert renderers.of("lamp.sold") is other
    assert renderers.of("lampshade.sold") is None
    assert renderers.of("house.dark") is None


def test_a_payload_has_three_members_and_times_in_utc() -> None:
    at = datetime(2026, 1, 15, 12, tzinfo=UTC)
    body = facts.payload(name="lamp.lit", occurred_at=at, data={"name": "Åsa", "at": at, "id": UUID(int=1)})
    assert body == (
        '{"type":"lamp.lit","timestamp":"2026-01-15T12:00:00Z",'
        '"data":{"name":"Åsa","at":"2026-01-15T12:00:00Z","id":"00000000-0000-0000-0000-000000000001"}}'
    )
    assert orjson.loads(body)["data"]["name"] == "Åsa"
