"""The tables of payments and of payment methods."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.core.payments import PaymentStatus
from boreal.kit.db import metadata, one_of

PaymentRow = sa.Table(
    "payments",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("checkout_id", UUID),
    sa.Column("order_id", UUID, sa.ForeignKey("orders.id")),
    sa.Column("processor", sa.Text, nullable=False),
    sa.Column("processor_id", sa.Text, nullable=False),
    sa.Column("intent_id", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("method_metadata", JSONB, nullable=False),
    sa.Column("method_country", sa.Text),
    sa.Column("customer_email", sa.Text),
    sa.Column("decline_reason", sa.Text),
    sa.Column("decline_message", sa.Text),
    sa.Column("risk_level", sa.Text),
    sa.Column("risk_score", sa.Integer),
    sa.Column("processor_metadata", JSONB, nullable=False),
    one_of("status", PaymentStatus),
    sa.CheckConstraint("decline_message IS NULL OR decline_reason IS NOT NULL", name="decline"),
    sa.Index("uq_payments_processor_id", "processor", "processor_id", unique=True),
    sa.Index("ix_payments_organization_id_created_at", "organization_id", "created_at", "id"),
    sa.Index("ix_payments_checkout_id", "checkout_id"),
    sa.Index("ix_payments_order_id", "order_id"),
    sa.Index("ix_payments_intent_id", "intent_id"),
)

PaymentMethodRow = sa.Table(
    "payment_methods",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("customer_id", UUID, sa.ForeignKey("customers.id"), nullable=False),
    sa.Column("processor", sa.Text, nullable=False),
    sa.Column("processor_id", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("method_metadata", JSONB, nullable=False),
    sa.Index("uq_payment_methods_processor_id", "customer_id", "processor", "processor_id", unique=True),
)
