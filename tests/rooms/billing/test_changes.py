"""`/v1/subscriptions`: every change, what it refuses, and previews that show what then happens (orders spec 6, 7)."""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from boreal.providers.ports import TaxQuotes
from boreal.rooms.billing.changes import execution
from boreal.rooms.billing.orders.drafts import Draft
from tests.support.catalog import FREE, fixed, make_discount, make_product, seats
from tests.support.checkout import FlatTax, faults, good, malformed, problem
from tests.support.shop import Shop, open_shop
from tests.support.subscribers import (
    MONTHLY,
    YEARLY,
    change,
    changed,
    credit,
    last_order,
    subscribe,
    subscription,
    sums,
    told,
)

LADDER = ((1, 4, 1000), (5, 9, 900), (10, 20, 800))
LEAVING = (
    403,
    "AlreadyCanceledSubscription",
    "This subscription is already canceled or will be at the end of the period.",
)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def preview(shop: Shop, id: str, **body: Any) -> dict[str, Any]:
    return good(await shop.client.post(f"/v1/subscriptions/{id}/preview", json=body or None))


async def listed(shop: Shop, **params: Any) -> list[str]:
    found = good(await shop.client.get("/v1/subscriptions/", params=params))
    return [item["id"] for item in found["items"]]


@pytest.mark.example("orders 18.20")
@pytest.mark.example("orders 18.21")
@pytest.mark.parametrize("behavior", ["invoice", "prorate"])
async def test_a_preview_is_what_then_happens(dsn: str, behavior: str) -> None:
    async with open_shop(dsn, adapters={TaxQuotes: FlatTax(2000)}) as shop:
        shop.clock.set(day("2025-04-01"))
        dear = await make_product(shop, fixed(2000), name="Max", **MONTHLY)
        id = (await subscribe(shop, await make_product(shop, fixed(500), **MONTHLY)))["id"]
        await shop.advance(days=10)
        wanted = {"product_id": dear["id"], "proration_behavior": behavior}
        seen = await preview(shop, id, **wanted)
        assert (await subscription(shop, id))["amount"] == 500
        now = await changed(shop, id, **wanted)
        period = ("2025-04-01T00:00:00Z", "2025-05-01T00:00:00Z")
        assert (now["current_period_start"], now["current_period_end"]) == period
        if behavior == "invoice":
            order, shown, lines = await last_order(shop), seen["invoice"], [(-333, True), (1333, True)]
            assert (order["billing_reason"], sums(order)) == ("subscription_update", (1000, 0, 200, 0, 1200))
        else:
            assert seen["invoice"] is None
            await shop.advance(days=20)
            order, shown = await last_order(shop), seen["next_invoice"]
            lines = [(-333, True), (1333, True), (2000, False)]
            assert (order["billing_reason"], sums(order)) == ("subscription_cycle", (3000, 0, 600, 0, 3600))
        assert [(line["label"], line["amount"], line["proration"]) for line in shown["lines"]] == [
            (item["label"], item["amount"], item["proration"]) for item in order["items"]
        ]
        assert (shown["total_amount"], shown["due_amount"]) == (order["total_amount"], order["due_amount"])
        assert [(item["amount"], item["proration"]) for item in order["items"]] == lines
        assert order["items"][0]["label"] == "Remaining time on Pro — From Apr 11, 2025 to May 1, 2025"
        await shop.check()


async def test_a_credit_goes_to_the_balance(shop: Shop) -> None:
    bought = await subscribe(shop)
    free = await make_product(shop, FREE, **MONTHLY)
    await shop.advance(days=15, hours=12)
    seen = await preview(shop, bought["id"], product_id=free["id"], proration_behavior="invoice")
    assert (seen["invoice"]["total_amount"], seen["invoice"]["due_amount"]) == (-500, 0)
    now = await changed(shop, bought["id"], product_id=free["id"], proration_behavior="invoice")
    assert (now["amount"], [price["amount_type"] for price in now["prices"]]) == (0, ["free"])
    order = await last_order(shop)
    assert (order["status"], order["total_amount"], await credit(shop, bought["customer_id"])) == ("paid", -500, 500)


async def test_products_that_cannot_be_changed_to(shop: Shop, other_shop: Shop) -> None:
    id = (await subscribe(shop))["id"]
    archived = await make_product(shop, **MONTHLY)
    good(await shop.client.patch(f"/v1/products/{archived['id']}", json={"is_archived": True}))
    refused = {
        str(uuid.uuid4()): "Product does not exist.",
        (await make_product(other_shop, **MONTHLY))["id"]: "Product does not exist.",
        archived["id"]: "Product is archived.",
        (await make_product(shop))["id"]: "Product is not recurring.",
        (await make_product(shop, {"amount_type": "custom"}, **MONTHLY))[
            "id"
        ]: "Can't update to a product with custom prices.",
        (await make_product(shop, seats(*LADDER), **MONTHLY))[
            "id"
        ]: "This product has no price for the number of seats of the subscription.",
    }
    for product_id, words in refused.items():
        assert faults(await change(shop, id, product_id=product_id)) == [("product_id", "value_error", words)]
    await changed(shop, id, cancel_at_period_end=True)
    assert problem(await change(shop, id, product_id=archived["id"])) == LEAVING


async def test_new_prices_of_the_same_product(shop: Shop) -> None:
    product = await make_product(shop, fixed(1000), **MONTHLY)
    bought = await subscribe(shop, product)
    good(await shop.client.patch(f"/v1/products/{product['id']}", json={"prices": [fixed(3000)]}))
    assert (await subscription(shop, bought["id"]))["amount"] == 1000
    await shop.advance(days=15, hours=12)
    now = await changed(shop, bought["id"], product_id=product["id"], proration_behavior="invoice")
    assert (now["amount"], [item["amount"] for item in (await last_order(shop))["items"]]) == (3000, [-500, 1500])


@pytest.mark.example("orders 18.24")
async def test_seats(shop: Shop) -> None:
    shop.clock.set(day("2025-06-01"))
    product = await make_product(shop, seats(*LADDER), **MONTHLY)
    id = (await subscribe(shop, product, session={"seats": 5}))["id"]
    await shop.advance(days=10)
    await told(shop)
    now = await changed(shop, id, seats=8, proration_behavior="invoice")
    assert (now["seats"], now["amount"]) == (8, 7200)
    order = await last_order(shop)
    assert (order["billing_reason"], sums(order), order["items"][0]["proration"]) == (
        "subscription_update",
        (1800, 0, 0, 0, 1800),
        False,
    )
    assert await told(shop) == ["subscription.updated", "order.created", "order.updated", "order.paid"]
    assert problem(await change(shop, id, seats=21)) == (400, "AboveMaximumSeats", "Maximum 20 seats allowed.")
    assert malformed(await change(shop, id, seats=0))
    plain = (await subscribe(shop, customer_email="b@example.com"))["id"]
    assert problem(await change(shop, plain, seats=2))[:2] == (400, "NotASeatBasedSubscription")


async def test_discounts(shop: Shop) -> None:
    id = (await subscribe(shop))["id"]
    half = await make_discount(shop, basis_points=5000, duration="once", max_redemptions=1)
    elsewhere = await make_discount(shop, products=[(await make_product(shop, **MONTHLY))["id"]])
    words = "Discount does not exist, is not applicable to this product or is not redeemable."
    for discount_id in (str(uuid.uuid4()), elsewhere["id"]):
        assert faults(await change(shop, id, discount_id=discount_id)) == [("discount_id", "value_error", words)]
    now = await changed(shop, id, discount_id=half["id"])
    assert (now["amount"], now["discount"]["id"]) == (500, half["id"])
    again = await change(shop, id, discount_id=half["id"])
    assert faults(again) == [("discount_id", "value_error", "This discount is already applied to the subscription.")]
    other = (await subscribe(shop, customer_email="b@example.com"))["id"]
    assert faults(await change(shop, other, discount_id=half["id"])) == [("discount_id", "value_error", words)]
    await shop.advance(days=31)
    assert await listed(shop, discount_id=half["id"]) == [id]
    await shop.advance(days=28)
    now = await subscription(shop, id)
    assert (now["amount"], now["discount"]) == (1000, None)
    assert (await changed(shop, other, discount_id=None))["discount_id"] is None
    await changed(shop, id, revoke=True)
    assert problem(await change(shop, id, discount_id=None)) == LEAVING


async def test_trials_and_periods(shop: Shop) -> None:
    id = (await subscribe(shop))["id"]
    assert faults(await change(shop, id, trial_end="now")) == [
        ("trial_end", "value_error", "The subscription is not currently trialing.")
    ]
    assert faults(await change(shop, id, trial_end="2026-02-01T00:00:00Z")) == [
        ("trial_end", "value_error", "Trial end must be after the current period end.")
    ]
    assert [fault[-2] for fault in malformed(await change(shop, id, trial_end="2020-01-01T00:00:00Z"))] == [
        "datetime_future"
    ]
    assert faults(await change(shop, id, current_billing_period_end="2026-02-01T00:00:00Z")) == [
        ("current_billing_period_end", "value_error", "New period end is earlier than the current period end")
    ]
    moved = await changed(shop, id, current_billing_period_end="2026-02-20T12:00:00Z")
    assert moved["current_period_end"] == "2026-02-20T12:00:00Z"
    now = await changed(shop, id, trial_end="2026-03-10T00:00:00Z")
    assert (now["status"], now["trial_end"], now["trial_start"]) == ("trialing", "2026-03-10T00:00:00Z", None)
    assert problem(await change(shop, id, product_id=str(uuid.uuid4())))[:2] == (403, "TrialingSubscription")
    await changed(shop, id, trial_end="2026-02-25T00:00:00Z")
    await shop.advance(days=45)
    now = await subscription(shop, id)
    assert (now["status"], now["current_period_start"], now["current_period_end"]) == (
        "active",
        "2026-02-25T00:00:00Z",
        "2026-03-25T00:00:00Z",
    )
    await changed(shop, id, revoke=True)
    assert problem(await change(shop, id, trial_end="2027-01-01T00:00:00Z"))[:2] == (403, "InactiveSubscription")
    assert problem(await change(shop, id, current_billing_period_end="2027-01-01T00:00:00Z")) == LEAVING


async def test_ends(shop: Shop) -> None:
    id = (await subscribe(shop))["id"]
    assert problem(await change(shop, id, cancel_at_period_end=False)) == (400, "BadRequest", "Bad request")
    await changed(shop, id, cancel_at_period_end=True)
    assert problem(await change(shop, id, cancel_at_period_end=True)) == LEAVING
    await changed(shop, id, revoke=True)
    assert problem(await change(shop, id, cancel_at_period_end=False)) == (410, "ResourceUnavailable", "Unavailable")
    assert problem(await shop.client.delete(f"/v1/subscriptions/{id}")) == LEAVING
    assert problem(await shop.client.get(f"/v1/subscriptions/{uuid.uuid4()}"))[0] == 404
    shapes = {fault[0] for fault in malformed(await change(shop, id, nothing=1))}
    assert len(shapes) == 7


async def test_a_change_that_waits_for_the_next_period(shop: Shop) -> None:
    yearly = await make_product(shop, fixed(9000), name="Year", **YEARLY)
    id = (await subscribe(shop))["id"]
    url = f"/v1/subscriptions/{id}/scheduled-change"
    assert problem(await shop.client.get(url))[0] == 404
    good(await shop.client.post(url, json={"product_id": yearly["id"]}), 201)
    assert good(await shop.client.get(url))["product_id"] == yearly["id"]
    seen = await preview(shop, id)
    assert (seen["invoice"], seen["next_invoice"]["total_amount"]) == (None, 9000)
    assert (await shop.client.delete(url)).status_code == 204
    assert (await preview(shop, id))["next_invoice"]["total_amount"] == 1000
    good(await shop.client.post(url, json={"product_id": yearly["id"]}), 201)
    await shop.advance(days=31)
    now = await subscription(shop, id)
    assert (now["product"]["name"], now["amount"], now["current_period_end"]) == ("Year", 9000, "2027-02-15T12:00:00Z")
    assert sums(await last_order(shop)) == (9000, 0, 0, 0, 9000)
    assert problem(await shop.client.get(url))[0] == 404


async def test_a_change_withdrawn_while_the_renewal_is_worked_out_is_not_made(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    dear = await make_product(shop, fixed(9000), name="Dear", **MONTHLY)
    id = (await subscribe(shop))["id"]
    url = f"/v1/subscriptions/{id}/scheduled-change"
    good(await shop.client.post(url, json={"product_id": dear["id"]}), 201)
    withdrawals, worked_out = [shop.client.delete], execution.draft_of

    async def withdraw_first(*given: Any, **named: Any) -> Draft | None:
        if withdrawals:
            assert (await withdrawals.pop()(url)).status_code == 204
        return await worked_out(*given, **named)

    monkeypatch.setattr(execution, "draft_of", withdraw_first)
    await shop.advance(days=31)
    now = await subscription(shop, id)
    assert (now["amount"], now["current_period_end"]) == (1000, "2026-03-15T12:00:00Z")
    assert sums(await last_order(shop)) == (1000, 0, 0, 0, 1000)


async def test_a_trial_that_ends_now_is_followed_by_what_was_scheduled(shop: Shop) -> None:
    dear = await make_product(shop, fixed(9000), name="Dear", **YEARLY)
    tried = await make_product(shop, fixed(1000), **MONTHLY, trial_interval="day", trial_interval_count=7)
    id = (await subscribe(shop, tried))["id"]
    url = f"/v1/subscriptions/{id}/scheduled-change"
    good(await shop.client.post(url, json={"product_id": dear["id"]}), 201)
    now = await changed(shop, id, trial_end="now")
    assert (now["status"], now["product"]["name"], now["amount"]) == ("active", "Dear", 9000)
    assert (now["current_period_start"], now["current_period_end"]) == ("2026-01-15T12:00:00Z", "2027-01-15T12:00:00Z")
    assert sums(await last_order(shop)) == (9000, 0, 0, 0, 9000)
    assert problem(await shop.client.get(url))[0] == 404


async def test_charge_previews(shop: Shop) -> None:
    id = (await subscribe(shop))["id"]
    await changed(shop, id, discount_id=(await make_discount(shop, basis_points=2500))["id"])
    shown = good(await shop.client.get(f"/v1/subscriptions/{id}/charge-preview"))
    assert list(shown.values()) == [1000, 0, 1000, 250, 0, 750]
    await changed(shop, id, revoke=True)
    assert problem(await shop.client.get(f"/v1/subscriptions/{id}/charge-preview"))[0] == 404


async def test_free_subscriptions_and_what_is_not_free(shop: Shop) -> None:
    once = await make_product(shop)
    body = {"product_id": once["id"], "external_customer_id": "nobody"}
    assert faults(await shop.client.post("/v1/subscriptions/", json=body)) == [
        ("product_id", "value_error", "Product is not a recurring product."),
        ("external_customer_id", "value_error", "Customer does not exist."),
    ]
    paid = {"product_id": (await make_product(shop, **MONTHLY))["id"], "customer_id": str(uuid.uuid4())}
    assert faults(await shop.client.post("/v1/subscriptions/", json=paid))[0][-1].startswith("Product is not free.")


async def test_lists(shop: Shop) -> None:
    cheap = (await subscribe(shop, customer_email="a@example.com"))["id"]
    yearly = await make_product(shop, fixed(24000), **YEARLY)
    dear = (await subscribe(shop, yearly, customer_email="b@example.com"))["id"]
    gone = (await subscribe(shop, customer_email="c@example.com"))["id"]
    await changed(shop, gone, revoke=True)
    await changed(shop, cheap, cancel_at_period_end=True)
    assert await listed(shop, sorting="-amount", active=True) == [dear, cheap]  # 20.00 and 10.00 a month
    assert await listed(shop, sorting="status") == [dear, cheap, gone]
    assert await listed(shop, active=False) == [gone]
    assert await listed(shop, cancel_at_period_end=True) == [cheap]
    assert await listed(shop, product_id=yearly["id"]) == [dear]


async def test_one_change_at_a_time(shop: Shop) -> None:
    id = (await subscribe(shop))["id"]
    products = [await make_product(shop, fixed(amount), **MONTHLY) for amount in (2000, 3000, 4000, 5000)]
    replies = await asyncio.gather(*(change(shop, id, product_id=one["id"]) for one in products))
    assert {reply.status_code for reply in replies} <= {200, 409}
    now = await subscription(shop, id)
    assert now["product_id"] in {one["id"] for one in products}
    assert now["amount"] == now["prices"][0]["price_amount"]


async def test_the_last_redemption_goes_to_one(shop: Shop) -> None:
    sale = await make_discount(shop, max_redemptions=1)
    ids = [(await subscribe(shop, customer_email=f"{number}@example.com"))["id"] for number in range(3)]
    replies = await asyncio.gather(*(change(shop, id, discount_id=sale["id"]) for id in ids))
    assert sorted(reply.status_code for reply in replies) == [200, 422, 422]
