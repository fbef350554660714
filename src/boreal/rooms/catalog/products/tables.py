"""The tables of products, of their pictures and of their prices."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.core.calendar import RecurringInterval, TrialInterval
from boreal.core.prices import AmountType, MeterTierMode, PriceSource
from boreal.kit.db import metadata, one_of

ProductRow = sa.Table(
    "products",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("recurring_interval", sa.Text),
    sa.Column("recurring_interval_count", sa.Integer),
    sa.Column("trial_interval", sa.Text),
    sa.Column("trial_interval_count", sa.Integer),
    sa.Column("is_archived", sa.Boolean, nullable=False),
    sa.Column("metadata", JSONB, nullable=False),
    one_of("recurring_interval", RecurringInterval),
    one_of("trial_interval", TrialInterval),
    sa.CheckConstraint(
        "(recurring_interval IS NULL) = (recurring_interval_count IS NULL)", name="complete_recurring_interval"
    ),
    sa.CheckConstraint("(trial_interval IS NULL) = (trial_interval_count IS NULL)", name="complete_trial"),
    sa.Index("ix_products_organization_id_created_at", "organization_id", "created_at"),
)

ProductMediaRow = sa.Table(
    "product_medias",
    metadata,
    sa.Column("product_id", UUID, sa.ForeignKey("products.id"), primary_key=True),
    sa.Column("file_id", UUID, sa.ForeignKey("files.id"), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Index("ix_product_medias_file_id", "file_id"),
)

_LIVE = sa.text("source = 'catalog' AND NOT is_archived")

ProductPriceRow = sa.Table(
    "product_prices",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("product_id", UUID, sa.ForeignKey("products.id"), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("is_archived", sa.Boolean, nullable=False),
    sa.Column("amount_type", sa.Text, nullable=False),
    sa.Column("price_currency", sa.Text),
    sa.Column("price_amount", sa.Integer),
    sa.Column("minimum_amount", sa.Integer),
    sa.Column("maximum_amount", sa.Integer),
    sa.Column("preset_amount", sa.Integer),
    sa.Column("seat_tiers", JSONB, nullable=False),
    sa.Column("meter_id", UUID),
    sa.Column("unit_amount", sa.Numeric(17, 12)),
    sa.Column("cap_amount", sa.Integer),
    sa.Column("meter_tier_mode", sa.Text),
    sa.Column("meter_tiers", JSONB, nullable=False, server_default=sa.text("'[]'")),
    one_of("source", PriceSource),
    one_of("amount_type", AmountType),
    one_of("meter_tier_mode", MeterTierMode),
    # Every kind has what its amount is made of, and nothing of another kind.
    sa.CheckConstraint("(amount_type = 'free') = (price_currency IS NULL)", name="currency"),
    sa.CheckConstraint("(amount_type = 'fixed') = (price_amount IS NOT NULL)", name="fixed"),
    sa.CheckConstraint("(amount_type = 'custom') = (minimum_amount IS NOT NULL)", name="custom"),
    sa.CheckConstraint("(amount_type = 'seat_based') = (seat_tiers <> '[]')", name="seat_based"),
    sa.CheckConstraint("(amount_type = 'metered_unit') = (unit_amount IS NOT NULL)", name="metered_unit"),
    sa.CheckConstraint("(meter_id IS NULL) = (unit_amount IS NULL)", name="meter"),
    sa.CheckConstraint(
        "(meter_tier_mode IS NULL) = (meter_tiers = '[]') AND (meter_tier_mode IS NULL OR meter_id IS NOT NULL)",
        name="meter_tiers",
    ),
    sa.Index("ix_product_prices_product_id", "product_id"),
    sa.Index(
        "uq_product_prices_static",
        "product_id",
        unique=True,
        postgresql_where=sa.and_(_LIVE, sa.text("amount_type <> 'metered_unit'")),
    ),
    sa.Index(
        "uq_product_prices_meter",
        "product_id",
        "meter_id",
        unique=True,
        postgresql_where=sa.and_(_LIVE, sa.text("amount_type = 'metered_unit'")),
    ),
)
