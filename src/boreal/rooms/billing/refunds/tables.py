"""The tables of refunds and of the attempts to make them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.core.refunds import RefundReason, RefundStatus
from boreal.kit.db import metadata, one_of

RefundRow = sa.Table(
    "refunds",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("order_id", UUID, sa.ForeignKey("orders.id"), nullable=False),
    sa.Column("customer_id", UUID, sa.ForeignKey("customers.id"), nullable=False),
    sa.Column("subscription_id", UUID, sa.ForeignKey("subscriptions.id")),
    sa.Column("payment_id", UUID, sa.ForeignKey("payments.id"), nullable=False),
    sa.Column("dispute_id", UUID, sa.ForeignKey("disputes.id")),
    sa.Column("processor", sa.Text, nullable=False),
    sa.Column("processor_id", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("tax_amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("comment", sa.Text),
    sa.Column("revoke_benefits", sa.Boolean, nullable=False),
    sa.Column("metadata", JSONB, nullable=False),
    one_of("status", RefundStatus),
    one_of("reason", RefundReason),
    sa.CheckConstraint("amount >= 0 AND tax_amount >= 0 AND amount + tax_amount > 0", name="amounts"),
    sa.Index("uq_refunds_processor_id", "processor", "processor_id", unique=True),
    sa.Index("ix_refunds_organization_id_created_at", "organization_id", "created_at", "id"),
    sa.Index("ix_refunds_order_id", "order_id"),
    sa.Index("ix_refunds_customer_id", "customer_id"),
    sa.Index("ix_refunds_dispute_id", "dispute_id"),
)

RefundAttemptRow = sa.Table(
    "refund_attempts",
    metadata,
    # The id of the refund that comes of it.
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("order_id", UUID, sa.ForeignKey("orders.id"), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("tax_amount", sa.BigInteger, nullable=False),
    sa.Column("refund", JSONB, nullable=False),
    sa.Index("ix_refund_attempts_order_id", "order_id"),
)
