"""Files in a bucket of S3 or of what speaks its protocol: clients send and fetch them there by signed addresses.

The bucket may be private as a whole: what everybody may see is read by us and passed on.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from urllib.parse import quote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import aiohttp
import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store
from yarl import URL

from boreal.kit.clock import Clock
from boreal.kit.downloads import content_disposition, media_type
from boreal.providers.ports import (
    LINK_LIFE,
    NewPart,
    SentPart,
    SignedAddress,
    SignedPart,
    StorageRefused,
    StorageUnavailable,
    StoredObject,
    Upload,
)
from boreal.providers.storage.s3.signature import Credentials, signed_url

TIMEOUT_S = 60
READ_TIMEOUT = "1h"
PIECE_BYTES = 1 << 20

_OURS = timedelta(seconds=300)


class S3Storage:
    """Keeps files in the bucket at `url`, which is `endpoint/bucket` (path style)."""

    def __init__(self, url: str, *, credentials: Credentials, clock: Clock) -> None:
        endpoint, _, bucket = url.rpartition("/")
        self._url = url
        self._credentials = credentials
        self._clock = clock
        self._store = S3Store(
            bucket,
            endpoint=endpoint,
            region=credentials.region,
            access_key_id=credentials.access_key_id,
            secret_access_key=credentials.secret_access_key,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True, "timeout": READ_TIMEOUT},
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=TIMEOUT_S)},
        )

    async def begin(self, path: str, *, mime_type: str, parts: Sequence[NewPart]) -> Upload:
        headers = {"content-type": media_type(mime_type)}
        if any(part.checksum_sha256 for part in parts):
            headers["x-amz-checksum-algorithm"] = "SHA256"
        try:
            upload_id = _text_of(await self._ask("POST", path, query={"uploads": ""}, headers=headers), "UploadId")
        except StorageRefused as refused:  # nothing that was announced is wrong: there is no bucket, say
            raise StorageUnavailable(str(refused)) from refused
        if not upload_id:
            raise StorageUnavailable("The storage named no upload.")
        return Upload(id=upload_id, parts=tuple(self._signed(path, upload_id, part) for part in parts))

    def _signed(self, path: str, upload_id: str, part: NewPart) -> SignedPart:
        headers = {}
        if part.checksum_sha256 is not None:
            headers = {"x-amz-checksum-sha256": part.checksum_sha256, "x-amz-sdk-checksum-algorithm": "SHA256"}
        query = {"partNumber": str(part.number), "uploadId": upload_id}
        url = self._address("PUT", path, query=query, headers=headers, expires_in=LINK_LIFE)
        return SignedPart(number=part.number, url=url, expires_at=self._clock.now() + LINK_LIFE, headers=headers)

    async def complete(
        self, path: str, *, upload_id: str, parts: Sequence[SentPart], checksum_sha256: str | None = None
    ) -> StoredObject:
        """The checksum of the whole is not checked: S3 knows those of the parts, and holds each against its bytes."""
        body = f"<CompleteMultipartUpload>{''.join(_listed(part) for part in parts)}</CompleteMultipartUpload>"
        try:
            await self._ask("POST", path, query={"uploadId": upload_id}, body=body)
        except StorageRefused:
            stored = await self.find(path)
            if stored is None:
                raise
            return stored  # it was completed before, and the reply was lost
        found = await self.find(path)
        if found is None:
            raise StorageUnavailable(f"{path} is complete, and not there")
        return found

    async def abandon(self, path: str, *, upload_id: str) -> None:
        try:
            await self._ask("DELETE", path, query={"uploadId": upload_id})
        except StorageRefused:
            return  # it is complete, or nobody knows it

    async def find(self, path: str) -> StoredObject | None:
        with _failures():
            try:
                found = await obstore.head_async(self._store, path)
            except FileNotFoundError:
                return None
        return StoredObject(
            size=found["size"],
            etag=(found["e_tag"] or "").strip('"'),
            modified_at=found["last_modified"],
            version=found["version"],
        )

    async def read(self, path: str, *, start: int, end: int) -> AsyncIterator[bytes]:
        if start == end:
            return
        with _failures():
            found = await obstore.get_async(self._store, path, options={"range": (start, end)})
            async for piece in found.stream(min_chunk_size=PIECE_BYTES):
                yield bytes(piece)

    async def delete(self, path: str) -> None:
        with _failures(), suppress(FileNotFoundError):
            await obstore.delete_async(self._store, path)

    def address(self, path: str, *, name: str, mime_type: str) -> SignedAddress:
        query = {
            "response-content-disposition": content_disposition(name),
            "response-content-type": media_type(mime_type),
        }
        url = self._address("GET", path, query=query, headers={}, expires_in=LINK_LIFE)
        return SignedAddress(url=url, expires_at=self._clock.now() + LINK_LIFE)

    def _address(
        self, method: str, path: str, *, query: Mapping[str, str], headers: Mapping[str, str], expires_in: timedelta
    ) -> str:
        return signed_url(
            self._credentials,
            method,
            f"{self._url}/{quote(path, safe='/-_.~')}",
            query=query,
            headers=headers,
            now=self._clock.now(),
            expires_in=expires_in,
        )

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
    ) -> str:
        """The reply to a request that is ours; raises `StorageRefused` where it is refused."""
        url = self._address(method, path, query=query, headers=headers or {}, expires_in=_OURS)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        data = None if body is None else body.encode()
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(method, URL(url, encoded=True), data=data, headers=headers) as reply,
            ):
                said = await reply.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise StorageUnavailable(f"The storage did not answer: {error}") from error
        if reply.status >= 500 or reply.status in (401, 403):
            raise StorageUnavailable(f"The storage answered {reply.status}.")
        if reply.status < 400 and _tag(said) == "Error":  # it failed after 200 was sent, which trying again may mend
            raise StorageUnavailable(f"The storage failed: {_text_of(said, 'Code')}.")
        if reply.status >= 400:
            raise StorageRefused(f"The storage refused: {_text_of(said, 'Code')}.")
        return said


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise StorageUnavailable(f"The storage failed: {error}") from error


def _listed(part: SentPart) -> str:
    values = {"PartNumber": str(part.number), "ETag": f'"{part.etag}"', "ChecksumSHA256": part.checksum_sha256}
    listed = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items() if value is not None)
    return f"<Part>{listed}</Part>"


def _parsed(said: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(said)
    except ElementTree.ParseError:
        return None


def _tag(said: str) -> str | None:
    root = _parsed(said)
    return None if root is None else root.tag.rpartition("}")[2]


def _text_of(said: str, name: str) -> str:
    """The text of the first element with a name, whatever its namespace; empty where there is none."""
    root = _parsed(said)
    found = () if root is None else (item.text for item in root.iter() if item.tag.rpartition("}")[2] == name)
    return next(iter(found), None) or ""
