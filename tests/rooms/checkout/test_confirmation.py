"""Confirming: what is needed, what is refused, who is then let in (catalog spec 7.1 to 7.3)."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from boreal.providers.payments.sandbox.tables import SandboxCustomerRow, SandboxIntentRow
from tests.support.catalog import fixed, make_product
from tests.support.checkout import BUYER, faults, good, open_session, orders, problem, processor_of
from tests.support.payments import attempts, payment_methods, payments
from tests.support.shop import Shop, client_of, open_shop

MONTHLY = {"recurring_interval": "month"}
NEEDED = "Field is required."

_INTENTS = sa.select(SandboxIntentRow).order_by(SandboxIntentRow.c.created_at, SandboxIntentRow.c.id)
_CUSTOMERS = sa.select(SandboxCustomerRow).order_by(SandboxCustomerRow.c.created_at)


@pytest.mark.example("catalog 11.30")
async def test_everything_missing_is_said_at_once(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    await shop.facts()
    assert faults(await session.confirm(None, **dict.fromkeys(BUYER))) == [
        ("customer_email", "missing", NEEDED),
        ("customer_name", "missing", NEEDED),
        ("customer_billing_address", "missing", NEEDED),
        ("customer_billing_address", "country", "missing", NEEDED),
        ("confirmation_token_id", "missing", "Confirmation token is required."),
    ]
    await shop.saw()
    assert await session.view() == session.made
    assert await attempts(shop) == []


@pytest.mark.example("catalog 11.31")
async def test_some_countries_ask_for_more(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    american = faults(await session.confirm(customer_billing_address={"country": "US"}))
    assert american == [
        ("customer_billing_address", name, "missing", NEEDED) for name in ("state", "line1", "city", "postal_code")
    ]
    assert faults(await session.confirm(customer_billing_address={"country": "CA"})) == [
        ("customer_billing_address", "state", "missing", NEEDED)
    ]
    assert (await session.pay(customer_billing_address={"country": "CA", "state": "QC"}))["status"] == "succeeded"


async def test_a_price_that_was_archived_meanwhile(shop: Shop) -> None:
    product = await make_product(shop)
    session = await open_session(shop, product)
    good(await shop.client.patch(f"/v1/products/{product['id']}", json={"prices": [fixed(2000)]}))
    seen = await session.view()
    assert (seen["amount"], seen["product_price"]["is_archived"]) == (1000, True)
    archived = ("product_price_id", "value_error", "Price is archived.")
    assert faults(await session.confirm()) == [archived]
    assert faults(await session.confirm(None, customer_email=None)) == [
        archived,
        ("customer_email", "missing", NEEDED),
        ("confirmation_token_id", "missing", "Confirmation token is required."),
    ]
    assert (await session.pay(product_id=product["id"]))["total_amount"] == 2000


async def test_an_archived_product_can_still_be_bought_in_an_open_session(shop: Shop) -> None:
    product = await make_product(shop)
    session = await open_session(shop, product)
    good(await shop.client.patch(f"/v1/products/{product['id']}", json={"is_archived": True}))
    assert (await session.pay())["status"] == "succeeded"


async def test_an_organization_that_may_not_take_payments_yet(dsn: str) -> None:
    not_ready = (403, "PaymentNotReady", "Organization is not ready to accept payments")
    async with open_shop(dsn, environment="production") as shop:
        await shop.app.database.execute(sa.text("UPDATE organizations SET details_submitted_at = NULL"))
        paid = await open_session(shop, await make_product(shop))
        # Said before anything that is missing.
        assert problem(await paid.confirm(None, customer_email=None)) == not_ready
        trial = {"trial_interval": "day", "trial_interval_count": 7}
        tried = await open_session(shop, await make_product(shop, **MONTHLY, **trial))
        assert (await tried.pay())["status"] == "succeeded"
        free = await open_session(shop, await make_product(shop, {"amount_type": "free"}))
        assert (await free.pay(None))["status"] == "succeeded"


async def test_what_is_asked_of_the_processor(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    address = {"country": "US", "state": "NY", "line1": "1 Main St", "city": "New York", "postal_code": "10001"}
    await session.pay(customer_billing_address=address, customer_billing_name="Ada Ltd", customer_tax_id="91-1144442")
    (intent,) = await shop.app.database.fetch(_INTENTS)
    assert (intent["kind"], intent["amount"], intent["currency"]) == ("payment", 1000, "usd")
    assert (intent["off_session"], intent["save_for_later"]) == (False, False)
    assert intent["description"] == "Acme — Pro"
    assert intent["statement_suffix"] == "acme"
    assert intent["return_url"] == f"{session.made['url']}/confirmation"
    assert intent["metadata"] == {
        "checkout_id": session.id,
        "type": "product",
        "tax_amount": "0",
        "tax_country": "US",
        "tax_state": "NY",
    }
    (customer,) = await shop.app.database.fetch(_CUSTOMERS)
    assert (customer["email"], customer["name"], customer["tax_id"]) == ("ada@example.com", "Ada Ltd", "911144442")
    assert customer["address"]["state"] == "US-NY"
    assert await payment_methods(shop) == []


@pytest.mark.parametrize("trial", [{}, {"trial_interval": "day", "trial_interval_count": 7}])
async def test_a_recurring_purchase_keeps_the_method(shop: Shop, trial: dict[str, Any]) -> None:
    session = await open_session(shop, await make_product(shop, **MONTHLY, **trial))
    done = await session.pay("pm_card_mastercard")
    (intent,) = await shop.app.database.fetch(_INTENTS)
    assert (intent["kind"], intent["save_for_later"]) == ("setup" if trial else "payment", True)
    (method,) = await payment_methods(shop)
    assert (method["type"], method["processor"], method["processor_id"]) == ("card", "sandbox", intent["method_id"])
    assert method["method_metadata"] | {"brand": "mastercard", "last4": "4444"} == method["method_metadata"]
    assert "fingerprint" not in method["method_metadata"]
    assert str(method["customer_id"]) == done["customer_id"]
    kept = await processor_of(shop).list_methods(done["payment_processor_metadata"]["customer_id"])
    assert [item.id for item in kept] == [method["processor_id"]]
    assert len(await payments(shop)) == (0 if trial else 1)


async def test_a_buyer_is_one_customer_at_the_processor(shop: Shop) -> None:
    """Or a renewal would try to charge somebody else's method."""
    once, monthly = await make_product(shop), await make_product(shop, **MONTHLY)
    first = await (await open_session(shop, once)).pay()
    by_email = await (await open_session(shop, monthly)).pay(customer_email="ADA@example.com")
    moved = {"email": "ada@new.example.com"}
    good(await shop.client.patch(f"/v1/customers/{first['customer_id']}", json=moved))
    linked = await (await open_session(shop, once, customer_id=first["customer_id"])).pay()
    assert linked["customer_email"] == "ada@new.example.com"
    ids = {view["payment_processor_metadata"]["customer_id"] for view in (first, by_email, linked)}
    assert len(ids) == 1
    assert len(await shop.app.database.fetch(_CUSTOMERS)) == 1
    (method,) = await payment_methods(shop)
    assert [item.id for item in await processor_of(shop).list_methods(ids.pop())] == [method["processor_id"]]


async def test_the_token_of_a_confirmation_opens_the_portal_for_an_hour(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    confirmed = good(await session.confirm())
    token = confirmed["customer_session_token"]
    assert token.startswith("polar_cst_")
    await shop.settle()
    async with client_of(shop.boreal, token) as portal:
        (mine,) = good(await portal.get("/v1/customer-portal/orders/"))["items"]
        assert mine["id"] == (await session.order())["id"]
        await shop.advance(minutes=61)
        assert (await portal.get("/v1/customer-portal/orders/")).status_code == 401
    assert "customer_session_token" not in await session.view()


async def test_the_last_changes_of_the_buyer_are_bought(shop: Shop) -> None:
    flexible = {"amount_type": "custom", "minimum_amount": 50, "preset_amount": 700}
    session = await open_session(
        shop,
        await make_product(shop),
        await make_product(shop, flexible),
        metadata={"campaign": "spring"},
    )
    await session.pay(product_id=session.made["products"][1]["id"], amount=1234, customer_name="Ada K.")
    order = await session.order()
    assert (order["total_amount"], order["product_id"]) == (1234, session.made["products"][1]["id"])
    assert order["metadata"] == {"campaign": "spring"}
    assert order["billing_name"] == "Ada K."
    assert [item["amount"] for item in order["items"]] == [1234]


async def test_one_session_is_one_order(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    await session.pay()
    assert problem(await session.confirm())[:2] == (403, "NotOpenCheckout")
    await shop.advance(days=2)
    assert len(await orders(shop)) == len(await payments(shop)) == 1


async def test_what_was_asked_of_the_processor_is_not_kept(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    assert problem(await session.confirm("pm_card_visa_chargeDeclined"))[0] == 400
    good(await session.confirm("pm_card_visa"))
    applied, refused = sorted(await attempts(shop), key=lambda attempt: attempt["state"])
    assert (applied["state"], refused["state"]) == ("applied", "discarded")
    for attempt in (refused, applied):
        assert attempt["checkout_id"] == UUID(session.id)
        assert attempt["settled_at"] is not None
        assert (attempt["request"], attempt["candidate"]) == ({}, {})
