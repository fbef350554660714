"""Test clocks: an organization that lives in a time of its own (ours)."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from boreal.kit.times import OrganizationTimes
from boreal.kit.work import Kind, Work
from boreal.kit.worker import Worker
from tests.support.catalog import fixed, make_product
from tests.support.checkout import finish, good, open_session
from tests.support.shop import Shop, client_of, found_shop

BEGAN = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)


def wire(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


async def clock_of(shop: Shop, time: datetime = BEGAN) -> dict[str, Any]:
    made: dict[str, Any] = good(await shop.client.post("/v1/test-clocks/", json={"name": "a", "time": wire(time)}), 201)
    return made


async def advance(shop: Shop, clock: dict[str, Any], time: datetime) -> dict[str, Any]:
    """Moves a clock and lets everything happen; the clock as it then is."""
    moving = good(await shop.client.post(f"/v1/test-clocks/{clock['id']}/advance", json={"time": wire(time)}), 202)
    assert (moving["status"], moving["target_time"]) == ("advancing", wire(time))
    await shop.settle()
    there: dict[str, Any] = good(await shop.client.get(f"/v1/test-clocks/{clock['id']}"))
    return there


class Diary:
    """A kind of work that writes down when it is done, and asks for what comes next."""

    def __init__(self, shop: Shop) -> None:
        self.entries: list[tuple[str, datetime]] = []
        self.fails = 0
        kinds = {**shop.app.kinds, "note": Kind(self._note, max_attempts=3)}
        shop.app.kinds = shop.app.transactions.kinds = kinds

    async def _note(self, app: Any, work: Work) -> None:
        name = str(work.payload["name"])
        if self.fails:
            self.fails -= 1
            raise RuntimeError("not yet")
        async with app.transaction(work.organization_id) as tx:
            self.entries.append((name, tx.now))
            for then, days in work.payload.get("then", ()):
                tx.enqueue("note", payload={"name": then}, due_at=tx.now + timedelta(days=days))


async def note(shop: Shop, name: str, *, days: float, **payload: Any) -> None:
    async with shop.app.transaction(shop.organization_id) as tx:
        due_at = tx.now + timedelta(days=days)
        tx.enqueue("note", payload={"name": name, **payload}, due_at=due_at)


async def test_an_organization_lives_by_its_clock(shop: Shop) -> None:
    rival = await found_shop(shop.boreal, shop.clock, slug="rival")
    clock = await clock_of(shop)
    assert (clock["status"], clock["time"], clock["target_time"]) == ("ready", "2027-01-31T09:00:00Z", None)
    ours = good(await shop.client.post("/v1/products/", json={"name": "Pro", "prices": [fixed()]}), 201)
    theirs = good(await rival.client.post("/v1/products/", json={"name": "Pro", "prices": [fixed()]}), 201)
    assert ours["created_at"] == "2027-01-31T09:00:00Z"
    assert theirs["created_at"] == wire(shop.clock.now())
    assert good(await shop.client.get("/v1/test-clocks/"))["items"] == [clock]


async def test_a_sale_happens_at_once_and_at_the_time_of_the_clock(shop: Shop) -> None:
    """What is due now is done by the ordinary worker; only what lies ahead waits."""
    await clock_of(shop)
    session = await open_session(shop, await make_product(shop))
    assert session.made["expires_at"] == "2027-01-31T10:00:00Z"
    await session.pay()
    await finish(shop)
    order = await session.order()
    assert (order["status"], order["created_at"]) == ("paid", "2027-01-31T09:00:00Z")


async def test_work_ahead_is_done_in_order_each_at_its_time(shop: Shop) -> None:
    diary, clock = Diary(shop), await clock_of(shop)
    await note(shop, "third", days=40)
    await note(shop, "first", days=1, then=[("second", 9), ("never", 900)])
    await note(shop, "late", days=60)
    shop.clock.advance(timedelta(days=300))
    await shop.settle()
    assert diary.entries == [], "real time moves nothing"
    moved = await advance(shop, clock, BEGAN + timedelta(days=50))
    assert (moved["status"], moved["time"], moved["target_time"]) == ("ready", wire(BEGAN + timedelta(days=50)), None)
    assert diary.entries == [
        (name, BEGAN + timedelta(days=days)) for name, days in (("first", 1), ("second", 10), ("third", 40))
    ]
    await advance(shop, clock, BEGAN + timedelta(days=60))
    assert diary.entries[3:] == [("late", BEGAN + timedelta(days=60))]


async def test_one_long_step_is_many_short_ones(shop: Shop) -> None:
    rival = await found_shop(shop.boreal, shop.clock, slug="rival")
    diary = Diary(shop)
    for each in (shop, rival):
        clock = await clock_of(each)
        for name, days in (("a", 3.5), ("b", 1), ("c", 3.5)):
            await note(each, name, days=days, then=[(name * 2, 0), (name * 3, 2)])
        for day in range(1, 8) if each is rival else (7,):
            await advance(each, clock, BEGAN + timedelta(days=day))
    assert len(diary.entries) == 18
    assert diary.entries[:9] == diary.entries[9:]


async def test_what_fails_is_tried_again_in_the_time_of_the_clock(shop: Shop) -> None:
    diary, clock = Diary(shop), await clock_of(shop)
    await note(shop, "hard", days=1)
    diary.fails = 2
    await advance(shop, clock, BEGAN + timedelta(days=2))
    assert diary.entries == [("hard", BEGAN + timedelta(days=1, seconds=3))]


async def test_a_moving_that_was_cut_off_goes_on(shop: Shop) -> None:
    diary, clock = Diary(shop), await clock_of(shop)
    for day in (1, 2, 3):
        await note(shop, str(day), days=day)
    kept = shop.app.kinds["note"]

    async def cut(app: Any, work: Work) -> None:
        if work.payload["name"] == "2" and work.attempts == 1:
            raise asyncio.CancelledError  # as when the process is stopped
        await kept.handler(app, work)

    shop.app.kinds = {**shop.app.kinds, "note": replace(kept, handler=cut)}
    await shop.client.post(f"/v1/test-clocks/{clock['id']}/advance", json={"time": wire(BEGAN + timedelta(days=5))})
    with pytest.raises(asyncio.CancelledError):
        await shop.settle()
    assert good(await shop.client.get(f"/v1/test-clocks/{clock['id']}"))["time"] == wire(BEGAN + timedelta(days=2))
    shop.clock.advance(timedelta(minutes=10))
    await shop.settle()
    assert [name for name, _ in diary.entries] == ["1", "2", "3"]


async def test_a_running_worker_moves_it_too(shop: Shop) -> None:
    """With the loops of a worker beside it, which must not take any of the organization's work out of turn."""
    diary, clock = Diary(shop), await clock_of(shop)
    for day in range(1, 31):
        await note(shop, str(day), days=day, then=[(f"{day}+", 0)])
    worker = asyncio.create_task(Worker(shop.app, shop.boreal.dispatcher).run())
    path = f"/v1/test-clocks/{clock['id']}"
    try:
        await shop.client.post(f"{path}/advance", json={"time": wire(BEGAN + timedelta(days=31))})
        async with asyncio.timeout(20):
            while good(await shop.client.get(path))["status"] == "advancing":
                await asyncio.sleep(0.05)
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    assert [name for name, _ in diary.entries] == [text for day in range(1, 31) for text in (str(day), f"{day}+")]


async def test_without_its_clock_it_lives_in_real_time_again(shop: Shop) -> None:
    diary = Diary(shop)
    await note(shop, "ahead", days=30)
    clock = await clock_of(shop)
    await note(shop, "later", days=30)
    await shop.advance(days=31)
    assert diary.entries == [], "what lay ahead waits for the clock too"
    assert (await shop.client.delete(f"/v1/test-clocks/{clock['id']}")).status_code == 204
    await shop.settle()
    assert [name for name, _ in diary.entries] == ["ahead"]
    assert (await shop.client.get(f"/v1/test-clocks/{clock['id']}")).status_code == 404


async def test_refusals(shop: Shop) -> None:
    clock = await clock_of(shop)
    path = f"/v1/test-clocks/{clock['id']}/advance"
    for body, words in (
        ({"time": wire(BEGAN)}, "only moves forward"),
        ({"time": "1999-12-31T00:00:00Z"}, "between the years"),
        ({"time": "soon"}, "valid datetime"),
        ({}, "Field required"),
    ):
        refused = await shop.client.post(path, json=body)
        assert refused.status_code == 422
        assert words in refused.text
    assert "has a test clock" in (await shop.client.post("/v1/test-clocks/", json={"time": wire(BEGAN)})).text
    await shop.client.post(path, json={"time": wire(BEGAN + timedelta(days=1))})
    assert "being moved" in (await shop.client.post(path, json={"time": wire(BEGAN + timedelta(days=2))})).text
    assert "being moved" in (await shop.client.delete(f"/v1/test-clocks/{clock['id']}")).text
    await shop.settle()


async def test_there_are_none_where_money_is_real(shop: Shop) -> None:
    shop.app.settings = replace(shop.app.settings, environment="production")
    async with client_of(shop.boreal, shop.token) as client:
        assert (await client.post("/v1/test-clocks/", json={"time": wire(BEGAN)})).status_code == 403


async def test_another_process_learns_of_a_clock_by_looking(shop: Shop) -> None:
    other = OrganizationTimes(shop.app.database, shop.clock)
    await clock_of(shop)
    assert await other.now(shop.organization_id) == shop.clock.now()
    await other.refresh()
    assert await other.now(shop.organization_id) == BEGAN
