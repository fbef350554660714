"""Orders after their making: who they are billed to, and customers who pay what could not be collected."""

from typing import Any

import httpx2
import pytest

from tests.support.catalog import fixed, make_product
from tests.support.checkout import faults, good, malformed, problem, processor_of
from tests.support.shop import Shop, client_of
from tests.support.subscribers import (
    DECLINES_LATER,
    MONTHLY,
    all_orders,
    count_payments,
    last_order,
    subscribe,
    subscription,
    told,
)
from tests.support.tokens import session

METHODS = "/v1/customer-portal/customers/me/payment-methods"
RECOVERED = ["subscription.updated", "subscription.active", "order.updated", "order.paid"]


async def portal(shop: Shop, customer_id: str) -> httpx2.AsyncClient:
    return client_of(shop.boreal, await session(shop, customer_id))


async def unpaid(shop: Shop) -> tuple[dict[str, Any], dict[str, Any], httpx2.AsyncClient]:
    """A past due subscription, its pending order, and its customer."""
    trial = await make_product(shop, fixed(1000), **MONTHLY, trial_interval="day", trial_interval_count=7)
    bought = await subscribe(shop, trial, card=DECLINES_LATER)
    await shop.advance(days=7)
    order = await last_order(shop)
    assert order["status"] == "pending"
    await told(shop)
    return bought, order, await portal(shop, bought["customer_id"])


async def confirm(client: httpx2.AsyncClient, order: dict[str, Any], **body: Any) -> httpx2.Response:
    return await client.post(f"/v1/customer-portal/orders/{order['id']}/confirm-payment", json=body)


async def status(client: httpx2.AsyncClient, order: dict[str, Any]) -> dict[str, Any]:
    return good(await client.get(f"/v1/customer-portal/orders/{order['id']}/payment-status"))


async def test_a_customer_pays_with_another_card(shop: Shop) -> None:
    bought, order, client = await unpaid(shop)
    declined = {"status": "failed", "error": "Your card was declined."}
    assert await status(client, order) == declined
    refused = good(await confirm(client, order, confirmation_token_id="pm_card_chargeDeclined"))
    assert (refused["status"], refused["error"]) == ("failed", "Your card was declined.")
    shown = good(await client.get(f"/v1/customer-portal/orders/{order['id']}"))
    assert shown["next_payment_attempt_at"] == "2026-01-24T12:00:00Z"  # a failure of theirs moves nothing
    assert await told(shop) == []
    await shop.advance(minutes=1)
    assert good(await confirm(client, order, confirmation_token_id="pm_card_visa"))["status"] == "succeeded"
    assert await told(shop) == RECOVERED
    assert await status(client, order) == {"status": "succeeded", "error": None}
    await shop.advance(days=31)
    assert [order["status"] for order in await all_orders(shop)] == ["paid"] * 3  # by the new card
    assert (await subscription(shop, bought["id"]))["status"] == "active"
    client = await portal(shop, bought["customer_id"])
    assert problem(await confirm(client, order, confirmation_token_id="pm_card_visa"))[:2] == (
        422,
        "OrderNotEligibleForRetry",
    )


async def test_a_bank_that_asks(shop: Shop) -> None:
    _, order, client = await unpaid(shop)
    asked = good(await confirm(client, order, confirmation_token_id="pm_card_authenticationRequired"))
    assert asked["status"] == "requires_action"
    again = good(await confirm(client, order, confirmation_token_id="pm_card_authenticationRequired"))
    assert again["client_secret"] not in (None, asked["client_secret"])  # the first challenge is void
    await processor_of(shop).answer_challenge(again["client_secret"], "accept")
    await processor_of(shop).drain()
    await shop.settle()
    assert await told(shop) == RECOVERED


async def test_a_challenge_left_alone_is_given_up_and_dunning_goes_on(shop: Shop) -> None:
    bought, order, client = await unpaid(shop)
    good(await confirm(client, order, confirmation_token_id="pm_card_authenticationRequired"))
    payments = await count_payments(shop)
    await shop.advance(days=2)
    assert await count_payments(shop) == payments + 2  # the one given up, and the automatic one
    client = await portal(shop, bought["customer_id"])
    shown = good(await client.get(f"/v1/customer-portal/orders/{order['id']}"))
    assert shown["next_payment_attempt_at"] == "2026-01-29T12:00:00Z"


async def test_one_attempt_at_a_time(shop: Shop) -> None:
    bought = await subscribe(shop)
    faulty = processor_of(shop).faults
    faulty.lost_after = 1.0
    await shop.advance(days=31)
    order, client = await last_order(shop), await portal(shop, bought["customer_id"])
    # It has not failed, so nobody may retry it.
    assert problem(await confirm(client, order, confirmation_token_id="pm_card_visa"))[0] == 422
    faulty.lost_after = 0.0
    await shop.advance(hours=1)
    _, order, client = await unpaid_of(shop)
    faulty.lost_before = 1.0
    assert good(await confirm(client, order, confirmation_token_id="pm_card_visa"))["status"] == "processing"
    assert problem(await confirm(client, order, confirmation_token_id="pm_card_visa")) == (
        409,
        "PaymentAlreadyInProgress",
        f"Payment for order {order['id']} is already in progress",
    )
    faulty.lost_before = 0.0
    await shop.advance(minutes=2)
    assert (await status(client, order))["status"] == "succeeded"


async def unpaid_of(shop: Shop) -> tuple[dict[str, Any], dict[str, Any], httpx2.AsyncClient]:
    trial = await make_product(shop, fixed(1000), **MONTHLY, trial_interval="day", trial_interval_count=1)
    bought = await subscribe(shop, trial, card=DECLINES_LATER, customer_email="b@example.com")
    await shop.advance(days=1)
    (order,) = [order for order in await all_orders(shop) if order["status"] == "pending"]
    return bought, order, await portal(shop, bought["customer_id"])


async def test_what_a_retry_refuses(shop: Shop) -> None:
    bought, order, client = await unpaid(shop)
    words = [fault[-1] for fault in malformed(await confirm(client, order))]
    assert words == ["Value error, Either confirmation_token_id or payment_method_id must be provided"]
    both = await confirm(client, order, confirmation_token_id="a", payment_method_id=bought["id"])
    assert [fault[-1] for fault in malformed(both)] == [
        "Value error, Only one of confirmation_token_id or payment_method_id can be provided"
    ]
    theirs = await subscribe(shop, customer_email="b@example.com")
    (method,) = good(await (await portal(shop, theirs["customer_id"])).get(METHODS))["items"]
    paid = await count_payments(shop)
    for foreign in (method["id"], bought["id"]):  # somebody else's, and nobody's
        assert problem(await confirm(client, order, payment_method_id=foreign)) == (
            422,
            "PaymentRetryValidationError",
            "Payment method does not belong to customer",
        )
    assert await count_payments(shop) == paid
    nobody = await confirm(client, {"id": bought["id"]}, confirmation_token_id="pm_card_visa")
    assert problem(nobody)[0] == 404


@pytest.mark.parametrize("who", ["merchant", "customer"])
async def test_who_an_order_is_billed_to(shop: Shop, who: str) -> None:
    bought = await subscribe(shop)
    order = await last_order(shop)
    client, prefix = (
        (shop.client, "/v1")
        if who == "merchant"
        else (await portal(shop, bought["customer_id"]), "/v1/customer-portal")
    )
    url = f"{prefix}/orders/{order['id']}"
    await told(shop)
    moved = {"billing_address": {"country": "DE", "state": "BE"}}
    assert faults(await client.patch(url, json=moved)) == [
        ("billing_address", "country", "value_error", "Country cannot be changed"),
        ("billing_address", "state", "value_error", "State cannot be changed"),
    ]
    changed = good(
        await client.patch(url, json={"billing_name": "ACME", "billing_address": {"country": "FR", "city": "Lyon"}})
    )
    assert (changed["billing_name"], changed["billing_address"]["city"]) == ("ACME", "Lyon")
    assert good(await client.patch(url, json={}))["billing_name"] == "ACME"
    assert good(await client.patch(url, json={"billing_name": None}))["billing_name"] is None
    assert await told(shop) == ["order.updated"] * 3
