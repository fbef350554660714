"""Wire shapes of uploaded files (usage spec 11)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model
from pydantic_core import PydanticKnownError

from boreal.core.files import (
    MAX_AVATAR_BYTES,
    MAX_DOWNLOADABLE_BYTES,
    MAX_NAME_BYTES,
    MAX_PARTS,
    MAX_PRODUCT_MEDIA_BYTES,
    PICTURES,
    FileServiceTypes,
    is_sha256,
)
from boreal.kit.schemas import UUID4, EmptyToNone, Identified, Integer, ListResource, Schema, distinct


class FileBase(Identified):
    """What a file tells before and after its upload; `size` is in bytes."""

    organization_id: UUID4
    name: str
    path: str
    mime_type: str
    size: int
    storage_version: str | None
    checksum_etag: str | None
    checksum_sha256_base64: str | None
    checksum_sha256_hex: str | None
    last_modified_at: datetime | None
    version: str | None
    is_uploaded: bool
    size_readable: str


class FileRead(FileBase):
    """What every uploaded file tells."""

    created_at: datetime


class DownloadableFileRead(FileRead):
    """A file that a benefit gives to customers."""

    service: Literal[FileServiceTypes.DOWNLOADABLE]


class ProductMediaFileRead(FileRead):
    """A picture of a product."""

    service: Literal[FileServiceTypes.PRODUCT_MEDIA]
    public_url: str


class OrganizationAvatarFileRead(FileRead):
    """The picture of an organization."""

    service: Literal[FileServiceTypes.ORGANIZATION_AVATAR]
    public_url: str


AnyFileRead = Annotated[
    DownloadableFileRead | ProductMediaFileRead | OrganizationAvatarFileRead, Field(discriminator="service")
]

FileList = create_model("ListResource_FileRead_", __base__=ListResource[AnyFileRead])
"""A page of files, under the name that the contract gives it."""


def _checksum(value: str) -> str:
    if not is_sha256(value):
        raise ValueError("Not a SHA-256 digest in base64")
    return value


Checksum = Annotated[str, AfterValidator(_checksum)]
"""A SHA-256 digest in base64."""


def _file_name(value: str) -> str:
    if not value.strip():
        raise PydanticKnownError("string_too_short", {"min_length": 1})
    if len(value.encode()) > MAX_NAME_BYTES:
        raise ValueError(f"A name has at most {MAX_NAME_BYTES} bytes")
    return value


FileName = Annotated[str, AfterValidator(_file_name)]


def _at_least(least: int) -> AfterValidator:
    def check(value: int) -> int:
        if value < least:
            raise PydanticKnownError("greater_than_equal", {"ge": least})
        return value

    return AfterValidator(check)


def _at_most(most: int) -> AfterValidator:
    def check(value: int) -> int:
        if value > most:
            raise PydanticKnownError("less_than_equal", {"le": most})
        return value

    return AfterValidator(check)


PartNumber = Annotated[Integer, _at_least(1), _at_most(MAX_PARTS)]
Offset = Annotated[Integer, _at_least(0), _at_most(MAX_DOWNLOADABLE_BYTES)]


def _some(parts: list[Any]) -> list[Any]:
    if not parts:
        raise PydanticKnownError("too_short", {"field_type": "List", "min_length": 1, "actual_length": 0})
    return parts


_Once = distinct("Part is already in the list.", key=lambda part: part.number)


class S3FileCreatePart(Schema):
    """A part that will be sent: bytes of the file from `chunk_start` up to `chunk_end`."""

    number: PartNumber
    chunk_start: Offset
    chunk_end: Offset
    checksum_sha256_base64: Checksum | None = None


class S3FileCreateMultipart(Schema):
    """The parts that will be sent: at least one."""

    parts: Annotated[list[S3FileCreatePart], AfterValidator(_some), _Once]


class FileCreateBase(Schema):
    """What every new file tells."""

    organization_id: UUID4 | None = None
    name: FileName
    mime_type: str
    size: Annotated[Integer, _at_least(0), _at_most(MAX_DOWNLOADABLE_BYTES)]
    checksum_sha256_base64: Checksum | None = None
    upload: S3FileCreateMultipart
    version: str | None = None


Picture = Annotated[str, Field(pattern=PICTURES)]


class DownloadableFileCreate(FileCreateBase):
    """A file for customers: of any type, up to 10 GB."""

    service: Literal["downloadable"]


class ProductMediaFileCreate(FileCreateBase):
    """A picture of a product, up to 10 MB."""

    service: Literal["product_media"]
    mime_type: Picture
    size: Annotated[int, Field(le=MAX_PRODUCT_MEDIA_BYTES), _at_least(0)]


class OrganizationAvatarFileCreate(FileCreateBase):
    """A picture of the organization, up to 1 MB."""

    service: Literal["organization_avatar"]
    mime_type: Picture
    size: Annotated[int, Field(le=MAX_AVATAR_BYTES), _at_least(0)]


FileCreate = Annotated[
    DownloadableFileCreate | ProductMediaFileCreate | OrganizationAvatarFileCreate, Field(discriminator="service")
]


class S3FileUploadPart(Schema):
    """Where a part is sent by PUT, with these headers, until it expires."""

    number: int
    chunk_start: int
    chunk_end: int
    checksum_sha256_base64: str | None
    url: str
    expires_at: datetime
    headers: dict[str, str]


class S3FileUploadMultipart(Schema):
    """An upload that was begun."""

    id: str
    path: str
    parts: list[S3FileUploadPart]


class FileUpload(FileBase):
    """A new file and where to send its parts."""

    upload: S3FileUploadMultipart
    service: FileServiceTypes


class S3FileUploadCompletedPart(Schema):
    """A part that was sent, with the `ETag` of the reply to it."""

    number: PartNumber
    checksum_etag: str
    checksum_sha256_base64: Checksum | None


class FileUploadCompleted(Schema):
    """The parts of an upload, all of which were sent."""

    id: str
    path: str
    parts: Annotated[list[S3FileUploadCompletedPart], AfterValidator(_some), _Once]


class FilePatch(Schema):
    """Changes of a file; what is empty changes nothing."""

    name: Annotated[str | None, AfterValidator(lambda name: _file_name(name) if name and name.strip() else None)] = None
    version: EmptyToNone = None
