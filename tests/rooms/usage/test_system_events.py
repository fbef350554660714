"""System events: what Boreal tells of itself, kind by kind, once, with the metadata of usage spec 2.5."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from boreal.kit.facts import FactRow
from boreal.kit.work import Work
from boreal.rooms.usage.ingestion.work import record_events
from tests.support.benefits import attach, make_benefit
from tests.support.catalog import fixed, make_product
from tests.support.checkout import finish, good, open_session, processor_of
from tests.support.queries import counted
from tests.support.refunds import give_back, sell
from tests.support.seats import buy_seats
from tests.support.shop import START, Shop
from tests.support.subscribers import MONTHLY, changed, subscribe
from tests.support.usage import ingest, make_customer, make_meter

NOW = "2026-01-15T12:00:00+00:00"
DISPUTED = "pm_card_createDispute"


async def told(shop: Shop, *names: str) -> list[tuple[str, dict[str, Any]]]:
    """Names and metadata of the system events of these names, or all, by name and then oldest first."""
    await shop.settle()
    asked = {"source": "system", "sorting": "timestamp", "limit": 100, **({"name": list(names)} if names else {})}
    page = good(await shop.client.get("/v1/events/", params=asked))
    assert page["pagination"]["total_count"] == len(page["items"])
    return sorted(((item["name"], item["metadata"]) for item in page["items"]), key=lambda event: event[0])


async def names_of(shop: Shop) -> dict[str, int]:
    """How often each name of a system event occurred."""
    await shop.settle()
    page = good(await shop.client.get("/v1/events/names", params={"source": "system", "limit": 100}))
    return {item["name"]: item["occurrences"] for item in page["items"]}


async def the(shop: Shop, name: str) -> dict[str, Any]:
    """The metadata of the one event of a name."""
    ((_, metadata),) = await told(shop, name)
    return metadata


async def test_customers(shop: Shop) -> None:
    customer = good(await shop.client.post("/v1/customers/", json={"email": "ada@example.com", "name": "Ada"}), 201)
    path = f"/v1/customers/{customer['id']}"
    known = {"customer_id": customer["id"], "customer_email": "ada@example.com", "customer_name": "Ada"}
    assert await the(shop, "customer.created") == {**known, "customer_external_id": None}
    await shop.advance(minutes=1)
    changes = {
        "name": "Ada L.",
        "external_id": "ada",
        "billing_address": {"country": "FR"},
        "tax_id": ["FR61954506077", "eu_vat"],
        "metadata": {"tier": 1},
    }
    good(await shop.client.patch(path, json=changes))
    assert await the(shop, "customer.updated") == {
        **known,
        "customer_name": "Ada L.",
        "customer_external_id": "ada",
        "updated_fields": {
            "name": "Ada L.",
            "billing_address": {"country": "FR"},
            "tax_id": "FR61954506077",
            "metadata": {"tier": 1},
        },
    }
    await shop.advance(minutes=1)
    good(await shop.client.patch(path, json={"billing_address": None, "tax_id": None, "email": "l@example.com"}))
    *_, (_, second) = await told(shop, "customer.updated")
    assert second["updated_fields"] == {"email": "l@example.com", "billing_address": None, "tax_id": None}
    assert (await shop.client.delete(path)).status_code == 204
    gone = {"customer_email": "l@example.com", "customer_name": "Ada L.", "customer_external_id": None}
    assert await the(shop, "customer.deleted") == {"customer_id": customer["id"], **gone}
    (event,) = good(await shop.client.get("/v1/events/", params={"name": "customer.created"}))["items"]
    assert event["timestamp"] == "2026-01-15T12:00:00Z"
    assert (event["customer_id"], event["external_customer_id"]) == (customer["id"], None)
    assert (event["source"], event["label"]) == ("system", "Customer Created")


async def test_a_forgotten_person_is_gone_from_events_too(shop: Shop) -> None:
    customer = good(await shop.client.post("/v1/customers/", json={"email": "ada@example.com", "name": "Ada"}), 201)
    path = f"/v1/customers/{customer['id']}"
    good(await shop.client.patch(path, json={"name": "Ada L.", "billing_address": {"country": "FR"}}))
    await shop.settle()
    assert (await shop.client.delete(path, params={"anonymize": True})).status_code == 204
    events = await told(shop, "customer.created", "customer.updated", "customer.deleted")
    assert len(events) == 3
    assert all("ada" not in str(metadata).lower() and "FR" not in str(metadata) for _, metadata in events)
    assert dict(events)["customer.updated"]["updated_fields"] == {}


async def test_a_sale_once(shop: Shop) -> None:
    order = await sell(shop, 1000, tax=200)
    session = good(await shop.client.get(f"/v1/checkouts/{order['checkout_id']}"))
    opened = {"checkout_id": session["id"], "checkout_status": "open", "product_id": order["product_id"]}
    assert await the(shop, "checkout.created") == opened
    (event,) = good(await shop.client.get("/v1/events/", params={"name": "checkout.created"}))["items"]
    assert (event["customer_id"], event["customer"]) == (None, None)
    fee = 88  # 4 % of 1200, and 40
    assert await the(shop, "order.paid") == {
        "order_id": order["id"],
        "product_id": order["product_id"],
        "billing_type": "one_time",
        "amount": 1200,
        "currency": "usd",
        "net_amount": 1000,
        "tax_amount": 200,
        "applied_balance_amount": 0,
        "discount_amount": 0,
        "platform_fee": fee,
    }
    balance = await the(shop, "balance.order")
    assert balance.pop("transaction_id")
    money = {"amount": 1000, "currency": "usd", "presentment_amount": 1000, "presentment_currency": "usd"}
    of_order = {"order_id": order["id"], "product_id": order["product_id"], "tax_country": "FR"}
    assert balance == {**of_order, **money, "tax_amount": 200, "fee": fee}
    once = {"checkout.created": 1, "customer.created": 1, "order.paid": 1, "balance.order": 1}
    assert await names_of(shop) == once


async def test_a_subscription_from_its_beginning_to_its_end(shop: Shop) -> None:
    bought = await subscribe(shop)
    id = bought["id"]
    terms = {"amount": 1000, "currency": "usd", "recurring_interval": "month", "recurring_interval_count": 1}
    of = {"subscription_id": id}
    first = {**of, "product_id": bought["product_id"], **terms}
    assert await the(shop, "subscription.created") == {**first, "started_at": NOW}
    assert (await the(shop, "order.paid"))["recurring_interval"] == "month"
    assert (await the(shop, "order.paid"))["subscription_id"] == id
    leaving = {"cancel_at_period_end": True, "customer_cancellation_reason": "unused"}
    await changed(shop, id, **leaving, customer_cancellation_comment="bye")
    assert await the(shop, "subscription.canceled") == {
        **first,
        **leaving,
        "customer_cancellation_comment": "bye",
        "canceled_at": NOW,
        "ends_at": "2026-02-15T12:00:00+00:00",
    }
    await changed(shop, id, cancel_at_period_end=False)
    assert await the(shop, "subscription.uncanceled") == first
    await changed(shop, id, current_billing_period_end="2026-02-20T12:00:00Z")
    ends = {"old_period_end": "2026-02-15T12:00:00+00:00", "new_period_end": "2026-02-20T12:00:00+00:00"}
    assert await the(shop, "subscription.billing_period_updated") == {**of, **ends}
    product = await make_product(shop, fixed(3000), **MONTHLY)
    await changed(shop, id, product_id=product["id"])
    moved = {"old_product_id": bought["product_id"], "new_product_id": product["id"]}
    assert await the(shop, "subscription.product_updated") == {**of, **moved}
    assert "subscription.cycled" not in await names_of(shop)
    await shop.advance(days=40)
    second = {**first, "product_id": product["id"], "amount": 3000}
    assert await the(shop, "subscription.cycled") == second
    (event,) = good(await shop.client.get("/v1/events/", params={"name": "subscription.cycled"}))["items"]
    assert event["timestamp"] == "2026-02-20T12:00:00Z"
    good(await shop.client.delete(f"/v1/subscriptions/{id}"))
    assert await the(shop, "subscription.revoked") == second
    *_, (_, canceled) = await told(shop, "subscription.canceled")
    assert canceled["cancel_at_period_end"] is False
    assert (await names_of(shop))["subscription.canceled"] == 2


@pytest.mark.parametrize("behavior", ["invoice", "prorate"])
async def test_seats(shop: Shop, behavior: str) -> None:
    order = await buy_seats(shop, 3)
    await changed(shop, order["subscription_id"], seats=5, proration_behavior=behavior)
    assert await the(shop, "subscription.seats_updated") == {
        "subscription_id": order["subscription_id"],
        "old_seats": 3,
        "new_seats": 5,
        "proration_behavior": behavior,
    }


async def test_benefits(shop: Shop) -> None:
    benefit = await make_benefit(shop, "license_keys")
    product = await make_product(shop, fixed(1000), **MONTHLY)
    await attach(shop, product, benefit)
    bought = await subscribe(shop, product)
    (grant,) = good(await shop.client.get(f"/v1/benefits/{benefit['id']}/grants"))["items"]
    known = {"benefit_id": benefit["id"], "benefit_grant_id": grant["id"], "benefit_type": "license_keys"}
    assert await the(shop, "benefit.granted") == known
    changes = {"type": "license_keys", "properties": {**benefit["properties"], "limit_usage": 5}}
    good(await shop.client.patch(f"/v1/benefits/{benefit['id']}", json=changes))
    assert await the(shop, "benefit.updated") == known
    await shop.advance(days=31)
    assert await the(shop, "benefit.cycled") == known
    good(await shop.client.delete(f"/v1/subscriptions/{bought['id']}"))
    assert await the(shop, "benefit.revoked") == known


async def test_what_goes_with_its_benefit_is_not_told_as_revoked(shop: Shop) -> None:
    benefit = await make_benefit(shop)
    product = await make_product(shop, fixed(1000))
    await attach(shop, product, benefit)
    await (await open_session(shop, product)).pay()
    assert (await shop.client.delete(f"/v1/benefits/{benefit['id']}")).status_code == 204
    assert "benefit.revoked" not in await names_of(shop)
    assert "benefit_grant.revoked" in await shop.facts()


async def test_a_refund_and_one_that_fails_later(shop: Shop) -> None:
    order = await sell(shop, 3000, tax=750, token="pm_card_refundFail")
    refund = await give_back(shop, order, 1000)
    given = {"order_id": order["id"], "refunded_amount": 1000, "currency": "usd"}
    assert await the(shop, "order.refunded") == given
    taken = await the(shop, "balance.refund")
    money = {"amount": -1000, "currency": "usd", "presentment_amount": -1000, "presentment_currency": "usd"}
    expected = {
        "transaction_id": taken["transaction_id"],
        "refund_id": refund["id"],
        "order_id": order["id"],
        "order_created_at": NOW,
        "product_id": order["product_id"],
        "tax_country": "FR",
        "fee": 0,
    }
    assert taken == {**expected, **money, "tax_amount": -250, "refundable_amount": 2000}
    await processor_of(shop).settle()
    await shop.advance(minutes=1)
    await processor_of(shop).settle()
    await finish(shop)
    back = await the(shop, "balance.refund_reversal")
    money |= {"amount": 1000, "presentment_amount": 1000}
    expected |= {"transaction_id": back["transaction_id"]}
    assert back == {**expected, **money, "tax_amount": 250, "refundable_amount": 3000}
    assert back["transaction_id"] != taken["transaction_id"]
    (event,) = good(await shop.client.get("/v1/events/", params={"name": "balance.refund_reversal"}))["items"]
    assert event["label"] == "balance.refund_reversal"


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_a_decided_dispute(shop: Shop, outcome: Any) -> None:
    order = await sell(shop, 1000, tax=250, token=DISPUTED)
    await shop.advance(seconds=15)
    assert "balance.dispute" not in await names_of(shop)
    id = await shop.app.database.pool.fetchval("SELECT processor_id FROM disputes")
    await processor_of(shop).move_dispute(id, outcome)
    await finish(shop)
    (dispute,) = good(await shop.client.get("/v1/disputes/"))["items"]
    taken = await the(shop, "balance.dispute")
    expected = {"dispute_id": dispute["id"], "order_id": order["id"], "order_created_at": NOW}
    assert taken.items() >= {**expected, "amount": -1000, "tax_amount": -250, "fee": 1500}.items()
    assert ("balance.dispute_reversal" in await names_of(shop)) is (outcome == "won")
    if outcome == "won":
        back = await the(shop, "balance.dispute_reversal")
        assert back.items() >= {**expected, "amount": 1000, "tax_amount": 250, "fee": 0}.items()


async def test_an_order_that_credit_pays(shop: Shop) -> None:
    yearly, monthly = fixed(12000), fixed(1200)
    big = await make_product(shop, yearly, recurring_interval="year")
    small = await make_product(shop, monthly, recurring_interval="month")
    bought = await subscribe(shop, big)
    await changed(shop, bought["id"], product_id=small["id"])
    ((_, metadata),) = await told(shop, "balance.credit_order")
    order_id = metadata["order_id"]
    assert metadata == {
        "order_id": order_id,
        "product_id": small["id"],
        "subscription_id": bought["id"],
        "amount": 1200 - 12000,
        "currency": "usd",
        "tax_amount": 0,
        "tax_country": "FR",
        "fee": 0,
    }
    paid = [metadata for _, metadata in await told(shop, "order.paid") if metadata["order_id"] == order_id]
    assert [(item["amount"], item["platform_fee"]) for item in paid] == [(1200 - 12000, 0)]


async def test_a_free_order_moves_no_money(shop: Shop) -> None:
    await (await open_session(shop, await make_product(shop, {"amount_type": "free"}))).pay(None)
    assert set(await names_of(shop)) == {"checkout.created", "customer.created", "order.paid"}


async def test_recorded_once_however_often_the_work_is_done(shop: Shop) -> None:
    for number in range(6):
        await make_customer(shop, f"c{number}")
    work = Work(1, shop.organization_id, "record_events", str(shop.organization_id), {}, 0, 0, None)
    await asyncio.gather(*(record_events(shop.app, work) for _ in range(4)))
    assert await names_of(shop) == {"customer.created": 6}
    with counted(shop.app.database) as queries:
        await record_events(shop.app, work)
    assert len(queries) == 1, queries  # nothing left
    assert await shop.app.database.fetch(FactRow.select().where(FactRow.c.notes.is_not(None))) == []


async def test_what_recording_costs(shop: Shop) -> None:
    """A number here may go down; up only for a reason."""
    work = Work(1, shop.organization_id, "record_events", str(shop.organization_id), {}, 0, 0, None)
    for count in (1, 20):
        for number in range(count):
            await make_customer(shop, f"c{count}-{number}")
        with counted(shop.app.database) as queries:
            await record_events(shop.app, work)
        first = 2 if count == 1 else 0  # the organization has no generation of meters yet
        assert len(queries) == 3 + first, queries  # takes the notes; holds the meters, stores


async def test_merchants_may_use_the_same_names(shop: Shop) -> None:
    customer = await make_customer(shop, "ada")
    meter = await make_meter(shop)
    await ingest(shop, {"name": "customer.created", "customer_id": customer["id"]})
    await shop.settle()
    page = good(await shop.client.get("/v1/events/names", params={"query": "customer.created"}))
    assert sorted((item["source"], item["occurrences"]) for item in page["items"]) == [("system", 1), ("user", 1)]
    (own,) = good(await shop.client.get("/v1/events/", params={"source": "user"}))["items"]
    assert own["metadata"] == {}
    interval = {"start_timestamp": START - timedelta(days=1), "end_timestamp": START + timedelta(days=1)}
    params = {name: moment.isoformat() for name, moment in interval.items()}
    asked = {**params, "interval": "day"}
    assert good(await shop.client.get(f"/v1/meters/{meter['id']}/quantities", params=asked))["total"] == 1
    types = good(await shop.client.get("/v1/event-types/"))["items"]
    assert [(item["name"], item["source"]) for item in types] == [("customer.created", "user")]


async def test_events_have_the_time_of_the_organizations_clock(shop: Shop) -> None:
    began = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)
    made = good(await shop.client.post("/v1/test-clocks/", json={"name": "a", "time": began.isoformat()}), 201)
    await subscribe(shop)
    body = {"time": (began + timedelta(days=60)).isoformat()}
    good(await shop.client.post(f"/v1/test-clocks/{made['id']}/advance", json=body), 202)
    await shop.settle()
    page = good(await shop.client.get("/v1/events/", params={"name": "subscription.cycled", "sorting": "timestamp"}))
    assert [item["timestamp"] for item in page["items"]] == ["2027-02-28T09:00:00Z", "2027-03-31T09:00:00Z"]
