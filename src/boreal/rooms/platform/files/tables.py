"""The table of uploaded files; their bytes are in the storage, under `path`."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from boreal.core.files import FileServiceTypes
from boreal.kit.db import metadata, one_of

FileRow = sa.Table(
    "files",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False, unique=True),
    sa.Column("mime_type", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("checksum_sha256_base64", sa.Text),
    sa.Column("version", sa.Text),
    sa.Column("upload_id", sa.Text, nullable=False),
    sa.Column("public_url", sa.Text),
    # What the storage says of the object, once it is there.
    sa.Column("is_uploaded", sa.Boolean, nullable=False),
    sa.Column("checksum_etag", sa.Text),
    sa.Column("last_modified_at", sa.DateTime(timezone=True)),
    sa.Column("storage_version", sa.Text),
    one_of("service", FileServiceTypes),
    sa.CheckConstraint("is_uploaded = (checksum_etag IS NOT NULL)", name="uploaded"),
    sa.CheckConstraint("(service = 'downloadable') = (public_url IS NULL)", name="public_url"),
    sa.Index("ix_files_organization_id_created_at", "organization_id", "created_at"),
    sa.Index("ix_files_created_at", "created_at", postgresql_where=sa.text("NOT is_uploaded AND deleted_at IS NULL")),
)
