"""Stored files over HTTP: whole, in ranges, under conditions."""

from typing import Any

from boreal.providers.ports import Storage
from tests.support.files import PIXEL, upload, upload_picture
from tests.support.shop import Shop, client_of


async def address(shop: Shop, file: dict[str, Any], name: str = "Zürich guide.pdf") -> str:
    return shop.app.get(Storage).address(file["path"], name=name, mime_type=file["mime_type"]).url


async def test_a_download_by_a_signed_address(shop: Shop) -> None:
    file = await upload(shop, b"0123456789")
    url = await address(shop, file)
    async with client_of(shop.boreal, None) as anybody:
        whole = await anybody.get(url)
        assert (whole.status_code, whole.content) == (200, b"0123456789")
        assert whole.headers["content-disposition"] == (
            "attachment; filename=\"Z_rich guide.pdf\"; filename*=UTF-8''Z%C3%BCrich%20guide.pdf"
        )
        assert whole.headers["content-type"] == "application/pdf"
        assert whole.headers["x-content-type-options"] == "nosniff"
        assert whole.headers["etag"] == f'"{file["checksum_etag"]}"'

        head = await anybody.head(url)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "10")

        part = await anybody.get(url, headers={"range": "bytes=2-4", "if-range": whole.headers["etag"]})
        assert (part.status_code, part.content) == (206, b"234")
        assert (part.headers["content-range"], part.headers["content-length"]) == ("bytes 2-4/10", "3")
        rest = await anybody.get(url, headers={"range": "bytes=-4", "if-range": whole.headers["last-modified"]})
        assert (rest.status_code, rest.content) == (206, b"6789")
        changed = await anybody.get(url, headers={"range": "bytes=2-4", "if-range": '"other"'})
        assert (changed.status_code, changed.content) == (200, b"0123456789")
        outside = await anybody.get(url, headers={"range": "bytes=10-"})
        assert (outside.status_code, outside.headers["content-range"]) == (416, "bytes */10")
        known = await anybody.get(url, headers={"if-none-match": whole.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")

        assert (await anybody.put(url, content=b"x")).status_code == 400
        assert (await anybody.get(url[:-1] + ("a" if url[-1] != "a" else "b"))).status_code == 403
        await shop.advance(hours=1)
        assert (await anybody.get(url)).status_code == 403


async def test_what_is_removed_cannot_be_fetched(shop: Shop) -> None:
    file = await upload(shop, b"0123456789")
    url = await address(shop, file)
    await shop.client.delete(f"/v1/files/{file['id']}")
    await shop.settle()
    assert (await shop.client.get(url)).status_code == 404


async def test_pictures_are_for_everybody_and_do_nothing(shop: Shop) -> None:
    script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    file = await upload(shop, script, service="product_media", name="a.svg", mime_type="image/svg+xml")
    async with client_of(shop.boreal, None) as anybody:
        shown = await anybody.get(file["public_url"])
        assert (shown.status_code, shown.content) == (200, script)
        assert shown.headers["content-security-policy"].endswith("sandbox")
        assert shown.headers["content-type"] == "image/svg+xml"
        png = await upload_picture(shop)
        assert (await anybody.get(png["public_url"])).content == PIXEL
        hidden = await upload(shop, b"secret")
        for id in (hidden["id"], "not-an-id", shop.organization_id):
            assert (await anybody.get(f"http://boreal.test/files/{id}/a")).status_code == 404


async def test_large_bodies_are_for_parts_only(shop: Shop) -> None:
    reply = await shop.client.post("/v1/nothing", content=b"x" * 10_000_001)
    assert reply.status_code == 413
