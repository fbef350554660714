"""The table of disputes."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from boreal.core.disputes import DisputeStatus
from boreal.kit.db import metadata, one_of

DisputeRow = sa.Table(
    "disputes",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("order_id", UUID, sa.ForeignKey("orders.id"), nullable=False),
    sa.Column("payment_id", UUID, sa.ForeignKey("payments.id"), nullable=False),
    sa.Column("processor", sa.Text, nullable=False),
    sa.Column("processor_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("tax_amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("fee", sa.BigInteger, nullable=False),
    sa.Column("fee_currency", sa.Text, nullable=False),
    one_of("status", DisputeStatus),
    sa.Index("uq_disputes_processor_id", "processor", "processor_id", unique=True),
    sa.Index("ix_disputes_organization_id_created_at", "organization_id", "created_at", "id"),
    sa.Index("ix_disputes_order_id", "order_id"),
)
