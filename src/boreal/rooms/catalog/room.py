"""The manifest of the catalog room."""

from boreal.core import benefits as benefit_rules
from boreal.core import products as product_rules
from boreal.core.benefits import Benefit
from boreal.core.discounts import Discount
from boreal.core.products import Product
from boreal.kit.room import Room
from boreal.kit.tx import Noun
from boreal.rooms.catalog.benefits import rendering as benefit_rendering
from boreal.rooms.catalog.benefits import routes as benefit_routes
from boreal.rooms.catalog.benefits import schemas as benefit_schemas
from boreal.rooms.catalog.benefits.tables import BenefitRow
from boreal.rooms.catalog.custom_fields import routes as custom_field_routes
from boreal.rooms.catalog.discounts import routes as discount_routes
from boreal.rooms.catalog.discounts.tables import DiscountRow
from boreal.rooms.catalog.invariants import INVARIANTS
from boreal.rooms.catalog.products import routes as product_routes
from boreal.rooms.catalog.products import schemas as product_schemas
from boreal.rooms.catalog.products.rendering import payload
from boreal.rooms.catalog.products.tables import ProductRow

PRODUCT = Noun("product", Product, ProductRow, facts=product_rules.facts)
DISCOUNT = Noun("discount", Discount, DiscountRow)
BENEFIT = Noun("benefit", Benefit, BenefitRow, facts=benefit_rules.facts)

room = Room(
    name="catalog",
    nouns=(PRODUCT, DISCOUNT, BENEFIT),
    routes=(product_routes.routes, discount_routes.routes, custom_field_routes.routes, benefit_routes.routes),
    renderers={"product": payload, "benefit": benefit_rendering.payload},
    invariants=INVARIANTS,
    payload_schemas={
        "product.created": product_schemas.Product,
        "product.updated": product_schemas.Product,
        "benefit.created": benefit_schemas.Benefit,
        "benefit.updated": benefit_schemas.Benefit,
    },
)
