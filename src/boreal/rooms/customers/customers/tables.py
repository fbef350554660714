"""The table of customers."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.core.customers import CustomerType
from boreal.kit.db import metadata, one_of

CustomerRow = sa.Table(
    "customers",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("external_id", sa.Text),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("email_verified", sa.Boolean, nullable=False),
    sa.Column("type", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("billing_name", sa.Text),
    sa.Column("billing_address", JSONB(none_as_null=True)),
    sa.Column("tax_id", JSONB(none_as_null=True)),
    sa.Column("metadata", JSONB, nullable=False),
    sa.Column("short_id", sa.BigInteger, nullable=False),
    sa.Column("invoice_next_number", sa.Integer, nullable=False),
    sa.Column("processor_customer_id", sa.Text),
    sa.Column("default_payment_method_id", UUID),
    one_of("type", CustomerType),
    sa.CheckConstraint("deleted_at IS NULL OR external_id IS NULL", name="deleted_frees_external_id"),
    sa.CheckConstraint("invoice_next_number >= 1", name="invoice_next_number"),
    sa.UniqueConstraint("organization_id", "short_id"),
    # Among those that live; deletion frees both (usage spec 12.3).
    sa.Index(
        "uq_customers_organization_id_email",
        "organization_id",
        sa.text("lower(email)"),
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
    sa.Index(
        "uq_customers_organization_id_external_id",
        "organization_id",
        "external_id",
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
    sa.Index(
        "ix_customers_organization_id_created_at",
        "organization_id",
        "created_at",
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)

ALIVE = CustomerRow.c.deleted_at.is_(None)
"""A customer that has not been deleted."""
