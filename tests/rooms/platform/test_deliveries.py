"""Deliveries over real HTTP: what is sent, in which order, how often, and until when (platform spec 8.2 to 8.4)."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from polar_sdk.webhooks import validate_event
from standardwebhooks import Webhook

from boreal.core.webhooks import MAX_RETRIES, WebhookEventType, WebhookFormat
from boreal.kit.claims import Claims
from boreal.kit.clock import Clock
from boreal.kit.facts import FactRow
from boreal.kit.fetch import Fetch, Fetched
from boreal.kit.worker import Worker, run
from boreal.main import broken_invariants, compose
from boreal.rooms.platform.organizations import commands as organizations
from boreal.rooms.platform.webhooks import commands as endpoints
from boreal.rooms.platform.webhooks.signature import sign
from tests.rooms.platform.happenings import (
    UPDATED,
    change,
    deliveries,
    listen,
    listening,
    names,
    rename,
    subjects,
    watch,
)
from tests.support.receiver import Received, Reply, open_receiver, redirect
from tests.support.shop import KEYRING, Shop, open_shop, settings

BAD = Reply(500, b"not now")


class Impatient(Fetch):
    """Gives up sooner than deliveries ask for."""

    async def post(self, url: str, *, timeout_s: float, **rest: Any) -> Fetched:
        assert timeout_s == 10
        return await super().post(url, timeout_s=0.3, **rest)


async def test_an_event_is_signed_and_sent(shop: Shop) -> None:
    async with listening(shop) as (receiver, endpoint):
        await shop.advance(seconds=0.25)
        await rename(shop.app, shop.organization_id, "Åsa & Öberg")
        await shop.settle()
        (received,) = receiver.requests
        (delivery,) = await deliveries(shop)
    organization = (await shop.client.get(f"/v1/organizations/{shop.organization_id}")).json()
    assert (received.method, received.path) == ("POST", "/hook")
    assert received.json == {"type": UPDATED, "timestamp": "2026-01-15T12:00:00.250000Z", "data": organization}
    assert list(received.json) == ["type", "timestamp", "data"]
    text = received.body.decode()
    assert '"name":"Åsa & Öberg"' in text and '": ' not in text and '", ' not in text
    event = delivery.pop("webhook_event")
    assert {name: received.headers[name] for name in ("user-agent", "content-type", "webhook-id")} == {
        "user-agent": "polar.sh webhooks",
        "content-type": "application/json",
        "webhook-id": event["id"],
    }
    assert received.headers["webhook-timestamp"] == str(int(shop.clock.now().timestamp()))
    signature = sign(endpoint["secret"], id=event["id"], at=shop.clock.now(), body=text)
    assert received.headers["webhook-signature"] == signature
    assert event == {
        "id": event["id"],
        "created_at": "2026-01-15T12:00:00.250000Z",
        "modified_at": "2026-01-15T12:00:00.250000Z",
        "last_http_code": 200,
        "succeeded": True,
        "skipped": False,
        "payload": text,
        "type": UPDATED,
        "is_archived": False,
    }
    assert delivery == {
        "id": delivery["id"],
        "created_at": "2026-01-15T12:00:00.250000Z",
        "modified_at": None,
        "succeeded": True,
        "http_code": 200,
        "response": "",
    }


async def test_the_official_libraries_accept_it(shop: Shop) -> None:
    shop.clock.set(Clock().now())
    async with listening(shop) as (receiver, endpoint):
        await rename(shop.app, shop.organization_id, "Verified")
        await shop.settle()
        (received,) = receiver.requests
    standard = Webhook(base64.b64encode(endpoint["secret"].encode()).decode())
    assert standard.verify(received.body, dict(received.headers))["type"] == UPDATED
    event = validate_event(received.body, dict(received.headers), endpoint["secret"])
    assert (event.TYPE, event.data.name) == (UPDATED, "Verified")


async def test_only_who_subscribed_hears_and_only_while_enabled(shop: Shop, other_shop: Shop) -> None:
    async with open_receiver() as receiver:
        await listen(shop, f"{receiver.url}/all", events=[UPDATED, "order.paid"])
        await listen(shop, f"{receiver.url}/orders", events=["order.paid"])
        await listen(other_shop, f"{receiver.url}/other")
        off = await change(shop, await listen(shop, f"{receiver.url}/off"), enabled=False)
        await rename(shop.app, shop.organization_id, "while off")
        await shop.settle()
        await change(shop, off, enabled=True)
        await rename(shop.app, shop.organization_id, "while on")
        await shop.settle()
        assert sorted((one.path, one.json["data"]["name"]) for one in receiver.requests) == [
            ("/all", "while off"),
            ("/all", "while on"),
            ("/off", "while on"),
        ]
        assert await deliveries(other_shop) == []


async def test_a_change_that_is_rolled_back_is_not_told(shop: Shop) -> None:
    async with listening(shop) as (receiver, _):
        with pytest.raises(ZeroDivisionError):
            async with shop.app.transaction(shop.organization_id) as tx:
                tx.announce(UPDATED, subject_kind="organization", subject_id=shop.organization_id)
                await tx.flush()
                1 / 0  # noqa: B018
        await shop.settle()
        assert receiver.requests == []


async def test_a_failing_event_holds_back_its_subject_and_nothing_else(shop: Shop) -> None:
    (subject,) = await subjects(shop.app, 1)
    async with listening(shop) as (receiver, _), open_receiver() as second:
        await listen(shop, f"{second.url}/hook")
        receiver.answer = lambda received: BAD if received.json["data"]["name"] == "one" and tries() < 3 else None

        def tries() -> int:
            return names(receiver.requests).count("one")

        for name in ("one", "two", "three"):
            await rename(shop.app, shop.organization_id, name, subject_id=subject)
        await rename(shop.app, shop.organization_id, "elsewhere")
        await shop.settle()
        assert sorted(names(receiver.requests)) == ["elsewhere", "one"]
        assert [name for name in names(second.requests) if name != "elsewhere"] == ["one", "two", "three"]
        await rename(shop.app, shop.organization_id, "four", subject_id=subject)
        await shop.settle()
        assert len(receiver.requests) == 2
        await shop.advance(seconds=12)
        told = [name for name in names(receiver.requests) if name != "elsewhere"]
        assert told == ["one", "one", "one", "two", "three", "four"]
        ids = {one.headers["webhook-id"] for one in receiver.requests if one.json["data"]["name"] == "one"}
        assert len(ids) == 1


async def test_ten_retries_and_no_more(shop: Shop) -> None:
    async with listening(shop) as (receiver, _):
        receiver.otherwise = BAD
        seen = watch(receiver, shop)
        await rename(shop.app, shop.organization_id, "doomed")
        await shop.settle()
        event = (await deliveries(shop))[0]["webhook_event"]
        assert (event["succeeded"], event["last_http_code"]) == (None, 500)
        await shop.advance(hours=2)
        pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(seen)]
        assert len(pauses) == MAX_RETRIES
        for retry, pause_s in enumerate(pauses, start=1):
            assert 2**retry <= pause_s < 2 ** (retry + 1)
        listed = await deliveries(shop)
        assert len(listed) == 11
        assert {one["webhook_event"]["id"] for one in listed} == {event["id"]}
        assert {one["response"] for one in listed} == {"not now"}
        assert [one["webhook_event"]["succeeded"] for one in listed] == [False] * 11
        assert len({one.headers["webhook-timestamp"] for one in receiver.requests}) == 11
        assert len({one.body for one in receiver.requests}) == 1
        receiver.otherwise = Reply()
        await rename(shop.app, shop.organization_id, "next")
        await shop.settle()
        assert names(receiver.requests)[-1] == "next"


async def test_every_kind_of_failure_is_recorded(shop: Shop) -> None:
    replies = (Reply(204), redirect("http://127.0.0.1:1/"), Reply(404, b"x" * 5000), Reply(drop=True))
    async with listening(shop) as (receiver, endpoint):
        for reply in replies:
            receiver.script(reply)
            await rename(shop.app, shop.organization_id, str(reply.status))
            await shop.advance(minutes=5)
        for url in ("https://10.0.0.1/", "https://merchant.example:8443/", "http://127.0.0.1:1/"):
            await change(shop, endpoint, url=url)
            await rename(shop.app, shop.organization_id, url)
            await shop.settle()
            await change(shop, endpoint, url=receiver.url)
            await shop.advance(minutes=5)
        listed = [(one["succeeded"], one["http_code"], one["response"]) for one in reversed(await deliveries(shop))]
    closed = "The connection was closed before the reply was complete"
    assert [one for one in listed if one != (True, 200, "")] == [
        (True, 204, ""),
        (False, 302, ""),
        (False, 404, "x" * 2048),
        (False, None, closed),
        (False, None, "The address of the host is not public"),
        (False, None, "Port 8443 is not allowed"),
        (False, None, "The connection failed: Connection refused"),
    ]


async def test_ten_seconds_and_no_connection_held(dsn: str) -> None:
    impatient = Impatient(allowed_hosts=("127.0.0.1",))
    async with open_shop(dsn, adapters={Fetch: impatient}) as shop, listening(shop) as (receiver, _):
        receiver.script(Reply(hang=True))
        await rename(shop.app, shop.organization_id, "slow")
        settling = asyncio.create_task(shop.settle())
        await receiver.wait_for(1)
        pool = shop.app.database.pool
        assert pool.get_idle_size() == pool.get_size()
        await settling
        (delivery,) = await deliveries(shop)
        assert (delivery["http_code"], delivery["response"]) == (None, "No complete reply within 0.3 seconds")
        await shop.advance(seconds=4)
        assert names(receiver.requests) == ["slow", "slow"]


async def test_a_process_that_dies_while_sending_sends_again(shop: Shop) -> None:
    async with listening(shop) as (receiver, _):
        receiver.script(Reply(hang=True))
        await rename(shop.app, shop.organization_id, "one")
        await rename(shop.app, shop.organization_id, "two")
        await shop.boreal.dispatcher.run_once(now=shop.clock.now())
        claims = Claims(shop.app.database, "webhooks")
        (work,) = await claims.claim(now=shop.clock.now(), batch_size=10, lease_s=35)
        task = asyncio.create_task(run(shop.app, work, claims))
        await receiver.wait_for(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await deliveries(shop) == []
        await shop.settle()
        assert len(receiver.requests) == 1
        await shop.advance(seconds=36)
        assert names(receiver.requests) == ["one", "one", "two"]
        assert receiver.requests[0].headers["webhook-id"] == receiver.requests[1].headers["webhook-id"]
        assert receiver.requests[0].body == receiver.requests[1].body


async def test_a_change_made_while_sending_follows(shop: Shop) -> None:
    async with listening(shop) as (receiver, _):
        receiver.script(Reply(delay_s=0.3))
        await rename(shop.app, shop.organization_id, "one")
        settling = asyncio.create_task(shop.settle())
        await receiver.wait_for(1)
        await rename(shop.app, shop.organization_id, "two")
        await shop.boreal.dispatcher.run_once(now=shop.clock.now())
        await settling
        await shop.settle()
        assert names(receiver.requests) == ["one", "two"]


async def test_a_new_secret_signs_what_is_still_to_be_sent(shop: Shop) -> None:
    async with listening(shop) as (receiver, endpoint):
        receiver.script(BAD)
        await rename(shop.app, shop.organization_id, "one")
        await shop.settle()
        renewed = (await shop.client.patch(f"/v1/webhooks/endpoints/{endpoint['id']}/secret")).json()
        await shop.advance(seconds=4)
        for received, secret in zip(receiver.requests, (endpoint["secret"], renewed["secret"]), strict=True):
            at = datetime.fromtimestamp(int(received.headers["webhook-timestamp"]), UTC)
            id, body = received.headers["webhook-id"], received.body.decode()
            assert received.headers["webhook-signature"] == sign(secret, id=id, at=at, body=body)


async def delete(shop: Shop, endpoint: dict[str, Any]) -> None:
    assert (await shop.client.delete(f"/v1/webhooks/endpoints/{endpoint['id']}")).status_code == 204


async def disable(shop: Shop, endpoint: dict[str, Any]) -> None:
    await change(shop, endpoint, enabled=False)


@pytest.mark.parametrize("end", [delete, disable])
async def test_what_is_pending_is_not_sent_to_an_endpoint_that_is_off(
    shop: Shop, end: Callable[[Shop, dict[str, Any]], Awaitable[None]]
) -> None:
    async with listening(shop) as (receiver, endpoint):
        receiver.script(BAD)
        await rename(shop.app, shop.organization_id, "one")
        await rename(shop.app, shop.organization_id, "two")
        await shop.settle()
        await rename(shop.app, shop.organization_id, "three")
        await end(shop, endpoint)
        await shop.advance(hours=2)
        assert names(receiver.requests) == ["one"]
        (delivery,) = await deliveries(shop)
        assert (delivery["webhook_event"]["succeeded"], delivery["webhook_event"]["skipped"]) == (None, True)


async def test_sixteen_writers_two_workers_and_a_moody_receiver(dsn: str) -> None:
    """Each event fails once; still every subject is told of its changes in the order in which they were made."""
    async with open_shop(dsn) as shop, open_receiver() as receiver:
        boreals = [compose(settings(), database=shop.app.database, clock=Clock(), keyring=KEYRING) for _ in range(2)]
        app = boreals[0].app
        organization = await organizations.create(app, name="Busy", slug="busy", ready=True)
        await endpoints.create(
            app,
            organization_id=organization.id,
            url=receiver.url,
            format=WebhookFormat.RAW,
            events=list(WebhookEventType),
        )
        known = await subjects(app, 16)
        failed: set[str] = set()

        def answer(received: Received) -> Reply | None:
            id = received.headers["webhook-id"]
            if len(failed) < 8 and id not in failed:
                failed.add(id)
                return BAD
            return None

        receiver.answer = answer

        async def write(n: int) -> None:
            for step in range(5):
                await rename(app, organization.id, f"{step}", subject_id=known[(n + step) % 16])
                await rename(app, organization.id, f"{step}+", subject_id=known[(n + step) % 16])

        workers = [asyncio.create_task(Worker(one.app, one.dispatcher).run()) for one in boreals]
        try:
            await asyncio.gather(*(write(n) for n in range(16)))
            await receiver.wait_for(160 + 8, timeout_s=30)
            await asyncio.sleep(0.2)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            for one in boreals:
                await one.close()
        assert await broken_invariants(app.database) == {}
        accepted: dict[str, list[str]] = {}
        seen: set[str] = set()
        for received in receiver.requests:
            id = received.headers["webhook-id"]
            if id in failed and id not in seen:
                seen.add(id)
            else:
                accepted.setdefault(received.json["data"]["id"], []).append(received.body.decode())
        made: dict[str, list[str]] = {}
        for fact in await app.database.fetch(sa.select(FactRow).order_by(FactRow.c.id)):
            made.setdefault(str(fact["subject_id"]), []).append(fact["payload"])
        assert sum(len(told) for told in accepted.values()) == 160
        assert accepted == made


async def test_a_long_backlog_is_done_in_several_runs(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boreal.rooms.platform.webhooks.work.BUDGET_S", -1.0)
    async with listening(shop) as (receiver, _):
        for name in ("one", "two", "three"):
            await rename(shop.app, shop.organization_id, name)
        await shop.boreal.dispatcher.run_once(now=shop.clock.now())
        claims = Claims(shop.app.database, "webhooks")
        (work,) = await claims.claim(now=shop.clock.now(), batch_size=10, lease_s=35)
        await run(shop.app, work, claims)
        assert receiver.requests == []
        assert await claims.next_due_at() == shop.clock.now()
        monkeypatch.undo()
        await shop.settle()
        assert names(receiver.requests) == ["one", "two", "three"]
