"""Usage on invoices: what is due, when, by which price, to whom, and what credits cover (orders spec 13)."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from boreal.providers.ports import MailBox
from tests.support.benefits import make_benefit
from tests.support.catalog import FREE, fixed, make_product, seats
from tests.support.checkout import good
from tests.support.organizations import send_mails, set_subscription_settings
from tests.support.shop import Shop
from tests.support.subscribers import (
    MONTHLY,
    YEARLY,
    all_orders,
    change,
    changed,
    count_payments,
    credit,
    forget_methods,
    last_order,
    restore_methods,
    subscription,
    told,
)
from tests.support.subscribers import subscribe as buy
from tests.support.usage import ingest, make_customer, make_meter, named

ADA = {"external_customer_id": "ada"}


def metered(meter: dict[str, Any], unit_amount: str | int, **more: Any) -> dict[str, Any]:
    return {"amount_type": "metered_unit", "meter_id": meter["id"], "unit_amount": str(unit_amount), **more}


async def subscribe(shop: Shop, *prices: dict[str, Any], benefits: Any = (), **body: Any) -> dict[str, Any]:
    """Ada's subscription to a new product with these prices, since the first of June."""
    shop.clock.set(datetime(2025, 6, 1, tzinfo=UTC))
    product = await make_product(shop, *prices, **MONTHLY, **body)
    if benefits:
        ids = [benefit["id"] for benefit in benefits]
        good(await shop.client.post(f"/v1/products/{product['id']}/benefits", json={"benefits": ids}))
    return await buy(shop, product, session=ADA)


async def use(shop: Shop, units: float, **more: Any) -> None:
    await ingest(shop, {"metadata": {"v": units}, **more})


async def next_month(shop: Shop) -> dict[str, Any]:
    """The order of the next period, paid or not."""
    now = shop.clock.now()
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    await shop.advance(seconds=(now.replace(year=year, month=month, day=1) - now).total_seconds())
    return await last_order(shop)


def lines(order: dict[str, Any]) -> list[tuple[str, int]]:
    return [(item["label"], item["amount"]) for item in order["items"]]


async def due(shop: Shop, id: str) -> list[tuple[float, int, int]]:
    meters = (await subscription(shop, id))["meters"]
    return [(meter["consumed_units"], meter["credited_units"], meter["amount"]) for meter in meters]


async def balance(shop: Shop) -> tuple[float, int, float]:
    (meter,) = good(await shop.client.get("/v1/customers/external/ada/state"))["active_meters"]
    return meter["consumed_units"], meter["credited_units"], meter["balance"]


async def test_a_renewal_bills_what_was_used_since_the_last(shop: Shop) -> None:
    meter = await make_meter(shop, "sum", "v", name="Tokens")
    await make_customer(shop, "ada")
    await use(shop, 5000)  # before there was a subscription
    id = (await subscribe(shop, fixed(2000), metered(meter, "0.5", cap_amount=1000)))["id"]
    assert await due(shop, id) == [(0, 0, 0)]
    assert lines(await last_order(shop)) == [("Pro", 2000)]
    await use(shop, 300)
    await use(shop, 31, timestamp="2025-05-20T00:00:00Z")  # late events are the next invoice's
    assert await due(shop, id) == [(331, 0, 166)]
    state = good(await shop.client.get("/v1/customers/external/ada/state"))
    assert [item["amount"] for item in state["active_subscriptions"][0]["meters"]] == [166]
    assert good(await shop.client.get(f"/v1/subscriptions/{id}/charge-preview"))["metered_amount"] == 166
    seen = good(await shop.client.post(f"/v1/subscriptions/{id}/preview"))["next_invoice"]
    order = await next_month(shop)
    usage = ("Tokens — (331 consumed units) × $0.005", 166)
    assert lines(order) == [("Pro — From Jul 1, 2025 to Aug 1, 2025", 2000), usage]
    assert [(line["label"], line["amount"]) for line in seen["lines"]] == lines(order)
    assert await due(shop, id) == [(0, 0, 0)]
    assert lines(await next_month(shop)) == [("Pro — From Aug 1, 2025 to Sep 1, 2025", 2000)]
    await use(shop, 100_000)
    capped = "Tokens — (100,000 consumed units) × $0.005— Capped at $10.00"
    assert lines(await next_month(shop))[1] == (capped, 1000)
    await shop.check()


@pytest.mark.example("orders 18.40")
@pytest.mark.parametrize(
    ("units", "amount", "status", "payments", "balance"), [(1010, 51, "paid", 2, 0), (900, 45, "paid", 1, -45)]
)
async def test_a_final_invoice(shop: Shop, units: int, amount: int, status: str, payments: int, balance: int) -> None:
    bought = await subscribe(shop, fixed(2000), metered(await make_meter(shop), "0.05"))
    await ingest(shop, *[{}] * units)
    await changed(shop, bought["id"], cancel_at_period_end=True)
    await told(shop)
    order = await next_month(shop)
    assert [item["amount"] for item in order["items"]] == [amount]
    assert (order["billing_reason"], order["status"], order["due_amount"]) == ("subscription_cycle", status, amount)
    assert (await subscription(shop, bought["id"]))["status"] == "canceled"
    assert (await count_payments(shop), await credit(shop, bought["customer_id"])) == (payments, balance)
    await ingest(shop, {})
    await next_month(shop)
    assert len(await all_orders(shop)) == 2
    await shop.check()


async def test_usage_of_a_revoked_subscription_is_never_billed(shop: Shop) -> None:
    bought = await subscribe(shop, fixed(2000), metered(await make_meter(shop), 100))
    await ingest(shop, {}, {})
    assert (await changed(shop, bought["id"], revoke=True))["status"] == "canceled"
    await next_month(shop)
    assert len(await all_orders(shop)) == 1
    await shop.check()


@pytest.mark.example("orders 18.39")
@pytest.mark.parametrize("behavior", ["prorate", "invoice"])
async def test_usage_under_a_replaced_price(shop: Shop, behavior: str) -> None:
    total, largest = await make_meter(shop, "sum", "v", name="Sum"), await make_meter(shop, "max", "w", name="Max")
    bought = await subscribe(shop, fixed(1000), metered(total, 100), metered(largest, 1000))
    new = await make_product(shop, fixed(1000), metered(total, 50), metered(largest, 1500), name="New", **MONTHLY)
    for v, w in ((100, 1), (150, 3), (50, 2)):
        await ingest(shop, {"metadata": {"v": v, "w": w}})
    await changed(shop, bought["id"], product_id=new["id"], proration_behavior=behavior)
    at_once = [item for item in (await last_order(shop))["items"] if "consumed" in item["label"]]
    assert [item["amount"] for item in at_once] == ([30000, 4500] if behavior == "invoice" else [])
    for v, w in ((20, 1), (30, 2)):
        await ingest(shop, {"metadata": {"v": v, "w": w}})
    order = await next_month(shop)
    assert [amount for label, amount in lines(order) if "consumed" in label] == (
        [2500, 3000] if behavior == "invoice" else [30000, 2500, 4500]
    )
    await shop.check()


async def test_usage_of_a_plan_without_the_meter_is_still_billed(shop: Shop) -> None:
    meter = await make_meter(shop, "unique", "v", name="Users")
    bought = await subscribe(shop, fixed(1000), metered(meter, 100))
    await ingest(shop, *({"metadata": {"v": who}} for who in ("a", "b", "a")))
    flat = await make_product(shop, fixed(1000), name="Flat", **MONTHLY)
    await changed(shop, bought["id"], product_id=flat["id"], proration_behavior="prorate")
    assert (await subscription(shop, bought["id"]))["meters"] == []
    await ingest(shop, {"metadata": {"v": "c"}})
    assert ("Users — (2 consumed units) × $1.00", 200) in lines(await next_month(shop))
    assert len(lines(await next_month(shop))) == 1


async def test_a_plan_of_the_next_period_bills_the_old_one_by_its_price(shop: Shop) -> None:
    meter = await make_meter(shop, "max", "v", name="Peak")
    bought = await subscribe(shop, fixed(1000), metered(meter, 100))
    dear = await make_product(shop, fixed(2000), metered(meter, 900), name="Max", **MONTHLY)
    path = f"/v1/subscriptions/{bought['id']}/scheduled-change"
    good(await shop.client.post(path, json={"product_id": dear["id"]}), 201)
    await use(shop, 7)
    order = await next_month(shop)
    assert [amount for _, amount in lines(order)] == [2000, 700]
    await use(shop, 2)
    assert [amount for _, amount in lines(await next_month(shop))] == [2000, 1800]


async def test_another_interval_bills_usage_at_once(shop: Shop) -> None:
    meter = await make_meter(shop)
    bought = await subscribe(shop, fixed(1000), metered(meter, 100))
    yearly = await make_product(shop, fixed(9000), metered(meter, 100), name="Year", **YEARLY)
    await ingest(shop, {}, {})
    await changed(shop, bought["id"], product_id=yearly["id"])
    assert ("count of None — (2 consumed units) × $1.00", 200) in lines(await last_order(shop))
    assert (await balance(shop))[0] == 0


async def test_usage_of_a_trial_is_billed_with_the_first_charge(shop: Shop) -> None:
    trial = {"trial_interval": "day", "trial_interval_count": 10}
    await subscribe(shop, fixed(1000), metered(await make_meter(shop), 100), **trial)
    await ingest(shop, {}, {}, {})
    await shop.advance(days=11)
    assert [amount for _, amount in lines(await last_order(shop))] == [1000, 300]


async def test_the_mail_tells_that_usage_comes_on_top(shop: Shop) -> None:
    await send_mails(shop)
    await subscribe(shop, fixed(2000), metered(await make_meter(shop), 100))
    (kept,) = await shop.app.get(MailBox).list_mails()
    assert (
        "at $20.00 before discounts and tax. You can cancel at any time. What you use is billed on top"
        in kept.mail.text
    )


async def test_credits_cover_usage_first(shop: Shop) -> None:
    """A benefit of 100 units a month, 40 of them unused in the first."""
    meter = await make_meter(shop, "sum", "v", name="Tokens")
    properties = {"units": 100, "rollover": True, "meter_id": meter["id"]}
    benefit = await make_benefit(shop, "meter_credit", properties=properties)
    id = (await subscribe(shop, fixed(1000), metered(meter, 10), benefits=[benefit]))["id"]
    assert await balance(shop) == (0, 100, 100)
    await use(shop, 60)
    assert (await balance(shop), await due(shop, id)) == ((60, 100, 40), [(60, 100, 0)])
    assert lines(await next_month(shop))[1] == ("Tokens — (-40 consumed units) × $0.10", 0)
    assert await balance(shop) == (0, 140, 140)
    await use(shop, 150.5)
    assert await due(shop, id) == [(150.5, 140, 105)]
    assert lines(await next_month(shop))[1] == ("Tokens — (10.5 consumed units) × $0.10", 105)
    assert await balance(shop) == (0, 100, 100)
    await changed(shop, id, revoke=True)
    assert await balance(shop) == (0, 0, 0)
    await shop.check()


async def test_credits_that_an_order_used_up_are_gone_until_the_reset(shop: Shop) -> None:
    meter = await make_meter(shop, "sum", "v")
    properties = {"units": 100, "rollover": False, "meter_id": meter["id"]}
    benefit = await make_benefit(shop, "meter_credit", properties=properties)
    id = (await subscribe(shop, fixed(1000), metered(meter, 10), benefits=[benefit]))["id"]
    new = await make_product(shop, fixed(3000), metered(meter, 10), name="Max", **MONTHLY)
    ids = {"benefits": [benefit["id"]]}
    good(await shop.client.post(f"/v1/products/{new['id']}/benefits", json=ids))
    await use(shop, 80)
    await changed(shop, id, product_id=new["id"], proration_behavior="invoice")
    assert lines(await last_order(shop))[-1][1] == 0
    assert await due(shop, id) == [(0, 20, 0)]
    await use(shop, 50)
    assert lines(await next_month(shop))[-1][1] == 300
    assert await balance(shop) == (0, 100, 100)


async def test_credits_of_a_renewal_wait_for_its_payment(shop: Shop) -> None:
    meter = await make_meter(shop, "sum", "v")
    properties = {"units": 100, "rollover": False, "meter_id": meter["id"]}
    benefit = await make_benefit(shop, "meter_credit", properties=properties)
    await subscribe(shop, fixed(1000), metered(meter, 10), benefits=[benefit])
    await use(shop, 30)
    await forget_methods(shop)
    assert (await next_month(shop))["status"] == "pending"
    assert await balance(shop) == (0, 0, 0)
    await restore_methods(shop)
    await shop.advance(days=8)
    assert (await last_order(shop))["status"] == "paid"
    assert await balance(shop) == (0, 100, 100)


async def test_what_bills_usage_alone_has_no_order_when_nothing_was_used(shop: Shop) -> None:
    meter = await make_meter(shop, "sum", "v", name="Tokens")
    properties = {"units": 100, "rollover": False, "meter_id": meter["id"]}
    benefit = await make_benefit(shop, "meter_credit", properties=properties)
    await subscribe(shop, metered(meter, 10), benefits=[benefit])
    count = len(await all_orders(shop))
    await use(shop, 30)
    assert [amount for _, amount in lines(await next_month(shop))] == [0]
    assert await balance(shop) == (0, 100, 100)
    for _ in range(2):
        await next_month(shop)
        assert (len(await all_orders(shop)), await balance(shop)) == (count + 1, (0, 100, 100))
    await use(shop, 130)
    assert [amount for _, amount in lines(await next_month(shop))] == [300]
    await shop.check()


async def test_the_subscription_that_began_first_pays_until_it_ends(shop: Shop) -> None:
    await set_subscription_settings(shop, allow_multiple_subscriptions=True)
    meter = await make_meter(shop)
    first = await subscribe(shop, fixed(1000), metered(meter, 100))
    other = await make_product(shop, fixed(500), metered(meter, 7), name="Other", **MONTHLY)
    await shop.advance(hours=1)
    second = await buy(shop, other, session=ADA)
    await ingest(shop, {}, {})
    assert (await due(shop, first["id"]), await due(shop, second["id"])) == ([(2, 0, 200)], [(0, 0, 0)])
    await changed(shop, first["id"], revoke=True)
    await ingest(shop, {})
    assert await due(shop, second["id"]) == [(1, 0, 7)]
    assert [amount for _, amount in lines(await next_month(shop))] == [500, 7]
    await shop.check()


async def test_whoever_holds_a_seat_uses_on_the_buyers_bill(shop: Shop) -> None:
    meter = await make_meter(shop, "unique", "v", name="Machines")
    bought = await subscribe(shop, seats((1, 5, 1000)), metered(meter, 100))
    body = {"subscription_id": bought["id"], "external_customer_id": "bob", "immediate_claim": True}
    await make_customer(shop, "bob")
    await ingest(shop, {"external_customer_id": "bob", "metadata": {"v": "before"}})
    seat = good(await shop.client.post("/v1/customer-seats", json=body))
    for who, machine in (("ada", "one"), ("bob", "one"), ("bob", "two")):
        await ingest(shop, {"external_customer_id": who, "metadata": {"v": machine}})
    assert await due(shop, bought["id"]) == [(2, 0, 200)]
    good(await shop.client.delete(f"/v1/customer-seats/{seat['id']}"))
    await ingest(shop, {"external_customer_id": "bob", "metadata": {"v": "after"}})
    assert [amount for _, amount in lines(await next_month(shop))] == [1000, 200]
    await shop.check()


async def test_an_external_id_that_came_later_counts_from_the_start_of_the_span(shop: Shop) -> None:
    shop.clock.set(datetime(2025, 6, 1, tzinfo=UTC))
    meter = await make_meter(shop, "sum", "v")
    await use(shop, 1000)  # of nobody yet
    product = await make_product(shop, FREE, metered(meter, 10), **MONTHLY)
    ada = good(await shop.client.post("/v1/customers/", json={"email": "ada@example.com"}), 201)
    made = good(
        await shop.client.post("/v1/subscriptions/", json={"product_id": product["id"], "customer_id": ada["id"]}), 201
    )
    await use(shop, 5)
    await use(shop, 6, customer_id=ada["id"])
    good(await shop.client.patch(f"/v1/customers/{ada['id']}", json={"external_id": "ada"}))
    assert await due(shop, made["id"]) == [(11, 0, 110)]
    await next_month(shop)
    await use(shop, 2)
    assert await due(shop, made["id"]) == [(2, 0, 20)]


async def test_usage_during_renewals_is_billed_once(shop: Shop) -> None:
    meter = await make_meter(shop, "sum", "v", filter=named("call"))
    bought = await subscribe(shop, fixed(1000), metered(meter, 1))
    sent = 0

    async def pour() -> None:
        nonlocal sent
        for _ in range(15):
            await use(shop, 1)
            sent += 1

    for _ in range(3):
        await asyncio.gather(pour(), pour(), next_month(shop))
    await next_month(shop)
    billed = sum(amount for order in await all_orders(shop) for label, amount in lines(order) if "consumed" in label)
    assert (billed, sent) == (90, 90)
    assert await due(shop, bought["id"]) == [(0, 0, 0)]
    await shop.check()


async def test_a_change_at_the_same_time_bills_usage_once(shop: Shop) -> None:
    meter = await make_meter(shop)
    bought = await subscribe(shop, fixed(1000), metered(meter, 100))
    dear = await make_product(shop, fixed(2000), metered(meter, 100), name="Max", **MONTHLY)
    await ingest(shop, {}, {})
    body = {"product_id": dear["id"], "proration_behavior": "invoice"}
    await asyncio.gather(change(shop, bought["id"], **body), ingest(shop, {}), change(shop, bought["id"], **body))
    await shop.settle()
    await next_month(shop)
    billed = sum(amount for order in await all_orders(shop) for label, amount in lines(order) if "consumed" in label)
    assert billed == 300
    await shop.check()


TIERS = [{"up_to": 1000, "unit_amount": "0"}, {"up_to": 5000, "unit_amount": 0.5}, {"unit_amount": "0.2"}]


@pytest.mark.parametrize(
    ("mode", "used", "amount"),
    [
        ("graduated", 1100, 0),  # 1000 of them are credited, and 100 in the free tier
        ("graduated", 2001.5, 1),  # 0.75
        ("graduated", 7000, 2200),
        ("graduated", 20_000, 3000),  # 4800, capped
        ("volume", 2001, 501),
        ("volume", 6000, 2500),
        ("volume", 7000, 1200),
    ],
)
async def test_tiers_price_what_credits_leave(shop: Shop, mode: str, used: float, amount: int) -> None:
    meter = await make_meter(shop, "sum", "v", name="Tokens")
    units = {"units": 1000, "rollover": False, "meter_id": meter["id"]}
    benefit = await make_benefit(shop, "meter_credit", properties=units)
    price = metered(meter, 0, tiers={"mode": mode, "tiers": TIERS}, cap_amount=3000)
    del price["unit_amount"]
    id = (await subscribe(shop, fixed(2000), price, benefits=[benefit]))["id"]
    await shop.settle()
    await use(shop, used)
    assert await due(shop, id) == [(used, 1000, amount)]
    label = f"Tokens — ({used - 1000:,} consumed units), {mode} price" + (
        "— Capped at $30.00" if amount == 3000 else ""
    )
    assert lines(await next_month(shop))[1] == (label, amount)
