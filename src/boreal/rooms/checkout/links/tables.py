"""The table of checkout links."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from boreal.core.calendar import TrialInterval
from boreal.kit.db import metadata, one_of

CheckoutLinkRow = sa.Table(
    "checkout_links",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("client_secret", sa.Text, nullable=False, unique=True),
    sa.Column("product_ids", ARRAY(UUID), nullable=False),
    sa.Column("label", sa.Text),
    sa.Column("success_url", sa.Text),
    sa.Column("allow_discount_codes", sa.Boolean, nullable=False),
    sa.Column("require_billing_address", sa.Boolean, nullable=False),
    sa.Column("metadata", JSONB, nullable=False),
    sa.Column("discount_id", UUID, sa.ForeignKey("discounts.id")),
    sa.Column("trial_interval", sa.Text),
    sa.Column("trial_interval_count", sa.Integer),
    one_of("trial_interval", TrialInterval),
    sa.CheckConstraint("(trial_interval IS NULL) = (trial_interval_count IS NULL)", name="trial"),
    sa.CheckConstraint("deleted_at IS NOT NULL OR cardinality(product_ids) > 0", name="product_ids"),
    sa.Index("ix_checkout_links_organization_id", "organization_id", "created_at"),
    # Which links have a product, when it is archived.
    sa.Index("ix_checkout_links_product_ids", "product_ids", postgresql_using="gin"),
)
