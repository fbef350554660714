"""After the first delivery: sending again, switching off, finding attempts, and forgetting (platform spec 8.5, 8.6)."""

import uuid
from typing import Any

import pytest
import sqlalchemy as sa

from boreal.kit.facts import FactRow
from boreal.kit.work import NOBODY
from tests.rooms.platform.happenings import (
    change,
    deliveries,
    listen,
    listening,
    names,
    redeliver,
    rename,
    subjects,
    watch,
)
from tests.support.receiver import Reply, open_receiver
from tests.support.shop import Shop

BAD = Reply(503, b"closed")


async def start_nightly(shop: Shop) -> None:
    """As every process does when it starts to work."""
    async with shop.app.transaction(NOBODY) as tx:
        tx.enqueue("archive_webhooks", unique_key="archive_webhooks")


async def event_of(shop: Shop) -> dict[str, Any]:
    event: dict[str, Any] = (await deliveries(shop))[0]["webhook_event"]
    return event


async def test_what_was_received_is_sent_again(shop: Shop) -> None:
    async with listening(shop) as (receiver, _):
        await rename(shop.app, shop.organization_id, "one")
        await shop.settle()
        await shop.advance(minutes=1)
        event = await event_of(shop)
        assert await redeliver(shop, event["id"]) == 202
        await shop.settle()
        first, second = receiver.requests
    assert second.body == first.body
    assert second.headers["webhook-id"] == first.headers["webhook-id"] == event["id"]
    assert int(second.headers["webhook-timestamp"]) == int(first.headers["webhook-timestamp"]) + 60
    assert second.headers["webhook-signature"] != first.headers["webhook-signature"]
    assert len(await deliveries(shop)) == 2


async def test_a_redelivery_has_its_own_ten_retries_and_takes_nothing_back(shop: Shop) -> None:
    async with listening(shop) as (receiver, _):
        await rename(shop.app, shop.organization_id, "one")
        await shop.settle()
        receiver.otherwise = BAD
        event = await event_of(shop)
        seen = watch(receiver, shop)
        await redeliver(shop, event["id"])
        await shop.advance(hours=2)
        assert len(seen) == 11
        after = await event_of(shop)
        assert (after["succeeded"], after["last_http_code"]) == (True, 503)


async def test_a_redelivery_does_not_wait_for_its_turn(shop: Shop) -> None:
    async with listening(shop) as (receiver, _):
        receiver.otherwise = BAD
        await rename(shop.app, shop.organization_id, "one")
        await rename(shop.app, shop.organization_id, "two")
        await shop.advance(hours=3)
        failed = [one["webhook_event"] for one in await deliveries(shop)]
        assert {event["succeeded"] for event in failed} == {False}
        await rename(shop.app, shop.organization_id, "three")
        await rename(shop.app, shop.organization_id, "four")
        await shop.settle()
        receiver.otherwise = Reply()
        await redeliver(shop, failed[0]["id"])
        await shop.settle()
        assert names(receiver.requests)[-2:] == ["three", "two"]
        await shop.advance(seconds=4)
        assert names(receiver.requests)[-2:] == ["three", "four"]
        again = {one["webhook_event"]["id"]: one["webhook_event"]["succeeded"] for one in await deliveries(shop)}
        assert again[failed[0]["id"]] is True


async def test_a_redelivery_that_gets_through_frees_the_turn(shop: Shop) -> None:
    async with listening(shop) as (receiver, _):
        receiver.script(BAD)
        await rename(shop.app, shop.organization_id, "one")
        await rename(shop.app, shop.organization_id, "two")
        await shop.settle()
        await redeliver(shop, (await event_of(shop))["id"])
        await shop.settle()
        assert names(receiver.requests) == ["one", "one"]
        await shop.advance(seconds=4)
        assert names(receiver.requests) == ["one", "one", "two"]


async def test_a_skipped_event_can_be_sent_once_the_endpoint_is_on(shop: Shop) -> None:
    async with listening(shop) as (receiver, endpoint):
        receiver.script(BAD)
        await rename(shop.app, shop.organization_id, "one")
        await shop.settle()
        await change(shop, endpoint, enabled=False)
        await shop.advance(seconds=4)
        event = await event_of(shop)
        assert event["skipped"]
        await redeliver(shop, event["id"])
        assert not (await event_of(shop))["skipped"]
        await shop.settle()
        assert (await event_of(shop))["skipped"]
        assert len(receiver.requests) == 1
        await change(shop, endpoint, enabled=True)
        await redeliver(shop, event["id"])
        await shop.settle()
        after = await event_of(shop)
        assert (after["skipped"], after["succeeded"]) == (False, True)
        assert len(receiver.requests) == 2


async def test_a_skipped_event_fails_when_its_redelivery_does(shop: Shop) -> None:
    async with listening(shop) as (receiver, endpoint):
        receiver.otherwise = BAD
        await rename(shop.app, shop.organization_id, "one")
        await shop.settle()
        await change(shop, endpoint, enabled=False)
        await shop.advance(seconds=4)
        await change(shop, endpoint, enabled=True)
        await redeliver(shop, (await event_of(shop))["id"])
        await shop.settle()
        assert (await event_of(shop))["succeeded"] is None
        await shop.advance(hours=2)
        event = await event_of(shop)
        assert (event["succeeded"], event["skipped"]) == (False, False)


async def test_events_of_others_and_of_deleted_endpoints_do_not_exist(shop: Shop, other_shop: Shop) -> None:
    async with listening(shop) as (receiver, endpoint):
        await rename(shop.app, shop.organization_id, "one")
        await shop.settle()
        id = (await event_of(shop))["id"]
        assert await redeliver(other_shop, id) == 404
        assert await redeliver(shop, str(uuid.uuid4())) == 404
        assert await redeliver(shop, "x") == 422
        await shop.client.delete(f"/v1/webhooks/endpoints/{endpoint['id']}")
        assert await redeliver(shop, id) == 404
        await shop.settle()
        assert len(receiver.requests) == 1
        assert len(await deliveries(shop)) == 1


async def test_ten_failed_events_in_a_row_switch_an_endpoint_off(shop: Shop) -> None:
    known = await subjects(shop.app, 11)
    async with listening(shop) as (receiver, endpoint):
        await rename(shop.app, shop.organization_id, "received")
        await shop.settle()
        receiver.otherwise = BAD
        for subject in known[:9]:
            await rename(shop.app, shop.organization_id, "failed", subject_id=subject)
        await shop.advance(hours=2)
        path = f"/v1/webhooks/endpoints/{endpoint['id']}"
        assert (await shop.client.get(path)).json()["enabled"]
        await rename(shop.app, shop.organization_id, "tenth", subject_id=known[9])
        await shop.advance(minutes=30)
        await rename(shop.app, shop.organization_id, "pending", subject_id=known[10])
        await shop.advance(minutes=30)
        await shop.advance(minutes=15)
        switched = (await shop.client.get(path)).json()
        assert not switched["enabled"]
        assert switched["modified_at"] is not None
        sent = len(receiver.requests)
        states = {
            one["webhook_event"]["id"]: (one["webhook_event"]["succeeded"], one["webhook_event"]["skipped"])
            for page in (1, 2)
            for one in (await shop.client.get("/v1/webhooks/deliveries", params={"limit": 100, "page": page})).json()[
                "items"
            ]
        }
        assert sorted(states.values(), key=str) == [(False, False)] * 10 + [(None, True)] + [(True, False)]
        await rename(shop.app, shop.organization_id, "unheard")
        await shop.advance(hours=2)
        assert len(receiver.requests) == sent
        await change(shop, endpoint, enabled=True)
        receiver.otherwise = Reply()
        await rename(shop.app, shop.organization_id, "heard again")
        await shop.advance(hours=2)
        assert names(receiver.requests[sent:]) == ["heard again"]


async def test_old_events_are_archived_at_night(shop: Shop) -> None:
    await start_nightly(shop)
    async with listening(shop) as (receiver, _):
        await rename(shop.app, shop.organization_id, "old")
        await shop.advance(days=30)
        event = await event_of(shop)
        assert (event["is_archived"], event["payload"] is None) == (False, False)
        await shop.advance(hours=16)
        await rename(shop.app, shop.organization_id, "young")
        await shop.settle()
        young, old = [one["webhook_event"] for one in await deliveries(shop)]
        assert (old["is_archived"], old["payload"], old["succeeded"]) == (True, None, True)
        assert (young["is_archived"], young["payload"] is None) == (False, False)
        payloads = sa.select(sa.func.count()).where(FactRow.c.payload.is_not(None))
        assert await shop.app.database.fetchval(payloads) == 1
        assert await redeliver(shop, old["id"]) == 202
        await shop.settle()
        assert names(receiver.requests) == ["old", "young"]
        await shop.advance(days=31)
        assert (await event_of(shop))["is_archived"]


async def test_deliveries_are_found_by_every_filter(shop: Shop, other_shop: Shop) -> None:
    async with open_receiver() as receiver:
        first = await listen(shop, f"{receiver.url}/first")
        await rename(shop.app, shop.organization_id, "one")
        await shop.settle()
        await shop.client.delete(f"/v1/webhooks/endpoints/{first['id']}")
        await shop.advance(minutes=1)
        second = await listen(shop, f"{receiver.url}/second")
        receiver.script(BAD)
        await rename(shop.app, shop.organization_id, "two")
        await shop.settle()
    bad, good = await deliveries(shop)
    assert (bad["http_code"], good["http_code"]) == (503, 200)
    assert await deliveries(other_shop) == []
    expected: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        ({"endpoint_id": first["id"]}, [good]),
        ({"endpoint_id": [first["id"], second["id"]]}, [bad, good]),
        ({"start_timestamp": good["created_at"]}, [bad]),
        ({"end_timestamp": bad["created_at"]}, [good]),
        ({"start_timestamp": "2026-01-15T12:59:59.5+01:00"}, [bad, good]),
        ({"succeeded": "true"}, [good]),
        ({"succeeded": "false"}, [bad]),
        ({"query": bad["id"][3:20]}, [bad]),
        ({"query": good["webhook_event"]["id"].upper()}, [good]),
        ({"query": "%"}, []),
        ({"query": "503", "succeeded": "false"}, [bad]),
        ({"http_code_class": "2xx"}, [good]),
        ({"http_code_class": "5xx"}, [bad]),
        ({"http_code_class": "3xx"}, []),
        ({"event_type": "organization.updated"}, [bad, good]),
        ({"event_type": ["order.paid", "order.created"]}, []),
        ({"event_type": "organization.updated", "http_code_class": "5xx", "endpoint_id": first["id"]}, []),
    ]
    for query, found in expected:
        assert await deliveries(shop, **query) == found, query
    page = (await shop.client.get("/v1/webhooks/deliveries", params={"limit": 1, "page": 2})).json()
    assert page == {"items": [good], "pagination": {"total_count": 2, "max_page": 2}}


@pytest.mark.parametrize(
    ("query", "type"),
    [
        ({"start_timestamp": "2026-01-15T12:00:00"}, "timezone_aware"),
        ({"end_timestamp": "yesterday"}, "datetime_from_date_parsing"),
        ({"http_code_class": "1xx"}, "literal_error"),
        ({"event_type": "order.lost"}, "enum"),
        ({"succeeded": "perhaps"}, "bool_parsing"),
        ({"endpoint_id": "x,y"}, "uuid_type"),
        ({"limit": "0"}, "greater_than"),
    ],
)
async def test_what_the_filters_refuse(shop: Shop, query: dict[str, str], type: str) -> None:
    reply = await shop.client.get("/v1/webhooks/deliveries", params=query)
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["type"] == type
    assert reply.json()["detail"][0]["loc"][:2] == ["query", next(iter(query))]
