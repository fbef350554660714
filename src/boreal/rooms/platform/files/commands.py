"""Uploading, changing and deleting files (usage spec 11)."""

import uuid
from typing import Any
from urllib.parse import quote
from uuid import UUID

import sqlalchemy as sa

from boreal.core.files import FileServiceTypes, storage_path
from boreal.kit.app import App
from boreal.kit.auth import Actor, read_visible
from boreal.kit.db import Database, Record
from boreal.kit.problems import Fault, Invalid, ResourceNotFound
from boreal.providers.ports import (
    NewPart,
    SentPart,
    SignedPart,
    Storage,
    StorageRefused,
    StoredObject,
    Upload,
)
from boreal.rooms.platform.files import queries
from boreal.rooms.platform.files.schemas import FileCreate, FilePatch, FileUploadCompleted, S3FileCreatePart
from boreal.rooms.platform.files.tables import FileRow
from boreal.rooms.platform.organizations.resolution import organization_of

F = FileRow.c

_INSERT = FileRow.insert().returning(FileRow)
_KEY: sa.BindParameter[UUID] = sa.bindparam("key")
_UPLOADED = (
    sa.update(FileRow)
    .where(F.id == _KEY)
    .values(
        is_uploaded=sa.true(),
        modified_at=sa.bindparam("now"),
        checksum_etag=sa.bindparam("etag"),
        last_modified_at=sa.bindparam("last_modified_at"),
        storage_version=sa.bindparam("storage_version"),
    )
    .returning(FileRow)
)
_UPDATE = (
    sa.update(FileRow)
    .where(F.id == _KEY)
    .values(name=sa.bindparam("name"), version=sa.bindparam("version"), modified_at=sa.bindparam("now"))
    .returning(FileRow)
)
_DELETE = sa.update(FileRow).where(F.id == _KEY).values(deleted_at=sa.bindparam("now"))
_MOVE = sa.text(
    """
    UPDATE files SET public_url = :base || substring(public_url FROM '/files/[0-9a-f-]{36}/[^/]*$')
    WHERE public_url IS NOT NULL AND NOT starts_with(public_url, :base || '/files/')
    """
).bindparams(sa.bindparam("base", type_=sa.Text))


async def create(app: App, actor: Actor, body: FileCreate) -> dict[str, Any]:
    """A new file, and where its parts are to be sent within an hour."""
    organization_id = organization_of(actor, body.organization_id)
    id, service = uuid.uuid4(), FileServiceTypes(body.service)
    path = storage_path(service, organization_id=organization_id, file_id=id, name=body.name)
    parts = sorted(body.upload.parts, key=lambda part: part.number)
    upload = await app.get(Storage).begin(
        path, mime_type=body.mime_type, parts=[_announced(part, size=body.size) for part in parts]
    )
    async with app.transaction(organization_id) as tx:
        row = await tx.fetchrow(
            _INSERT,
            id=id,
            created_at=tx.real_now,
            modified_at=None,
            deleted_at=None,
            organization_id=organization_id,
            service=service.value,
            name=body.name,
            path=path,
            mime_type=body.mime_type,
            size=body.size,
            checksum_sha256_base64=body.checksum_sha256_base64,
            version=body.version,
            upload_id=upload.id,
            public_url=f"{app.settings.url}/files/{id}/{quote(body.name, safe='')}" if service.is_public else None,
            is_uploaded=False,
            checksum_etag=None,
            last_modified_at=None,
            storage_version=None,
        )
    assert row is not None
    return {**queries.render_new(row), "upload": _render_upload(path, upload, parts)}


def _announced(part: S3FileCreatePart, *, size: int) -> NewPart:
    """A part for the storage. Whether `chunk_end` is its last byte or the one after, nobody says: both will do."""
    most = min(max(part.chunk_end - part.chunk_start + 1, 0), size)
    return NewPart(number=part.number, size=most, checksum_sha256=part.checksum_sha256_base64)


def _render_upload(path: str, upload: Upload, parts: list[S3FileCreatePart]) -> dict[str, Any]:
    shown = [{**part.model_dump(), **_render_address(signed)} for part, signed in zip(parts, upload.parts, strict=True)]
    return {"id": upload.id, "path": path, "parts": shown}


def _render_address(part: SignedPart) -> dict[str, Any]:
    return {"url": part.url, "expires_at": part.expires_at, "headers": dict(part.headers)}


async def complete(app: App, actor: Actor, *, id: UUID, body: FileUploadCompleted) -> dict[str, Any]:
    """The file is uploaded; again, if it was. Raises `ResourceNotFound`, and `Invalid` for what does not fit."""
    file = await _find(app.database, actor, id)
    faults = [
        Fault(("body", name), "This is not the upload of the file.", input=getattr(body, name))
        for name, known in (("id", file["upload_id"]), ("path", file["path"]))
        if getattr(body, name) != known
    ]
    if faults:
        raise Invalid(*faults)
    stored = await _stored(app.get(Storage), file, body)
    async with app.transaction(file["organization_id"]) as tx:
        if await tx.fetchrow(queries.LOCK, id=id, **actor.binds()) is None:
            tx.enqueue("remove_file", payload={"path": file["path"], "upload_id": file["upload_id"]})
            row = None
        else:
            row = await tx.fetchrow(
                _UPLOADED,
                key=id,
                now=tx.now,
                etag=stored.etag,
                last_modified_at=stored.modified_at,
                storage_version=stored.version,
            )
    if row is None:
        raise ResourceNotFound
    return queries.render(row)


async def _stored(storage: Storage, file: Record, body: FileUploadCompleted) -> StoredObject:
    """What is stored now under the path of a file; raises `Invalid` where that is not what was announced."""
    parts = [
        SentPart(number=part.number, etag=part.checksum_etag.strip('"'), checksum_sha256=part.checksum_sha256_base64)
        for part in sorted(body.parts, key=lambda part: part.number)
    ]
    try:
        stored = await storage.complete(
            file["path"], upload_id=body.id, parts=parts, checksum_sha256=file["checksum_sha256_base64"]
        )
        if stored.size != file["size"]:
            await storage.delete(file["path"])
            raise StorageRefused(f"The file has {stored.size} bytes instead of {file['size']}.")
    except StorageRefused as refused:
        raise Invalid(Fault(("body", "parts"), str(refused))) from refused
    return stored


async def update(app: App, actor: Actor, *, id: UUID, body: FilePatch) -> dict[str, Any]:
    """Changes name and version; what is empty stays. Raises `ResourceNotFound`."""
    file = await _find(app.database, actor, id)
    async with app.transaction(file["organization_id"]) as tx:
        before = await read_visible(tx, queries.LOCK, actor, id)
        row = await tx.fetchrow(
            _UPDATE,
            key=id,
            name=body.name or before["name"],
            version=body.version or before["version"],
            now=tx.now,
        )
    assert row is not None
    return queries.render(row)


async def delete(app: App, actor: Actor, *, id: UUID) -> None:
    """The file is gone from every list and every product; soon from the storage too. Raises `ResourceNotFound`."""
    file = await _find(app.database, actor, id)
    async with app.transaction(file["organization_id"]) as tx:
        if await tx.fetchrow(queries.LOCK, id=id, **actor.binds()) is None:
            raise ResourceNotFound
        await tx.execute(_DELETE, key=id, now=tx.now)
        tx.enqueue("remove_file", payload={"path": file["path"], "upload_id": file["upload_id"]})


async def move_addresses(database: Database, *, base_url: str) -> None:
    """The addresses of pictures begin with `base_url`, which may be another than at the last start."""
    await database.execute(_MOVE, base=base_url)


async def _find(database: Database, actor: Actor, id: UUID) -> Record:
    return await read_visible(database, queries.GET, actor, id)
