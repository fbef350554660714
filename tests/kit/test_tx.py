"""Transactions: state, facts and work together or not at all; what may be written, and in which order it is told."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from boreal.kit.db import Connection
from boreal.kit.telemetry import begin_trace
from boreal.kit.tx import IllegalTransition, Locked, NotStored, Tx
from boreal.kit.work import DISPATCH, Kind, Work
from tests.support.lamps import START, Colour, Lamp, LampRow, Lamps, LampStatus, open_lamps, render_lamp
from tests.support.queries import counted

ENDPOINT = UUID(int=77)
CHANGES = frozenset({"lamp.created", "lamp.updated", "lamp.lit", "lamp.cleaned"})


async def nothing(app: Any, work: Work) -> None:
    """A handler that does nothing."""


@pytest.fixture
async def lamps(kit_dsn: str) -> AsyncIterator[Lamps]:
    async with open_lamps(kit_dsn, kinds={"dust": Kind(nothing)}) as opened:
        yield opened


@asynccontextmanager
async def locked(lamps: Lamps, lamp: Lamp) -> AsyncIterator[tuple[Tx, Lamp]]:
    async with lamps.app.transaction(lamps.organization_id) as tx:
        found = await tx.lock(Lamp, lamp.id)
        assert found is not None
        yield tx, found


async def stored(lamps: Lamps, lamp: Lamp) -> Lamp | None:
    async with lamps.app.transaction(lamps.organization_id) as tx:
        return await tx.load(Lamp, lamp.id)


async def test_a_saved_record_is_read_as_the_same_record(lamps: Lamps) -> None:
    lamp = await lamps.add(colour=Colour.AMBER, tags={"room": "hall", "nested": [1, {"a": None}]})
    found = await stored(lamps, lamp)
    assert found == lamp
    assert isinstance(found.status, LampStatus)
    assert isinstance(found.colour, Colour)


async def test_nothing_is_made_of_an_empty_enumeration(lamps: Lamps) -> None:
    lamp = await lamps.add(colour=None)
    assert await stored(lamps, lamp) == lamp


async def test_what_is_not_there_is_none(lamps: Lamps) -> None:
    async with lamps.app.transaction(lamps.organization_id) as tx:
        assert await tx.load(Lamp, uuid.uuid4()) is None
        assert await tx.lock(Lamp, uuid.uuid4()) is None


async def test_facts_follow_the_noun_and_then_the_caller_in_order(lamps: Lamps) -> None:
    lamp = await lamps.add()
    async with locked(lamps, lamp) as (tx, before):
        lit = await tx.save(before, replace(before, status=LampStatus.ON), also=("lamp.cleaned", "lamp.admired"))
        tx.announce("house.brighter", subject_kind="house", subject_id=lamps.organization_id, details={"by": 3})
        await tx.save(lit, replace(lit, brightness=3), details={"changed": ["brightness"]})
    rows = await lamps.rows("SELECT * FROM facts ORDER BY id")
    assert [row["name"] for row in rows] == [
        "lamp.created",
        *("lamp.updated", "lamp.lit", "lamp.cleaned", "lamp.admired"),
        "house.brighter",
        "lamp.updated",
    ]
    assert [row["subject_kind"] for row in rows] == ["lamp"] * 5 + ["house", "lamp"]
    assert {row["subject_id"] for row in rows if row["subject_kind"] == "lamp"} == {lamp.id}
    assert [row["details"] for row in rows[-2:]] == [{"by": 3}, {"changed": ["brightness"]}]
    assert {row["organization_id"] for row in rows} == {lamps.organization_id}
    assert {row["position"] for row in rows} == {None}, "positions are given after the commit"


async def test_a_change_that_is_none_writes_and_tells_nothing(lamps: Lamps) -> None:
    lamp = await lamps.add()
    async with locked(lamps, lamp) as (tx, before):
        with counted(lamps.app.database) as queries:
            await tx.save(before, replace(before))
        assert queries == []
    assert await lamps.facts() == ["lamp.created"]


async def test_only_changed_columns_are_written(lamps: Lamps) -> None:
    """Two who change different columns of a record that neither has locked do not undo each other."""
    lamp = await lamps.add()
    async with lamps.app.transaction(lamps.organization_id) as tx:
        await tx.execute(LampRow.update().values(colour=Colour.AMBER.value))
        await tx.save(lamp, replace(lamp, brightness=9))
    assert await stored(lamps, lamp) == replace(lamp, brightness=9, colour=Colour.AMBER)


async def test_every_change_of_status_that_the_map_does_not_name_is_refused(lamps: Lamps) -> None:
    allowed = {("off", "on"), ("off", "broken"), ("on", "off"), ("on", "broken")}
    for was in LampStatus:
        for becomes in LampStatus:
            lamp = await lamps.add()
            await lamps.rows(f"UPDATE lamps SET status = '{was.value}' RETURNING id")
            saving = _change(lamps, lamp, becomes)
            if was is becomes or (was.value, becomes.value) in allowed:
                await saving
            else:
                with pytest.raises(IllegalTransition, match=f"lamp {lamp.id}: {was} -> {becomes}"):
                    await saving


async def _change(lamps: Lamps, lamp: Lamp, becomes: LampStatus) -> None:
    async with locked(lamps, lamp) as (tx, before):
        await tx.save(before, replace(before, status=becomes))


async def test_a_refused_transition_leaves_nothing_of_its_transaction(lamps: Lamps) -> None:
    lamp = await lamps.add()
    with pytest.raises(IllegalTransition):
        await lamps.add(status=LampStatus.ON)
    with pytest.raises(IllegalTransition):
        async with locked(lamps, lamp) as (tx, before):
            broken = await tx.save(before, replace(before, status=LampStatus.BROKEN))
            tx.enqueue("dust")
            await tx.flush()
            await tx.save(broken, replace(broken, status=LampStatus.OFF))
    assert await stored(lamps, lamp) == lamp
    assert await lamps.facts() == ["lamp.created"]
    assert await lamps.rows("SELECT * FROM work") == []
    assert len(await lamps.rows("SELECT * FROM lamps")) == 1


async def test_state_facts_and_work_are_rolled_back_together_by_any_exception(lamps: Lamps) -> None:
    after: list[str] = []
    with pytest.raises(ZeroDivisionError):
        async with lamps.app.transaction(lamps.organization_id) as tx:
            await tx.save(None, Lamp(id=uuid.uuid4(), status=LampStatus.OFF, colour=None, brightness=1, tags={}))
            tx.enqueue("dust")
            tx.after_commit(lambda: after.append("told"))
            await tx.flush()
            _ = 1 // 0
    for table in ("lamps", "facts", "work"):
        assert await lamps.rows(f"SELECT * FROM {table}") == []
    assert after == []


async def test_state_facts_and_work_appear_in_the_same_moment(lamps: Lamps) -> None:
    seen: set[tuple[int, int, int]] = set()
    writing = True

    async def look() -> None:
        while writing:
            ((row),) = await lamps.rows(
                "SELECT (SELECT count(*) FROM lamps) AS lamps, (SELECT count(*) FROM facts) AS facts, "
                "(SELECT count(*) FROM work) AS work"
            )
            seen.add((row["lamps"], row["facts"], row["work"]))

    looking = asyncio.create_task(look())
    for _ in range(20):
        async with lamps.app.transaction(lamps.organization_id) as tx:
            await tx.save(None, Lamp(id=uuid.uuid4(), status=LampStatus.OFF, colour=None, brightness=1, tags={}))
            tx.enqueue("dust")
            await tx.flush()
            await asyncio.sleep(0.002)
    writing = False
    await looking
    assert len(seen) > 3
    assert all(made == facts == work for made, facts, work in seen)


async def test_what_waits_for_the_commit_runs_after_it_in_order(lamps: Lamps) -> None:
    order: list[tuple[str, int]] = []

    async def count(name: str) -> None:
        order.append((name, len(await lamps.rows("SELECT * FROM lamps"))))

    async with lamps.app.transaction(lamps.organization_id) as tx:
        await tx.save(None, Lamp(id=uuid.uuid4(), status=LampStatus.OFF, colour=None, brightness=1, tags={}))
        tx.after_commit(lambda: count("first"))
        tx.after_commit(lambda: order.append(("second", -1)))
    assert order == [("first", 1), ("second", -1)]


async def test_loops_are_woken_by_what_concerns_them_and_by_nothing_else(lamps: Lamps) -> None:
    dispatch, default, other = (lamps.app.wakeups.event(name) for name in (DISPATCH, "default", "other"))
    async with lamps.app.transaction(lamps.organization_id) as tx:
        await tx.load(Lamp, uuid.uuid4())
    assert not dispatch.is_set()
    await lamps.add()
    assert (dispatch.is_set(), default.is_set()) == (True, False)
    dispatch.clear()
    async with lamps.app.transaction(lamps.organization_id) as tx:
        tx.enqueue("dust")
        await tx.flush()
        assert not default.is_set(), "not before the commit"
    assert (dispatch.is_set(), default.is_set(), other.is_set()) == (False, True, False)


async def test_time_stands_still_within_a_transaction(lamps: Lamps) -> None:
    async with lamps.app.transaction(lamps.organization_id) as tx:
        lamps.clock.advance(timedelta(hours=1))
        assert tx.now == START
        tx.announce("house.dark", subject_kind="house", subject_id=ENDPOINT)
        tx.enqueue("dust")
        tx.enqueue("dust", due_at=START + timedelta(days=1))
    ((fact),) = await lamps.rows("SELECT occurred_at FROM facts")
    rows = await lamps.rows("SELECT due_at, created_at FROM work ORDER BY id")
    assert fact["occurred_at"] == START
    assert [tuple(row.values()) for row in rows] == [(START, START), (START + timedelta(days=1), START)]


async def test_facts_and_work_carry_the_trace(lamps: Lamps) -> None:
    trace = begin_trace()
    async with lamps.app.transaction(lamps.organization_id) as tx:
        tx.announce("house.dark", subject_kind="house", subject_id=ENDPOINT)
        tx.enqueue("dust")
    assert [row["trace"] for table in ("facts", "work") for row in await lamps.rows(f"SELECT trace FROM {table}")] == [
        trace,
        trace,
    ]


async def test_a_payload_is_rendered_only_if_somebody_listens(lamps: Lamps) -> None:
    lamp = await lamps.add()
    other = UUID(int=78)
    lamps.listeners += [(ENDPOINT, frozenset({"lamp.lit"})), (other, CHANGES)]
    async with locked(lamps, lamp) as (tx, before):
        await tx.save(before, replace(before, status=LampStatus.ON))
        tx.announce("house.brighter", subject_kind="house", subject_id=ENDPOINT)
    rows = await lamps.rows("SELECT name, payload, endpoint_ids FROM facts ORDER BY id")
    assert [(row["name"], row["payload"] is not None, row["endpoint_ids"]) for row in rows] == [
        ("lamp.created", False, []),
        ("lamp.updated", True, [other]),
        ("lamp.lit", True, [ENDPOINT, other]),
        ("house.brighter", False, []),
    ]


async def test_a_payload_is_compact_json_with_the_state_at_the_end_of_the_transaction(lamps: Lamps) -> None:
    lamps.listeners.append((ENDPOINT, CHANGES))
    lamps.clock.set(START.replace(microsecond=1500))
    lamp_id = UUID("57107b74-8400-4d80-a2fc-54c2b4239cb3")
    async with lamps.app.transaction(lamps.organization_id) as tx:
        made = Lamp(id=lamp_id, status=LampStatus.OFF, colour=None, brightness=1, tags={})
        await tx.save(None, made)
        await tx.save(made, replace(made, brightness=2))
    (created, updated) = await lamps.rows("SELECT payload FROM facts ORDER BY id")
    assert created["payload"] == (
        '{"type":"lamp.created","timestamp":"2026-01-15T12:00:00.001500Z",'
        '"data":{"id":"57107b74-8400-4d80-a2fc-54c2b4239cb3","status":"off","brightness":2}}'
    )
    assert orjson.loads(updated["payload"])["data"]["brightness"] == 2


async def test_a_flush_in_the_middle_tells_the_state_of_that_moment(lamps: Lamps) -> None:
    lamps.listeners.append((ENDPOINT, CHANGES))
    lamp = await lamps.add()
    async with locked(lamps, lamp) as (tx, before):
        lit = await tx.save(before, replace(before, status=LampStatus.ON, brightness=1))
        await tx.flush()
        await tx.save(lit, replace(lit, status=LampStatus.OFF, brightness=0))
    rows = await lamps.rows("SELECT name, payload FROM facts ORDER BY id")
    assert [(row["name"], orjson.loads(row["payload"])["data"]["status"]) for row in rows] == [
        ("lamp.created", "off"),
        ("lamp.updated", "on"),
        ("lamp.lit", "on"),
        ("lamp.updated", "off"),
    ]


async def test_one_state_is_rendered_once(kit_dsn: str) -> None:
    rendered = 0

    async def render(connection: Connection, subject_id: UUID) -> Mapping[str, Any]:
        nonlocal rendered
        rendered += 1
        return await render_lamp(connection, subject_id)

    async with open_lamps(kit_dsn, renderers={"lamp": render}) as lamps:
        lamp = await lamps.add()
        assert rendered == 0
        lamps.listeners.append((ENDPOINT, CHANGES))
        async with locked(lamps, lamp) as (tx, before):
            await tx.save(before, replace(before, status=LampStatus.ON), also=("lamp.cleaned",))
        assert rendered == 1


async def test_a_locked_record_is_waited_for_or_refused_at_once(lamps: Lamps) -> None:
    lamp = await lamps.add()
    order: list[str] = []

    async def wait() -> None:
        async with locked(lamps, lamp) as (_, found):
            order.append(f"second saw {found.brightness}")

    async with locked(lamps, lamp) as (tx, before):
        async with lamps.app.transaction(lamps.organization_id) as impatient:
            with pytest.raises(Locked, match=f"lamp {lamp.id}"):
                await impatient.lock(Lamp, lamp.id, wait=False)
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.1)
        await tx.save(before, replace(before, brightness=5))
        order.append("first is done")
    await waiting
    assert order == ["first is done", "second saw 5"]


async def test_rows_that_refer_to_a_locked_record_can_be_inserted(lamps: Lamps) -> None:
    """Else every insert with a foreign key would wait for whoever holds its row, and two could wait for each other."""
    lamp = await lamps.add()
    async with lamps.app.database.pool.acquire() as raw:
        await raw.execute("DROP TABLE IF EXISTS shades; CREATE TABLE shades (lamp_id uuid REFERENCES lamps (id))")
    try:
        async with locked(lamps, lamp), asyncio.timeout(5):
            await lamps.rows("INSERT INTO shades VALUES (:id) RETURNING lamp_id", id=lamp.id)
    finally:
        async with lamps.app.database.pool.acquire() as raw:
            await raw.execute("DROP TABLE shades")


async def test_a_record_that_is_not_stored_cannot_change(lamps: Lamps) -> None:
    lamp = await lamps.add()
    await lamps.rows("DELETE FROM lamps RETURNING id")
    with pytest.raises(NotStored, match=f"lamp {lamp.id}"):
        async with lamps.app.transaction(lamps.organization_id) as tx:
            await tx.save(lamp, replace(lamp, brightness=5))
    assert await lamps.facts() == ["lamp.created"]


async def test_constraints_of_the_database_speak_for_themselves(lamps: Lamps) -> None:
    lamp = await lamps.add()
    with pytest.raises(asyncpg.UniqueViolationError):
        async with lamps.app.transaction(lamps.organization_id) as tx:
            await tx.save(None, lamp)


async def test_how_many_statements_a_change_takes(lamps: Lamps) -> None:
    lamp = await lamps.add()
    with counted(lamps.app.database) as queries:
        async with locked(lamps, lamp) as (tx, before):
            await tx.save(before, replace(before, brightness=5))
            tx.enqueue("dust")
            tx.enqueue("dust")
    assert [query.split()[0] for query in queries] == ["SELECT", "UPDATE", "INSERT", "INSERT"]
    assert "UPDATE lamps SET brightness=$1" in queries[1]
