"""Settling purchases: what a confirmed checkout leaves behind (catalog spec 6.14, orders spec 1, 2.1, 5.4, 11, 17)."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
import sqlalchemy as sa
from asyncpg import ForeignKeyViolationError, UniqueViolationError

from boreal.rooms.billing.orders.tables import OrderItemRow, OrderRow
from boreal.rooms.billing.payments.tables import PaymentRow
from boreal.rooms.billing.subscriptions.tables import SubscriptionPriceRow, SubscriptionRow
from boreal.rooms.platform.public import OrganizationRow
from tests.rooms.billing.buying import MONTHLY, buy, make_customer, make_product, purchase_of, settle
from tests.support.shop import Shop

ORDER_PAID = ("order.created", "order.updated", "order.paid")
SUBSCRIBED = ("subscription.created", "subscription.active", "subscription.updated")


async def count(shop: Shop, table: sa.Table) -> int:
    return await shop.app.database.fetchval(sa.select(sa.func.count()).select_from(table))


async def test_a_one_time_purchase_is_one_paid_order(shop: Shop) -> None:
    product = await make_product(shop, "Book")
    customer = await make_customer(shop, name="Ada", billing_address={"country": "FR", "city": "Paris"})
    await shop.facts()
    order = await buy(
        shop,
        customer,
        product,
        discount_amount=100,
        tax_amount=180,
        metadata={"ref": "x"},
        taxability_reason="standard",
    )
    await shop.saw(*ORDER_PAID)
    assert order["status"] == "paid"
    assert order["paid"] is True
    assert order["billing_reason"] == "purchase"
    assert (order["subtotal_amount"], order["discount_amount"], order["net_amount"]) == (1000, 100, 900)
    assert (order["tax_amount"], order["total_amount"], order["due_amount"]) == (180, 1080, 1080)
    assert order["billing_name"] == "Ada"
    assert order["billing_address"]["city"] == "Paris"
    assert order["subscription_id"] is None
    assert order["subscription"] is None
    assert order["metadata"] == {"ref": "x"}
    assert [(item["label"], item["amount"], item["tax_amount"]) for item in order["items"]] == [("Book", 1000, 0)]
    assert order["items"][0]["product_price_id"] == product["prices"][0]["id"]


async def test_a_free_order_has_no_payment(shop: Shop) -> None:
    product = await make_product(shop, price={"amount_type": "free"})
    customer = await make_customer(shop)
    await shop.facts()
    order = await buy(shop, customer, product, subtotal_amount=0)
    await shop.saw(*ORDER_PAID)
    assert (order["status"], order["total_amount"], len(order["items"])) == ("paid", 0, 1)
    assert await count(shop, PaymentRow) == 0


async def test_a_first_purchase_of_a_subscription(shop: Shop) -> None:
    product = await make_product(shop, **MONTHLY)
    customer = await make_customer(shop)
    await shop.facts()
    order = await buy(shop, customer, product, tax_amount=200, metadata={"plan": "gold"})
    await shop.saw(*SUBSCRIBED, *ORDER_PAID)
    assert order["billing_reason"] == "subscription_create"
    subscription = order["subscription"]
    assert subscription["status"] == "active"
    assert subscription["amount"] == 1000
    assert subscription["current_period_start"] == subscription["started_at"] == "2026-01-15T12:00:00Z"
    assert subscription["current_period_end"] == "2026-02-15T12:00:00Z"
    assert subscription["trial_start"] is None
    assert subscription["trial_end"] is None
    assert subscription["metadata"] == {"plan": "gold"}
    assert subscription["checkout_id"] == order["checkout_id"]
    (price,) = await shop.app.database.fetch(sa.select(SubscriptionPriceRow))
    assert (str(price["product_price_id"]), price["amount"]) == (product["prices"][0]["id"], 1000)
    (row,) = await shop.app.database.fetch(sa.select(SubscriptionRow))
    assert row["anchor_day"] == 15
    assert row["payment_method_id"] is not None


async def test_a_trial_is_a_paid_order_of_nothing(shop: Shop) -> None:
    product = await make_product(shop, price={"amount_type": "fixed", "price_amount": 2000}, **MONTHLY)
    customer = await make_customer(shop)
    discount_id = UUID("6f0f6a2c-6a6e-4f3c-9b7e-3f1f6c1d2e3a")
    await shop.facts()
    order = await buy(
        shop,
        customer,
        product,
        trial_days=7,
        subtotal_amount=2000,
        discount_amount=500,
        tax_amount=300,
        discount_id=discount_id,
    )
    await shop.saw(*SUBSCRIBED, *ORDER_PAID)
    amounts = ("subtotal_amount", "discount_amount", "net_amount", "tax_amount", "total_amount", "due_amount")
    assert [order[name] for name in amounts] == [0] * 6
    assert order["discount_id"] is None
    (item,) = order["items"]
    assert item["label"] == "Trial period for Pro (Jan 15, 2026 - Jan 22, 2026)"
    assert (item["amount"], item["product_price_id"]) == (0, None)
    subscription = order["subscription"]
    assert subscription["status"] == "trialing"
    assert subscription["amount"] == 1500
    assert subscription["trial_start"] == subscription["current_period_start"] == "2026-01-15T12:00:00Z"
    assert subscription["trial_end"] == subscription["current_period_end"] == "2026-01-22T12:00:00Z"
    assert subscription["discount_id"] == str(discount_id)
    (row,) = await shop.app.database.fetch(sa.select(SubscriptionRow))
    assert row["anchor_day"] == 22
    assert row["discount_applied_at"] is None


async def test_a_discount_counts_from_the_first_paid_period(shop: Shop) -> None:
    product = await make_product(shop, **MONTHLY)
    discount_id = UUID("6f0f6a2c-6a6e-4f3c-9b7e-3f1f6c1d2e3a")
    order = await buy(shop, await make_customer(shop), product, discount_amount=250, discount_id=discount_id)
    assert order["discount_id"] == str(discount_id)
    assert order["subscription"]["amount"] == 750
    (row,) = await shop.app.database.fetch(sa.select(SubscriptionRow))
    assert row["discount_applied_at"] == shop.clock.now()


async def test_the_same_checkout_again_gives_the_order_that_it_has(shop: Shop) -> None:
    product = await make_product(shop, **MONTHLY)
    customer = await make_customer(shop)
    purchase = await purchase_of(shop, product)
    first = await settle(shop, customer, purchase)
    await shop.facts()
    again = await settle(shop, customer, purchase)
    assert again == first
    await shop.saw()
    assert await count(shop, OrderRow) == await count(shop, SubscriptionRow) == await count(shop, OrderItemRow) == 1


async def test_completions_of_one_checkout_at_the_same_time_make_one_order(shop: Shop) -> None:
    product = await make_product(shop, price={"amount_type": "free"}, **MONTHLY)
    customer = await make_customer(shop)
    purchase = await purchase_of(shop, product, subtotal_amount=0)
    orders = await asyncio.gather(*(settle(shop, customer, purchase) for _ in range(6)))
    assert len({order.id for order in orders}) == 1
    assert await count(shop, OrderRow) == await count(shop, SubscriptionRow) == 1


async def test_the_database_refuses_a_second_order_of_a_checkout(shop: Shop) -> None:
    order = await settle(shop, await make_customer(shop), await purchase_of(shop, await make_product(shop)))
    other = replace(order, id=UUID("6f0f6a2c-6a6e-4f3c-9b7e-3f1f6c1d2e3a"), invoice_number="X-1")
    with pytest.raises(UniqueViolationError, match="uq_orders_checkout_id"):
        async with shop.app.transaction(shop.organization_id) as tx:
            await tx.save(None, other)


async def test_the_payment_is_linked_to_the_order(shop: Shop) -> None:
    order = await buy(shop, await make_customer(shop), await make_product(shop))
    (payment,) = await shop.app.database.fetch(sa.select(PaymentRow))
    assert str(payment["order_id"]) == order["id"]
    assert str(payment["checkout_id"]) == order["checkout_id"]


async def test_invoices_are_counted_per_customer(shop: Shop) -> None:
    product = await make_product(shop)
    ada, bob = await make_customer(shop), await make_customer(shop, "bob@example.com")
    numbers = [(await buy(shop, customer, product))["invoice_number"] for customer in (ada, bob, ada)]
    prefixes = [number.rsplit("-", 1)[0] for number in numbers]
    assert [number.rsplit("-", 1)[1] for number in numbers] == ["0001", "0001", "0002"]
    assert prefixes[0] == prefixes[2] != prefixes[1]
    assert all(prefix.startswith("ACME-") and len(prefix) == len("ACME-RWIWVQKRTF") for prefix in prefixes)


async def test_invoices_can_be_counted_per_organization(shop: Shop) -> None:
    await shop.app.database.execute(
        sa.update(OrganizationRow).values(invoice_numbering="organization", customer_invoice_prefix="AC")
    )
    product = await make_product(shop)
    customers = [await make_customer(shop, f"{name}@example.com") for name in ("ada", "bob", "cyd")]
    orders = await asyncio.gather(*(buy(shop, customer, product) for customer in customers))
    assert sorted(order["invoice_number"] for order in orders) == ["AC-0001", "AC-0002", "AC-0003"]


async def test_a_purchase_that_is_rolled_back_leaves_no_gap(shop: Shop) -> None:
    customer = await make_customer(shop)
    purchase = await purchase_of(shop, await make_product(shop))
    clashing = await purchase_of(shop, await make_product(shop, "Other"))
    first = await settle(shop, customer, purchase)
    # The items refer to a price that does not exist, which the database finds out last.
    broken = replace(clashing, items=(replace(clashing.items[0], product_price_id=UUID(int=1)),))
    with pytest.raises(ForeignKeyViolationError):
        await settle(shop, customer, broken)
    assert await count(shop, OrderRow) == 1
    second = await settle(shop, customer, clashing)
    assert first.invoice_number.endswith("-0001")
    assert second.invoice_number.endswith("-0002")


async def test_seats_and_chosen_amounts_are_kept(shop: Shop) -> None:
    product = await make_product(shop, **MONTHLY)
    order = await buy(shop, await make_customer(shop), product, subtotal_amount=4500, seats=5)
    assert (order["seats"], order["subscription"]["seats"]) == (5, 5)
    assert (order["subtotal_amount"], order["subscription"]["amount"]) == (4500, 4500)
