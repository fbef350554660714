"""Reading checkout links, and what merchants see of them (catalog spec 5.1)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.discounts import Discount
from boreal.kit.app import App
from boreal.kit.auth import Actor, read_visible, visible_to
from boreal.kit.db import Record, Runs
from boreal.kit.listing import Filter, ListQuery, ListSpec, any_of
from boreal.kit.problems import ResourceNotFound
from boreal.kit.schemas import UUID4
from boreal.kit.settings import Settings
from boreal.rooms.catalog.public import (
    ProductDetail,
    read_discounts,
    read_products,
    render_checkout_product,
    render_discount_minimal,
)
from boreal.rooms.checkout.links.tables import CheckoutLinkRow

L = CheckoutLinkRow.c

LIVE = L.deleted_at.is_(None)

LINKS = ListSpec(
    select=sa.select(CheckoutLinkRow).where(LIVE),
    visible=visible_to(L.organization_id),
    key=L.id,
    sorts={
        "created_at": L.created_at,
        "label": L.label,
        "success_url": L.success_url,
        "allow_discount_codes": L.allow_discount_codes,
    },
    default="created_at",
    filters=(
        any_of("organization_id", L.organization_id, UUID4),
        Filter(
            "product_id",
            UUID4 | list[UUID4] | None,
            L.product_ids.overlap(sa.bindparam("product_id", type_=ARRAY(PgUUID))),
            lambda given: given if isinstance(given, list) else [given],
        ),
    ),
    sort_name="CheckoutLinkSortProperty",
)

_VISIBLE = sa.select(CheckoutLinkRow).where(LIVE, L.id == sa.bindparam("id"), visible_to(L.organization_id))
_BY_SECRET = sa.select(CheckoutLinkRow).where(LIVE, L.client_secret == sa.bindparam("client_secret"))
_NEWEST = (
    sa.select(L.client_secret, L.product_ids)
    .where(LIVE, L.organization_id == sa.bindparam("organization_id"))
    .order_by(L.created_at.desc(), L.id.desc())
    .limit(1)
)

_AS_STORED = (
    "id",
    "created_at",
    "modified_at",
    "trial_interval",
    "trial_interval_count",
    "metadata",
    "client_secret",
    "success_url",
    "label",
    "allow_discount_codes",
    "require_billing_address",
    "discount_id",
    "organization_id",
)


async def get(runs: Runs, actor: Actor, *, id: UUID) -> Record:
    """A link that the actor may see. Raises `ResourceNotFound`, also for a deleted one."""
    return await read_visible(runs, _VISIBLE, actor, id)


async def by_secret(runs: Runs, client_secret: str) -> Record:
    """The link that a visitor follows. Raises `ResourceNotFound`."""
    row = await runs.fetchrow(_BY_SECRET, client_secret=client_secret)
    if row is None:
        raise ResourceNotFound
    return row


async def newest(app: App, organization_id: UUID) -> tuple[str, list[UUID]] | None:
    """The client secret and the products of the organization's newest link."""
    row = await app.database.fetchrow(_NEWEST, organization_id=organization_id)
    return (row["client_secret"], row["product_ids"]) if row else None


async def list_page(app: App, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """One page of links with everything they show, in a fixed number of statements."""
    page = await LINKS.fetch(app.database, actor, query)
    return page.envelope(await views(app.database, page.rows, app.settings))


async def views(runs: Runs, rows: Sequence[Record], settings: Settings) -> list[dict[str, Any]]:
    """Links as merchants see them (contract `CheckoutLink`)."""
    products = await read_products(runs, list({id for row in rows for id in row["product_ids"]}))
    discounts = await read_discounts(runs, {row["discount_id"] for row in rows} - {None})
    return [_render(row, products, discounts, settings) for row in rows]


def _render(
    row: Record, products: Mapping[UUID, ProductDetail], discounts: Mapping[UUID, Discount], settings: Settings
) -> dict[str, Any]:
    discount = discounts.get(row["discount_id"])
    details = [products[id] for id in row["product_ids"]]
    return {
        **{name: row[name] for name in _AS_STORED},
        "payment_processor": "stripe",
        "products": [{**render_checkout_product(one), "metadata": one.product.metadata} for one in details],
        "discount": render_discount_minimal(discount) if discount else None,
        "url": f"{settings.url}/v1/checkout-links/{row['client_secret']}/redirect",
    }
