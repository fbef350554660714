"""The table of quotes that became orders, until the source of taxes knows of them and after."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from boreal.kit.db import metadata

TaxRecordRow = sa.Table(
    "tax_records",
    metadata,
    sa.Column("order_id", UUID, sa.ForeignKey("orders.id"), primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("calculation_id", sa.Text, nullable=False),
    sa.Column("record_id", sa.Text, comment="by which the source knows the sale, once it was told"),
)
