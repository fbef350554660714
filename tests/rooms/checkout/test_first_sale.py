"""The first sale, through HTTP: a product, a session, a confirmation, an order."""

from typing import Any

import pytest

from tests.support.shop import Shop, client_of

BUYER = {
    "customer_name": "Ada Lovelace",
    "customer_email": "ada@example.com",
    "customer_billing_address": {"country": "FR"},
}


async def product(shop: Shop, **values: Any) -> dict[str, Any]:
    """A product through the API; fixed at 10.00 unless said otherwise."""
    body = {"name": "Boreal Pro", "prices": [{"amount_type": "fixed", "price_amount": 1000}], **values}
    reply = await shop.client.post("/v1/products/", json=body)
    assert reply.status_code == 201, reply.text
    return reply.json()


async def session(shop: Shop, products: list[dict[str, Any]], **values: Any) -> dict[str, Any]:
    """A checkout session through the API."""
    body = {"products": [item["id"] for item in products], **values}
    reply = await shop.client.post("/v1/checkouts/", json=body)
    assert reply.status_code == 201, reply.text
    return reply.json()


async def test_a_paid_order(shop: Shop) -> None:
    checkout = await session(shop, [await product(shop)], metadata={"plan": "pro"})
    await shop.saw("product.created", "checkout.created")
    assert checkout["status"] == "open"
    assert checkout["expires_at"] == "2026-01-15T13:00:00Z"
    assert (checkout["amount"], checkout["tax_amount"], checkout["total_amount"]) == (1000, None, 1000)
    async with client_of(shop.boreal, None) as buyer:
        reply = await buyer.post(
            f"/v1/checkouts/client/{checkout['client_secret']}/confirm",
            json={**BUYER, "confirmation_token_id": "pm_card_visa"},
        )
    assert reply.status_code == 200, reply.text
    confirmed = reply.json()
    assert confirmed["status"] == "confirmed"
    assert confirmed["customer_session_token"].startswith("polar_cst_")
    await shop.settle()
    done = (await shop.client.get(f"/v1/checkouts/{checkout['id']}")).json()
    assert done["status"] == "succeeded"
    orders = (await shop.client.get("/v1/orders/")).json()["items"]
    assert len(orders) == 1
    order = orders[0]
    assert order["status"] == "paid"
    assert order["total_amount"] == 1000
    assert order["checkout_id"] == checkout["id"]
    assert order["metadata"] == {"plan": "pro"}
    assert order["customer"]["email"] == "ada@example.com"
    assert order["items"][0]["label"] == "Boreal Pro"
    assert order["invoice_number"].startswith("ACME-")
    assert [f for f in await shop.facts() if f != "customer.state_changed"] == [
        "customer.created",
        "checkout.updated",
        "order.created",
        "order.updated",
        "order.paid",
        "checkout.updated",
    ]
    async with client_of(shop.boreal, confirmed["customer_session_token"]) as portal:
        mine = (await portal.get("/v1/customer-portal/orders/")).json()
        assert [item["id"] for item in mine["items"]] == [order["id"]]


DECLINES = {
    "pm_card_visa_chargeDeclined": "declined",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient funds",
    "pm_card_chargeDeclinedExpiredCard": "expired",
}


@pytest.mark.parametrize(("token", "words"), DECLINES.items())
async def test_a_decline_leaves_nothing(shop: Shop, token: str, words: str) -> None:
    checkout = await session(shop, [await product(shop)])
    await shop.facts()
    async with client_of(shop.boreal, None) as buyer:
        url = f"/v1/checkouts/client/{checkout['client_secret']}"
        refused = await buyer.post(f"{url}/confirm", json={**BUYER, "confirmation_token_id": token})
        assert refused.status_code == 400
        assert refused.json()["error"] == "PaymentError"
        assert words in refused.json()["detail"]
        await shop.settle()
        await shop.saw()
        after = (await buyer.get(url)).json()
        assert after["status"] == "open"
        assert after["customer_email"] is None
        assert (await shop.client.get("/v1/customers/")).json()["pagination"]["total_count"] == 0
        paid = await buyer.post(f"{url}/confirm", json={**BUYER, "confirmation_token_id": "pm_card_visa"})
        assert paid.status_code == 200
    await shop.settle()
    assert (await shop.client.get("/v1/orders/")).json()["pagination"]["total_count"] == 1


@pytest.mark.example("catalog 11.30")
async def test_everything_missing_is_said_at_once(shop: Shop) -> None:
    checkout = await session(shop, [await product(shop)])
    async with client_of(shop.boreal, None) as buyer:
        reply = await buyer.post(f"/v1/checkouts/client/{checkout['client_secret']}/confirm", json={})
    assert reply.status_code == 422
    assert reply.json()["error"] == "PolarRequestValidationError"
    assert [fault["loc"] for fault in reply.json()["detail"]] == [
        ["body", "customer_email"],
        ["body", "customer_name"],
        ["body", "customer_billing_address"],
        ["body", "customer_billing_address", "country"],
        ["body", "confirmation_token_id"],
    ]


async def test_a_subscription_is_born(shop: Shop) -> None:
    monthly = await product(shop, recurring_interval="month")
    checkout = await session(shop, [monthly])
    assert checkout["is_payment_setup_required"] is True
    await shop.facts()
    async with client_of(shop.boreal, None) as buyer:
        reply = await buyer.post(
            f"/v1/checkouts/client/{checkout['client_secret']}/confirm",
            json={**BUYER, "confirmation_token_id": "pm_card_mastercard"},
        )
        assert reply.status_code == 200, reply.text
    await shop.settle()
    order = (await shop.client.get("/v1/orders/")).json()["items"][0]
    assert order["billing_reason"] == "subscription_create"
    assert order["subscription"]["status"] == "active"
    assert order["subscription"]["current_period_end"] == "2026-02-15T12:00:00Z"
    assert [f for f in await shop.facts() if f != "customer.state_changed"] == [
        "customer.created",
        "checkout.updated",
        "subscription.created",
        "subscription.active",
        "subscription.updated",
        "order.created",
        "order.updated",
        "order.paid",
        "checkout.updated",
    ]
