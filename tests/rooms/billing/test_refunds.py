"""`/v1/refunds`: what is refused, what a refund does, late answers and failures, many at once (orders spec 15, 17)."""

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import pytest

from boreal.core import ledger
from boreal.core.payments import PaymentStatus
from boreal.providers.payments.sandbox import Faults
from boreal.providers.ports import PaymentProcessor, RefundRequest
from boreal.rooms.finance.public import customer_credit, post
from boreal.rooms.platform.tokens import commands as tokens
from tests.rooms.billing.buying import buy, make_customer, pay
from tests.support.books import holdings
from tests.support.catalog import make_product
from tests.support.checkout import finish, good, malformed, problem, processor_of
from tests.support.refunds import ask, give_back, order_now, refunds, sell
from tests.support.shop import Shop, client_of
from tests.support.subscribers import forget_methods, last_order, restore_methods, sums

REFUNDED = ("refund.created", "order.updated", "order.refunded")
PENDING = "pm_card_pendingRefund"
FAILING = "pm_card_refundFail"


async def test_a_refund_shows_everything(shop: Shop) -> None:
    order = await sell(shop, 1000, tax=200)
    refund = await give_back(shop, order, 400, reason="duplicate", comment="twice", metadata={"ticket": 7})
    assert refund.pop("id")
    assert refund == {
        "created_at": "2026-01-15T12:00:00Z",
        "modified_at": None,
        "metadata": {"ticket": 7},
        "status": "succeeded",
        "reason": "duplicate",
        "amount": 400,
        "tax_amount": 80,
        "currency": "usd",
        "organization_id": str(shop.organization_id),
        "order_id": order["id"],
        "subscription_id": None,
        "customer_id": order["customer_id"],
        "revoke_benefits": False,
        "dispute": None,
    }


@pytest.mark.example("orders 18.41")
async def test_refunds_in_parts_until_nothing_is_left(shop: Shop) -> None:
    order = await sell(shop, 9990, tax=2498)
    await shop.facts()
    for amount, tax in ((1110, 278), (993, 248), (5887, 1472)):
        assert (await give_back(shop, order, amount))["tax_amount"] == tax
        await shop.saw(*REFUNDED)
    assert (await order_now(shop, order))["status"] == "partially_refunded"
    refused = await ask(shop, order, 2001)
    assert refused.status_code == 422
    assert refused.json()["detail"] == [
        {
            "type": "value_error",
            "loc": ["body", "amount"],
            "msg": "Refund amount exceeds refundable amount",
            "input": 2001,
        }
    ]
    assert (await give_back(shop, order, 2000))["tax_amount"] == 500
    now = await order_now(shop, order)
    assert (now["status"], now["refunded_amount"], now["refunded_tax_amount"]) == ("refunded", 9990, 2498)
    fee = now["platform_fee_amount"]
    assert await holdings(shop, order["id"]) == {"merchant": -fee, "platform": fee}
    assert problem(await ask(shop, order, 1)) == (
        403,
        "RefundedAlready",
        f"Order is already fully refunded: {order['id']}",
    )


@pytest.mark.example("platform W25", "platform W26")
async def test_a_refund_that_fails_later_leaves_the_order_as_it_was(shop: Shop) -> None:
    order = await sell(shop, 3000, tax=750, token=FAILING)
    before = await holdings(shop, order["id"])
    refund = await give_back(shop, order, 1000)
    assert (refund["status"], refund["tax_amount"]) == ("succeeded", 250)
    after = await holdings(shop, order["id"])
    assert {name: after[name] - before[name] for name in before} == {
        "buyers": 1250,
        "merchant": -1000,
        "tax": -250,
        "platform": 0,
    }
    await shop.facts()
    await shop.advance(minutes=1)
    await processor_of(shop).settle()
    await finish(shop)
    await shop.saw("refund.updated", "order.updated")
    assert [item["status"] for item in await refunds(shop)] == ["failed"]
    now = await order_now(shop, order)
    assert (now["status"], now["refunded_amount"], now["refunded_tax_amount"]) == ("paid", 0, 0)
    assert await holdings(shop, order["id"]) == before


async def test_a_pending_refund_counts_when_it_has_arrived(shop: Shop) -> None:
    order = await sell(shop, 1000, tax=200, token=PENDING)
    await shop.facts()
    refund = await give_back(shop, order, 1000)
    assert refund["status"] == "pending"
    await shop.saw("refund.created")
    assert (await order_now(shop, order))["status"] == "paid"
    assert (await ask(shop, order, 1)).status_code == 422  # it is all on its way
    await shop.advance(minutes=2)
    await shop.saw("refund.updated", "order.updated", "order.refunded")
    (refund,) = await refunds(shop)
    assert (refund["status"], (await order_now(shop, order))["status"]) == ("succeeded", "refunded")


@pytest.mark.parametrize("faults", [Faults(lost_after=1.0), Faults(lost_before=1.0)], ids=["done", "not done"])
async def test_a_processor_that_does_not_answer_leaves_a_pending_refund(shop: Shop, faults: Faults) -> None:
    order = await sell(shop, 1000)
    await shop.facts()
    processor_of(shop).faults = faults
    assert (await give_back(shop, order, 600))["status"] == "pending"
    await finish(shop)
    await shop.saw("refund.created")
    assert (await ask(shop, order, 600)).status_code == 422
    processor_of(shop).faults = Faults()
    await shop.advance(minutes=5)
    await shop.saw("refund.updated", "order.updated", "order.refunded")
    assert [item["status"] for item in await refunds(shop)] == ["succeeded"]
    assert (await order_now(shop, order))["refunded_amount"] == 600


async def test_a_silent_processor_that_then_refuses_makes_the_refund_fail(shop: Shop) -> None:
    order = await sell(shop, 1000)
    processor_of(shop).faults = Faults(lost_before=1.0)
    await give_back(shop, order, 600)
    processor_of(shop).faults = Faults(silent=1.0)
    await _elsewhere(shop, order, 1000)
    await shop.advance(minutes=5)
    assert [item["status"] for item in await refunds(shop)] == ["failed"]
    assert (await order_now(shop, order))["refunded_amount"] == 0


async def _elsewhere(shop: Shop, order: dict[str, Any], amount: int) -> None:
    """A refund that somebody makes at the processor itself."""
    intent = await shop.app.database.pool.fetchval(
        "SELECT intent_id FROM payments WHERE order_id = $1", uuid.UUID(order["id"])
    )
    request = RefundRequest(payment=intent, amount=amount, reason="fraudulent")
    await shop.app.get(PaymentProcessor).refund(request, idempotency_key=uuid.uuid4().hex)


async def test_a_refund_made_elsewhere_is_taken_over(shop: Shop) -> None:
    order = await sell(shop, 1000, tax=250)
    await shop.facts()
    processor_of(shop).faults = Faults(doubled=1.0)
    await _elsewhere(shop, order, 375)
    await finish(shop)
    await shop.saw(*REFUNDED)
    (refund,) = await refunds(shop)
    assert (refund["amount"], refund["tax_amount"], refund["reason"]) == (300, 75, "fraudulent")
    assert (await order_now(shop, order))["status"] == "partially_refunded"


async def test_one_made_elsewhere_that_was_not_heard_of_yet_refuses_ours(shop: Shop) -> None:
    order = await sell(shop, 1000)
    processor_of(shop).faults = Faults(silent=1.0)
    await _elsewhere(shop, order, 900)
    assert (await ask(shop, order, 200)).status_code == 422
    await _elsewhere(shop, order, 100)
    assert problem(await ask(shop, order, 200))[:2] == (403, "RefundedAlready")
    assert await refunds(shop) == []


async def test_many_at_once_never_give_back_too_much(shop: Shop) -> None:
    order = await sell(shop, 1000, tax=200)
    replies = await asyncio.gather(*(ask(shop, order, 300) for _ in range(10)))
    assert sorted(reply.status_code for reply in replies) == [200] * 3 + [422] * 7
    assert (await give_back(shop, order, 100))["tax_amount"] == 20
    now = await order_now(shop, order)
    assert (now["status"], now["refunded_amount"], now["refunded_tax_amount"]) == ("refunded", 1000, 200)


@pytest.mark.example("orders 18.46")
@pytest.mark.parametrize(
    ("credit", "parts", "left"),
    [(500, (100,), 375), (500, (1000,), 0), (-500, (1000,), -500), (500, (100, 100), 250)],
)
async def test_a_refund_takes_credit_away(shop: Shop, credit: int, parts: tuple[int, ...], left: int) -> None:
    order = await sell(shop, 1000, tax=250)
    customer = await _give_credit(shop, order["customer_id"], credit)
    for amount in parts:
        await give_back(shop, order, amount)
    assert await customer_credit(shop.app.database, customer, "usd") == left


@pytest.mark.example("orders 18.44")
@pytest.mark.parametrize(
    ("amount", "tax", "status"), [(350, 70, "partially_refunded"), (700, 200, "refunded")], ids=["a part", "all"]
)
async def test_what_credit_paid_is_not_given_back(shop: Shop, amount: int, tax: int, status: str) -> None:
    bought = await sell(shop, 1000, tax=200, recurring_interval="month")
    await _give_credit(shop, bought["customer_id"], 300)
    await shop.advance(days=31)
    order = await last_order(shop)
    assert sums(order) == (1000, 0, 200, -300, 900)
    assert (await ask(shop, order, 701)).status_code == 422
    assert (await give_back(shop, order, amount))["tax_amount"] == tax
    now = await order_now(shop, order)
    assert (now["status"], now["refunded_amount"], now["refunded_tax_amount"]) == (status, amount, tax)


async def test_a_refund_leaves_the_credit_that_a_pending_order_counts_on(shop: Shop) -> None:
    order = await sell(shop, 1000, recurring_interval="month")
    customer = await _give_credit(shop, order["customer_id"], 500)
    await forget_methods(shop)
    await shop.advance(days=31)
    pending = await last_order(shop)
    assert (pending["status"], sums(pending)) == ("pending", (1000, 0, 0, -500, 500))
    await give_back(shop, order, 100)
    assert await customer_credit(shop.app.database, customer, "usd") == 500
    await restore_methods(shop)
    await shop.advance(days=2)
    assert (await last_order(shop))["status"] == "paid"
    assert await customer_credit(shop.app.database, customer, "usd") == 0


async def test_what_is_refused(shop: Shop, other_shop: Shop) -> None:
    order = await sell(shop, 1000)
    subscribed = await sell(shop, 1000, recurring_interval="month")
    free = await buy(shop, await make_customer(shop, "eve@example.com"), await make_product(shop), subtotal_amount=0)
    assert malformed(await ask(shop, order, 0)) == [("amount", "greater_than", "Input should be greater than 0")]
    for reply in (await ask(shop, {"id": str(uuid.uuid4())}, 1), await ask(other_shop, order, 1)):
        assert reply.json()["detail"][0]["msg"] == "Order not found"
        assert reply.json()["detail"][0]["loc"] == ["body", "order_id"]
    assert problem(await ask(shop, subscribed, 2000, revoke_benefits=True)) == (
        400,
        "RevokeSubscriptionBenefitsProhibited",
        "Subscription benefits can only be revoked upon cancellation",
    )
    assert (await ask(shop, free, 1)).status_code == 422
    assert (await ask(shop, order, 1, reason="boredom")).status_code == 422
    assert await refunds(shop) == []


async def test_what_was_never_collected_cannot_be_given_back(shop: Shop) -> None:
    order = await buy(shop, await make_customer(shop), await make_product(shop))
    async with shop.app.transaction(shop.organization_id) as tx:
        await pay(tx, amount=5, status=PaymentStatus.FAILED, order_id=uuid.UUID(order["id"]))
        await tx.connection.raw.execute("UPDATE payments SET status = 'failed' WHERE status = 'succeeded'")
    assert problem(await ask(shop, order, 1)) == (
        404,
        "RefundUnknownPayment",
        f"Refund issued for unknown order: {order['id']}",
    )
    await shop.app.database.pool.execute("UPDATE payments SET status = 'succeeded' WHERE amount > 5")


async def test_what_a_refund_means_for_benefits_is_told(shop: Shop) -> None:
    order = await sell(shop, 1000, token=PENDING)
    refund = await give_back(shop, order, 10, revoke_benefits=True)
    assert refund["revoke_benefits"] is True
    details = await shop.app.database.pool.fetchval("SELECT details FROM facts WHERE name = 'refund.created'")
    assert details == {"order_id": order["id"], "revoke_benefits": True}


async def test_filters_and_sorts(shop: Shop) -> None:
    first = await sell(shop, 1000, recurring_interval="month")
    second = await sell(shop, 2000, token=PENDING)
    small, large = await give_back(shop, first, 100), await give_back(shop, second, 200)
    cases: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        ({"sorting": "amount"}, [small, large]),
        ({"sorting": "-amount"}, [large, small]),
        ({"id": small["id"]}, [small]),
        ({"order_id": second["id"]}, [large]),
        ({"subscription_id": first["subscription_id"]}, [small]),
        ({"customer_id": first["customer_id"], "sorting": "amount"}, [small, large]),
        ({"external_customer_id": "nobody"}, []),
        ({"succeeded": "true"}, [small]),
        ({"succeeded": "false"}, [large]),
        ({"organization_id": str(uuid.uuid4())}, []),
    ]
    for params, expected in cases:
        assert await refunds(shop, **params) == expected, params


async def _give_credit(shop: Shop, customer_id: str, amount: int) -> uuid.UUID:
    """So much more credit for a customer, whose id is returned."""
    customer, source = uuid.UUID(customer_id), uuid.uuid4()
    async with shop.app.transaction(shop.organization_id) as tx:
        given = ledger.sale(net=-amount, tax=0, collected=0, currency="usd")
        await post(tx, given, source_id=source, order_id=source, customer_id=customer)
    return customer


async def _token(shop: Shop, scope: str) -> str:
    id = shop.organization_id
    return (await tokens.create(shop.app, organization_id=id, comment="narrow", scopes=[scope]))[1]


async def test_who_may(shop: Shop) -> None:
    order = await sell(shop, 1000)
    async with client_of(shop.boreal, await _token(shop, "refunds:read")) as client:
        poor = replace(shop, client=client)
        assert await refunds(poor) == []
        assert (await ask(poor, order, 1)).status_code == 403
    async with client_of(shop.boreal, await _token(shop, "refunds:write")) as client:
        rich = replace(shop, client=client)
        await give_back(rich, order, 1)
        assert len(good(await client.get("/v1/refunds/"))["items"]) == 1
