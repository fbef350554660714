"""The door of the catalog room: its tables for joins, products and prices for the rooms above, and wire shapes.

The records are `boreal.core.products.Product` and `boreal.core.prices.Price`; the `Product` here is the wire shape.
"""

from boreal.core.custom_fields import shown as show_custom_field_data
from boreal.rooms.catalog.benefits.queries import benefit_of
from boreal.rooms.catalog.benefits.queries import find as find_benefit
from boreal.rooms.catalog.benefits.queries import of_products as benefits_of_products
from boreal.rooms.catalog.benefits.queries import read as read_benefits
from boreal.rooms.catalog.benefits.rendering import render as render_benefit
from boreal.rooms.catalog.benefits.rendering import render_public as render_public_benefit
from boreal.rooms.catalog.benefits.schemas import (
    Benefit,
    BenefitCustom,
    BenefitDiscord,
    BenefitDownloadables,
    BenefitGitHubRepository,
    BenefitLicenseKeys,
    BenefitLicenseKeysProperties,
    BenefitMeterCredit,
    BenefitMeterCreditProperties,
    BenefitPublic,
)
from boreal.rooms.catalog.benefits.tables import BenefitRow, ProductBenefitRow
from boreal.rooms.catalog.custom_fields.data import validate as validate_custom_field_data
from boreal.rooms.catalog.custom_fields.queries import read_slugs as read_custom_field_slugs
from boreal.rooms.catalog.custom_fields.rendering import render_attached as render_attached_custom_fields
from boreal.rooms.catalog.custom_fields.schemas import AttachedCustomField
from boreal.rooms.catalog.discounts.queries import find_discount, read_discounts
from boreal.rooms.catalog.discounts.redemptions import link_redemption, lock_discount, redeem, release_redemption
from boreal.rooms.catalog.discounts.rendering import render_checkout_discount, render_discount_minimal
from boreal.rooms.catalog.discounts.schemas import CheckoutDiscount, DiscountMinimal
from boreal.rooms.catalog.discounts.tables import DiscountRow
from boreal.rooms.catalog.products.commands import create as create_product
from boreal.rooms.catalog.products.price_schemas import AnyProductPrice, ProductPricesCreate
from boreal.rooms.catalog.products.prices import PRICES, meter_ids_of, new_price, price_faults, price_of, read_prices
from boreal.rooms.catalog.products.prices import insert as insert_prices
from boreal.rooms.catalog.products.queries import ProductDetail, find_price, find_products, read_products
from boreal.rooms.catalog.products.rendering import (
    render_checkout_product,
    render_customer_order_product,
    render_order_product,
    render_price,
    render_product,
)
from boreal.rooms.catalog.products.schemas import (
    CheckoutProduct,
    CustomerProduct,
    Product,
    ProductBase,
    ProductCreate,
    TrialConfiguration,
)
from boreal.rooms.catalog.products.tables import ProductPriceRow, ProductRow

__all__ = [
    "PRICES",
    "AnyProductPrice",
    "AttachedCustomField",
    "Benefit",
    "BenefitCustom",
    "BenefitDiscord",
    "BenefitDownloadables",
    "BenefitGitHubRepository",
    "BenefitLicenseKeys",
    "BenefitLicenseKeysProperties",
    "BenefitMeterCredit",
    "BenefitMeterCreditProperties",
    "BenefitPublic",
    "BenefitRow",
    "CheckoutDiscount",
    "CheckoutProduct",
    "CustomerProduct",
    "DiscountMinimal",
    "DiscountRow",
    "Product",
    "ProductBase",
    "ProductBenefitRow",
    "ProductCreate",
    "ProductDetail",
    "ProductPriceRow",
    "ProductPricesCreate",
    "ProductRow",
    "TrialConfiguration",
    "benefit_of",
    "benefits_of_products",
    "create_product",
    "find_benefit",
    "find_discount",
    "find_price",
    "find_products",
    "insert_prices",
    "link_redemption",
    "lock_discount",
    "meter_ids_of",
    "new_price",
    "price_faults",
    "price_of",
    "read_benefits",
    "read_custom_field_slugs",
    "read_discounts",
    "read_prices",
    "read_products",
    "redeem",
    "release_redemption",
    "render_attached_custom_fields",
    "render_benefit",
    "render_checkout_discount",
    "render_checkout_product",
    "render_customer_order_product",
    "render_discount_minimal",
    "render_order_product",
    "render_price",
    "render_product",
    "render_public_benefit",
    "show_custom_field_data",
    "validate_custom_field_data",
]
