"""Reading products: the list, and products with their live prices for whoever needs them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.benefits import Benefit
from boreal.core.calendar import RecurringInterval, TrialInterval
from boreal.core.custom_fields import AttachedField
from boreal.core.prices import AmountType, Price, PriceSource, in_wire_order
from boreal.core.products import Product
from boreal.kit.auth import Actor, visible_to
from boreal.kit.db import Record, Runs
from boreal.kit.listing import ListSpec, any_of, flag, search
from boreal.kit.schemas import UUID4
from boreal.rooms.catalog.benefits.queries import of_products as benefits_of_products
from boreal.rooms.catalog.benefits.tables import ProductBenefitRow
from boreal.rooms.catalog.custom_fields.queries import custom_field_of
from boreal.rooms.catalog.custom_fields.tables import CustomFieldRow, ProductCustomFieldRow
from boreal.rooms.catalog.products.attachments import HAS_BENEFITS, HAS_MEDIAS, has_benefit, medias_of_products
from boreal.rooms.catalog.products.prices import PRICES, price_of
from boreal.rooms.catalog.products.tables import ProductPriceRow, ProductRow

A = ProductCustomFieldRow.c
P = ProductRow.c
R = ProductPriceRow.c

_LIVE = sa.and_(R.source == PriceSource.CATALOG.value, R.is_archived.is_(False))


@dataclass(frozen=True, slots=True)
class ProductDetail:
    """A product with its live catalog prices, custom fields, pictures and benefits, all in the order of the wire."""

    product: Product
    prices: tuple[Price, ...]
    custom_fields: tuple[AttachedField, ...] = ()
    medias: tuple[Record, ...] = ()
    benefits: tuple[Benefit, ...] = ()


def _of_oldest_price(key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A sort key computed on the oldest live price of each product (catalog spec 1.3)."""
    oldest = sa.select(key).where(R.product_id == P.id, _LIVE).order_by(R.created_at, R.position, R.id).limit(1)
    return oldest.correlate(ProductRow).scalar_subquery()


# Most products have no custom fields: this spares them the statement that reads those.
_HAS_CUSTOM_FIELDS = sa.exists().where(A.product_id == P.id).correlate(ProductRow)
_PRODUCTS = sa.select(ProductRow, _HAS_CUSTOM_FIELDS.label("has_custom_fields"), HAS_MEDIAS, HAS_BENEFITS)

_BENEFIT = any_of("benefit_id", ProductBenefitRow.c.benefit_id, UUID4)
_OF_BENEFIT = replace(_BENEFIT, predicate=has_benefit(_BENEFIT.predicate))

PRODUCTS = ListSpec(
    select=_PRODUCTS,
    visible=visible_to(P.organization_id),
    key=P.id,
    sorts={
        "created_at": P.created_at,
        "name": sa.func.lower(P.name),
        "price_amount_type": _of_oldest_price(
            sa.case({AmountType.FREE: 1, AmountType.CUSTOM: 2, AmountType.FIXED: 3}, value=R.amount_type)
        ),
        "price_amount": _of_oldest_price(
            sa.case(
                {AmountType.FREE: -2, AmountType.CUSTOM: R.minimum_amount, AmountType.FIXED: R.price_amount},
                value=R.amount_type,
            )
        ),
    },
    default="-created_at",
    filters=(
        any_of("id", P.id, UUID4),
        any_of("organization_id", P.organization_id, UUID4),
        search("query", P.name),
        flag("is_archived", P.is_archived),
        flag("is_recurring", P.recurring_interval.is_not(None)),
        _OF_BENEFIT,
    ),
    metadata=P.metadata,
    sort_name="ProductSortProperty",
)

_IDS = sa.bindparam("ids", type_=ARRAY(PgUUID))
_BY_ID = _PRODUCTS.where(P.id == sa.func.any(_IDS))
_VISIBLE = _BY_ID.where(visible_to(P.organization_id))
# What was attached while the lock was waited for, a look beside the locked row would not see: hence always true.
_FLAGS = (sa.true().label(name) for name in ("has_custom_fields", "has_medias", "has_benefits"))
_LOCK = sa.select(ProductRow, *_FLAGS).where(P.id == sa.bindparam("id")).with_for_update()
_LIVE_PRICES = PRICES.where(R.product_id == sa.func.any(_IDS), _LIVE)
_ATTACHED = (
    sa.select(CustomFieldRow, A.product_id, A.required)
    .join_from(ProductCustomFieldRow, CustomFieldRow, CustomFieldRow.c.id == A.custom_field_id)
    .where(A.product_id == sa.func.any(_IDS))
    .order_by(A.position)
)
_VISIBLE_PRICE = PRICES.where(
    R.id == sa.bindparam("id"), R.source == PriceSource.CATALOG.value, visible_to(R.organization_id)
)


def product_of(row: Record) -> Product:
    """The product that a row holds."""
    interval, trial = row["recurring_interval"], row["trial_interval"]
    return Product(
        id=row["id"],
        created_at=row["created_at"],
        modified_at=row["modified_at"],
        organization_id=row["organization_id"],
        name=row["name"],
        description=row["description"],
        recurring_interval=None if interval is None else RecurringInterval(interval),
        recurring_interval_count=row["recurring_interval_count"],
        trial_interval=None if trial is None else TrialInterval(trial),
        trial_interval_count=row["trial_interval_count"],
        is_archived=row["is_archived"],
        metadata=row["metadata"],
    )


async def with_prices(runs: Runs, rows: Sequence[Record]) -> dict[UUID, ProductDetail]:
    """The products of some rows, in their order, each with all that comes with it.

    One statement for the prices, and one more for each of custom fields, pictures and benefits that any of them has.
    """
    if not rows:
        return {}
    prices: dict[UUID, list[Price]] = {row["id"]: [] for row in rows}
    for price in await runs.fetch(_LIVE_PRICES, ids=list(prices)):
        prices[price["product_id"]].append(price_of(price))
    fields = await _attached(runs, [row["id"] for row in rows if row["has_custom_fields"]])
    medias = await medias_of_products(runs, [row["id"] for row in rows if row["has_medias"]])
    benefits = await benefits_of_products(runs, [row["id"] for row in rows if row["has_benefits"]])
    details = {}
    for row in rows:
        id = row["id"]
        details[id] = ProductDetail(
            product_of(row),
            in_wire_order(prices[id]),
            custom_fields=tuple(fields.get(id, ())),
            medias=tuple(medias.get(id, ())),
            benefits=tuple(benefits.get(id, ())),
        )
    return details


async def _attached(runs: Runs, product_ids: Sequence[UUID]) -> dict[UUID, list[AttachedField]]:
    """The custom fields of the products that have any, in order."""
    if not product_ids:
        return {}
    fields: dict[UUID, list[AttachedField]] = {}
    for row in await runs.fetch(_ATTACHED, ids=list(product_ids)):
        listed = fields.setdefault(row["product_id"], [])
        listed.append(AttachedField(custom_field_of(row), order=len(listed), required=row["required"]))
    return fields


async def read_products(runs: Runs, ids: Sequence[UUID]) -> dict[UUID, ProductDetail]:
    """Products by id, archived ones too, of any organization: the caller knows why it may see them.

    Two statements, and one for each of custom fields, pictures and benefits that any of the products has.
    """
    return await with_prices(runs, await runs.fetch(_BY_ID, ids=list(ids)))


async def find_products(runs: Runs, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, ProductDetail]:
    """Those of `ids` that are products which the actor may see, archived ones too."""
    return await with_prices(runs, await runs.fetch(_VISIBLE, ids=list(ids), **actor.binds()))


async def find_price(runs: Runs, actor: Actor, price_id: UUID) -> tuple[Price, ProductDetail] | None:
    """A catalog price that the actor may see, archived or not, and its product."""
    row = await runs.fetchrow(_VISIBLE_PRICE, id=price_id, **actor.binds())
    if row is None:
        return None
    products = await read_products(runs, [row["product_id"]])
    return price_of(row), products[row["product_id"]]


async def lock_product(runs: Runs, id: UUID) -> ProductDetail:
    """A product that exists, locked until the end of the transaction, with all that comes with it."""
    row = await runs.fetchrow(_LOCK, id=id)
    assert row is not None
    return (await with_prices(runs, [row]))[id]
