"""Payment methods in the portal: added, confirmed, preferred, deleted (orders spec 4.5)."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx2
import pytest

from boreal.core.customers import Customer
from boreal.core.subscriptions import Subscription
from boreal.providers.payments.sandbox import Faults
from tests.rooms.billing.buying import make_customer, portal_of
from tests.support.checkout import good, problem, processor_of
from tests.support.refunds import sell
from tests.support.shop import Shop

URL = "/v1/customer-portal/customers/me/payment-methods"
ASKS = "pm_card_authenticationRequired"


@pytest.fixture
async def ada(shop: Shop) -> dict[str, Any]:
    return await make_customer(shop)


@pytest.fixture
async def portal(shop: Shop, ada: dict[str, Any]) -> AsyncIterator[httpx2.AsyncClient]:
    async with await portal_of(shop, ada) as client:
        yield client


async def add(portal: httpx2.AsyncClient, token: str = "pm_card_visa", **body: Any) -> httpx2.Response:
    sent = {"confirmation_token_id": token, "set_default": False, "return_url": "https://example.com/", **body}
    return await portal.post(URL, json=sent)


async def added(portal: httpx2.AsyncClient, token: str = "pm_card_visa", **body: Any) -> dict[str, Any]:
    reply = good(await add(portal, token, **body), 201)
    assert reply["status"] == "succeeded"
    return dict(reply["payment_method"])


async def brands(portal: httpx2.AsyncClient) -> list[str]:
    return [method["method_metadata"]["brand"] for method in good(await portal.get(URL))["items"]]


async def default_of(shop: Shop, customer: dict[str, Any]) -> str | None:
    async with shop.app.transaction(shop.organization_id) as tx:
        stored = await tx.load(Customer, UUID(customer["id"]))
    assert stored is not None
    return str(stored.default_payment_method_id) if stored.default_payment_method_id else None


async def test_a_card_is_added(shop: Shop, ada: dict[str, Any], portal: httpx2.AsyncClient) -> None:
    method = await added(portal)
    assert good(await portal.get(URL))["items"] == [method]
    assert (method["type"], method["processor"], method["customer_id"]) == ("card", "stripe", ada["id"])
    shown = method["method_metadata"]
    assert (shown["brand"], shown["last4"], shown["wallet"]) == ("visa", "4242", None)
    assert await default_of(shop, ada) is None
    shop.clock.set(shop.clock.now().replace(minute=10))
    other = await added(portal, "pm_card_mastercard", set_default=True)
    assert await brands(portal) == ["mastercard", "visa"]
    assert await default_of(shop, ada) == other["id"]
    async with await portal_of(shop, await make_customer(shop, "eve@example.com")) as stranger:
        assert await brands(stranger) == []
        assert (await stranger.delete(f"{URL}/{method['id']}")).status_code == 404


async def test_a_bank_may_ask_first(shop: Shop, ada: dict[str, Any], portal: httpx2.AsyncClient) -> None:
    asked = good(await add(portal, ASKS), 201)
    assert set(asked) == {"status", "client_secret"}
    assert asked["status"] == "requires_action"
    assert await brands(portal) == []
    setup = asked["client_secret"].split("_secret_")[0]
    body = {"setup_intent_id": setup, "set_default": True}
    assert good(await portal.post(f"{URL}/confirm", json=body), 201)["status"] == "requires_action"
    await processor_of(shop).answer_challenge(asked["client_secret"], "accept")
    kept = good(await portal.post(f"{URL}/confirm", json=body), 201)
    assert kept["status"] == "succeeded"
    assert await default_of(shop, ada) == kept["payment_method"]["id"]
    assert good(await portal.post(f"{URL}/confirm", json=body), 201) == kept
    assert await brands(portal) == ["visa"]
    async with await portal_of(shop, await make_customer(shop, "eve@example.com")) as stranger:
        await added(stranger)
        refused = await stranger.post(f"{URL}/confirm", json=body)
        assert refused.json()["detail"][0]["msg"] == "Invalid setup_intent_id."


async def test_what_is_refused(shop: Shop, portal: httpx2.AsyncClient) -> None:
    body = {"setup_intent_id": "seti_nothing", "set_default": False}
    assert problem(await portal.post(f"{URL}/confirm", json=body)) == (
        400,
        "CustomerNotReady",
        "Customer is not ready for this operation.",
    )
    for token in ("pm_card_visa_chargeDeclined", "ctoken_nothing"):
        refused = await add(portal, token)
        assert refused.status_code == 422
        assert refused.json()["detail"][0]["loc"] == ["body", "confirmation_token_id"]
    await added(portal)
    unknown = await portal.post(f"{URL}/confirm", json=body)
    assert unknown.json()["detail"] == [
        {
            "type": "invalid",
            "loc": ["body", "setup_intent_id"],
            "msg": "Invalid setup_intent_id.",
            "input": "seti_nothing",
        }
    ]
    processor_of(shop).faults = Faults(lost_before=1.0)
    portal.event_hooks = {}  # which take no failure of ours; this is the processor's
    for unanswered in (await add(portal), await portal.post(f"{URL}/confirm", json=body)):
        assert (unanswered.status_code, unanswered.json()["error"]) == (503, "ServiceUnavailable")
    assert await brands(portal) == ["visa"]


async def test_a_deleted_method_is_gone_everywhere(shop: Shop, ada: dict[str, Any], portal: httpx2.AsyncClient) -> None:
    method = await added(portal, set_default=True)
    await shop.settle()
    await shop.facts()
    assert (await portal.delete(f"{URL}/{method['id']}")).status_code == 204
    assert "customer.updated" in await shop.facts()
    assert await default_of(shop, ada) is None
    assert await brands(portal) == []
    assert (await portal.delete(f"{URL}/{method['id']}")).status_code == 404
    await shop.settle()
    async with shop.app.transaction(shop.organization_id) as tx:
        customer = await tx.load(Customer, UUID(ada["id"]))
    assert customer is not None
    assert customer.processor_customer_id is not None
    assert await processor_of(shop).list_methods(customer.processor_customer_id) == []


async def test_a_subscription_needs_another_method(shop: Shop) -> None:
    order = await sell(shop, 1000, recurring_interval="month")
    async with await portal_of(shop, {"id": order["customer_id"]}) as portal:
        (method,) = good(await portal.get(URL))["items"]
        assert problem(await portal.delete(f"{URL}/{method['id']}")) == (
            400,
            "PaymentMethodInUseByActiveSubscription",
            "Payment method is in use by an active subscription.",
        )
        other = await added(portal, "pm_card_mastercard")
        assert (await portal.delete(f"{URL}/{method['id']}")).status_code == 204
        async with shop.app.transaction(shop.organization_id) as tx:
            subscription = await tx.load(Subscription, UUID(order["subscription_id"]))
        assert subscription is not None
        assert str(subscription.payment_method_id) == other["id"]
        assert await brands(portal) == ["mastercard"]
