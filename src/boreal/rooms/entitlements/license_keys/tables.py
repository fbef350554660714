"""The tables of license keys and of their activations."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.core.license_keys import LicenseKeyStatus
from boreal.kit.db import metadata, one_of

LicenseKeyRow = sa.Table(
    "license_keys",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("customer_id", UUID, sa.ForeignKey("customers.id"), nullable=False),
    sa.Column("benefit_id", UUID, sa.ForeignKey("benefits.id"), nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("limit_activations", sa.Integer),
    sa.Column("usage", sa.BigInteger, nullable=False),
    sa.Column("limit_usage", sa.Integer),
    sa.Column("validations", sa.BigInteger, nullable=False),
    sa.Column("last_validated_at", sa.DateTime(timezone=True)),
    sa.Column("expires_at", sa.DateTime(timezone=True)),
    one_of("status", LicenseKeyStatus),
    sa.Index("uq_license_keys_key", "organization_id", "key", unique=True),
    sa.Index("ix_license_keys_organization_id_created_at", "organization_id", "created_at"),
    sa.Index("ix_license_keys_customer_id", "customer_id"),
)

LicenseKeyActivationRow = sa.Table(
    "license_key_activations",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Column("license_key_id", UUID, sa.ForeignKey("license_keys.id"), nullable=False),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("conditions", JSONB, nullable=False),
    sa.Column("meta", JSONB, nullable=False),
    sa.Index(
        "ix_license_key_activations_license_key_id",
        "license_key_id",
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)
