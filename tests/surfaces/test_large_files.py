"""A large file comes and goes in pieces: the memory of the server does not know its size.

`TEST_LARGE_FILE_MB=2048` sends two gigabytes; without it, as many as tell growth from noise.
"""

import asyncio
import hashlib
import os
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from boreal.core.files import base64_of
from boreal.providers.ports import Storage
from tests.support.files import sha256
from tests.support.live import Live, open_live
from tests.support.postgres import create_database, drop_database

MB = 1_000_000
PARTS = -(-int(os.environ.get("TEST_LARGE_FILE_MB", "160")) // 8)
PART_BYTES = 8 * 1024 * 1024
MOST_GROWTH_MB = 100
BLOCK = os.urandom(PART_BYTES - 8)


def part(number: int) -> bytes:
    return number.to_bytes(8) + BLOCK


def rss_mb(pid: int) -> float:
    """The memory that a process has now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / MB


@asynccontextmanager
async def watched(live: Live, most: list[float]) -> AsyncIterator[None]:
    """Adds to `most` by how many megabytes the server grew at most."""
    assert live.process is not None
    pid, seen = live.process.pid, [rss_mb(live.process.pid)]

    async def look() -> None:
        while True:
            seen.append(rss_mb(pid))
            await asyncio.sleep(0.02)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
    most.append(max(seen) - seen[0])


async def begin(client: httpx2.AsyncClient, whole: str) -> dict[str, Any]:
    checksums = [sha256(part(number)) for number in range(1, PARTS + 1)]
    parts = [
        {
            "number": number,
            "chunk_start": (number - 1) * PART_BYTES,
            "chunk_end": number * PART_BYTES,
            "checksum_sha256_base64": checksum,
        }
        for number, checksum in enumerate(checksums, 1)
    ]
    body = {"service": "downloadable", "name": "large.bin", "mime_type": "application/octet-stream"}
    body |= {"size": PARTS * PART_BYTES, "checksum_sha256_base64": whole, "upload": {"parts": parts}}
    reply = await client.post("/v1/files/", json=body)
    assert reply.status_code == 201, reply.text
    return reply.json()


async def send(client: httpx2.AsyncClient, begun: dict[str, Any]) -> dict[str, Any]:
    sent = []
    for asked in begun["upload"]["parts"]:
        reply = await client.put(asked["url"], content=part(asked["number"]), headers=asked["headers"])
        assert reply.status_code == 200, reply.text
        checksum = asked["checksum_sha256_base64"]
        etag = reply.headers["etag"]
        sent.append({"number": asked["number"], "checksum_etag": etag, "checksum_sha256_base64": checksum})
    completion = {"id": begun["upload"]["id"], "path": begun["path"], "parts": sent}
    reply = await client.post(f"/v1/files/{begun['id']}/uploaded", json=completion, timeout=120)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def fetch(client: httpx2.AsyncClient, url: str) -> str:
    digest = hashlib.sha256()
    async with client.stream("GET", url) as reply:
        assert reply.status_code == 200
        async for piece in reply.aiter_raw():
            digest.update(piece)
    return digest.hexdigest()


async def test_a_large_file_is_never_in_memory(tmp_path: Path) -> None:
    name = f"boreal_large_{os.getpid()}"
    digest = hashlib.sha256()
    for number in range(1, PARTS + 1):
        digest.update(part(number))
    growth: list[float] = []
    async with open_live(await create_database(name), tmp_path) as live:
        merchant = await live.found("acme")
        headers = {"authorization": f"Bearer {merchant.token}"}
        async with httpx2.AsyncClient(base_url=live.base_url, headers=headers, timeout=30) as client:
            assert (await client.get("/v1/files/")).status_code == 200
            async with watched(live, growth):
                begun = await begin(client, base64_of(digest.hexdigest()))
                file = await send(client, begun)
            assert file["size"] == PARTS * PART_BYTES
            url = live.boreal.app.get(Storage).address(file["path"], name="large.bin", mime_type="x/y").url
            async with watched(live, growth):
                assert await fetch(client, url) == digest.hexdigest()
    await drop_database(name)
    print(f"{PARTS * PART_BYTES / MB:.0f} MB: the server grew by {growth[0]:.0f} MB receiving, {growth[1]:.0f} sending")
    assert max(growth) < MOST_GROWTH_MB
