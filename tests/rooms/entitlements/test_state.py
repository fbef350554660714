"""The state of a customer, and how its changes are told (usage spec 13, platform spec 9.1, corrections 12, 17)."""

import asyncio
import json
import uuid
from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from boreal.core import customers as book
from boreal.core.webhooks import WebhookEventType
from boreal.kit.facts import FactRow
from boreal.kit.work import Work
from boreal.rooms.customers.customers.schemas import Customer
from boreal.rooms.entitlements.public import CustomerState
from boreal.rooms.entitlements.state.work import announce_customer_state
from tests.rooms.billing.buying import MONTHLY, buy, make_customer, make_product
from tests.support.shop import Shop, client_of

TOLD = sa.select(FactRow.c.name, FactRow.c.payload).order_by(FactRow.c.id)


async def listen(shop: Shop) -> None:
    """Has the shop subscribe to everything, so that payloads are rendered."""
    body = {"url": "http://127.0.0.1:9/hooks", "format": "raw", "events": [event.value for event in WebhookEventType]}
    reply = await shop.client.post("/v1/webhooks/endpoints", json=body)
    assert reply.status_code == 201, reply.text


async def told(shop: Shop) -> list[tuple[str, dict[str, Any]]]:
    """Every fact with the data of its payload."""
    return [(row["name"], json.loads(row["payload"])["data"]) for row in await shop.app.database.fetch(TOLD)]


async def state_of(shop: Shop, customer: dict[str, Any]) -> dict[str, Any]:
    reply = await shop.client.get(f"/v1/customers/{customer['id']}/state")
    assert reply.status_code == 200, reply.text
    return reply.json()


async def revoke(shop: Shop, id: str) -> None:
    assert (await shop.client.delete(f"/v1/subscriptions/{id}")).status_code == 200


async def test_a_new_customer_has_nothing(shop: Shop) -> None:
    ada = await make_customer(shop, external_id="usr_1", name="Ada", metadata={"a": 1})
    state = await state_of(shop, ada)
    ada.pop("members")
    assert state == {**ada, "active_subscriptions": [], "granted_benefits": [], "active_meters": []}
    assert (await shop.client.get("/v1/customers/external/usr_1/state")).json() == state


async def test_subscriptions_that_are_active_or_on_trial_show(shop: Shop) -> None:
    ada, bob = await make_customer(shop), await make_customer(shop, "bob@example.com")
    product = await make_product(shop, **MONTHLY)
    order = await buy(shop, ada, product)
    (active,) = (await state_of(shop, ada))["active_subscriptions"]
    assert (active["id"], active["status"], active["product_id"], active["meters"]) == (
        order["subscription_id"],
        "active",
        product["id"],
        [],
    )
    assert (active["amount"], active["current_period_end"]) == (1000, "2026-02-15T12:00:00Z")
    await buy(shop, bob, product, trial_days=7)
    (trial,) = (await state_of(shop, bob))["active_subscriptions"]
    assert (trial["status"], trial["trial_end"]) == ("trialing", "2026-01-22T12:00:00Z")
    assert (await state_of(shop, ada))["active_subscriptions"] == [active]


async def test_a_state_is_never_old(shop: Shop) -> None:
    ada = await make_customer(shop)
    order = await buy(shop, ada, await make_product(shop, **MONTHLY))
    assert len((await state_of(shop, ada))["active_subscriptions"]) == 1
    await revoke(shop, order["subscription_id"])
    assert (await state_of(shop, ada))["active_subscriptions"] == []
    await shop.client.patch(f"/v1/customers/{ada['id']}", json={"name": "Ada"})
    assert (await state_of(shop, ada))["name"] == "Ada"


async def test_an_unknown_or_deleted_customer_has_no_state(shop: Shop) -> None:
    ada = await make_customer(shop, external_id="usr_1")
    await shop.client.delete(f"/v1/customers/{ada['id']}")
    for path in (ada["id"], "external/usr_1", str(uuid.uuid4()), "external/nobody"):
        reply = await shop.client.get(f"/v1/customers/{path}/state")
        assert reply.status_code == 404
        assert reply.json() == {"error": "ResourceNotFound", "detail": "Not found"}
    assert (await shop.client.get("/v1/customers/nonsense/state")).status_code == 422


async def test_an_external_id_may_be_state(shop: Shop) -> None:
    ada = await make_customer(shop, external_id="state")
    assert (await shop.client.get("/v1/customers/external/state")).json() == ada
    assert (await shop.client.get("/v1/customers/external/state/state")).json()["id"] == ada["id"]


async def test_states_of_another_organization_do_not_exist(shop: Shop, other_shop: Shop) -> None:
    ada = await make_customer(shop, external_id="usr_1")
    for path in (ada["id"], "external/usr_1"):
        assert (await other_shop.client.get(f"/v1/customers/{path}/state")).status_code == 404
        async with client_of(shop.boreal, None) as nobody:
            assert (await nobody.get(f"/v1/customers/{path}/state")).status_code == 401


async def test_every_change_of_a_customer_is_followed_by_its_state(shop: Shop) -> None:
    """The specific event first, each with the state of its own moment; after deletion without the external id."""
    await listen(shop)
    ada = await make_customer(shop, external_id="usr_1")
    await shop.settle()
    await shop.client.patch(f"/v1/customers/{ada['id']}", json={"name": "Ada"})
    await shop.settle()
    await shop.client.delete(f"/v1/customers/{ada['id']}")
    await shop.settle()
    await shop.saw(
        "customer.created",
        "customer.state_changed",
        "customer.updated",
        "customer.state_changed",
        "customer.deleted",
        "customer.state_changed",
    )
    facts = await told(shop)
    seen = [(data["name"], data["external_id"], data["deleted_at"]) for _, data in facts]
    gone = "2026-01-15T12:00:00Z"
    assert seen == [(None, "usr_1", None)] * 2 + [("Ada", "usr_1", None)] * 2 + [("Ada", None, gone)] * 2
    for name, data in facts:
        shape = CustomerState if name == "customer.state_changed" else Customer
        assert set(data) == set(shape.model_fields)
    deleted = facts[-1][1]
    assert deleted["metadata"] == {"__external_id": "usr_1"}
    assert deleted["active_subscriptions"] == []


async def test_changes_of_subscriptions_are_followed_by_the_state(shop: Shop) -> None:
    await listen(shop)
    ada = await make_customer(shop)
    await shop.settle()
    await shop.facts()
    order = await buy(shop, ada, await make_product(shop, **MONTHLY))
    await shop.settle()
    facts = await shop.facts()
    assert facts.index("customer.state_changed") > facts.index("subscription.updated")
    name, data = (await told(shop))[-1]
    assert (name, data["id"]) == ("customer.state_changed", ada["id"])
    assert [one["id"] for one in data["active_subscriptions"]] == [order["subscription_id"]]
    await revoke(shop, order["subscription_id"])
    await shop.settle()
    assert (await shop.facts())[-1] == "customer.state_changed"
    assert (await told(shop))[-1][1]["active_subscriptions"] == []


async def test_an_announcement_can_be_made_twice(shop: Shop) -> None:
    await listen(shop)
    ada = await make_customer(shop)
    payload = {"fact": "customer.created", "subject_id": ada["id"]}
    work = Work(1, shop.organization_id, "announce_customer_state", None, payload, 1, 0, None)
    await announce_customer_state(shop.app, work)
    await announce_customer_state(shop.app, work)
    await shop.saw("customer.created", "customer.state_changed", "customer.state_changed")
    _, first, second = await told(shop)
    assert first == second


async def test_an_announcement_waits_for_a_change_in_progress(shop: Shop) -> None:
    """So the last announcement tells the last state."""
    await listen(shop)
    ada = await make_customer(shop)
    work = Work(
        1,
        shop.organization_id,
        "announce_customer_state",
        None,
        {"fact": "customer.created", "subject_id": ada["id"]},
        1,
        0,
        None,
    )
    async with shop.app.transaction(shop.organization_id) as tx:
        before = await tx.lock(book.Customer, UUID(ada["id"]))
        assert before is not None
        announcing = asyncio.create_task(announce_customer_state(shop.app, work))
        await asyncio.sleep(0.1)
        assert not announcing.done()
        await tx.save(before, replace(before, name="Ada"))
    await announcing
    name, data = (await told(shop))[-1]
    assert (name, data["name"]) == ("customer.state_changed", "Ada")
