"""The table of invoices: the documents themselves, written once."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from boreal.kit.db import metadata

InvoiceRow = sa.Table(
    "invoices",
    metadata,
    sa.Column("order_id", UUID, sa.ForeignKey("orders.id"), primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False, comment="PDF"),
)
