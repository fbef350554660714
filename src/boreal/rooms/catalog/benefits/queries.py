"""Reading benefits: the list, one, and those of products."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.benefits import Benefit, BenefitType
from boreal.kit.auth import Actor, visible_to
from boreal.kit.db import Record, Runs
from boreal.kit.listing import ListSpec, any_of, none_of, search
from boreal.kit.schemas import UUID4
from boreal.rooms.catalog.benefits.tables import BenefitRow, ProductBenefitRow

B = BenefitRow.c

_LIVE = sa.select(BenefitRow).where(B.deleted_at.is_(None))
_IDS = sa.bindparam("ids", type_=ARRAY(PgUUID))

BENEFITS = ListSpec(
    select=_LIVE,
    visible=visible_to(B.organization_id),
    key=B.id,
    sorts={
        "created_at": B.created_at,
        "description": B.description,
        "type": B.type,
        # The order in which the caller named them; nothing without names (usage spec 8.1).
        "user_order": sa.func.array_position(sa.bindparam("id", value=None, type_=ARRAY(PgUUID)), B.id),
    },
    default="-created_at",
    filters=(
        any_of("organization_id", B.organization_id, UUID4),
        any_of("type", B.type, BenefitType),
        any_of("id", B.id, UUID4),
        none_of("exclude_id", B.id, UUID4),
        search("query", B.description),
    ),
    metadata=B.metadata,
    sort_name="BenefitSortProperty",
)

_VISIBLE = _LIVE.where(B.id == sa.bindparam("id"), visible_to(B.organization_id))
# Shared locks: until the transaction is over, nobody deletes what it is about to attach.
_ATTACHABLE = (
    _LIVE.where(B.id == sa.func.any(_IDS), B.organization_id == sa.bindparam("organization_id"))
    .order_by(B.id)
    .with_for_update(read=True)
)
_OF_PRODUCTS = (
    sa.select(BenefitRow, ProductBenefitRow.c.product_id)
    .join_from(ProductBenefitRow, BenefitRow, B.id == ProductBenefitRow.c.benefit_id)
    .where(ProductBenefitRow.c.product_id == sa.func.any(_IDS))
    .order_by(ProductBenefitRow.c.position)
)
_BY_ID = sa.select(BenefitRow).where(B.id == sa.func.any(_IDS))


def benefit_of(row: Record) -> Benefit:
    """The benefit that a row holds."""
    return Benefit(
        id=row["id"],
        created_at=row["created_at"],
        modified_at=row["modified_at"],
        deleted_at=row["deleted_at"],
        organization_id=row["organization_id"],
        type=BenefitType(row["type"]),
        description=row["description"],
        selectable=row["selectable"],
        deletable=row["deletable"],
        properties=row["properties"],
        metadata=row["metadata"],
    )


async def find(runs: Runs, actor: Actor, id: UUID) -> Benefit | None:
    """A live benefit that the actor may see."""
    row = await runs.fetchrow(_VISIBLE, id=id, **actor.binds())
    return None if row is None else benefit_of(row)


async def read(runs: Runs, ids: Sequence[UUID]) -> dict[UUID, Benefit]:
    """Benefits by id, deleted ones too: the caller knows why it may see them."""
    return {row["id"]: benefit_of(row) for row in await runs.fetch(_BY_ID, ids=list(ids))}


async def attachable(runs: Runs, organization_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Benefit]:
    """Those of `ids` that are live benefits of the organization, kept alive until the end of the transaction."""
    if not ids:
        return {}
    rows = await runs.fetch(_ATTACHABLE, ids=list(ids), organization_id=organization_id)
    return {row["id"]: benefit_of(row) for row in rows}


async def of_products(runs: Runs, product_ids: Sequence[UUID]) -> dict[UUID, list[Benefit]]:
    """The benefits of the products that have any, in order; none and no statement without products."""
    if not product_ids:
        return {}
    found: dict[UUID, list[Benefit]] = {}
    for row in await runs.fetch(_OF_PRODUCTS, ids=list(product_ids)):
        found.setdefault(row["product_id"], []).append(benefit_of(row))
    return found
