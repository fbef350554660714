"""Both places for files keep the promises of the port: parts in, one object out, nothing half done."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import httpx2
import pytest
from moto.s3 import models
from moto.server import ThreadedMotoServer

from boreal.core.files import base64_of
from boreal.kit.clock import Clock, ManualClock
from boreal.kit.links import LinkExpired, LinkInvalid
from boreal.providers.ports import NewPart, SentPart, SignedPart, Storage, StorageRefused, StorageUnavailable
from boreal.providers.storage.local import LocalStorage
from boreal.providers.storage.s3.signature import Credentials, signed_url
from boreal.providers.storage.s3.store import S3Storage
from tests.support.files import sha256
from tests.support.receiver import Reply, open_receiver

PATH = "downloadable/org/file/Ünï code+100% (1).zip"
CREDENTIALS = Credentials("AKIDEXAMPLE", "secret", "us-east-1")


class Send(Protocol):
    async def __call__(self, part: SignedPart, content: bytes, **headers: str) -> str | None:
        """Sends a part as a client does; its ETag, or None if it was refused."""


@dataclass
class Place:
    storage: Storage
    send: Send

    async def upload(self, path: str, *parts: bytes) -> list[SentPart]:
        """Sends parts; what `complete` has to be told, after the id of the upload in `self.upload_id`."""
        announced = [
            NewPart(number=index, size=len(part), checksum_sha256=sha256(part)) for index, part in enumerate(parts, 1)
        ]
        upload = await self.storage.begin(path, mime_type="application/zip", parts=announced)
        self.upload_id = upload.id
        sent = []
        for part, content in zip(upload.parts, parts, strict=True):
            etag = await self.send(part, content)
            assert etag is not None
            sent.append(SentPart(number=part.number, etag=etag, checksum_sha256=sha256(content)))
        return sent

    async def fetch(self, path: str, start: int, end: int) -> bytes:
        return b"".join([piece async for piece in self.storage.read(path, start=start, end=end)])


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    models.S3_UPLOAD_PART_MIN_SIZE = 1  # so that the parts of tests may be small
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def local(folder: Path, clock: Clock) -> Place:
    storage = LocalStorage(folder, base_url="http://boreal.test", secret=b"s" * 32, clock=clock)

    async def send(part: SignedPart, content: bytes, **headers: str) -> str | None:
        try:
            return await storage.receive(part.url.rpartition("/")[2], pieces(content))
        except StorageRefused:
            return None

    return Place(storage, send)


async def s3(url: str, clock: Clock) -> Place:
    async with httpx2.AsyncClient() as client:
        await client.put(f"{url}/files")

    async def send(part: SignedPart, content: bytes, **headers: str) -> str | None:
        async with httpx2.AsyncClient() as client:
            reply = await client.put(part.url, content=content, headers=dict(part.headers))
        return reply.headers["etag"].strip('"') if reply.status_code == 200 else None

    return Place(S3Storage(f"{url}/files", credentials=CREDENTIALS, clock=clock), send)


@pytest.fixture(params=["local", "s3"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        return local(tmp_path, Clock())
    return await s3(request.getfixturevalue("s3_server"), Clock())


async def pieces(content: bytes, size: int = 3) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def test_parts_become_one_object(place: Place) -> None:
    sent = await place.upload(PATH, b"a" * 10, b"b" * 7)
    assert await place.storage.find(PATH) is None
    stored = await place.storage.complete(PATH, upload_id=place.upload_id, parts=sent)
    assert (stored.size, stored) == (17, await place.storage.find(PATH))
    assert await place.fetch(PATH, 0, 17) == b"a" * 10 + b"b" * 7
    assert await place.fetch(PATH, 8, 12) == b"aabb"


async def test_completing_again_gives_the_same(place: Place) -> None:
    sent = await place.upload(PATH, b"one")
    first = await place.storage.complete(PATH, upload_id=place.upload_id, parts=sent)
    assert await place.storage.complete(PATH, upload_id=place.upload_id, parts=sent) == first


async def test_an_empty_file(place: Place) -> None:
    sent = await place.upload("empty", b"")
    assert (await place.storage.complete("empty", upload_id=place.upload_id, parts=sent)).size == 0
    assert await place.fetch("empty", 0, 0) == b""


@pytest.mark.parametrize("wrong", ["etag", "missing", "none"])
async def test_parts_that_were_not_sent_are_refused(place: Place, wrong: str) -> None:
    sent = await place.upload("refused", b"one", b"two")
    other = hashlib.sha256(b"other").hexdigest()
    parts = {
        "etag": [sent[0], SentPart(number=2, etag=other, checksum_sha256=None)],
        "missing": [*sent, SentPart(number=3, etag=other, checksum_sha256=None)],
        "none": [],
    }[wrong]
    with pytest.raises(StorageRefused):
        await place.storage.complete("refused", upload_id=place.upload_id, parts=parts)
    assert await place.storage.find("refused") is None


async def test_what_is_abandoned_is_gone(place: Place) -> None:
    sent = await place.upload("abandoned", b"one")
    await place.storage.abandon("abandoned", upload_id=place.upload_id)
    await place.storage.abandon("abandoned", upload_id=place.upload_id)
    with pytest.raises((StorageRefused, StorageUnavailable)):  # moto fails where S3 refuses
        await place.storage.complete("abandoned", upload_id=place.upload_id, parts=sent)


async def test_what_is_deleted_is_gone(place: Place) -> None:
    sent = await place.upload("deleted", b"one")
    await place.storage.complete("deleted", upload_id=place.upload_id, parts=sent)
    await place.storage.delete("deleted")
    await place.storage.delete("deleted")
    assert await place.storage.find("deleted") is None
    with pytest.raises(StorageUnavailable):
        await place.fetch("deleted", 0, 3)


async def test_a_part_with_another_checksum_than_announced_is_refused(tmp_path: Path) -> None:
    """moto does not look at checksums, S3 does."""
    place = local(tmp_path, Clock())
    announced = NewPart(number=1, size=3, checksum_sha256=sha256(b"one"))
    upload = await place.storage.begin(PATH, mime_type="text/plain", parts=[announced])
    assert await place.send(upload.parts[0], b"two") is None
    assert await place.send(upload.parts[0], b"more than three") is None
    assert await place.send(upload.parts[0], b"one") == hashlib.sha256(b"one").hexdigest()
    assert [path.name[:6] for path in (tmp_path / "uploads" / upload.id).iterdir()] == ["00001-"]


async def test_a_whole_with_another_checksum_than_announced_is_refused(tmp_path: Path) -> None:
    place = local(tmp_path, Clock())
    sent = await place.upload(PATH, b"one", b"two")
    with pytest.raises(StorageRefused):
        await place.storage.complete(
            PATH, upload_id=place.upload_id, parts=sent, checksum_sha256=sha256(b"one and two")
        )
    assert await place.storage.find(PATH) is None
    whole = await place.storage.complete(PATH, upload_id=place.upload_id, parts=sent, checksum_sha256=sha256(b"onetwo"))
    assert whole.size == 6


async def test_signed_addresses_end_and_cannot_be_changed(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    storage = LocalStorage(tmp_path, base_url="http://boreal.test", secret=b"s" * 32, clock=clock)
    token = storage.address(PATH, name="a.zip", mime_type="application/zip").url.rpartition("/")[2]
    assert storage.download(token).path == PATH
    for changed in (token[:-1] + ("A" if token[-1] != "A" else "B"), "x" + token, token.partition(".")[0], "", "é.é"):
        with pytest.raises(LinkInvalid):
            storage.download(changed)
    with pytest.raises(StorageRefused):
        await storage.receive(token, pieces(b"content"))
    clock.advance(timedelta(hours=1))
    with pytest.raises(LinkExpired):
        storage.download(token)


async def test_a_download_from_s3_has_its_name(s3_server: str) -> None:
    place = await s3(s3_server, Clock())
    sent = await place.upload(PATH, b"content")
    await place.storage.complete(PATH, upload_id=place.upload_id, parts=sent)
    address = place.storage.address(PATH, name="Ü.zip", mime_type="application/zip")
    async with httpx2.AsyncClient() as client:
        reply = await client.get(address.url)
    assert reply.content == b"content"
    assert reply.headers["content-disposition"] == "attachment; filename=\"_.zip\"; filename*=UTF-8''%C3%9C.zip"


async def test_nobody_at_the_bucket(unused_tcp_port: int) -> None:
    storage = S3Storage(f"http://127.0.0.1:{unused_tcp_port}/files", credentials=CREDENTIALS, clock=Clock())
    with pytest.raises(StorageUnavailable):
        await storage.begin(PATH, mime_type="text/plain", parts=[])


async def test_a_bucket_that_is_missing_is_not_the_uploads_fault(s3_server: str) -> None:
    storage = S3Storage(f"{s3_server}/nowhere", credentials=CREDENTIALS, clock=Clock())
    with pytest.raises(StorageUnavailable, match="NoSuchBucket"):
        await storage.begin(PATH, mime_type="text/plain", parts=[])


async def test_a_failure_after_the_reply_began_may_be_mended() -> None:
    failure = b"<Error><Code>InternalError</Code></Error>"
    async with open_receiver() as receiver:
        storage = S3Storage(f"{receiver.url}/files", credentials=CREDENTIALS, clock=Clock())
        for body in (failure, b"hello"):
            receiver.script(Reply(200, body))
            with pytest.raises(StorageUnavailable):
                await storage.begin(PATH, mime_type="text/plain", parts=[])
        receiver.script(Reply(200, failure))
        with pytest.raises(StorageUnavailable, match="InternalError"):
            await storage.complete(PATH, upload_id="1", parts=[])


def test_the_example_of_the_documentation_of_s3() -> None:
    """ "Authenticating Requests: Using Query Parameters", where the host is in virtual style."""
    credentials = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
    url = signed_url(
        credentials,
        "GET",
        "https://examplebucket.s3.amazonaws.com/test.txt",
        query={},
        headers={},
        now=datetime(2013, 5, 24, tzinfo=UTC),
        expires_in=timedelta(seconds=86400),
    )
    assert url.endswith("&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


def test_digests_in_both_spellings() -> None:
    assert base64_of(hashlib.sha256(b"x").hexdigest()) == sha256(b"x")
