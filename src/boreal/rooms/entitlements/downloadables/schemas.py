"""Wire shapes of files that a customer may download (usage spec 11.3)."""

from datetime import datetime

from boreal.core.files import FileServiceTypes
from boreal.kit.schemas import UUID4, Identified, Schema
from boreal.rooms.platform.public import FileBase


class S3DownloadURL(Schema):
    """Where a file is fetched until it expires."""

    url: str
    headers: dict[str, str]
    expires_at: datetime


class FileDownload(FileBase):
    """A file and where to fetch it."""

    service: FileServiceTypes
    download: S3DownloadURL


class DownloadableRead(Identified):
    """A file that a benefit gives to the customer."""

    benefit_id: UUID4
    file: FileDownload
