"""`/v1/customer-portal/orders` through HTTP (orders spec 3.3)."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from boreal.core.customers import MemberRole
from boreal.kit.auth import Actor, Subject
from boreal.kit.problems import NotPermitted
from boreal.rooms.billing.roles import require_billing_role
from tests.rooms.billing.buying import MONTHLY, buy, make_customer, make_product, portal_of
from tests.support.shop import Shop

URL = "/v1/customer-portal/orders/"


async def test_a_customer_sees_an_own_order(shop: Shop) -> None:
    product = await make_product(shop, **MONTHLY)
    customer = await make_customer(shop, billing_address={"country": "FR"}, name="Ada")
    order = await buy(shop, customer, product, metadata={"secret": "x"})
    async with await portal_of(shop, customer) as portal:
        reply = await portal.get(f"{URL}{order['id']}")
        assert reply.status_code == 200, reply.text
        seen = reply.json()
        assert (await portal.get(URL)).json()["items"] == [seen]
    hidden = {"metadata", "custom_field_data", "platform_fee_amount", "platform_fee_currency", "customer", "discount"}
    assert not hidden & seen.keys()
    same = ("id", "status", "paid", "invoice_number", "items", "description", "billing_name", "billing_address")
    assert [seen[name] for name in same] == [order[name] for name in same]
    assert seen["next_payment_attempt_at"] is None
    assert "metadata" not in seen["subscription"]
    assert seen["subscription"]["current_period_end"] == "2026-02-15T12:00:00Z"
    assert seen["product"]["prices"] == product["prices"]
    assert seen["product"]["benefits"] == seen["product"]["medias"] == []
    assert seen["product"]["organization"]["slug"] == "acme"
    assert seen["product"]["organization"]["customer_portal_settings"]["usage"] == {"show": True}
    assert "metadata" not in seen["product"]


async def test_a_customer_does_not_see_those_of_others(shop: Shop) -> None:
    product = await make_product(shop)
    ada, bob = await make_customer(shop), await make_customer(shop, "bob@example.com")
    order = await buy(shop, ada, product)
    async with await portal_of(shop, bob) as portal:
        assert (await portal.get(f"{URL}{order['id']}")).status_code == 404
        assert (await portal.get(f"{URL}{uuid.uuid4()}")).status_code == 404
        assert (await portal.get(URL)).json() == {"items": [], "pagination": {"total_count": 0, "max_page": 0}}


async def test_a_merchant_has_no_business_here(shop: Shop) -> None:
    assert (await shop.client.get(URL)).status_code == 401


async def test_filters_and_sorts(shop: Shop) -> None:
    ada = await make_customer(shop)
    book, pro = await make_product(shop, "Field Book"), await make_product(shop, "Pro 100%", **MONTHLY)
    orders = []
    for product, amount in ((book, 300), (pro, 200), (book, 500)):
        orders.append(await buy(shop, ada, product, subtotal_amount=amount))
        shop.clock.set(shop.clock.now() + timedelta(minutes=5))
    ids = [order["id"] for order in orders]
    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [2, 1, 0]),
        ({"product_id": book["id"]}, [2, 0]),
        ({"product_id": [book["id"], pro["id"]]}, [2, 1, 0]),
        ({"product_billing_type": "recurring"}, [1]),
        ({"product_billing_type": "one_time"}, [2, 0]),
        ({"subscription_id": orders[1]["subscription_id"]}, [1]),
        ({"query": "book"}, [2, 0]),
        ({"query": "100%"}, [1]),
        ({"query": "%"}, [1]),
        ({"query": "nothing"}, []),
        ({"sorting": "created_at"}, [0, 1, 2]),
        ({"sorting": "-amount"}, [2, 0, 1]),
        ({"sorting": "net_amount"}, [1, 0, 2]),
        ({"sorting": ["product", "created_at"]}, [0, 2, 1]),
        ({"sorting": ["subscription", "-created_at"]}, [1, 2, 0]),
    ]
    async with await portal_of(shop, ada) as portal:
        for params, expected in cases:
            reply = await portal.get(URL, params=params)
            assert reply.status_code == 200, reply.text
            assert [ids.index(item["id"]) for item in reply.json()["items"]] == expected, params


@pytest.mark.parametrize(
    ("role", "allowed"),
    [(MemberRole.OWNER, True), (MemberRole.BILLING_MANAGER, True), (MemberRole.MEMBER, False), (None, False)],
)
def test_a_member_needs_a_billing_role(role: str | None, allowed: bool) -> None:
    actor = Actor(Subject.member, member_role=role)
    if allowed:
        require_billing_role(actor)
        return
    with pytest.raises(NotPermitted) as refused:
        require_billing_role(actor)
    assert refused.value.status == 403
    assert refused.value.body() == {
        "error": "NotPermitted",
        "detail": "Only owners and billing managers can access billing features.",
    }


def test_a_customer_needs_no_role() -> None:
    require_billing_role(Actor(Subject.customer))
