"""The table of organization access tokens. The token itself is never stored, only its HMAC."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from boreal.kit.db import metadata

OrganizationAccessTokenRow = sa.Table(
    "organization_access_tokens",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("scopes", ARRAY(sa.Text), nullable=False),
    sa.Column("token_hash", sa.Text, nullable=False, unique=True),
    sa.Column("expires_at", sa.DateTime(timezone=True)),
    sa.Column("last_used_at", sa.DateTime(timezone=True)),
    sa.Index("ix_organization_access_tokens_organization_id", "organization_id", "created_at"),
)
