"""The table of benefits, and which products they come with."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.core.benefits import BenefitType
from boreal.kit.db import metadata, one_of

BenefitRow = sa.Table(
    "benefits",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("selectable", sa.Boolean, nullable=False),
    sa.Column("deletable", sa.Boolean, nullable=False),
    sa.Column("properties", JSONB, nullable=False),
    sa.Column("metadata", JSONB, nullable=False),
    one_of("type", BenefitType),
    sa.Index("ix_benefits_organization_id_created_at", "organization_id", "created_at"),
)

ProductBenefitRow = sa.Table(
    "product_benefits",
    metadata,
    sa.Column("product_id", UUID, sa.ForeignKey("products.id"), primary_key=True),
    sa.Column("benefit_id", UUID, sa.ForeignKey("benefits.id"), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Index("ix_product_benefits_benefit_id", "benefit_id"),
)
