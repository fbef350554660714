"""`/v1/orders` through HTTP: what an order shows, who sees it, filters and sorts (orders spec 1.4, 3.1)."""

import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from boreal.core.orders import BillingReason, Order, OrderStatus
from boreal.kit.db import compile_statement
from boreal.rooms.platform.tokens import commands as tokens
from tests.rooms.billing.buying import MONTHLY, buy, make_customer, make_product, purchase_of, settle
from tests.support.catalog import make_custom_field
from tests.support.refunds import give_back, sell
from tests.support.shop import Shop, client_of


async def listed(shop: Shop, **params: Any) -> list[dict[str, Any]]:
    reply = await shop.client.get("/v1/orders/", params=params)
    assert reply.status_code == 200, reply.text
    return reply.json()["items"]


AMOUNTS = {
    "subtotal_amount": 1000,
    "discount_amount": 0,
    "net_amount": 1000,
    "tax_amount": 200,
    "total_amount": 1200,
    "applied_balance_amount": 0,
    "due_amount": 1200,
    "refunded_amount": 0,
    "refunded_tax_amount": 0,
    "platform_fee_amount": 94,  # 48 + 40 for the payment, 6 for the subscription
    "platform_fee_currency": "usd",
    "currency": "usd",
    "amount": 1000,
    "from_balance_amount": 0,
}
"""What an order of 10.00 with a tax of 2.00 says of money, the deprecated members included."""


async def test_an_order_shows_everything(shop: Shop) -> None:
    product = await make_product(shop, metadata={"tier": "1"}, description="All of it", **MONTHLY)
    customer = await make_customer(shop, external_id="usr_1", name="Ada")
    field = await make_custom_field(shop, "size")
    order = await buy(shop, customer, product, tax_amount=200, custom_field_data={field["id"]: "L"})
    price = product["prices"][0]
    assert await listed(shop) == [order]
    subscription = order.pop("subscription")
    (item,) = order.pop("items")
    for generated in ("id", "checkout_id", "invoice_number"):
        assert order.pop(generated)
    assert order == {
        "created_at": "2026-01-15T12:00:00Z",
        "modified_at": None,
        "status": "paid",
        "paid": True,
        **AMOUNTS,
        "billing_reason": "subscription_create",
        "billing_name": "Ada",
        "billing_address": None,
        "is_invoice_generated": False,
        "seats": None,
        "customer_id": customer["id"],
        "user_id": customer["id"],
        "product_id": product["id"],
        "discount_id": None,
        "subscription_id": subscription["id"],
        "metadata": {},
        "custom_field_data": {"size": "L"},
        "customer": {name: value for name, value in customer.items() if name != "members"},
        "user": {
            "id": customer["id"],
            "email": "ada@example.com",
            "public_name": "Ada",
            "avatar_url": customer["avatar_url"],
            "github_username": None,
        },
        "product": {
            name: product[name] for name in product.keys() - {"prices", "benefits", "medias", "attached_custom_fields"}
        },
        "discount": None,
        "description": "Pro",
        "product_price_id": price["id"],
        "product_price": price,
    }
    assert item.pop("id")
    assert item == {
        "created_at": "2026-01-15T12:00:00Z",
        "modified_at": None,
        "label": "Pro",
        "amount": 1000,
        "tax_amount": 0,
        "proration": False,
        "product_price_id": price["id"],
    }
    assert subscription["product_id"] == product["id"]
    assert subscription["recurring_interval"] == "month"
    assert subscription["cancel_at_period_end"] is False


async def test_orders_of_others_cannot_be_seen(shop: Shop, other_shop: Shop) -> None:
    order = await buy(shop, await make_customer(shop), await make_product(shop))
    reply = await other_shop.client.get(f"/v1/orders/{order['id']}")
    assert reply.status_code == 404
    assert reply.json() == {"error": "ResourceNotFound", "detail": "Not found"}
    assert await listed(other_shop) == []
    assert await listed(other_shop, organization_id=str(shop.organization_id)) == []


async def test_reading_orders_needs_the_scope(shop: Shop) -> None:
    _, token = await tokens.create(
        shop.app, organization_id=shop.organization_id, comment="narrow", scopes=["orders:write", "products:read"]
    )
    async with client_of(shop.boreal, token) as client:
        assert (await client.get("/v1/orders/")).status_code == 403
        assert (await client.get(f"/v1/orders/{uuid.uuid4()}")).status_code == 403
    async with client_of(shop.boreal, None) as client:
        assert (await client.get("/v1/orders/")).status_code == 401


async def test_a_malformed_id_is_422(shop: Shop) -> None:
    reply = await shop.client.get("/v1/orders/nothing")
    assert reply.status_code == 422
    assert reply.json()["error"] == "RequestValidationError"
    assert reply.json()["detail"][0]["loc"] == ["path", "id"]


@dataclass
class Sold:
    """Three orders: a book for 300 bought by Ada, then Pro for 1000 by Bob, then Basic for 200 by Ada."""

    ada: dict[str, Any]
    bob: dict[str, Any]
    book: dict[str, Any]
    pro: dict[str, Any]
    basic: dict[str, Any]
    orders: list[dict[str, Any]]

    def numbers(self, items: list[dict[str, Any]]) -> list[int]:
        """Which of the three orders are listed, in the order of the list."""
        ids = [order["id"] for order in self.orders]
        return [ids.index(item["id"]) for item in items]


@pytest.fixture
async def sold(shop: Shop) -> Sold:
    ada = await make_customer(shop, external_id="usr_ada")
    bob = await make_customer(shop, "bob@example.com", external_id="usr_bob")
    book = await make_product(shop, "Book")
    pro, basic = await make_product(shop, "Pro", **MONTHLY), await make_product(shop, "Basic", **MONTHLY)
    orders = []
    for customer, product, amount, tag in ((ada, book, 300, "a"), (bob, pro, 1000, "b"), (ada, basic, 200, "a")):
        orders.append(
            await buy(shop, customer, product, subtotal_amount=amount, metadata={"tag": tag, "n": len(orders)})
        )
        shop.clock.set(shop.clock.now() + timedelta(hours=1))
    return Sold(ada, bob, book, pro, basic, orders)


async def test_filters(shop: Shop, sold: Sold) -> None:
    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [2, 1, 0]),
        ({"organization_id": str(shop.organization_id)}, [2, 1, 0]),
        ({"organization_id": str(uuid.uuid4())}, []),
        ({"product_id": sold.pro["id"]}, [1]),
        ({"product_id": [sold.pro["id"], sold.book["id"]]}, [1, 0]),
        ({"product_billing_type": "one_time"}, [0]),
        ({"product_billing_type": "recurring"}, [2, 1]),
        ({"product_billing_type": ["recurring", "one_time"]}, [2, 1, 0]),
        ({"customer_id": sold.ada["id"]}, [2, 0]),
        ({"customer_id": sold.ada["id"], "product_billing_type": "recurring"}, [2]),
        ({"external_customer_id": "usr_bob"}, [1]),
        ({"external_customer_id": ["usr_bob", "usr_ada"]}, [2, 1, 0]),
        ({"external_customer_id": "usr_nobody"}, []),
        ({"checkout_id": sold.orders[1]["checkout_id"]}, [1]),
        ({"discount_id": str(uuid.uuid4())}, []),
        ({"metadata[tag]": "a"}, [2, 0]),
        ({"metadata[tag]": ["a", "b"]}, [2, 1, 0]),
        ({"metadata[tag]": "a", "metadata[n]": "2"}, [2]),
        ({"metadata[none]": "a"}, []),
    ]
    for params, expected in cases:
        assert sold.numbers(await listed(shop, **params)) == expected, params


async def test_sorts(shop: Shop, sold: Sold) -> None:
    cases: list[tuple[str, list[int]]] = [
        ("created_at", [0, 1, 2]),
        ("-created_at", [2, 1, 0]),
        ("amount", [2, 0, 1]),
        ("-amount", [1, 0, 2]),
        ("net_amount", [2, 0, 1]),
        ("product", [2, 0, 1]),
        ("-product", [1, 0, 2]),
    ]
    for sorting, expected in cases:
        assert sold.numbers(await listed(shop, sorting=sorting)) == expected, sorting
    assert sold.numbers(await listed(shop, sorting=["customer", "-created_at"])) == [2, 0, 1]
    assert sold.numbers(await listed(shop, sorting=["-customer", "created_at"])) == [1, 0, 2]
    assert sold.numbers(await listed(shop, sorting=["discount", "created_at"])) == [0, 1, 2]
    by_number = await listed(shop, sorting="-invoice_number")
    assert [order["invoice_number"] for order in by_number] == sorted(
        (order["invoice_number"] for order in sold.orders), reverse=True
    )
    subscribed = [order["subscription_id"] for order in await listed(shop, sorting="subscription")]
    assert subscribed[:2] == sorted(id for id in subscribed if id)
    assert subscribed[2] is None


async def test_statuses_sort_by_their_rank(shop: Shop) -> None:
    for amount in (1000, 1, 0):
        sold = await sell(shop, 1000)
        if amount:
            await give_back(shop, sold, amount)
    async with shop.app.transaction(shop.organization_id) as tx:
        order = await tx.load(Order, uuid.UUID(sold["id"]))
        assert order is not None
        await tx.save(None, _pending(order))
    ascending = [order["status"] for order in await listed(shop, sorting="status")]
    assert ascending == ["pending", "paid", "refunded", "partially_refunded"]
    assert [order["paid"] for order in await listed(shop, sorting="status")] == [False, True, True, True]


def _pending(order: Order) -> Order:
    return replace(
        order,
        id=uuid.uuid4(),
        checkout_id=None,
        status=OrderStatus.PENDING,
        billing_reason=BillingReason.PURCHASE,
        invoice_number="ACME-9",
        subtotal_amount=0,
        first_failed_at=order.created_at,  # and it was given up
    )


async def test_an_unknown_sort_is_422(shop: Shop) -> None:
    reply = await shop.client.get("/v1/orders/", params={"sorting": ["created_at", "colour"]})
    assert reply.status_code == 422
    (fault,) = reply.json()["detail"]
    assert (fault["type"], fault["loc"]) == ("enum", ["query", "sorting", 1])


async def test_pages(shop: Shop, sold: Sold) -> None:
    reply = (await shop.client.get("/v1/orders/", params={"limit": 2, "page": 2})).json()
    assert sold.numbers(reply["items"]) == [0]
    assert reply["pagination"] == {"total_count": 3, "max_page": 2}


async def test_a_page_takes_as_many_statements_as_an_order(shop: Shop, sold: Sold) -> None:
    ran: list[str] = []
    fetch = shop.app.database.fetch

    async def counted(statement: Any, **binds: Any) -> Any:
        ran.append(compile_statement(statement).text)
        return await fetch(statement, **binds)

    shop.app.database.fetch = counted  # type: ignore[method-assign]
    assert len(await listed(shop)) == 3
    assert len([text for text in ran if "FROM orders" in text]) == 1
    assert len(ran) == 3  # the page, its items, their prices


async def test_a_deleted_customer_keeps_the_orders(shop: Shop, sold: Sold) -> None:
    assert (await shop.client.delete(f"/v1/customers/{sold.bob['id']}")).status_code == 204
    order = (await shop.client.get(f"/v1/orders/{sold.orders[1]['id']}")).json()
    assert order["customer"]["deleted_at"] is not None
    assert order["customer"]["external_id"] is None
    assert sold.numbers(await listed(shop)) == [2, 1, 0]


async def test_sums_of_the_database_are_those_of_the_record(shop: Shop) -> None:
    sold = await settle(
        shop, await make_customer(shop), await purchase_of(shop, await make_product(shop), discount_amount=50)
    )
    owing = replace(
        sold,
        id=uuid.uuid4(),
        checkout_id=None,
        status=OrderStatus.PENDING,
        invoice_number="ACME-9",
        subtotal_amount=0,
        first_failed_at=sold.created_at,  # and it was given up
        discount_amount=30,
        tax_amount=-6,
        applied_balance_amount=-5000,
    )
    async with shop.app.transaction(shop.organization_id) as tx:
        await tx.save(None, owing)
    for record in (sold, owing):
        shown = (await shop.client.get(f"/v1/orders/{record.id}")).json()
        sums = ("net_amount", "total_amount", "due_amount")
        assert [shown[name] for name in sums] == [getattr(record, name) for name in sums]


async def test_an_order_without_a_product_is_described_by_its_first_item(shop: Shop) -> None:
    sold = await settle(shop, await make_customer(shop), await purchase_of(shop, await make_product(shop)))
    async with shop.app.transaction(shop.organization_id) as tx:
        await tx.save(sold, replace(sold, product_id=None))
    shown = (await shop.client.get(f"/v1/orders/{sold.id}")).json()
    assert (shown["product"], shown["description"], shown["items"][0]["label"]) == (None, "Pro", "Pro")
    assert await listed(shop, product_billing_type=["recurring", "one_time"]) == []
    assert len(await listed(shop, sorting="product")) == 1
