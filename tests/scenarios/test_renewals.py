"""Subscriptions over time, day by day: the sequences of facts that the specification numbers (orders spec 17)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from boreal.providers.ports import TaxQuotes
from boreal.rooms.billing.changes import renewal
from boreal.rooms.billing.changes.execution import carry_out
from boreal.rooms.billing.orders.drafts import available_credit
from tests.support.catalog import FREE, fixed, make_discount, make_product
from tests.support.checkout import VISA, FlatTax, good, processor_of
from tests.support.refunds import give_back
from tests.support.shop import Shop, client_of, open_shop
from tests.support.subscribers import (
    DECLINES_LATER,
    MONTHLY,
    YEARLY,
    all_orders,
    changed,
    count_payments,
    credit,
    forget_methods,
    last_order,
    restore_methods,
    subscribe,
    subscription,
    sums,
    told,
)

BORN = ["subscription.created", "subscription.active", "subscription.updated"]
PAID = ["order.created", "order.updated", "order.paid"]
UPDATED = "subscription.updated"
PAST_DUE = [UPDATED, "subscription.past_due"]
ENDED = [UPDATED, "subscription.canceled", "subscription.revoked"]


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def test_a_year_of_renewals(shop: Shop) -> None:
    """Sequence 5."""
    bought = await subscribe(shop)
    assert await told(shop) == [*BORN, *PAID]
    await shop.advance(days=31)
    assert await told(shop) == [UPDATED, *PAID]
    second = await last_order(shop)
    assert (second["billing_reason"], second["status"], sums(second)) == (
        "subscription_cycle",
        "paid",
        (1000, 0, 0, 0, 1000),
    )
    assert [item["label"] for item in second["items"]] == ["Pro — From Feb 15, 2026 to Mar 15, 2026"]
    assert (second["product_id"], second["subscription_id"]) == (bought["product_id"], bought["id"])
    await shop.advance(days=334)
    now = await subscription(shop, bought["id"])
    assert (now["current_period_start"], now["current_period_end"]) == ("2027-01-15T12:00:00Z", "2027-02-15T12:00:00Z")
    assert [order["invoice_number"][-4:] for order in await all_orders(shop)] == [f"{n:04}" for n in range(1, 14)]


async def test_a_renewal_can_be_given_back(shop: Shop) -> None:
    await subscribe(shop)
    await shop.advance(days=31)
    refund = await give_back(shop, await last_order(shop), 1000)
    assert (refund["status"], refund["amount"]) == ("succeeded", 1000)
    assert (await last_order(shop))["status"] == "refunded"


@pytest.mark.example("orders 18.7")
async def test_missed_periods_are_caught_up_one_by_one(shop: Shop) -> None:
    shop.clock.set(day("2026-02-10"))
    bought = await subscribe(shop)
    shop.clock.set(day("2026-05-12"))
    await shop.settle()
    now = await subscription(shop, bought["id"])
    assert (now["current_period_start"], now["current_period_end"]) == ("2026-05-10T00:00:00Z", "2026-06-10T00:00:00Z")
    spans = [order["items"][0]["label"][6:] for order in await all_orders(shop)]
    assert spans[1:] == [
        "From Mar 10, 2026 to Apr 10, 2026",
        "From Apr 10, 2026 to May 10, 2026",
        "From May 10, 2026 to Jun 10, 2026",
    ]
    assert await told(shop) == [*BORN, *PAID, *([UPDATED, *PAID] * 3)]


@pytest.mark.example("orders 18.47")
async def test_a_declined_card_is_charged_again_and_then_given_up(shop: Shop) -> None:
    """Sequences 6, 7 and 11b."""
    bought = await subscribe(shop, await _trial(shop), card=DECLINES_LATER)
    await told(shop)
    await shop.advance(days=7)
    assert await told(shop) == [UPDATED, "order.created", *PAST_DUE]
    order = await last_order(shop)
    assert (order["status"], (await subscription(shop, bought["id"]))["status"]) == ("pending", "past_due")
    first = shop.clock.now()
    for days, payments in ((2, 2), (7, 3), (14, 4)):
        await shop.advance(seconds=(first + timedelta(days=days) - shop.clock.now()).total_seconds())
        assert (await count_payments(shop), await told(shop)) == (payments, [])
    await shop.advance(days=7)
    assert (await count_payments(shop), await told(shop)) == (5, ENDED)
    await shop.advance(days=100)
    over = await subscription(shop, bought["id"])
    assert (over["status"], over["ended_at"]) == ("canceled", "2026-02-12T12:00:00Z")
    assert (await last_order(shop))["status"] == "pending"
    assert await count_payments(shop) == 5


@pytest.mark.example("orders 18.47")
async def test_without_a_method_the_subscription_is_past_due_before_its_order(shop: Shop) -> None:
    """Sequence 6b, and that the days are the same."""
    bought = await subscribe(shop)
    await forget_methods(shop)
    await told(shop)
    await shop.advance(days=31)
    assert await told(shop) == [UPDATED, *PAST_DUE, "order.created"]
    await shop.advance(days=20, hours=23)
    assert (await subscription(shop, bought["id"]))["status"] == "past_due"
    await shop.advance(hours=1)
    assert await told(shop) == ENDED
    assert await count_payments(shop) == 1


async def test_a_paid_retry_brings_the_subscription_back(shop: Shop) -> None:
    """Sequence 8: boundaries stay, and what was missed meanwhile is caught up."""
    bought = await subscribe(shop)
    await forget_methods(shop)
    await shop.advance(days=31)
    assert (await subscription(shop, bought["id"]))["status"] == "past_due"
    await restore_methods(shop)
    await told(shop)
    await shop.advance(days=2)
    assert await told(shop) == [UPDATED, "subscription.active", "order.updated", "order.paid"]
    now = await subscription(shop, bought["id"])
    assert (now["status"], now["current_period_end"]) == ("active", "2026-03-15T12:00:00Z")


async def test_a_subscription_recovers_with_the_last_of_its_unpaid_orders(shop: Shop) -> None:
    bought = await subscribe(shop)
    await forget_methods(shop)
    await shop.advance(days=31)
    dear = await make_product(shop, fixed(5000), **MONTHLY)
    await changed(shop, bought["id"], product_id=dear["id"], proration_behavior="invoice")
    unpaid = [order for order in await all_orders(shop) if order["status"] == "pending"]
    assert [order["due_amount"] for order in unpaid] == [1000, 4000]
    await restore_methods(shop)
    session = good(await shop.client.post("/v1/customer-sessions/", json={"customer_id": bought["customer_id"]}), 201)
    async with client_of(shop.boreal, session["token"]) as portal:
        for order, status in zip(unpaid, ("past_due", "active"), strict=True):
            url = f"/v1/customer-portal/orders/{order['id']}/confirm-payment"
            assert good(await portal.post(url, json={"confirmation_token_id": VISA}))["status"] == "succeeded"
            assert (await subscription(shop, bought["id"]))["status"] == status


async def test_the_end_of_a_trial(shop: Shop) -> None:
    """Sequences 3, 4 and 4b."""
    product = await _trial(shop)
    first = await subscribe(shop, product)
    assert await told(shop) == [*BORN, *PAID]
    await shop.advance(days=7)
    assert await told(shop) == [UPDATED, *PAID]
    now = await subscription(shop, first["id"])
    assert (now["status"], now["current_period_start"], now["current_period_end"]) == (
        "active",
        "2026-01-22T12:00:00Z",
        "2026-02-22T12:00:00Z",
    )
    assert (now["trial_start"], now["trial_end"]) == (first["trial_start"], first["trial_end"])
    second = await subscribe(shop, product, customer_email="b@example.com")
    await told(shop)
    now = await changed(shop, second["id"], trial_end="now")
    assert await told(shop) == [UPDATED, UPDATED, *PAID]
    assert (now["status"], now["current_period_start"]) == ("active", "2026-01-22T12:00:00Z")
    assert sums(await last_order(shop)) == (1000, 0, 0, 0, 1000)


async def test_cancel_uncancel_and_the_end(shop: Shop) -> None:
    """Sequences 9 and 10."""
    id = (await subscribe(shop))["id"]
    await told(shop)
    now = await changed(shop, id, cancel_at_period_end=True, customer_cancellation_reason="too_expensive")
    assert await told(shop) == [UPDATED, "subscription.canceled"]
    assert (now["status"], now["ends_at"], now["customer_cancellation_reason"]) == (
        "active",
        "2026-02-15T12:00:00Z",
        "too_expensive",
    )
    now = await changed(shop, id, cancel_at_period_end=False)
    assert await told(shop) == [UPDATED, "subscription.uncanceled"]
    assert (now["canceled_at"], now["ends_at"], now["customer_cancellation_reason"]) == (None, None, None)
    await changed(shop, id, cancel_at_period_end=True)
    await told(shop)
    await shop.advance(days=40)
    assert await told(shop) == [UPDATED, "subscription.revoked"]
    over = await subscription(shop, id)
    assert (over["status"], over["ended_at"], len(await all_orders(shop))) == ("canceled", "2026-02-15T12:00:00Z", 1)


async def test_revoking(shop: Shop) -> None:
    """Sequences 11 and 11a, and the deletion of a customer."""
    ids = [(await subscribe(shop, customer_email=f"{n}@example.com"))["id"] for n in range(3)]
    await told(shop)
    good(await shop.client.delete(f"/v1/subscriptions/{ids[0]}"))
    assert await told(shop) == ENDED
    await changed(shop, ids[1], cancel_at_period_end=True)
    await told(shop)
    over = await changed(shop, ids[1], revoke=True, customer_cancellation_comment="bye")
    assert await told(shop) == [UPDATED, "subscription.revoked"]
    assert (over["cancel_at_period_end"], over["customer_cancellation_comment"]) == (True, "bye")
    leaver = (await subscription(shop, ids[2]))["customer_id"]
    assert (await shop.client.delete(f"/v1/customers/{leaver}")).status_code == 204
    await shop.settle()
    assert await told(shop) == ENDED
    await shop.advance(days=60)
    assert len(await all_orders(shop)) == 3


async def test_changes_of_the_product(shop: Shop) -> None:
    """Sequences 12, 12b and 12c."""
    dear, dearer = [await make_product(shop, fixed(amount), **MONTHLY) for amount in (3000, 5000)]
    yearly = await make_product(shop, fixed(10000), **YEARLY)
    id = (await subscribe(shop))["id"]
    await told(shop)
    await shop.advance(days=15, hours=12)  # half of January is left
    now = await changed(shop, id, product_id=dear["id"], proration_behavior="prorate")
    assert (await told(shop), now["amount"]) == ([UPDATED], 3000)
    await changed(shop, id, product_id=dearer["id"], proration_behavior="invoice")
    assert await told(shop) == [UPDATED, *PAID]
    order = await last_order(shop)
    assert (order["billing_reason"], sums(order), [item["amount"] for item in order["items"]]) == (
        "subscription_update",
        (2000, 0, 0, 0, 2000),
        [-500, 1500, -1500, 2500],
    )
    assert {item["proration"] for item in order["items"]} == {True}
    now = await changed(shop, id, product_id=yearly["id"], proration_behavior="prorate")
    assert await told(shop) == [UPDATED, UPDATED, *PAID]
    order = await last_order(shop)
    assert (order["billing_reason"], sums(order)) == ("subscription_cycle", (7500, 0, 0, 0, 7500))
    assert (now["current_period_start"], now["current_period_end"]) == ("2026-01-31T00:00:00Z", "2027-01-31T00:00:00Z")


@pytest.mark.example("orders 18.22")
async def test_a_credit_pays_the_renewals_that_follow(dsn: str) -> None:
    async with open_shop(dsn, adapters={TaxQuotes: FlatTax(2000)}) as shop:
        shop.clock.set(day("2025-01-01"))
        monthly = await make_product(shop, fixed(1000), **MONTHLY)
        bought = await subscribe(shop, await make_product(shop, fixed(12000), **YEARLY))
        await shop.advance(days=90)
        now = await changed(shop, bought["id"], product_id=monthly["id"])
        period = ("2025-04-01T00:00:00Z", "2025-05-01T00:00:00Z")
        assert (now["current_period_start"], now["current_period_end"]) == period
        order = await last_order(shop)
        assert (order["billing_reason"], order["status"], order["total_amount"]) == (
            "subscription_cycle",
            "paid",
            -9649,
        )
        assert (sums(order), [item["amount"] for item in order["items"]]) == ((-8041, 0, -1608, 0, 0), [-9041, 1000])
        assert await credit(shop, bought["customer_id"]) == 9649
        await told(shop)
        await shop.advance(days=30)
        assert await told(shop) == [UPDATED, *PAID]  # sequence 5b
        assert sums(await last_order(shop)) == (1000, 0, 200, -1200, 0)
        assert await credit(shop, bought["customer_id"]) == 8449
        await shop.advance(days=31 * 8)
        renewals = [(order["applied_balance_amount"], order["due_amount"]) for order in (await all_orders(shop))[2:]]
        assert renewals == [(-1200, 0)] * 8 + [(-49, 1151)]
        assert await credit(shop, bought["customer_id"]) == 0
        await shop.check()


async def test_credit_that_an_order_counted_on_is_free_again_once_it_is_given_up(shop: Shop) -> None:
    shop.clock.set(day("2026-01-01"))
    bought = await subscribe(shop, await make_product(shop, fixed(14400), **YEARLY))
    await shop.advance(days=90)
    await changed(shop, bought["id"], product_id=(await make_product(shop, fixed(10000), **MONTHLY))["id"])
    assert await credit(shop, bought["customer_id"]) == 849  # 10849 that was left of the year, less 10000
    await forget_methods(shop)
    await shop.advance(days=30)
    unpaid = await last_order(shop)
    assert (unpaid["status"], sums(unpaid)) == ("pending", (10000, 0, 0, -849, 9151))
    customer_id = UUID(bought["customer_id"])
    assert await available_credit(shop.app.database, customer_id, "usd") == 0
    await shop.advance(days=21)
    assert (await subscription(shop, bought["id"]))["status"] == "canceled"
    assert await available_credit(shop.app.database, customer_id, "usd") == 849
    await restore_methods(shop)
    await subscribe(shop)
    await shop.advance(days=31)
    assert sums(await last_order(shop)) == (1000, 0, 0, -849, 151)
    assert await credit(shop, bought["customer_id"]) == 0


@pytest.mark.example("orders 18.49")
async def test_what_is_too_little_to_charge_is_owed(shop: Shop) -> None:
    bought = await subscribe(shop)
    sale = await make_discount(shop, type="percentage", basis_points=9600, duration="once")
    assert (await changed(shop, bought["id"], discount_id=sale["id"]))["amount"] == 40
    await told(shop)
    await shop.advance(days=31)
    assert await told(shop) == [UPDATED, *PAID]
    order = await last_order(shop)
    assert (order["status"], sums(order), await count_payments(shop)) == ("paid", (1000, 960, 0, 0, 40), 1)
    assert await credit(shop, bought["customer_id"]) == -40
    await shop.advance(days=28)
    assert (sums(await last_order(shop)), await count_payments(shop)) == ((1000, 0, 0, 40, 1040), 2)
    assert await credit(shop, bought["customer_id"]) == 0


async def test_what_is_too_little_to_charge_is_settled_even_after_a_revocation(shop: Shop) -> None:
    bought = await subscribe(shop)
    sale = await make_discount(shop, type="percentage", basis_points=9600, duration="forever")
    await changed(shop, bought["id"], discount_id=sale["id"])
    shop.clock.advance(timedelta(days=31))
    await carry_out(shop.app, shop.organization_id, UUID(bought["id"]), renewal.decide)
    assert (await last_order(shop))["status"] == "pending"
    shop.clock.advance(timedelta(seconds=1))
    assert (await changed(shop, bought["id"], revoke=True))["status"] == "canceled"
    assert (await last_order(shop))["status"] == "paid"
    assert await credit(shop, bought["customer_id"]) == -40


async def test_a_free_subscription(shop: Shop) -> None:
    """Sequence 13, and its renewals, which cost nothing."""
    product = await make_product(shop, FREE, **MONTHLY)
    customer = good(await shop.client.post("/v1/customers/", json={"email": "a@example.com"}), 201)
    body = {"product_id": product["id"], "customer_id": customer["id"], "metadata": {"plan": "free"}}
    made = good(await shop.client.post("/v1/subscriptions/", json=body), 201)
    assert (made["status"], made["amount"], made["metadata"]) == ("active", 0, {"plan": "free"})
    assert await told(shop) == BORN
    await shop.advance(days=31)
    assert await told(shop) == [UPDATED, *PAID]
    assert (await last_order(shop))["metadata"] == {"plan": "free"}


async def test_a_provider_that_answers_late_charges_once(shop: Shop) -> None:
    bought = await subscribe(shop, await make_product(shop, fixed(1000), recurring_interval="day"))
    faults = processor_of(shop).faults
    faults.lost_after = 1.0
    await told(shop)
    await shop.advance(days=1)
    assert await told(shop) == [UPDATED, "order.created"]
    await shop.advance(days=1)  # the next renewal waits until it is known what became of this one
    assert await told(shop) == []
    faults.lost_after = 0.0
    await shop.advance(hours=2)
    assert await told(shop) == ["order.updated", "order.paid", UPDATED, *PAID]
    assert await count_payments(shop) == 3
    faults.processing, faults.settles_after_s, faults.silent = 1.0, 25 * 3600.0, 1.0
    await shop.advance(days=1)
    assert (await last_order(shop))["status"] == "pending"
    await shop.advance(days=1)
    assert [order["status"] for order in await all_orders(shop)][-2:] == ["paid", "pending"]
    assert (await subscription(shop, bought["id"]))["status"] == "active"


async def _trial(shop: Shop) -> dict[str, Any]:
    return await make_product(shop, fixed(1000), **MONTHLY, trial_interval="day", trial_interval_count=7)
