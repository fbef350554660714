"""The tables of custom fields and of which products ask for them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.core.custom_fields import CustomFieldType
from boreal.kit.db import metadata, one_of

CustomFieldRow = sa.Table(
    "custom_fields",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    # A deleted field stays, because stored data is shown by its slug.
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("properties", JSONB, nullable=False),
    sa.Column("metadata", JSONB, nullable=False),
    one_of("type", CustomFieldType),
    sa.CheckConstraint("slug = lower(slug)", name="slug"),
    sa.Index(
        "uq_custom_fields_slug",
        "organization_id",
        "slug",
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)

ProductCustomFieldRow = sa.Table(
    "product_custom_fields",
    metadata,
    sa.Column("product_id", UUID, sa.ForeignKey("products.id"), primary_key=True),
    sa.Column("custom_field_id", UUID, sa.ForeignKey("custom_fields.id"), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("required", sa.Boolean, nullable=False),
    sa.Index("ix_product_custom_fields_custom_field_id", "custom_field_id"),
)
