"""Raw events leave for an archive: all of them, once, in their order, whatever comes in meanwhile."""

import asyncio
from collections.abc import Sequence

import pytest

from boreal.kit.db import Record
from boreal.rooms.usage.archive import streaming
from boreal.rooms.usage.public import stream_events
from tests.support.shop import Shop
from tests.support.usage import ingest, make_customer


class Kept:
    def __init__(self) -> None:
        self.pages: list[Sequence[Record]] = []

    async def append(self, events: Sequence[Record]) -> None:
        self.pages.append(events)

    @property
    def numbers(self) -> list[int]:
        return [event["metadata"]["n"] for page in self.pages for event in page if event["source"] == "user"]


async def test_events_are_handed_over_in_their_order_page_by_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PAGE", 3)
    kept = Kept()
    await ingest(shop, *({"metadata": {"n": number}} for number in range(7)))
    place = await stream_events(shop.app, kept, organization_id=shop.organization_id)
    assert (kept.numbers, max(len(page) for page in kept.pages)) == (list(range(7)), 3)
    await ingest(shop, {"metadata": {"n": 7}})
    kept.pages.clear()
    assert await stream_events(shop.app, kept, organization_id=shop.organization_id, after=place) > place
    assert kept.numbers == [7]


async def test_nothing_that_comes_in_meanwhile_is_missed_or_told_twice(shop: Shop) -> None:
    await make_customer(shop, "ada")
    kept, place = Kept(), -1

    async def pour(first: int) -> None:
        for number in range(first, first + 20):
            await ingest(shop, {"metadata": {"n": number}})

    async def export() -> None:
        nonlocal place
        for _ in range(10):
            place = await stream_events(shop.app, kept, organization_id=shop.organization_id, after=place)

    await asyncio.gather(pour(0), pour(100), pour(200), export())
    await stream_events(shop.app, kept, organization_id=shop.organization_id, after=place)
    assert sorted(kept.numbers) == [first + number for first in (0, 100, 200) for number in range(20)]
