"""Reading uploaded files, and how the wire shows them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.files import FileServiceTypes, hex_of, size_readable
from boreal.kit.auth import visible_to
from boreal.kit.db import Record, Row, Runs
from boreal.kit.listing import ListSpec, any_of
from boreal.kit.schemas import UUID4
from boreal.rooms.platform.files.tables import FileRow

F = FileRow.c

_THERE = sa.and_(F.deleted_at.is_(None), F.is_uploaded)

FILES = ListSpec(
    select=sa.select(FileRow).where(_THERE).order_by(F.created_at.desc()),
    visible=visible_to(F.organization_id),
    key=F.id,
    sorts={},
    default=(),
    filters=(any_of("organization_id", F.organization_id, UUID4), any_of("ids", F.id, UUID4)),
)

GET = sa.select(FileRow).where(F.id == sa.bindparam("id"), visible_to(F.organization_id), F.deleted_at.is_(None))
LOCK = GET.with_for_update(key_share=True)

_IDS = sa.bindparam("ids", type_=ARRAY(PgUUID))
_UPLOADED = sa.select(FileRow).where(
    F.id == sa.func.any(_IDS),
    F.organization_id == sa.bindparam("organization_id"),
    F.service == sa.bindparam("service"),
    _THERE,
)
_PUBLIC = sa.select(FileRow).where(F.id == sa.bindparam("id"), F.public_url.is_not(None), _THERE)


async def uploaded_files(
    runs: Runs, *, organization_id: UUID, service: FileServiceTypes, ids: Sequence[UUID]
) -> dict[UUID, Record]:
    """Those of `ids` that are uploaded files of the organization for this service, by id."""
    if not ids:
        return {}
    rows = await runs.fetch(_UPLOADED, ids=list(ids), organization_id=organization_id, service=service.value)
    return {row["id"]: row for row in rows}


async def public_file(runs: Runs, id: UUID) -> Record | None:
    """A picture that everybody may see."""
    return await runs.fetchrow(_PUBLIC, id=id)


def render(row: Row) -> dict[str, Any]:
    """An uploaded file (contract `FileRead`)."""
    public = {} if row["public_url"] is None else {"public_url": row["public_url"]}
    return {**render_new(row), "created_at": row["created_at"], **public}


_AS_STORED = (
    "id",
    "organization_id",
    "name",
    "path",
    "mime_type",
    "size",
    "storage_version",
    "checksum_etag",
    "checksum_sha256_base64",
    "last_modified_at",
    "version",
    "service",
    "is_uploaded",
)


def render_new(row: Row) -> dict[str, Any]:
    """A file as the reply to its creation shows it, without the upload."""
    checksum = row["checksum_sha256_base64"]
    return {
        **{name: row[name] for name in _AS_STORED},
        "checksum_sha256_hex": None if checksum is None else hex_of(checksum),
        "size_readable": size_readable(row["size"]),
    }
