"""The door of the catalog room: wire shapes that rooms above show inside their own."""

from boreal.rooms.catalog.benefits.schemas import BenefitPublic
from boreal.rooms.catalog.custom_fields.schemas import AttachedCustomField
from boreal.rooms.catalog.discounts.schemas import CheckoutDiscount, DiscountMinimal
from boreal.rooms.catalog.products.price_schemas import AnyProductPrice, ProductPricesCreate
from boreal.rooms.catalog.products.schemas import (
    CheckoutProduct,
    CustomerProduct,
    Product,
    ProductBase,
    TrialConfiguration,
)

__all__ = [
    "AnyProductPrice",
    "AttachedCustomField",
    "BenefitPublic",
    "CheckoutDiscount",
    "CheckoutProduct",
    "CustomerProduct",
    "DiscountMinimal",
    "Product",
    "ProductBase",
    "ProductPricesCreate",
    "TrialConfiguration",
]
