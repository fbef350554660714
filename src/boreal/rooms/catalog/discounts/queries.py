"""Reading discounts: the list, one by id or by code, and those that sessions, orders and subscriptions hold."""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.discounts import Discount, DiscountDuration, DiscountType, code_key
from boreal.core.products import Product
from boreal.kit.auth import Actor, read_visible, visible_to
from boreal.kit.db import Record, Runs
from boreal.kit.listing import ListSpec, any_of, search
from boreal.kit.schemas import UUID4
from boreal.rooms.catalog.discounts.tables import DiscountRow
from boreal.rooms.catalog.products.queries import product_of
from boreal.rooms.catalog.products.tables import ProductRow

D = DiscountRow.c

LIVE = D.deleted_at.is_(None)

DISCOUNTS = ListSpec(
    select=sa.select(DiscountRow).where(LIVE),
    visible=visible_to(D.organization_id),
    key=D.id,
    sorts={
        "created_at": D.created_at,
        "name": sa.func.lower(D.name),
        "code": D.code_key,
        "redemptions_count": D.redemptions_count,
    },
    default="-created_at",
    filters=(any_of("organization_id", D.organization_id, UUID4), search("query", D.name, D.code)),
    sort_name="DiscountSortProperty",
)

_IDS = sa.bindparam("ids", type_=ARRAY(PgUUID))
_BY_IDS = sa.select(DiscountRow).where(D.id == sa.func.any(_IDS))
_OWN = sa.select(DiscountRow).where(LIVE, D.organization_id == sa.bindparam("organization_id"))
_BY_ID = _OWN.where(D.id == sa.bindparam("id"))
_BY_CODE = _OWN.where(D.code_key == sa.bindparam("code_key"))
_VISIBLE = sa.select(DiscountRow).where(LIVE, D.id == sa.bindparam("id"), visible_to(D.organization_id))
_PRODUCTS = sa.select(ProductRow).where(ProductRow.c.id == sa.func.any(_IDS))


def discount_of(row: Record) -> Discount:
    """The discount that a row holds."""
    values = {column.name: row[column.name] for column in D}
    values["type"], values["duration"] = DiscountType(row["type"]), DiscountDuration(row["duration"])
    return Discount(**values)


async def get(runs: Runs, actor: Actor, *, id: UUID) -> Discount:
    """A discount that the actor may see. Raises `ResourceNotFound`, also for a deleted one."""
    row = await read_visible(runs, _VISIBLE, actor, id)
    return discount_of(row)


async def find_discount(
    runs: Runs, *, organization_id: UUID, id: UUID | None = None, code: str | None = None
) -> Discount | None:
    """The discount of an organization with this id or this code, in whatever case; None for a deleted one too.

    Whether it can be used is for `core.discounts.refuse` to say.
    """
    if id is not None:
        row = await runs.fetchrow(_BY_ID, organization_id=organization_id, id=id)
    elif code is not None:
        row = await runs.fetchrow(_BY_CODE, organization_id=organization_id, code_key=code_key(code.strip()))
    else:
        raise TypeError("a discount is found by id or by code")
    return discount_of(row) if row is not None else None


async def read_discounts(runs: Runs, ids: Iterable[UUID]) -> dict[UUID, Discount]:
    """Discounts by id, deleted ones too, of any organization: the caller knows why it may see them. One statement."""
    wanted = list(ids)
    rows = await runs.fetch(_BY_IDS, ids=wanted) if wanted else []
    return {row["id"]: discount_of(row) for row in rows}


async def read_restrictions(runs: Runs, discounts: Iterable[Discount]) -> dict[UUID, Product]:
    """The products that some discounts are limited to, by id and without their prices."""
    wanted = list({id for discount in discounts for id in discount.product_ids})
    rows = await runs.fetch(_PRODUCTS, ids=wanted) if wanted else []
    return {row["id"]: product_of(row) for row in rows}
