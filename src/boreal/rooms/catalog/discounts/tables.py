"""The tables of discounts and of their redemptions."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from boreal.core.discounts import DiscountDuration, DiscountType
from boreal.kit.db import metadata, one_of

UNIQUE_CODE = "uq_discounts_organization_id_code_key"

_LIVE = sa.text("deleted_at IS NULL")

DiscountRow = sa.Table(
    "discounts",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("duration", sa.Text, nullable=False),
    sa.Column("duration_in_months", sa.Integer),
    sa.Column("amount", sa.BigInteger),
    sa.Column("currency", sa.Text),
    sa.Column("basis_points", sa.Integer),
    sa.Column("code", sa.Text),
    sa.Column("code_key", sa.Text),
    sa.Column("starts_at", sa.DateTime(timezone=True)),
    sa.Column("ends_at", sa.DateTime(timezone=True)),
    sa.Column("max_redemptions", sa.Integer),
    sa.Column("redemptions_count", sa.Integer, nullable=False),
    sa.Column("product_ids", ARRAY(UUID), nullable=False),
    sa.Column("metadata", JSONB, nullable=False),
    one_of("type", DiscountType),
    one_of("duration", DiscountDuration),
    # Every kind has what it takes off, and nothing of another kind.
    sa.CheckConstraint("(type = 'fixed') = (amount IS NOT NULL)", name="amount"),
    sa.CheckConstraint("(type = 'fixed') = (currency IS NOT NULL)", name="currency"),
    sa.CheckConstraint("(type = 'percentage') = (basis_points IS NOT NULL)", name="basis_points"),
    sa.CheckConstraint("(duration = 'repeating') = (duration_in_months IS NOT NULL)", name="duration_in_months"),
    sa.CheckConstraint("(code IS NULL) = (code_key IS NULL)", name="code_key"),
    sa.CheckConstraint("redemptions_count >= 0", name="redemptions_count"),
    # Among those that live; deletion frees the code (catalog spec 4.2).
    sa.Index(UNIQUE_CODE, "organization_id", "code_key", unique=True, postgresql_where=_LIVE),
    sa.Index("ix_discounts_organization_id_created_at", "organization_id", "created_at", postgresql_where=_LIVE),
)

DiscountRedemptionRow = sa.Table(
    "discount_redemptions",
    metadata,
    # Checkout sessions and subscriptions belong to rooms above, so nothing here refers to their tables.
    sa.Column("checkout_id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("discount_id", UUID, sa.ForeignKey("discounts.id"), nullable=False),
    sa.Column("subscription_id", UUID),
    sa.Index("ix_discount_redemptions_discount_id", "discount_id"),
)
