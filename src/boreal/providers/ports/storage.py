"""Storage of files: what we ask of a place that keeps bytes under a path, and hands out signed addresses for them.

Bytes come and go by signed addresses, so that no large file has to pass through whoever asked for it. An upload is
begun, its parts are sent by the client, and it is complete when the parts are named again with what the storage said to
each of them.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

LINK_LIFE = timedelta(seconds=3600)
"""How long a signed address is good."""


class StorageUnavailable(Exception):
    """The storage did not answer, or failed; trying again may help."""


class StorageRefused(Exception):
    """What was sent is not what was announced: an unknown upload or part, a wrong ETag, checksum or size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPart:
    """A part that will be sent: its number from 1 on, at most how many bytes, and their SHA-256 in base64 if known."""

    number: int
    size: int
    checksum_sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPart:
    """Where a part is sent by PUT until `expires_at`, with these headers."""

    number: int
    url: str = field(repr=False)
    expires_at: datetime
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload that was begun; nothing is stored under its path yet."""

    id: str
    parts: tuple[SignedPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPart:
    """A part that was sent: the `ETag` of the reply, without quotes, and its checksum if one was announced."""

    number: int
    etag: str
    checksum_sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """What is stored under a path; `etag` has no quotes, `size` is in bytes."""

    size: int
    etag: str
    modified_at: datetime
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAddress:
    """Where an object is fetched by GET until `expires_at`."""

    url: str = field(repr=False)
    expires_at: datetime


class Storage(Protocol):
    """A place for files. Every call but `read` raises `StorageUnavailable` when the place does not answer."""

    async def begin(self, path: str, *, mime_type: str, parts: Sequence[NewPart]) -> Upload:
        """Begins an upload."""
        ...

    async def complete(
        self, path: str, *, upload_id: str, parts: Sequence[SentPart], checksum_sha256: str | None = None
    ) -> StoredObject:
        """The object of these parts, in the order of their numbers, is stored under the path.

        The same call again gives the same object. `checksum_sha256` is that of the whole, in base64; whether it is
        checked is up to the storage, those of the parts always are. Raises `StorageRefused`, and nothing is stored.
        """
        ...

    async def abandon(self, path: str, *, upload_id: str) -> None:
        """Forgets an upload and its parts; one that is unknown or complete is none to forget."""
        ...

    async def find(self, path: str) -> StoredObject | None:
        """What is stored under the path."""
        ...

    def read(self, path: str, *, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`, which lie within the object, a few at a time.

        Raises `StorageUnavailable` when they cannot be read.
        """
        ...

    async def delete(self, path: str) -> None:
        """Nothing is stored under the path."""
        ...

    def address(self, path: str, *, name: str, mime_type: str) -> SignedAddress:
        """Where the object can be fetched as an attachment of this name and type, by GET and HEAD, also in ranges."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What a signed address of ours leads to."""

    path: str
    name: str
    mime_type: str


class StorageDoor(Protocol):
    """The signed addresses of a storage that are served by ourselves; a storage elsewhere has no such door.

    Both calls raise `boreal.kit.links.LinkInvalid` and `LinkExpired` for the token in the address.
    """

    async def receive(self, token: str, content: AsyncIterator[bytes]) -> str:
        """The part of the token is stored; gives its ETag, without quotes. Raises `StorageRefused`."""
        ...

    def download(self, token: str) -> Download:
        """What the token gives access to."""
        ...
