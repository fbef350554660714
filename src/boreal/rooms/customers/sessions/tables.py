"""The table of customer sessions. The token itself is never stored, only its HMAC."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from boreal.kit.db import metadata

CustomerSessionRow = sa.Table(
    "customer_sessions",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("customer_id", UUID, sa.ForeignKey("customers.id"), nullable=False),
    sa.Column("token_hash", sa.Text, nullable=False, unique=True),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("return_url", sa.Text),
    sa.Index("ix_customer_sessions_organization_id_expires_at", "organization_id", "expires_at"),
)
