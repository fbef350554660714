"""Whatever a buyer does in whatever order: the sums are right, and API, pages and order say the same."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boreal.providers.ports import TaxQuotes
from boreal.rooms.checkout.public import client_view
from tests.support.catalog import FREE, fixed, make_custom_field, make_discount, make_product, seats
from tests.support.checkout import BUYER, FlatTax, finish, open_session
from tests.support.organizations import set_subscription_settings
from tests.support.shop import Shop, open_shop

CUSTOM = {"amount_type": "custom", "minimum_amount": 0, "preset_amount": 700, "maximum_amount": 100_000}
TEAM = seats((2, 4, 999), (5, 30, 501))
MONTHLY = {"recurring_interval": "month"}
TRIAL = {"trial_interval": "day", "trial_interval_count": 3}


@pytest.fixture
async def market(dsn: str) -> AsyncIterator[Shop]:
    """A shop with an awkward tax of 19.6 %, where a buyer may have any number of subscriptions."""
    async with open_shop(dsn, adapters={TaxQuotes: FlatTax(1960)}) as opened:
        await set_subscription_settings(opened, allow_multiple_subscriptions=True)
        yield opened
        await opened.check()


@pytest.fixture
async def products(market: Shop) -> list[dict[str, Any]]:
    size = await make_custom_field(market, "size", "select", options=[{"value": "xl", "label": "XL"}])
    note = await make_custom_field(market, "note", max_length=3)
    asked = [{"custom_field_id": size["id"], "required": False}, {"custom_field_id": note["id"], "required": True}]
    made = [
        await make_product(market, fixed(1999), attached_custom_fields=asked[:1]),
        await make_product(market, CUSTOM, attached_custom_fields=asked),
        await make_product(market, TEAM),
        await make_product(market, FREE),
        await make_product(market, CUSTOM, **MONTHLY),
        await make_product(market, TEAM, **MONTHLY),
        await make_product(market, fixed(555), **MONTHLY, **TRIAL),
        await make_product(market, FREE, **MONTHLY),
    ]
    await make_discount(market, code="SHARE", basis_points=3333)
    await make_discount(market, code="FIXED", type="fixed", amount=700, duration="once")
    await make_discount(market, code="ALL", basis_points=10_000)
    await make_discount(market, code="SOME", basis_points=1450, products=[made[0]["id"], made[5]["id"]])
    await make_discount(market, code="FIRST", basis_points=50, max_redemptions=1)
    await make_discount(market, code="MONTHS", basis_points=2550, duration="repeating", duration_in_months=2)
    return made


addresses = st.sampled_from(
    [
        None,
        {"country": "FR"},
        {"country": "US"},
        {"country": "US", "state": "NY", "line1": "1 Main St", "city": "New York", "postal_code": "10001"},
        {"country": "CA", "state": "QC"},
        {"country": "DE", "line1": " ", "city": "Berlin"},
        {"country": "XX"},
        {},
    ]
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "product": st.integers(0, 8),
        "amount": st.sampled_from([None, 0, 30, 50, 51, 1234, 100_000, 100_001]),
        "seats": st.sampled_from([None, 0, 1, 2, 4, 5, 30, 31, 1001]),
        "customer_name": st.sampled_from([None, "", "Ada", "a" * 300]),
        "customer_email": st.sampled_from([None, "ada@example.com", "ADA@example.com", "bob@example.com", "@"]),
        "customer_billing_name": st.sampled_from([None, "Ada Ltd"]),
        "customer_billing_address": addresses,
        "customer_tax_id": st.sampled_from([None, "", "FR61954506077", "91-1144442", "x"]),
        "is_business_customer": st.sampled_from([None, True, False]),
        "allow_trial": st.sampled_from([None, False, True]),
        "discount_code": st.sampled_from([None, "UNKNOWN", "share", "FIXED", "ALL", "SOME", "FIRST", "MONTHS"]),
        "custom_field_data": st.sampled_from([{}, {"size": "xl"}, {"size": "xs"}, {"note": "hi"}, {"note": "long"}]),
    },
)
tokens = st.sampled_from([None, "pm_card_visa", "pm_card_chargeDeclined", "nonsense"])


def discounted(view: dict[str, Any]) -> int:
    """What the discount of a session takes off, in arithmetic of its own."""
    discount = view["discount"] or {"amount": 0}
    if "basis_points" in discount:
        return int((view["amount"] * discount["basis_points"] * 2 + 10_000) // 20_000)
    return min(view["amount"], discount["amount"])


def assert_adds_up(view: dict[str, Any]) -> None:
    assert view["discount_amount"] == discounted(view)
    assert {field["custom_field"]["slug"] for field in view["attached_custom_fields"]} == set(view["custom_field_data"])
    assert view["net_amount"] == view["amount"] - view["discount_amount"] >= 0
    assert view["total_amount"] == view["net_amount"] + (view["tax_amount"] or 0)
    assert view["is_payment_form_required"] == (view["is_payment_required"] or view["is_payment_setup_required"])
    known = bool(view["customer_billing_address"])
    if view["net_amount"] == 0 or not view["is_payment_form_required"]:
        assert view["tax_amount"] == 0
    elif known:
        assert view["tax_amount"] == (view["net_amount"] * 1960 * 2 + 10_000) // 20_000
    else:
        assert view["tax_amount"] is None
    if view["seats"] is not None:
        assert view["amount"] == view["seats"] * view["price_per_seat"]


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(changes, max_size=5), last=changes, token=tokens)
async def test_any_buyer(
    market: Shop, products: list[dict[str, Any]], steps: list[dict[str, Any]], last: dict[str, Any], token: str | None
) -> None:
    session = await open_session(market, *products)
    ids = [product["id"] for product in products]

    def sent(change: dict[str, Any]) -> dict[str, Any]:
        body = {name: value for name, value in change.items() if name != "product"}
        if "product" in change:
            body["product_id"] = ids[change["product"]] if change["product"] < len(ids) else market.token
        return body

    seen = (await session.get()).json()
    for step in steps:
        reply = await session.update(**sent(step))
        assert reply.status_code in (200, 422), reply.text
        now = (await session.get()).json()
        assert now == (reply.json() if reply.status_code == 200 else seen)
        seen = now
        assert_adds_up(seen)
    assert seen == await client_view(market.app, seen["client_secret"])
    reply = await session.buyer.post(
        f"{session.url}/confirm", json={**BUYER, **sent(last), **({"confirmation_token_id": token} if token else {})}
    )
    assert reply.status_code in (200, 400, 422), reply.text
    await finish(market)
    after = await session.view()
    assert_adds_up(after)
    if reply.status_code != 200:
        assert (await session.get()).json() == seen
        return
    assert after["status"] == "succeeded"
    order = await session.order()
    assert reply.json()["total_amount"] == after["total_amount"]
    told = ("product_id", "currency", "seats", "customer_id", "metadata", "custom_field_data")
    assert {name: order[name] for name in told} == {name: after[name] for name in told}
    if after["trial_end"]:
        assert (order["total_amount"], order["subscription"]["status"]) == (0, "trialing")
        assert order["subscription"]["amount"] == after["net_amount"]
        assert order["subscription"]["discount_id"] == after["discount_id"]
    else:
        sums = ("amount", "discount_amount", "net_amount", "tax_amount", "total_amount")
        names = ("subtotal_amount", *sums[1:])
        assert [order[name] for name in names] == [after[name] for name in sums]
        assert order["discount_id"] == after["discount_id"]
