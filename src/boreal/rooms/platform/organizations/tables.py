"""The table of organizations."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.core.organizations import OrganizationStatus
from boreal.kit.db import metadata, one_of

OrganizationRow = sa.Table(
    "organizations",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("avatar_url", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("website", sa.Text),
    sa.Column("socials", JSONB, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("status_updated_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("details", JSONB(none_as_null=True)),
    sa.Column("details_submitted_at", sa.DateTime(timezone=True)),
    sa.Column("blocked_at", sa.DateTime(timezone=True)),
    sa.Column("feature_settings", JSONB, nullable=False),
    sa.Column("subscription_settings", JSONB, nullable=False),
    sa.Column("notification_settings", JSONB, nullable=False),
    sa.Column("customer_email_settings", JSONB, nullable=False),
    sa.Column("customer_portal_settings", JSONB, nullable=False),
    sa.Column("invoice_numbering", sa.Text, nullable=False),
    sa.Column("customer_invoice_prefix", sa.Text, nullable=False),
    sa.Column("default_presentment_currency", sa.Text, nullable=False),
    sa.Column("rate_limit_group", sa.Text, nullable=False),
    one_of("status", OrganizationStatus),
    # A slug is never used again, not even after deletion (platform spec 6.2).
    sa.Index("uq_organizations_slug", sa.text("lower(slug)"), unique=True),
)

VISIBLE = sa.and_(OrganizationRow.c.deleted_at.is_(None), OrganizationRow.c.blocked_at.is_(None))
"""An organization that can be seen and whose tokens work."""
