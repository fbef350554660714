"""`/v1/disputes`: how they arise, end and cost, and what they take away (orders spec 16, platform spec 14)."""

import uuid
from typing import Any

import pytest

from boreal.providers.payments.sandbox import Faults
from tests.support.benefits import attach, make_benefit
from tests.support.books import holdings
from tests.support.checkout import finish, good, problem, processor_of
from tests.support.refunds import ask, give_back, order_now, refunds, sell
from tests.support.shop import Shop

DISPUTED = "pm_card_createDispute"
WARNED = "pm_card_createIssuerFraudRecord"
TWICE = "pm_card_createMultipleDisputes"


async def disputes(shop: Shop, **params: Any) -> list[dict[str, Any]]:
    return list(good(await shop.client.get("/v1/disputes/", params=params))["items"])


async def move(shop: Shop, status: Any) -> dict[str, Any]:
    """What the bank decides about the one dispute, which is shown as it is then."""
    id = await shop.app.database.pool.fetchval("SELECT processor_id FROM disputes")
    await processor_of(shop).move_dispute(id, status)
    await finish(shop)
    (dispute,) = await disputes(shop)
    return dispute


async def sell_disputed(shop: Shop, *args: Any, token: str = DISPUTED, **values: Any) -> dict[str, Any]:
    order = await sell(shop, *args, token=token, **values)
    await shop.advance(seconds=15)  # the event may have come before the order was there
    await shop.facts()
    return order


async def test_a_dispute_shows_everything(shop: Shop) -> None:
    order = await sell_disputed(shop, 1000, tax=250)
    (dispute,) = await disputes(shop)
    assert dispute == good(await shop.client.get(f"/v1/disputes/{dispute['id']}"))
    assert dispute.pop("id")
    assert dispute.pop("created_at")
    assert dispute.pop("payment_id")
    assert dispute == {
        "modified_at": None,
        "status": "needs_response",
        "resolved": False,
        "closed": False,
        "amount": 1000,
        "tax_amount": 250,
        "currency": "usd",
        "order_id": order["id"],
    }
    assert problem(await ask(shop, order, 1)) == (
        403,
        "RefundsBlocked",
        f"Refunds are blocked for order: {order['id']}",
    )


@pytest.mark.example("platform W28")
async def test_a_lost_dispute_is_the_merchants_loss(shop: Shop) -> None:
    order = await sell_disputed(shop, 10000)
    await move(shop, "under_review")
    await shop.saw()
    dispute = await move(shop, "lost")
    assert (dispute["status"], dispute["resolved"], dispute["closed"]) == ("lost", True, True)
    await shop.saw("dispute.closed")
    # The processor's fee for the sale itself, 320, is not known here.
    assert await holdings(shop, order["id"]) == {"merchant": -1940, "platform": 440, "processor": 1500}
    assert (await order_now(shop, order))["status"] == "paid"


@pytest.mark.example("platform W29")
async def test_a_dispute_that_was_won_costs_its_fee(shop: Shop) -> None:
    order = await sell_disputed(shop, 10000)
    assert (await move(shop, "won"))["resolved"] is True
    assert await holdings(shop, order["id"]) == {
        "buyers": -10000,
        "merchant": 8060,
        "platform": 440,
        "processor": 1500,
    }
    details = await shop.app.database.pool.fetchval("SELECT details FROM facts WHERE name = 'dispute.closed'")
    assert details == {"order_id": order["id"], "revoke_benefits": True}


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_however_it_ends_the_subscription_is_over(shop: Shop, outcome: str) -> None:
    order = await sell_disputed(shop, 1000, recurring_interval="month")
    await move(shop, outcome)
    ended = ("subscription.updated", "subscription.canceled", "subscription.revoked")
    assert [name for name in await shop.facts() if name != "customer.state_changed"] == ["dispute.closed", *ended]
    assert (await order_now(shop, order))["subscription"]["status"] == "canceled"


@pytest.mark.parametrize("outcome", ["won", "lost", "prevented"])
async def test_however_it_ends_what_was_bought_is_taken_back(shop: Shop, outcome: str) -> None:
    """Unless the network opens it again (orders spec 16)."""
    order = await sell_disputed(shop, 1000)
    await attach(shop, {"id": order["product_id"]}, await make_benefit(shop))
    await shop.settle()
    if outcome == "prevented":
        await move(shop, outcome)
        assert await has_benefit(shop) is False
        await move(shop, "needs_response")
        assert await has_benefit(shop) is True
        outcome = "lost"
    await move(shop, "under_review")
    assert await has_benefit(shop) is True
    await move(shop, outcome)
    assert await has_benefit(shop) is False


async def has_benefit(shop: Shop) -> bool:
    (grant,) = good(await shop.client.get("/v1/benefit-grants/"))["items"]
    return bool(grant["is_granted"])


async def test_a_prevented_dispute_gives_the_money_back_without_a_fee(shop: Shop) -> None:
    order = await sell_disputed(shop, 1000, tax=250)
    before = await holdings(shop, order["id"])
    dispute = await move(shop, "prevented")
    assert (dispute["resolved"], dispute["closed"]) == (False, True)
    await shop.saw("dispute.closed", "refund.created", "order.updated", "order.refunded")
    (refund,) = await refunds(shop)
    assert refund["dispute"] == dispute
    assert (refund["reason"], refund["status"], refund["amount"], refund["tax_amount"]) == (
        "dispute_prevention",
        "succeeded",
        1000,
        250,
    )
    assert refund["revoke_benefits"] is True
    assert (await order_now(shop, order))["status"] == "refunded"
    assert await holdings(shop, order["id"]) == {"merchant": before["merchant"] - 1000, "platform": before["platform"]}
    await move(shop, "needs_response")
    await shop.saw("refund.updated", "order.updated")
    assert (await order_now(shop, order))["status"] == "paid"
    assert await holdings(shop, order["id"]) == before
    await move(shop, "lost")
    assert [item["status"] for item in await refunds(shop)] == ["failed"]


async def test_a_warning_ends_with_a_refund_in_time(shop: Shop) -> None:
    order = await sell_disputed(shop, 1000, token=WARNED)
    assert [item["status"] for item in await disputes(shop)] == ["early_warning"]
    refund = await give_back(shop, order, 1000)
    await finish(shop)
    assert [item["status"] for item in await disputes(shop)] == ["prevented"]
    assert await refunds(shop) == [refund]


async def test_disputes_share_the_amount_of_their_payment(shop: Shop) -> None:
    order = await sell_disputed(shop, 1001, token=TWICE)
    assert [item["amount"] for item in await disputes(shop, sorting="amount")] == [500, 501]
    assert len(await disputes(shop, order_id=order["id"], status=["needs_response", "won"])) == 2
    assert await disputes(shop, status="won") == []
    assert await disputes(shop, organization_id=str(uuid.uuid4())) == []


async def test_events_that_come_twice_do_no_harm(shop: Shop) -> None:
    processor_of(shop).faults = Faults(doubled=1.0)
    await sell_disputed(shop, 1000)
    assert len(await disputes(shop)) == 1
    await move(shop, "lost")


async def test_disputes_of_others_cannot_be_seen(shop: Shop, other_shop: Shop) -> None:
    await sell_disputed(shop, 1000)
    (dispute,) = await disputes(shop)
    assert await disputes(other_shop) == []
    assert (await other_shop.client.get(f"/v1/disputes/{dispute['id']}")).status_code == 404
