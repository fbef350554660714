"""Work: claims are exclusive, fair and of a steady price; keys, leases, pauses and giving up."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa

from boreal.kit import claims as claiming
from boreal.kit import work
from boreal.kit.claims import Claims
from boreal.kit.db import compile_statement
from boreal.kit.work import Kind, Later, Request, Wakeups, Work
from tests.support.lamps import START, Lamps, open_lamps
from tests.support.queries import counted

LEASE_S = 30.0


async def nothing(app: Any, work: Work) -> None:
    """A handler that does nothing."""


KINDS = {"dust": Kind(nothing, max_attempts=3), "polish": Kind(nothing, queue="shine")}


@pytest.fixture
async def lamps(kit_dsn: str) -> AsyncIterator[Lamps]:
    async with open_lamps(kit_dsn, kinds=KINDS) as opened:
        yield opened


@pytest.fixture
def claims(lamps: Lamps) -> Claims:
    return Claims(lamps.app.database, "default")


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


async def ask(lamps: Lamps, kind: str = "dust", **request: Any) -> None:
    async with lamps.app.transaction(lamps.organization_id) as tx:
        tx.enqueue(kind, **request)


async def pile(lamps: Lamps, organization: int, count: int, *, due_at: datetime = START) -> UUID:
    """Many rows of one organization; a higher number is a later place in the turn."""
    organization_id = UUID(int=organization)
    await lamps.rows(
        """
        INSERT INTO work (organization_id, queue, kind, payload, due_at, created_at)
        SELECT CAST(:organization_id AS uuid), 'default', 'dust', '{}', CAST(:due_at AS timestamptz), :due_at
        FROM generate_series(1, CAST(:count AS integer)) RETURNING id
        """,
        organization_id=organization_id,
        due_at=due_at,
        count=count,
    )
    return organization_id


async def take(claims: Claims, *, now: datetime = START, batch_size: int = 8) -> list[Work]:
    return await claims.claim(now=now, batch_size=batch_size, lease_s=LEASE_S)


async def test_rows_are_taken_when_they_are_due_the_longest_due_first(lamps: Lamps, claims: Claims) -> None:
    for seconds in (5, 0, 3):
        await ask(lamps, payload={"in": seconds}, due_at=after(seconds))
    assert await claims.next_due_at() == START
    assert [row.payload["in"] for row in await take(claims)] == [0]
    assert await take(claims) == []
    assert await claims.next_due_at() == after(3)
    assert [row.payload["in"] for row in await take(claims, now=after(6))] == [3, 5]


async def test_a_row_belongs_to_one_queue(lamps: Lamps, claims: Claims) -> None:
    await ask(lamps, "polish")
    assert await take(claims) == []
    assert [row.kind for row in await take(Claims(lamps.app.database, "shine"))] == ["polish"]


async def test_a_kind_that_nobody_declares_cannot_be_asked_for(lamps: Lamps) -> None:
    with pytest.raises(KeyError, match="sweep"):
        await ask(lamps, "sweep")


async def test_a_claim_holds_until_its_lease_is_over_and_counts_as_an_attempt(lamps: Lamps, claims: Claims) -> None:
    await ask(lamps)
    (first,) = await take(claims)
    assert await take(claims, now=after(LEASE_S - 0.001)) == []
    (second,) = await take(claims, now=after(LEASE_S))
    assert (second.id, first.attempts, second.attempts) == (first.id, 1, 2)


async def test_who_lost_the_lease_changes_nothing_any_more(lamps: Lamps, claims: Claims) -> None:
    """Whoever was away for longer than the lease finds the row in other hands, also after its attempts began anew."""
    await ask(lamps, unique_key="a")
    (late,) = await take(claims)
    (holder,) = await take(claims, now=after(LEASE_S))
    await claims.postpone(holder, Later(after(40), counts=False))
    (again,) = await take(claims, now=after(40))
    assert again.attempts == late.attempts
    await ask(lamps, unique_key="a")
    before = await lamps.rows("SELECT * FROM work")
    await claims.finish(late, now=after(41))
    await claims.fail(late, KINDS["dust"], "too late", now=after(41))
    await claims.postpone(late, Later(after(99)))
    assert await lamps.rows("SELECT * FROM work") == before


async def test_each_row_goes_to_one_of_many_claimers(lamps: Lamps) -> None:
    for organization in range(2, 12):
        await pile(lamps, organization, 60)
    taken: list[int] = []

    async def claimer() -> None:
        claims = Claims(lamps.app.database, "default")
        while rows := await take(claims, batch_size=7):
            taken.extend(row.id for row in rows)

    await asyncio.gather(*(claimer() for _ in range(8)))
    left = await take(Claims(lamps.app.database, "default"), batch_size=1000)
    assert len(taken) == len(set(taken))
    assert len(taken) + len(left) == 600


async def test_organizations_take_turns_within_a_claim(lamps: Lamps, claims: Claims) -> None:
    many = await pile(lamps, 7, 50)
    few = await pile(lamps, 3, 3, due_at=after(1))
    rows = await take(claims, now=after(2))
    assert [row.organization_id for row in rows].count(few) == 3
    assert [row.organization_id for row in rows].count(many) == 5


async def test_a_flood_does_not_delay_another_organization(lamps: Lamps, claims: Claims) -> None:
    flooding = await pile(lamps, 7, 5000)
    small = await pile(lamps, 3, 3, due_at=after(1))
    order = [row.organization_id for _ in range(4) for row in await take(claims, now=after(2))]
    assert order.count(small) == 3
    assert order.count(flooding) == 4 * 8 - 3, "no slot stays empty"


async def test_a_flood_of_many_organizations_delays_nobody(lamps: Lamps, claims: Claims) -> None:
    """Twenty floods that are older than everything else, and 300 organizations with one new row each."""
    for organization in range(1000, 1020):
        await pile(lamps, organization, 100)
    for organization in range(1, 301):
        await pile(lamps, organization, 1, due_at=after(1))
    order = [row.organization_id.int for _ in range(60) for row in await take(claims, now=after(2))]
    assert {organization for organization in order if organization <= 300} == set(range(1, 301))
    assert len({organization for organization in order if organization >= 1000}) == 20


async def test_waiting_rows_of_others_hide_nobody(lamps: Lamps, claims: Claims) -> None:
    """A claim visits so many organizations and no more; those behind them get their turn in the next."""
    await pile(lamps, 900, 5000)
    for organization in range(1, 451):
        await pile(lamps, organization, 1, due_at=after(3600))
    small = await pile(lamps, 800, 2)
    order = [row.organization_id for _ in range(4) for row in await take(claims)]
    assert order.count(small) == 2


async def test_the_price_of_a_claim_does_not_grow_with_what_waits(lamps: Lamps, claims: Claims) -> None:
    """Twenty thousand rows for later: nothing to do costs one probe, one due row costs some pages, no scan."""
    await lamps.rows(
        """
        INSERT INTO work (organization_id, queue, kind, payload, due_at, created_at)
        SELECT md5((i % 500)::text)::uuid, 'default', 'dust', '{}',
            CAST(:due_at AS timestamptz) + i * interval '1 s', :due_at
        FROM generate_series(1, 20000) AS i
        """,
        due_at=after(3600),
    )
    async with lamps.app.database.pool.acquire() as raw:
        await raw.execute("VACUUM ANALYZE work")
    with counted(lamps.app.database) as queries:
        assert await take(claims) == []
    assert len(queries) == 1
    assert await _pages(lamps, claiming._DUE, queue="default") <= 5
    await pile(lamps, 5, 1)
    assert await _pages(lamps, claiming._OLDEST, queue="default", now=START, batch_size=8, lease_s=30.0) <= 60
    with counted(lamps.app.database) as queries:
        assert len(await take(claims)) == 1
    assert len(queries) == 2


async def _pages(lamps: Lamps, statement: sa.TextClause, **binds: Any) -> int:
    sql = compile_statement(statement)
    async with lamps.app.database.pool.acquire() as raw:
        transaction = raw.transaction()
        await transaction.start()
        plan = await raw.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql.text}", *sql.arguments(binds))
        await transaction.rollback()
    (explained,) = json.loads(plan)
    pages: int = explained["Plan"]["Shared Hit Blocks"] + explained["Plan"]["Shared Read Blocks"]
    return pages


async def test_a_key_exists_once_with_the_payload_of_the_first_asking(lamps: Lamps, claims: Claims) -> None:
    await ask(lamps, unique_key="a", payload={"n": 1})
    await ask(lamps, unique_key="a", payload={"n": 2})
    await ask(lamps, unique_key="b", payload={"n": 3})
    await ask(lamps, payload={"n": 4})
    await ask(lamps, payload={"n": 5})
    rows = await take(claims)
    assert [row.payload["n"] for row in rows] == [1, 3, 4, 5]
    for row in rows:
        await claims.finish(row, now=START)
    assert await lamps.rows("SELECT * FROM work") == []


async def test_asked_for_while_it_runs_a_row_runs_once_more(lamps: Lamps, claims: Claims) -> None:
    await ask(lamps, unique_key="a")
    (running,) = await take(claims)
    await ask(lamps, unique_key="a")
    await ask(lamps, unique_key="a", sooner=True)
    assert await take(claims) == [], "it runs already"
    await claims.finish(running, now=after(1))
    (again,) = await take(claims, now=after(1))
    assert (again.id, again.attempts) == (running.id, 1)
    await claims.finish(again, now=after(2))
    assert await lamps.rows("SELECT * FROM work") == []


async def test_asking_races_with_finishing_and_nothing_is_lost(lamps: Lamps) -> None:
    """Sixteen askers of one key, and workers that finish it as fast as they can: the last asking is always served."""
    asked, seen = 0, 0
    asking = 16

    async def asker() -> None:
        nonlocal asked, asking
        for _ in range(25):
            await ask(lamps, unique_key="a")
            asked += 1
        asking -= 1

    async def worker() -> None:
        nonlocal seen
        claims = Claims(lamps.app.database, "default")
        while True:
            for row in await take(claims):
                reads = asked
                await claims.finish(row, now=START)
                seen = max(seen, reads)
            if not asking and not await lamps.rows("SELECT 1 FROM work"):
                return

    async with asyncio.timeout(60):
        await asyncio.gather(*(asker() for _ in range(16)), worker(), worker())
    assert (asked, seen) == (400, 400)


async def test_only_sooner_moves_a_waiting_row_and_only_forward(lamps: Lamps, claims: Claims) -> None:
    await ask(lamps, unique_key="a", due_at=after(100))
    await ask(lamps, unique_key="a", due_at=after(10))
    assert await claims.next_due_at() == after(100)
    await ask(lamps, unique_key="a", due_at=after(50), sooner=True)
    assert await claims.next_due_at() == after(50)
    await ask(lamps, unique_key="a", due_at=after(200), sooner=True)
    assert await claims.next_due_at() == after(50)


async def test_later_without_counting_forgives(lamps: Lamps, claims: Claims) -> None:
    await ask(lamps)
    (row,) = await take(claims)
    await claims.fail(row, KINDS["dust"], "once", now=START)
    (row,) = await take(claims, now=after(1))
    assert row.attempts == 2
    await claims.postpone(row, Later(after(60), counts=False))
    assert await take(claims, now=after(59)) == []
    (row,) = await take(claims, now=after(60))
    assert row.attempts == 1
    await claims.postpone(row, Later(after(70)))
    (row,) = await take(claims, now=after(70))
    assert row.attempts == 2


async def test_later_unless_asked(lamps: Lamps, claims: Claims) -> None:
    await ask(lamps, unique_key="a")
    (row,) = await take(claims)
    await ask(lamps, unique_key="a")
    await claims.postpone(row, Later(after(60), counts=False))
    assert await take(claims, now=after(59)) == [], "who waits for a reason is not hurried"
    (row,) = await take(claims, now=after(60))
    await claims.postpone(row, Later(after(90), counts=False, unless_asked=True))
    assert await claims.next_due_at() == after(90), "nobody asked"
    (row,) = await take(claims, now=after(90))
    await ask(lamps, unique_key="a")
    await claims.postpone(row, Later(after(120), counts=False, unless_asked=True))
    assert len(await take(claims, now=after(91))) == 1


def test_pauses_double_up_to_an_hour() -> None:
    pauses = [Kind(nothing).backoff(attempts).total_seconds() for attempts in range(1, 15)]
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]
    assert Kind(nothing).backoff(5000) == timedelta(hours=1)


async def test_a_row_is_given_up_after_its_last_attempt_listed_and_tried_again(lamps: Lamps, claims: Claims) -> None:
    await ask(lamps, payload={"n": 1})
    now = START
    for pause in (1, 2):
        (row,) = await take(claims, now=now)
        await claims.fail(row, KINDS["dust"], "no cloth", now=now)
        assert await claims.next_due_at() == now + timedelta(seconds=pause)
        now += timedelta(seconds=pause)
    (row,) = await take(claims, now=now)
    await claims.fail(row, KINDS["dust"], "x" * 5000, now=now)
    assert await claims.next_due_at() is None
    assert await take(claims, now=after(10**6)) == []
    (failed,) = await work.failed(lamps.app.database)
    assert (failed["id"], failed["attempts"], failed["failed_at"], failed["last_error"]) == (row.id, 3, now, "x" * 2000)
    await ask(lamps, payload={"n": 2})
    assert await work.retry(lamps.app.database, now=now, id=row.id + 1) == 0, "that one has not failed"
    assert await work.retry(lamps.app.database, now=now, id=row.id) == 1
    assert await work.failed(lamps.app.database) == []
    rows = await take(claims, now=now)
    assert [(row.payload["n"], row.attempts) for row in rows] == [(2, 1), (1, 1)]
    for row in rows:
        await claims.fail(row, Kind(nothing, max_attempts=1), "no cloth", now=now)
    assert await work.retry(lamps.app.database, now=now) == 2
    assert len(await take(claims, now=now)) == 2


async def test_asking_for_a_key_that_was_given_up_begins_anew(lamps: Lamps, claims: Claims) -> None:
    await ask(lamps, unique_key="a")
    (row,) = await take(claims)
    await claims.fail(row, Kind(nothing, max_attempts=1), "no cloth", now=START)
    assert len(await work.failed(lamps.app.database)) == 1
    await ask(lamps, unique_key="a", due_at=after(5))
    assert await work.failed(lamps.app.database) == []
    (again,) = await take(claims, now=after(5))
    assert (again.id, again.attempts) == (row.id, 1)


async def test_waking_sets_the_events_concerned_here_and_tells_the_others_once_per_interval() -> None:
    told: list[float] = []
    loop = asyncio.get_running_loop()
    wakeups = Wakeups(interval_s=0.2)

    async def notify(concerns: frozenset[str]) -> None:
        assert concerns == {"one", "two"}
        told.append(loop.time())

    wakeups.tell_others(notify)
    events = [wakeups.event("one"), wakeups.event("one", waiter="another"), wakeups.event("two")]
    unconcerned = wakeups.event("three")
    for _ in range(20):
        wakeups.wake({"one", "two"})
        woke = loop.time()
        assert all(event.is_set() for event in events)
        assert not unconcerned.is_set()
        await asyncio.sleep(0.02)
        assert told, "the first is told at once"
    await asyncio.sleep(0.5)
    assert all(later - earlier >= 0.19 for earlier, later in itertools.pairwise(told))
    assert told[-1] >= woke, "the last one is told too"


async def test_what_comes_up_while_the_others_are_being_told_is_told_as_well() -> None:
    telling, go_on = asyncio.Event(), asyncio.Event()
    told = 0
    wakeups = Wakeups(interval_s=0.001)

    async def notify(_concerns: frozenset[str]) -> None:
        nonlocal told
        told += 1
        telling.set()
        await go_on.wait()

    wakeups.tell_others(notify)
    wakeups.wake({"one"})
    await telling.wait()
    wakeups.wake({"one"})
    go_on.set()
    await asyncio.sleep(0.05)
    assert told == 2


async def test_others_are_told_again_after_telling_failed() -> None:
    told = 0
    wakeups = Wakeups(interval_s=0.001)

    async def notify(_concerns: frozenset[str]) -> None:
        nonlocal told
        told += 1
        if told == 1:
            raise asyncpg.InterfaceError("connection is closed")

    wakeups.tell_others(notify)
    for _ in range(2):
        wakeups.wake({"one"})
        await asyncio.sleep(0.02)
    assert told == 2


def test_waking_without_a_loop_does_no_harm() -> None:
    wakeups = Wakeups()
    wakeups.tell_others(lambda _concerns: asyncio.sleep(0))
    wakeups.wake({"one"})


async def test_a_request_carries_the_trace_of_who_asked(lamps: Lamps) -> None:
    async with lamps.app.database.transaction() as connection:
        await work.enqueue(connection, [Request("dust", lamps.organization_id)], kinds=KINDS, now=START, trace="abc")
    (row,) = await take(Claims(lamps.app.database, "default"))
    assert row.trace == "abc"
