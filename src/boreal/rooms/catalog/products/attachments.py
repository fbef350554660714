"""What comes with a product besides its prices: pictures and benefits, each in an order of its own."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.db import Record, Runs
from boreal.kit.tx import Tx
from boreal.rooms.catalog.benefits.tables import ProductBenefitRow
from boreal.rooms.catalog.products.tables import ProductMediaRow, ProductRow
from boreal.rooms.platform.public import FileRow

_PRODUCT = ProductRow.c.id

# Most products have none of these: this spares them the statements that read them.
HAS_MEDIAS = sa.exists().where(ProductMediaRow.c.product_id == _PRODUCT).correlate(ProductRow).label("has_medias")
HAS_BENEFITS = sa.exists().where(ProductBenefitRow.c.product_id == _PRODUCT).correlate(ProductRow).label("has_benefits")


def has_benefit(wanted: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether a product has a benefit for which `wanted`, a predicate on `ProductBenefitRow`, holds."""
    return sa.exists().where(ProductBenefitRow.c.product_id == _PRODUCT, wanted).correlate(ProductRow)


# A deleted file stays attached and is not shown: products do not hear of the deletion (usage spec 11.2).
_MEDIAS = (
    sa.select(FileRow, ProductMediaRow.c.product_id)
    .join_from(ProductMediaRow, FileRow, FileRow.c.id == ProductMediaRow.c.file_id)
    .where(
        ProductMediaRow.c.product_id == sa.func.any(sa.bindparam("ids", type_=ARRAY(PgUUID))),
        FileRow.c.deleted_at.is_(None),
    )
    .order_by(ProductMediaRow.c.position)
)


async def medias_of_products(runs: Runs, product_ids: Sequence[UUID]) -> dict[UUID, list[Record]]:
    """The pictures of the products that have any, in order; none and no statement without products."""
    if not product_ids:
        return {}
    found: dict[UUID, list[Record]] = {}
    for row in await runs.fetch(_MEDIAS, ids=list(product_ids)):
        found.setdefault(row["product_id"], []).append(row)
    return found


class _Attached:
    """The statements that write one kind of attachment."""

    def __init__(self, table: sa.Table, column: str) -> None:
        self._column = column
        self._insert = table.insert().values(
            {column.name: sa.bindparam(column.name, type_=column.type) for column in table.columns}
        )
        self._delete = sa.delete(table).where(table.c.product_id == sa.bindparam("key"))

    async def set(self, tx: Tx, product_id: UUID, ids: Sequence[UUID]) -> None:
        """From now on exactly these are attached to the product, in this order."""
        await tx.execute(self._delete, key=product_id)
        rows = [{"product_id": product_id, self._column: id, "position": position} for position, id in enumerate(ids)]
        if rows:
            await tx.execute_many(self._insert, rows)


MEDIAS = _Attached(ProductMediaRow, "file_id")
BENEFITS = _Attached(ProductBenefitRow, "benefit_id")
