"""One organization that sends all it can does not stand in the way of others: by turns and counts, not by the clock."""

import asyncio
from functools import partial
from typing import Any

import httpx2
import pytest

from boreal.rooms.usage.ingestion import queues, turns
from boreal.rooms.usage.ingestion.batches import Batch
from boreal.rooms.usage.ingestion.queues import Ingestion
from tests.support.shop import Shop
from tests.support.usage import ingest, make_customer


def large(size: int = 200) -> dict[str, Any]:
    """A body that is not read as it comes."""
    event = {"name": "call", "external_customer_id": "ada", "metadata": {"text": "x" * 100}}
    return {"events": [event] * size}


async def send(shop: Shop, body: dict[str, Any], **headers: str) -> httpx2.Response:
    return await shop.client.post("/v1/events/ingest", json=body, headers=headers)


async def test_organizations_take_turns(shop: Shop, other_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten large bodies of one, then one of another: that is read second, at the latest third."""
    read: list[Any] = []
    whole = Batch.of.__func__  # type: ignore[attr-defined]

    def noticed(cls: type[Batch], organization_id: Any, events: Any) -> Batch:
        read.append(organization_id)
        found: Batch = whole(cls, organization_id, events)
        return found

    monkeypatch.setattr(Batch, "of", classmethod(noticed))
    flood = [asyncio.create_task(send(shop, large())) for _ in range(10)]
    await asyncio.sleep(0)
    replies = await asyncio.gather(send(other_shop, large()), *flood)
    assert [reply.status_code for reply in replies] == [200] * 11
    assert read.index(other_shop.organization_id) <= 2
    assert len(read) == 11


async def test_what_waits_is_bounded_and_only_its_sender_is_refused(
    shop: Shop, other_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "MAX_UNREAD_BYTES", 100_000)
    ingestion = shop.app.get(Ingestion)
    async with ingestion.turns.turn(shop.app.courtesy, other_shop.organization_id, size=20_000):
        flood = [asyncio.create_task(send(shop, large())) for _ in range(10)]
        done, _ = await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
        refused = [task.result() for task in done]
        assert {(reply.status_code, reply.headers["retry-after"], reply.content) for reply in refused} == {
            (429, "1", b"")
        }
        await ingest(shop, {})  # what is small is read as it comes
    taken = [reply for reply in await asyncio.gather(*flood) if reply.status_code == 200]
    assert 1 <= len(taken) <= 3
    assert (await send(other_shop, large())).status_code == 200


@pytest.mark.parametrize("keyed", [False, True])
async def test_events_in_the_queue_are_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch, keyed: bool) -> None:
    """Also of requests under a key, each of which has a transaction of its own and waits for that of the others."""
    monkeypatch.setattr(queues, "MAX_WAITING", 500)
    headers = [{"idempotency-key": str(number)} if keyed else {} for number in range(10)]
    replies = await asyncio.gather(*(send(shop, large(), **each) for each in headers))
    by_status = sorted(reply.status_code for reply in replies)
    assert set(by_status) == {200, 429}
    again = [await send(shop, large(), **each) for each in headers]
    assert {reply.status_code for reply in again} == {200}, "nothing is left in the queue"


async def test_a_request_that_somebody_waits_for_goes_first(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events that come while something else is asked are read and stored when that has its answer."""
    await make_customer(shop, "ada")
    courtesy = shop.app.courtesy
    monkeypatch.setattr(courtesy, "give_way", partial(courtesy.give_way, at_most_s=60))
    asking = courtesy.ask()
    flood = [asyncio.create_task(send(shop, body)) for body in (large(), large(1))]
    for _ in range(3):
        assert (await shop.client.get("/v1/customers/external/ada/state")).status_code == 200
    assert not any(task.done() for task in flood)
    asking.over()
    assert {reply.status_code for reply in await asyncio.gather(*flood)} == {200}
    await asyncio.wait_for(courtesy.give_way(), 1)  # every reply ended what was asked
