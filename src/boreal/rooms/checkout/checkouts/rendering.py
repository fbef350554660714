"""What merchants and buyers see of a checkout session (catalog spec 6.2)."""

from typing import Any

from boreal.core import checkouts as book
from boreal.core.checkouts import BillingAddressFieldMode, Checkout, Selection
from boreal.kit.settings import Settings
from boreal.rooms.catalog.public import (
    render_attached_custom_fields,
    render_checkout_discount,
    render_checkout_product,
    render_price,
)
from boreal.rooms.checkout.checkouts.shelf import Shelf
from boreal.rooms.platform.public import render_organization_reference

_AS_STORED = (
    "id",
    "created_at",
    "modified_at",
    "status",
    "client_secret",
    "expires_at",
    "return_url",
    "embed_origin",
    "amount",
    "seats",
    "currency",
    "allow_trial",
    "trial_end",
    "organization_id",
    "product_id",
    "product_price_id",
    "discount_id",
    "allow_discount_codes",
    "require_billing_address",
    "customer_id",
    "is_business_customer",
    "customer_name",
    "customer_email",
    "customer_ip_address",
    "customer_billing_name",
    "customer_billing_address",
    "payment_processor_metadata",
)
_FOR_MERCHANTS = (
    "trial_interval",
    "trial_interval_count",
    "metadata",
    "external_customer_id",
    "subscription_id",
)


def render(checkout: Checkout, shelf: Shelf, settings: Settings) -> dict[str, Any]:
    """A session as merchants see it (contract `Checkout`).

    A fraction in `customer_metadata` is shown as text: the contract takes it there, but knows no such value in a reply.
    """
    told = {
        name: str(value) if isinstance(value, float) else value for name, value in checkout.customer_metadata.items()
    }
    return {
        **_render_base(checkout, shelf, settings),
        **{name: getattr(checkout, name) for name in _FOR_MERCHANTS},
        "customer_external_id": checkout.external_customer_id,
        "customer_metadata": told,
    }


def render_public(checkout: Checkout, shelf: Shelf, settings: Settings) -> dict[str, Any]:
    """A session as its buyer sees it (contract `CheckoutPublic`)."""
    organization = render_organization_reference(shelf.organization)
    return {**_render_base(checkout, shelf, settings), "organization": organization}


def page_url(settings: Settings, checkout: Checkout) -> str:
    """Where the buyer pays."""
    return f"{settings.url}/checkout/{checkout.client_secret}"


def confirmation_url(settings: Settings, checkout: Checkout) -> str:
    """Where the buyer learns how it ended, unless the merchant wants them elsewhere."""
    return f"{page_url(settings, checkout)}/confirmation"


def _render_base(checkout: Checkout, shelf: Shelf, settings: Settings) -> dict[str, Any]:
    selection = shelf.selection(checkout)
    trial_interval, trial_count = book.active_trial(checkout, selection.product)
    modes = book.fields_of(checkout)
    own = book.fill_in(checkout.success_url, checkout.id) if checkout.success_url else None
    return {
        **{name: getattr(checkout, name) for name in _AS_STORED},
        **_render_money(checkout, shelf, selection),
        **_render_products(checkout, shelf, selection),
        "payment_processor": "stripe",
        "url": page_url(settings, checkout),
        "success_url": own or confirmation_url(settings, checkout),
        "active_trial_interval": trial_interval,
        "active_trial_interval_count": trial_count,
        "customer_tax_id": checkout.customer_tax_id[0] if checkout.customer_tax_id else None,
        "billing_address_fields": modes,
        "customer_billing_address_fields": {
            name: mode is BillingAddressFieldMode.REQUIRED for name, mode in modes.items()
        },
        "discount": render_checkout_discount(shelf.discount) if shelf.discount else None,
        "custom_field_data": shelf.answers(checkout),
        "attached_custom_fields": render_attached_custom_fields(shelf.details[checkout.product_id].custom_fields),
    }


def _render_money(checkout: Checkout, shelf: Shelf, selection: Selection) -> dict[str, Any]:
    money = book.money(checkout, shelf.discount)
    flags = book.flags(checkout, selection, shelf.discount)
    return {
        "price_per_seat": book.price_per_seat(selection.price, checkout.seats),
        "discount_amount": money.discount_amount,
        "net_amount": money.net_amount,
        "tax_amount": money.tax_amount,
        "total_amount": money.total_amount,
        "subtotal_amount": money.net_amount,
        "is_discount_applicable": flags.is_discount_applicable,
        "is_free_product_price": flags.is_free_product_price,
        "is_payment_required": flags.is_payment_required,
        "is_payment_setup_required": flags.is_payment_setup_required,
        "is_payment_form_required": flags.is_payment_form_required,
    }


def _render_products(checkout: Checkout, shelf: Shelf, selection: Selection) -> dict[str, Any]:
    products = {id: render_checkout_product(detail) for id, detail in shelf.details.items()}
    return {
        "products": list(products.values()),
        "product": products[checkout.product_id],
        "product_price": render_price(selection.price, selection.product),
        "prices": {
            str(id): [render_price(price, detail.product) for price in shelf.prices(id, checkout.ad_hoc_price_ids)]
            for id, detail in shelf.details.items()
        },
    }
