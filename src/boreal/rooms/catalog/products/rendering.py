"""Products and prices as the wire shows them (catalog spec 2.1, 2.3)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from boreal.core.prices import AmountType, Price, PriceType
from boreal.core.pricing import seat_bounds
from boreal.core.products import Product
from boreal.kit.db import Connection
from boreal.rooms.catalog.benefits.rendering import render as render_benefit
from boreal.rooms.catalog.benefits.rendering import render_public as render_public_benefit
from boreal.rooms.catalog.custom_fields.rendering import render_attached
from boreal.rooms.catalog.products.queries import ProductDetail, read_products
from boreal.rooms.platform.public import render_file


def render_price(price: Price, product: Product) -> dict[str, Any]:
    """A price (contract `ProductPrice`): what all have, and what its kind adds."""
    return {
        "created_at": price.created_at,
        "modified_at": price.modified_at,
        "id": price.id,
        "source": price.source,
        "amount_type": price.amount_type,
        "is_archived": price.is_archived,
        "product_id": price.product_id,
        "type": PriceType.RECURRING if product.is_recurring else PriceType.ONE_TIME,
        "recurring_interval": product.recurring_interval,
        **_RENDERERS[price.amount_type](price),
    }


def _fixed(price: Price) -> dict[str, Any]:
    return {"price_currency": price.price_currency, "price_amount": price.price_amount}


def _custom(price: Price) -> dict[str, Any]:
    return {
        "price_currency": price.price_currency,
        "minimum_amount": price.minimum_amount,
        "maximum_amount": price.maximum_amount,
        "preset_amount": price.preset_amount,
    }


def _free(price: Price) -> dict[str, Any]:
    return {}


def _seat_based(price: Price) -> dict[str, Any]:
    """With the price of the first tier as old clients knew it."""
    minimum, maximum = seat_bounds(price.seat_tiers)
    tiers = [
        {"min_seats": tier.min_seats, "max_seats": tier.max_seats, "price_per_seat": tier.price_per_seat}
        for tier in price.seat_tiers
    ]
    return {
        "price_currency": price.price_currency,
        "seat_tiers": {"tiers": tiers, "minimum_seats": minimum, "maximum_seats": maximum},
        "price_per_seat": price.seat_tiers[0].price_per_seat,
    }


def _metered_unit(price: Price) -> dict[str, Any]:
    """Tiers are ours: old clients see the greatest of their prices (docs/decisions/0022)."""
    assert price.unit_amount is not None
    tiers = [{"up_to": tier.up_to, "unit_amount": _decimal(tier.unit_amount)} for tier in price.meter_tiers]
    return {
        "price_currency": price.price_currency,
        "unit_amount": _decimal(price.unit_amount),
        "tiers": {"mode": price.meter_tier_mode, "tiers": tiers} if tiers else None,
        "cap_amount": price.cap_amount,
        "meter_id": price.meter_id,
        "meter": {"id": price.meter_id, "name": price.meter_name},
    }


def _decimal(amount: Decimal) -> str:
    return format(amount.normalize(), "f")


_RENDERERS = {
    AmountType.FIXED: _fixed,
    AmountType.CUSTOM: _custom,
    AmountType.FREE: _free,
    AmountType.SEAT_BASED: _seat_based,
    AmountType.METERED_UNIT: _metered_unit,
}


def _render_base(product: Product) -> dict[str, Any]:
    return {
        "id": product.id,
        "created_at": product.created_at,
        "modified_at": product.modified_at,
        "trial_interval": product.trial_interval,
        "trial_interval_count": product.trial_interval_count,
        "name": product.name,
        "description": product.description,
        "recurring_interval": product.recurring_interval,
        "recurring_interval_count": product.recurring_interval_count,
        "is_recurring": product.is_recurring,
        "is_archived": product.is_archived,
        "organization_id": product.organization_id,
    }


def render_checkout_product(detail: ProductDetail) -> dict[str, Any]:
    """A product as buyers see it (contract `CheckoutProduct`)."""
    return {
        **_render_base(detail.product),
        "prices": [render_price(price, detail.product) for price in detail.prices],
        "benefits": [render_public_benefit(benefit) for benefit in detail.benefits],
        "medias": [render_file(file) for file in detail.medias],
    }


def render_product(detail: ProductDetail) -> dict[str, Any]:
    """A product as its merchant sees it (contract `Product`)."""
    return {
        **render_checkout_product(detail),
        "metadata": detail.product.metadata,
        "benefits": [render_benefit(benefit) for benefit in detail.benefits],
        "attached_custom_fields": render_attached(detail.custom_fields),
    }


def render_order_product(product: Product) -> dict[str, Any]:
    """A product as the merchant's orders show it, without prices (contract `OrderProduct`)."""
    return {**_render_base(product), "metadata": product.metadata}


def render_customer_order_product(detail: ProductDetail, organization: Mapping[str, Any]) -> dict[str, Any]:
    """A product in the orders of the portal, with the rendered organization (contract `CustomerOrderProduct`)."""
    return {**render_checkout_product(detail), "organization": organization}


async def payload(connection: Connection, id: UUID) -> dict[str, Any]:
    """The `data` of `product.created` and `product.updated`."""
    return render_product((await read_products(connection, [id]))[id])
