"""Orders as the wire shows them (orders spec 1.4). Mail and webhooks show the same."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from boreal.core.orders import OrderStatus
from boreal.kit.db import Connection
from boreal.rooms.billing.orders.queries import OrderDetail, read
from boreal.rooms.billing.subscriptions.queries import render_base as render_subscription_base
from boreal.rooms.billing.subscriptions.queries import render_legacy_user
from boreal.rooms.catalog.public import (
    ProductDetail,
    render_customer_order_product,
    render_discount_minimal,
    render_order_product,
    render_price,
)
from boreal.rooms.customers.public import render as render_customer

_AS_STORED = (
    "id",
    "created_at",
    "modified_at",
    "status",
    "subtotal_amount",
    "discount_amount",
    "net_amount",
    "tax_amount",
    "total_amount",
    "applied_balance_amount",
    "due_amount",
    "refunded_amount",
    "refunded_tax_amount",
    "currency",
    "billing_reason",
    "billing_name",
    "billing_address",
    "invoice_number",
    "is_invoice_generated",
    "seats",
    "customer_id",
    "product_id",
    "discount_id",
    "subscription_id",
    "checkout_id",
)
_ITEM = ("id", "created_at", "modified_at", "label", "amount", "tax_amount", "proration", "product_price_id")


def _render_base(detail: OrderDetail) -> dict[str, Any]:
    order = detail.order
    items = [{name: item[name] for name in _ITEM} for item in detail.items]
    return {
        **{name: order[name] for name in _AS_STORED},
        "paid": order["status"] != OrderStatus.PENDING,
        "user_id": order["customer_id"],
        "items": items,
        "description": detail.product.name if detail.product else items[0]["label"],
        # Deprecated and not in the contract, but still sent (orders spec 1.4).
        "product_price_id": items[0]["product_price_id"] if items else None,
        "amount": order["net_amount"],
        "from_balance_amount": order["applied_balance_amount"],
    }


def render_order(detail: OrderDetail) -> dict[str, Any]:
    """An order as merchants see it (contract `Order`)."""
    order, product, subscription = detail.order, detail.product, detail.subscription
    customer = render_customer(detail.customer)
    return {
        **_render_base(detail),
        "metadata": order["metadata"],
        "custom_field_data": detail.custom_field_data,
        "platform_fee_amount": order["platform_fee_amount"],
        "platform_fee_currency": order["platform_fee_currency"],
        "customer": customer,
        "user": render_legacy_user(customer),
        "product": render_order_product(product) if product else None,
        "product_price": render_price(detail.price, product) if detail.price and product else None,
        "discount": render_discount_minimal(detail.discount) if detail.discount else None,
        "subscription": (
            {**render_subscription_base(subscription), "metadata": subscription["metadata"]} if subscription else None
        ),
    }


def render_customer_order(
    detail: OrderDetail, *, products: Mapping[UUID, ProductDetail], organization: Mapping[str, Any]
) -> dict[str, Any]:
    """An order as its customer sees it (contract `CustomerOrder`), with its product and the rendered organization."""
    product, subscription = products.get(detail.order["product_id"]), detail.subscription
    return {
        **_render_base(detail),
        "product": render_customer_order_product(product, organization) if product else None,
        "product_price": render_price(detail.price, detail.product) if detail.price and detail.product else None,
        "subscription": render_subscription_base(subscription) if subscription else None,
        "next_payment_attempt_at": detail.order["next_payment_attempt_at"],
    }


async def payload(connection: Connection, id: UUID) -> dict[str, Any]:
    """The `data` of the order events."""
    detail = await read(connection, id)
    assert detail is not None
    return render_order(detail)
