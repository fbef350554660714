"""Uploaded files: what may be uploaded, where it is kept, and the sums that tell whether it arrived (usage spec 11).

A file comes in parts, each with the SHA-256 digest of its own bytes; the checksum of the stored object is made of those
digests, and is another than that of the whole file.

>>> size_readable(1536)
'1.5 KB'
>>> hex_of("LOEJ6dD6+CCyQ04WYpeTTmF3tlq5lR28PiBMrUaJs5w=")
'2ce109e9d0faf820b2434e166297934e6177b65ab9951dbc3e204cad4689b39c'
>>> combined_checksum(["mDSHbc+wXLFnpcJJU+uljErImxrfV/KPL50JrxB+6PA=", "PnRLncOTibrwxaBmBYm4QC89u0m4mz518sk1WFKjxnc="])
'agsdZ4hOWHhul7xRVEy7pMw+EnnY/0baL6MrzbRKBT4='
"""

import binascii
import hashlib
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

MAX_DOWNLOADABLE_BYTES = 10 * 1024**3
MAX_PRODUCT_MEDIA_BYTES = 10 * 1024**2
MAX_AVATAR_BYTES = 1024**2
MAX_PARTS = 10_000
MAX_NAME_BYTES = 255

PICTURES = r"^image\/(jpeg|png|gif|webp|svg\+xml)$"
"""The types of pictures that everybody may see, as a pattern."""


class FileServiceTypes(StrEnum):
    """What a file is for."""

    DOWNLOADABLE = "downloadable"
    PRODUCT_MEDIA = "product_media"
    ORGANIZATION_AVATAR = "organization_avatar"

    @property
    def is_public(self) -> bool:
        """Whether everybody may fetch it; a downloadable needs a signed address."""
        return self is not FileServiceTypes.DOWNLOADABLE


def storage_path(service: FileServiceTypes, *, organization_id: UUID, file_id: UUID, name: str) -> str:
    """Where a file is kept, for good: a later change of its name does not move it (usage spec 11.2).

    What would be more than one segment of a path, or none, becomes an underscore.

    >>> one = UUID(int=1)
    >>> storage_path(FileServiceTypes.DOWNLOADABLE, organization_id=one, file_id=one, name="a/b.zip")[-11:]
    '001/a_b.zip'
    """
    segment = re.sub(r"[/\\\x00-\x1f\x7f]", "_", name)
    return f"{service}/{organization_id}/{file_id}/{'_' if segment in ('', '.', '..') else segment}"


def size_readable(size: int) -> str:
    """The size with one decimal, in steps of 1024: `0.0 B`, `10.0 MB` (usage spec 11.2)."""
    value, unit = float(size), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.1f} {unit}"


def is_sha256(base64: str) -> bool:
    """Whether a text is a SHA-256 digest in base64, written in the one usual way."""
    try:
        digest = a2b_base64(base64, strict_mode=True)
    except (binascii.Error, ValueError):
        return False
    return len(digest) == hashlib.sha256().digest_size and _base64(digest) == base64


def hex_of(checksum_base64: str) -> str:
    """The digest as lower-case hexadecimal digits."""
    return a2b_base64(checksum_base64).hex()


def base64_of(checksum_hex: str) -> str:
    """The digest in base64."""
    return _base64(bytes.fromhex(checksum_hex))


def combined_checksum(parts_base64: Iterable[str]) -> str:
    """The checksum of an object that was sent in parts: SHA-256 of their digests, one after the other."""
    return _base64(hashlib.sha256(b"".join(a2b_base64(part) for part in parts_base64)).digest())


def _base64(digest: bytes) -> str:
    return b2a_base64(digest, newline=False).decode()
