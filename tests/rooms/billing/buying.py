"""Purchases for tests of billing: products and customers through HTTP, then what a confirmed checkout hands over."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from boreal.core.customers import Customer
from boreal.core.orders import Order, Purchase, PurchaseItem
from boreal.core.payments import Payment, PaymentStatus
from boreal.kit.tx import Tx
from boreal.rooms.billing.public import record_payment, save_payment_method, settle_purchase
from boreal.rooms.catalog.public import read_products
from boreal.rooms.platform.public import organization_by_id
from tests.support.shop import Shop, client_of

FIXED = {"amount_type": "fixed", "price_amount": 1000, "price_currency": "usd"}
MONTHLY = {"recurring_interval": "month"}


async def make_product(shop: Shop, name: str = "Pro", *, price: dict[str, Any] = FIXED, **body: Any) -> dict[str, Any]:
    reply = await shop.client.post("/v1/products/", json={"name": name, "prices": [price], **body})
    assert reply.status_code == 201, reply.text
    return reply.json()


async def make_customer(shop: Shop, email: str = "ada@example.com", **body: Any) -> dict[str, Any]:
    reply = await shop.client.post("/v1/customers/", json={"email": email, **body})
    assert reply.status_code == 201, reply.text
    return reply.json()


async def pay(tx: Tx, *, amount: int, checkout_id: UUID | None = None, **values: Any) -> Payment:
    """A payment by card, succeeded unless said otherwise."""
    defaults: dict[str, Any] = {
        "processor": "sandbox",
        "intent_id": "pi_1",
        "processor_id": f"ch_{uuid.uuid4().hex}",
        "status": PaymentStatus.SUCCEEDED,
        "currency": "usd",
        "method": "card",
        "method_metadata": {"brand": "visa", "last4": "4242"},
    }
    return await record_payment(tx, amount=amount, checkout_id=checkout_id, **{**defaults, **values})


async def purchase_of(shop: Shop, product: dict[str, Any], *, trial_days: int | None = None, **values: Any) -> Purchase:
    """What a checkout of the product hands over, at its catalog price unless `subtotal_amount` says another."""
    id = UUID(product["id"])
    detail = (await read_products(shop.app.database, [id]))[id]
    subtotal = values.pop("subtotal_amount", 1000)
    return Purchase(
        organization_id=shop.organization_id,
        product=detail.product,
        items=(PurchaseItem(amount=subtotal, product_price_id=detail.prices[0].id),),
        subtotal_amount=subtotal,
        trial_end=None if trial_days is None else shop.clock.now() + timedelta(days=trial_days),
        price_ids=tuple(price.id for price in detail.prices),
        **{
            "checkout_id": uuid.uuid4(),
            "currency": "usd",
            "metadata": {},
            "custom_field_data": {},
            **values,
        },
    )


async def settle(shop: Shop, customer: dict[str, Any], purchase: Purchase) -> Order:
    """Settles a purchase as the completion of a checkout does; by card, if it costs something."""
    organization = await organization_by_id(shop.app.database, shop.organization_id)
    assert organization is not None
    async with shop.app.transaction(shop.organization_id) as tx:
        locked = await tx.lock(Customer, UUID(customer["id"]))
        assert locked is not None
        total = purchase.subtotal_amount - purchase.discount_amount + purchase.tax_amount
        if total and purchase.trial_end is None:
            payment = await pay(tx, amount=total, checkout_id=purchase.checkout_id, currency=purchase.currency)
            purchase = replace(purchase, payment_id=payment.id)
        if purchase.product.is_recurring:
            method = await save_payment_method(
                tx,
                customer_id=locked.id,
                processor="sandbox",
                processor_id=f"pm_{locked.id.hex}",
                type="card",
                method_metadata={"brand": "visa", "last4": "4242"},
            )
            purchase = replace(purchase, payment_method_id=method.id)
        return await settle_purchase(tx, purchase, customer=locked, organization=organization)


async def buy(shop: Shop, customer: dict[str, Any], product: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Buys a product and returns the order as the API shows it."""
    order = await settle(shop, customer, await purchase_of(shop, product, **values))
    reply = await shop.client.get(f"/v1/orders/{order.id}")
    assert reply.status_code == 200, reply.text
    return reply.json()


async def portal_of(shop: Shop, customer: dict[str, Any]) -> Any:
    """A client with a session of the customer."""
    reply = await shop.client.post("/v1/customer-sessions/", json={"customer_id": customer["id"]})
    assert reply.status_code == 201, reply.text
    return client_of(shop.boreal, reply.json()["token"])
