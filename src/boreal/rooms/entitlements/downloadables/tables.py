"""The table of downloadables: a file of a benefit in the hands of a customer."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from boreal.kit.db import metadata

DownloadableRow = sa.Table(
    "downloadables",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("customer_id", UUID, sa.ForeignKey("customers.id"), nullable=False),
    sa.Column("benefit_id", UUID, sa.ForeignKey("benefits.id"), nullable=False),
    sa.Column("file_id", UUID, sa.ForeignKey("files.id"), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("downloaded", sa.BigInteger, nullable=False),
    sa.Column("last_downloaded_at", sa.DateTime(timezone=True)),
    sa.CheckConstraint("status IN ('granted', 'revoked')", name="status"),
    sa.UniqueConstraint("customer_id", "benefit_id", "file_id"),
    sa.Index("ix_downloadables_file_id", "file_id"),
)
