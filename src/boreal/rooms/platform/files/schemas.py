"""Wire shapes of uploaded files (usage spec 11.1)."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from boreal.kit.schemas import UUID4, Identified


class FileRead(Identified):
    """What every uploaded file tells; `size` is in bytes."""

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
    created_at: datetime
    size_readable: str


class DownloadableFileRead(FileRead):
    """A file that a benefit gives to customers."""

    service: Literal["downloadable"]


class ProductMediaFileRead(FileRead):
    """A picture of a product."""

    service: Literal["product_media"]
    public_url: str


class OrganizationAvatarFileRead(FileRead):
    """The picture of an organization."""

    service: Literal["organization_avatar"]
    public_url: str


AnyFileRead = Annotated[
    DownloadableFileRead | ProductMediaFileRead | OrganizationAvatarFileRead, Field(discriminator="service")
]
