"""Discounts as the wire shows them (catalog spec 4.1, 6.2)."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from boreal.core.discounts import Discount, DiscountDuration, DiscountType
from boreal.core.products import Product
from boreal.rooms.catalog.products.rendering import render_order_product


def render_checkout_discount(discount: Discount) -> dict[str, Any]:
    """A discount as a checkout session shows it (contract `CheckoutDiscount…`)."""
    return {**_render_kind(discount), "id": discount.id, "name": discount.name, "code": discount.code}


def render_discount_minimal(discount: Discount) -> dict[str, Any]:
    """A discount as orders and subscriptions show it, without its products (contract `Discount…DurationBase`)."""
    return {
        **render_checkout_discount(discount),
        "created_at": discount.created_at,
        "modified_at": discount.modified_at,
        "metadata": discount.metadata,
        "starts_at": discount.starts_at,
        "ends_at": discount.ends_at,
        "max_redemptions": discount.max_redemptions,
        "redemptions_count": discount.redemptions_count,
        "organization_id": discount.organization_id,
    }


def render_discount(discount: Discount, products: Mapping[UUID, Product]) -> dict[str, Any]:
    """A discount as its merchant sees it (contract `Discount`); `products` holds those that it is limited to."""
    restricted = [render_order_product(products[id]) for id in discount.product_ids]
    return {**render_discount_minimal(discount), "products": restricted}


def _render_kind(discount: Discount) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": discount.type, "duration": discount.duration}
    if discount.duration is DiscountDuration.REPEATING:
        kind["duration_in_months"] = discount.duration_in_months
    if discount.type is DiscountType.FIXED:
        return {**kind, "amount": discount.amount, "currency": discount.currency}
    return {**kind, "basis_points": discount.basis_points}
