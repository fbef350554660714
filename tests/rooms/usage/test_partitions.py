"""Months of events are set apart while everything goes on, and what is in the default partition stays there."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from boreal.kit.work import Later
from boreal.rooms.usage.events.partitions import months, part_events, set_apart
from tests.support.shop import Shop
from tests.support.usage import ingest, make_meter

_WHERE = sa.text(
    "SELECT tableoid::regclass::text AS name, count(*) AS events FROM events WHERE source = 'user' GROUP BY 1"
)
_PARTITIONS = sa.text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events'::regclass")
_PROOFS = sa.text("SELECT count(*) FROM pg_constraint WHERE conname LIKE 'without_%'")
_MOVE = sa.text("UPDATE events_default SET ingested_at = :at").bindparams(sa.bindparam("at", type_=sa.DateTime(True)))


async def where(shop: Shop) -> dict[str, int]:
    return {row["name"]: row["events"] for row in await shop.app.database.fetch(_WHERE)}


async def partitions(shop: Shop) -> set[str]:
    assert await shop.app.database.fetchval(_PROOFS) == 0
    return {row[0] for row in await shop.app.database.fetch(_PARTITIONS)} - {"events_default"}


async def month_names(shop: Shop) -> list[str]:
    return [month.partition for month in months(await shop.app.database.fetchval(sa.text("SELECT now()")))]


async def test_a_new_installation_has_every_month_apart(shop: Shop) -> None:
    names = await month_names(shop)
    for _ in range(2):  # doing it again does nothing
        await set_apart(shop.app.database)
        assert await partitions(shop) == set(names)
    await make_meter(shop)
    await ingest(shop, {"external_id": "a"}, {"parent_id": "a"})
    await ingest(shop, {"external_id": "a"}, {"parent_id": "a"})
    assert await where(shop) == {names[0]: 3}


async def test_what_is_there_already_stays_where_it_is(shop: Shop) -> None:
    await ingest(shop, {"external_id": "a"})
    _, *later = await month_names(shop)
    await set_apart(shop.app.database)
    assert await partitions(shop) == set(later)
    await ingest(shop, {"external_id": "a"}, {"external_id": "b", "parent_id": "a"})
    assert await where(shop) == {"events_default": 2}


async def test_a_month_of_which_something_is_there_already_is_left_out(shop: Shop) -> None:
    await ingest(shop, {})
    *_, last = await month_names(shop)
    soon = await shop.app.database.fetchval(sa.text("SELECT date_trunc('month', now()) + interval '40 days'"))
    await shop.app.database.execute(_MOVE, at=soon)
    await set_apart(shop.app.database)
    assert await partitions(shop) == {last}
    await ingest(shop, {})
    assert await where(shop) == {"events_default": 2}


@pytest.mark.parametrize("is_used", [False, True])
async def test_who_reads_for_long_is_not_waited_for(shop: Shop, is_used: bool) -> None:
    """Ingestion goes on while somebody reads and months are to be set apart, which happens when that is over."""
    if is_used:
        await ingest(shop, {})
    database = shop.app.database
    work: Any = None  # it is not looked at
    async with database.transaction() as reading:
        await reading.fetch(sa.text("SELECT FROM events"))
        before = shop.clock.now()
        with pytest.raises(Later) as later:
            await asyncio.wait_for(part_events(shop.app, work), 10)
        assert later.value.due_at - before < timedelta(hours=1)
        await ingest(shop, {})
    assert await partitions(shop) == set()
    with pytest.raises(Later) as later:
        await part_events(shop.app, work)
    assert later.value.due_at - before == timedelta(days=1)
    assert len(await partitions(shop)) == 2  # an event of this month came first
