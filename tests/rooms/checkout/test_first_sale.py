"""The first sale, through HTTP: a product, a session, a confirmation, an order."""

from tests.support.catalog import make_product
from tests.support.checkout import finish, good, open_session
from tests.support.shop import Shop, client_of


async def told(shop: Shop) -> list[str]:
    """The facts since the last look, but for the state of customers, which follows whatever happens to them."""
    return [fact for fact in await shop.facts() if fact != "customer.state_changed"]


async def test_a_paid_order(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop), metadata={"plan": "pro"})
    await shop.saw("product.created", "checkout.created")
    confirmed = good(await session.confirm())
    assert confirmed["status"] == "confirmed"
    assert await told(shop) == ["customer.created", "checkout.updated"]
    await finish(shop)
    assert (await session.view())["status"] == "succeeded"
    order = await session.order()
    assert (order["status"], order["billing_reason"], order["total_amount"]) == ("paid", "purchase", 1000)
    assert order["metadata"] == {"plan": "pro"}
    assert order["customer"]["email"] == "ada@example.com"
    assert [(item["label"], item["amount"]) for item in order["items"]] == [("Pro", 1000)]
    assert order["invoice_number"].startswith("ACME-")
    assert await told(shop) == ["order.created", "order.updated", "order.paid", "checkout.updated"]
    async with client_of(shop.boreal, confirmed["customer_session_token"]) as portal:
        mine = good(await portal.get("/v1/customer-portal/orders/"))
    assert [item["id"] for item in mine["items"]] == [order["id"]]


async def test_a_subscription_is_born(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, recurring_interval="month"))
    assert session.made["is_payment_setup_required"] is True
    await shop.facts()
    done = await session.pay("pm_card_mastercard")
    order = await session.order()
    assert order["billing_reason"] == "subscription_create"
    assert done["subscription_id"] == order["subscription_id"] == order["subscription"]["id"]
    assert order["subscription"]["status"] == "active"
    assert order["subscription"]["current_period_end"] == "2026-02-15T12:00:00Z"
    assert await told(shop) == [
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
