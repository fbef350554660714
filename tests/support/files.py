"""Files for tests, uploaded as a client does it: begun, sent in parts to the signed addresses, completed."""

import base64
import hashlib
from typing import Any

from tests.support.checkout import good
from tests.support.shop import Shop

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=")


def sha256(content: bytes) -> str:
    """The digest in base64."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def new_file(*parts: bytes, checksums: bool = True, **body: Any) -> dict[str, Any]:
    """The body that begins the upload of a file with these parts."""
    starts = [sum(len(part) for part in parts[:index]) for index in range(len(parts))]
    described = [
        {
            "number": index + 1,
            "chunk_start": start,
            "chunk_end": start + len(part),
            **({"checksum_sha256_base64": sha256(part)} if checksums else {}),
        }
        for index, (start, part) in enumerate(zip(starts, parts, strict=True))
    ]
    whole = b"".join(parts)
    return {
        "service": "downloadable",
        "name": "guide.pdf",
        "mime_type": "application/pdf",
        "size": len(whole),
        "upload": {"parts": described},
        **({"checksum_sha256_base64": sha256(whole)} if checksums else {}),
        **body,
    }


async def begin(shop: Shop, *parts: bytes, checksums: bool = True, **body: Any) -> dict[str, Any]:
    """A file whose parts are still to be sent."""
    asked = new_file(*parts, checksums=checksums, **body)
    return good(await shop.client.post("/v1/files/", json=asked), 201)


async def send(shop: Shop, begun: dict[str, Any], *parts: bytes) -> dict[str, Any]:
    """Sends the parts; gives the body that completes the upload."""
    sent = []
    for part, content in zip(begun["upload"]["parts"], parts, strict=True):
        reply = await shop.client.put(part["url"], content=content, headers=part["headers"])
        assert reply.status_code == 200, reply.text
        checksum = part["checksum_sha256_base64"]
        sent.append(
            {
                "number": part["number"],
                "checksum_etag": reply.headers["etag"],
                "checksum_sha256_base64": checksum,
            }
        )
    return {"id": begun["upload"]["id"], "path": begun["upload"]["path"], "parts": sent}


async def upload(shop: Shop, *parts: bytes, **body: Any) -> dict[str, Any]:
    """An uploaded file."""
    begun = await begin(shop, *parts, **body)
    completion = await send(shop, begun, *parts)
    return good(await shop.client.post(f"/v1/files/{begun['id']}/uploaded", json=completion))


async def upload_picture(shop: Shop, name: str = "front.png", **body: Any) -> dict[str, Any]:
    """An uploaded picture of a product."""
    return await upload(shop, PIXEL, **{"service": "product_media", "name": name, "mime_type": "image/png", **body})
