"""Files in a directory of our own; their signed addresses lead back to us.

    uploads/<upload id>/00001-<SHA-256>        a part that was sent; the digest is its ETag
    objects/<aa>/<SHA-256 of the path>/<ETag>  a stored object

Names that people give never become names on the disk. An object appears by renaming a complete directory, so it is
there whole or not at all, also after a crash. Blocking calls run in threads, on pieces of at most `PIECE_BYTES`.
"""

import asyncio
import errno
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from boreal.core.files import base64_of, combined_checksum, hex_of
from boreal.kit.clock import Clock
from boreal.kit.links import LinkSigner
from boreal.providers.ports import (
    LINK_LIFE,
    Download,
    NewPart,
    SentPart,
    SignedAddress,
    SignedPart,
    StorageRefused,
    StorageUnavailable,
    StoredObject,
    Upload,
)

PIECE_BYTES = 1 << 20
DIRECTORY_MODE = 0o700

CHECKSUM_HEADER = "x-amz-checksum-sha256"


class LocalStorage:
    """Keeps files below `folder`, which is made when it is needed; addresses begin with `base_url`."""

    def __init__(self, folder: Path, *, base_url: str, secret: bytes, clock: Clock) -> None:
        self._uploads = folder / "uploads"
        self._objects = folder / "objects"
        self._base_url = base_url
        self._signer = LinkSigner(secret, clock)
        self._clock = clock

    async def begin(self, path: str, *, mime_type: str, parts: Sequence[NewPart]) -> Upload:
        upload_id = uuid.uuid4().hex
        expires_at = self._clock.now() + LINK_LIFE
        with _failures():
            await asyncio.to_thread(_make, self._uploads / upload_id)
        return Upload(id=upload_id, parts=tuple(self._signed(upload_id, part, expires_at) for part in parts))

    def _signed(self, upload_id: str, part: NewPart, expires_at: datetime) -> SignedPart:
        claims = {"upload": upload_id, "number": part.number, "size": part.size, "sha256": part.checksum_sha256}
        headers = {}
        if part.checksum_sha256 is not None:
            headers = {CHECKSUM_HEADER: part.checksum_sha256, "x-amz-sdk-checksum-algorithm": "SHA256"}
        url = self._url(self._signer.sign(claims, expires_at=expires_at))
        return SignedPart(number=part.number, url=url, expires_at=expires_at, headers=headers)

    def _url(self, token: str) -> str:
        return f"{self._base_url}/storage/{token}"

    async def receive(self, token: str, content: AsyncIterator[bytes]) -> str:
        claims = self._signer.read(token)
        if "upload" not in claims:
            raise StorageRefused("This address is for downloading.")
        folder = self._uploads / claims["upload"]
        with _failures():
            if not await asyncio.to_thread(folder.is_dir):
                raise StorageRefused("The upload is complete or unknown.")
            digest, written = await _written(folder, content, limit=claims["size"])
        try:
            if claims["sha256"] not in (None, base64_of(digest)):
                raise StorageRefused("The part has another SHA-256 checksum than announced.")
            with _failures():
                await asyncio.to_thread(os.replace, written, _part(folder, claims["number"], digest))
        finally:
            await asyncio.to_thread(written.unlink, missing_ok=True)
        return digest

    async def complete(
        self, path: str, *, upload_id: str, parts: Sequence[SentPart], checksum_sha256: str | None = None
    ) -> StoredObject:
        with _failures():
            return await asyncio.to_thread(self._complete, path, upload_id, parts, checksum_sha256)

    def _complete(self, path: str, upload_id: str, parts: Sequence[SentPart], checksum: str | None) -> StoredObject:
        numbers = [part.number for part in parts]
        if not parts or sorted(set(numbers)) != numbers:
            raise StorageRefused("The parts are not in the order of their numbers.")
        for part in parts:
            if not _is_digest(part.etag) or part.checksum_sha256 not in (None, base64_of(part.etag)):
                raise StorageRefused(f"Part {part.number} has another ETag or checksum.")
        etag = f"{hex_of(combined_checksum(base64_of(part.etag) for part in parts))}-{len(parts)}"
        target, folder = self._place(path), self._uploads / str(upload_id)
        if not folder.is_dir():
            stored = _stored(target)
            if stored is None or stored.etag != etag:
                raise StorageRefused("The upload is unknown.")
            return stored
        files = [_part(folder, part.number, part.etag) for part in parts]
        missing = next((part.number for part, file in zip(parts, files, strict=True) if not file.is_file()), None)
        if missing is not None:
            raise StorageRefused(f"Part {missing} was not sent, or has another ETag.")
        _publish(files, target, etag=etag, checksum=checksum, beside=folder)
        shutil.rmtree(folder, ignore_errors=True)
        stored = _stored(target)
        if stored is None or stored.etag != etag:
            raise StorageRefused("Something else is stored already.")
        return stored

    async def abandon(self, path: str, *, upload_id: str) -> None:
        with _failures():
            await asyncio.to_thread(shutil.rmtree, self._uploads / upload_id, ignore_errors=True)

    async def find(self, path: str) -> StoredObject | None:
        with _failures():
            return await asyncio.to_thread(_stored, self._place(path))

    async def read(self, path: str, *, start: int, end: int) -> AsyncIterator[bytes]:
        with _failures():
            file = await asyncio.to_thread(_opened, self._place(path), start)
            try:
                while start < end:
                    piece = await asyncio.to_thread(file.read, min(PIECE_BYTES, end - start))
                    if not piece:
                        raise StorageUnavailable(f"{path} is shorter than it was")
                    start += len(piece)
                    yield piece
            finally:
                file.close()

    async def delete(self, path: str) -> None:
        with _failures():
            await asyncio.to_thread(shutil.rmtree, self._place(path), ignore_errors=True)

    def address(self, path: str, *, name: str, mime_type: str) -> SignedAddress:
        expires_at = self._clock.now() + LINK_LIFE
        token = self._signer.sign({"path": path, "name": name, "type": mime_type}, expires_at=expires_at)
        return SignedAddress(url=self._url(token), expires_at=expires_at)

    def download(self, token: str) -> Download:
        claims = self._signer.read(token)
        if "path" not in claims:
            raise StorageRefused("This address is for uploading.")
        return Download(path=claims["path"], name=claims["name"], mime_type=claims["type"])

    def _place(self, path: str) -> Path:
        """The directory of an object; the path itself may be long, or hold anything."""
        digest = hashlib.sha256(path.encode()).hexdigest()
        return self._objects / digest[:2] / digest


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(str(error)) from error


def _make(folder: Path) -> None:
    folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)


def _part(folder: Path, number: int, digest: str) -> Path:
    return folder / f"{number:05}-{digest}"


def _is_digest(etag: str) -> bool:
    return len(etag) == hashlib.sha256().digest_size * 2 and set(etag) <= set("0123456789abcdef")


async def _written(folder: Path, content: AsyncIterator[bytes], *, limit: int) -> tuple[str, Path]:
    """Writes what arrives to a new file: its digest, and where it is. No more of it is in memory than one piece."""
    descriptor, name = await asyncio.to_thread(tempfile.mkstemp, dir=folder, prefix=".")
    file, digest, size = os.fdopen(descriptor, "wb"), hashlib.sha256(), 0
    pending = bytearray()
    try:
        async for received in content:
            size += len(received)
            if size > limit:
                raise StorageRefused(f"The part has more than {limit} bytes.")
            pending += received
            if len(pending) >= PIECE_BYTES:
                await asyncio.to_thread(_append, file, digest, bytes(pending))
                pending.clear()
        await asyncio.to_thread(_append, file, digest, bytes(pending))
        await asyncio.to_thread(file.close)
    except BaseException:
        file.close()
        with suppress(OSError):
            os.unlink(name)
        raise
    return digest.hexdigest(), Path(name)


def _append(file: IO[bytes], digest: Any, piece: bytes) -> None:
    file.write(piece)
    digest.update(piece)


def _publish(files: Sequence[Path], target: Path, *, etag: str, checksum: str | None, beside: Path) -> None:
    """The parts, one after the other, are stored under the target, unless something is there already."""
    complete = Path(tempfile.mkdtemp(dir=beside, prefix="."))
    digest = _joined(files, complete / etag)
    if checksum not in (None, base64_of(digest)):
        shutil.rmtree(complete)
        raise StorageRefused("The file has another SHA-256 checksum than announced.")
    _make(target.parent)
    try:
        os.rename(complete, target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    _sync(target.parent)


def _joined(files: Sequence[Path], whole: Path) -> str:
    """Makes one file of all, which is on the disk then; gives its SHA-256. A single part is not copied."""
    digest = hashlib.sha256()
    if len(files) == 1:
        os.link(files[0], whole)
        _sync(whole)
        return files[0].name.partition("-")[2]
    with whole.open("wb") as joined:
        for part in files:
            with part.open("rb") as opened:
                while piece := opened.read(PIECE_BYTES):
                    _append(joined, digest, piece)
        joined.flush()
        os.fsync(joined.fileno())
    return digest.hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stored(place: Path) -> StoredObject | None:
    file = _file(place)
    if file is None:
        return None
    status = file.stat()
    return StoredObject(size=status.st_size, etag=file.name, modified_at=datetime.fromtimestamp(status.st_mtime, UTC))


def _opened(place: Path, start: int) -> IO[bytes]:
    found = _file(place)
    if found is None:
        raise FileNotFoundError(place)
    file = found.open("rb")
    file.seek(start)
    return file


def _file(place: Path) -> Path | None:
    """The one file in the directory of an object."""
    try:
        return next((place / name for name in os.listdir(place)), None)
    except FileNotFoundError:
        return None
