"""Files: begun, sent in parts, completed, listed, changed, deleted (usage spec 11)."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from boreal.core.files import hex_of
from boreal.providers.ports import Storage
from boreal.rooms.platform.public import move_file_addresses
from tests.support.checkout import good
from tests.support.files import PIXEL, begin, new_file, send, sha256, upload, upload_picture
from tests.support.shop import Shop


async def faults(shop: Shop, body: dict[str, Any]) -> list[tuple[list[str | int], str]]:
    reply = await shop.client.post("/v1/files/", json=body)
    assert reply.status_code == 422, reply.text
    return [(fault["loc"], fault["type"]) for fault in reply.json()["detail"]]


@pytest.mark.example("usage E30")
async def test_a_file_in_two_parts(shop: Shop) -> None:
    begun = await begin(shop, b"aaa", b"bbb", version="1.0")
    assert (begun["is_uploaded"], begun["size_readable"], begun["version"]) == (False, "6.0 B", "1.0")
    assert begun["path"] == f"downloadable/{shop.organization_id}/{begun['id']}/guide.pdf"
    assert begun["checksum_sha256_base64"] == "LOEJ6dD6+CCyQ04WYpeTTmF3tlq5lR28PiBMrUaJs5w="
    assert begun["checksum_sha256_hex"] == "2ce109e9d0faf820b2434e166297934e6177b65ab9951dbc3e204cad4689b39c"
    checksums = ["mDSHbc+wXLFnpcJJU+uljErImxrfV/KPL50JrxB+6PA=", "PnRLncOTibrwxaBmBYm4QC89u0m4mz518sk1WFKjxnc="]
    parts = begun["upload"]["parts"]
    assert [part["checksum_sha256_base64"] for part in parts] == checksums
    assert [part["headers"] for part in parts] == [
        {"x-amz-checksum-sha256": checksum, "x-amz-sdk-checksum-algorithm": "SHA256"} for checksum in checksums
    ]
    assert parts[0]["expires_at"] == (shop.clock.now() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert (await shop.client.get("/v1/files/")).json()["items"] == []

    completion = await send(shop, begun, b"aaa", b"bbb")
    file = good(await shop.client.post(f"/v1/files/{begun['id']}/uploaded", json=completion))
    assert (file["is_uploaded"], file["size"], file["service"]) == (True, 6, "downloadable")
    assert file["checksum_etag"] == f"{hex_of('agsdZ4hOWHhul7xRVEy7pMw+EnnY/0baL6MrzbRKBT4=')}-2"
    assert (await shop.client.get("/v1/files/")).json()["items"] == [file]
    again = good(await shop.client.post(f"/v1/files/{begun['id']}/uploaded", json=completion))
    assert again["checksum_etag"] == file["checksum_etag"]


async def test_parts_without_checksums_need_no_headers(shop: Shop) -> None:
    begun = await begin(shop, b"one", b"two", checksums=False)
    assert [part["headers"] for part in begun["upload"]["parts"]] == [{}, {}]
    assert (begun["checksum_sha256_base64"], begun["checksum_sha256_hex"]) == (None, None)
    completion = await send(shop, begun, b"one", b"two")
    assert good(await shop.client.post(f"/v1/files/{begun['id']}/uploaded", json=completion))["is_uploaded"]


@pytest.mark.parametrize("wrong", ["etag", "checksum", "part", "size", "whole"])
async def test_a_completion_that_the_storage_refuses(shop: Shop, wrong: str) -> None:
    more = {"size": {"size": 7}, "whole": {"checksum_sha256_base64": sha256(b"other")}}.get(wrong, {})
    begun = await begin(shop, b"one", b"two", **more)
    completion = await send(shop, begun, b"one", b"two")
    if wrong == "etag":
        completion["parts"][0]["checksum_etag"] = '"other"'
    if wrong == "checksum":
        completion["parts"][0]["checksum_sha256_base64"] = sha256(b"other")
    if wrong == "part":
        completion["parts"][0]["number"] = 3
    reply = await shop.client.post(f"/v1/files/{begun['id']}/uploaded", json=completion)
    assert reply.status_code == 422
    assert [(fault["loc"], fault["type"]) for fault in reply.json()["detail"]] == [(["body", "parts"], "value_error")]
    assert (await shop.client.get("/v1/files/")).json()["items"] == []


async def test_a_completion_of_another_upload(shop: Shop) -> None:
    begun, other = await begin(shop, b"one"), await begin(shop, b"one")
    completion = await send(shop, other, b"one")
    reply = await shop.client.post(f"/v1/files/{begun['id']}/uploaded", json=completion)
    assert [fault["loc"] for fault in reply.json()["detail"]] == [["body", "id"], ["body", "path"]]


async def test_a_part_that_is_not_what_was_announced(shop: Shop) -> None:
    (part,) = (await begin(shop, b"one"))["upload"]["parts"]
    for content, words in ((b"two", "another SHA-256"), (b"1" * 9, "more than 3 bytes")):
        reply = await shop.client.put(part["url"], content=content)
        assert (reply.status_code, reply.json()["error"]) == (400, "UploadRefused")
        assert words in reply.json()["detail"]
    assert (await shop.client.put(part["url"] + "x", content=b"one")).status_code == 403
    shop.clock.advance(timedelta(hours=1))
    reply = await shop.client.put(part["url"], content=b"one")
    assert (reply.status_code, reply.json()["detail"]) == (403, "The address has expired.")


async def test_what_is_wrong_with_a_new_file(shop: Shop) -> None:
    picture = {"service": "product_media", "name": "a.png", "mime_type": "image/png"}
    large = new_file(b"x", **picture, size=10_485_761)
    assert await faults(shop, large) == [(["body", "product_media", "size"], "less_than_equal")]
    avatar = new_file(b"x", **{**picture, "service": "organization_avatar"}, size=1_048_577)
    assert await faults(shop, avatar) == [(["body", "organization_avatar", "size"], "less_than_equal")]
    text = new_file(b"x", **{**picture, "mime_type": "text/html"})
    assert await faults(shop, text) == [(["body", "product_media", "mime_type"], "string_pattern_mismatch")]
    at = ["body", "downloadable"]
    assert await faults(shop, new_file(b"x", size=10 * 1024**3 + 1)) == [([*at, "size"], "less_than_equal")]
    assert await faults(shop, new_file(b"x", size=-1)) == [([*at, "size"], "greater_than_equal")]
    assert await faults(shop, new_file(b"x", name=" ")) == [([*at, "name"], "string_too_short")]
    assert await faults(shop, new_file(b"x", name="é" * 128)) == [([*at, "name"], "value_error")]
    assert await faults(shop, new_file(b"x", checksum_sha256_base64="c2hvcnQ=")) == [
        ([*at, "checksum_sha256_base64"], "value_error")
    ]
    assert await faults(shop, new_file(b"x", upload={"parts": []})) == [([*at, "upload", "parts"], "too_short")]
    part = {"number": 1, "chunk_start": 0, "chunk_end": 1}
    assert await faults(shop, new_file(b"x", upload={"parts": [part, part]})) == [
        ([*at, "upload", "parts", 1], "value_error")
    ]
    assert await faults(shop, new_file(b"x", service="other")) == [(["body"], "union_tag_invalid")]
    own = new_file(b"x", organization_id=str(shop.organization_id))
    assert await faults(shop, own) == [(["body", "organization_id"], "organization_token")]


async def test_lists_take_ids(shop: Shop, other_shop: Shop) -> None:
    files = [await upload(shop, b"one"), await upload(shop, b"two"), await upload(shop, b"three")]
    foreign = await upload(other_shop, b"theirs")
    asked = {"ids": [files[0]["id"], files[2]["id"], foreign["id"]]}
    page = (await shop.client.get("/v1/files/", params=asked)).json()
    assert {item["id"] for item in page["items"]} == {files[0]["id"], files[2]["id"]}
    assert page["pagination"] == {"total_count": 2, "max_page": 1}
    theirs = {"organization_id": str(other_shop.organization_id)}
    assert (await shop.client.get("/v1/files/", params=theirs)).json()["items"] == []


async def test_names_and_versions_change(shop: Shop) -> None:
    file = await upload(shop, b"one", name="../../etc/passwd")
    assert file["path"].endswith(f"/{file['id']}/.._.._etc_passwd")
    url = f"/v1/files/{file['id']}"
    changed = good(await shop.client.patch(url, json={"name": "New.pdf", "version": "2"}))
    assert (changed["name"], changed["version"], changed["path"]) == ("New.pdf", "2", file["path"])
    assert good(await shop.client.patch(url, json={"name": "", "version": None})) == changed


async def test_a_deleted_file_is_gone(shop: Shop) -> None:
    file = await upload_picture(shop)
    assert (await shop.client.get(file["public_url"])).content == PIXEL
    assert (await shop.client.delete(f"/v1/files/{file['id']}")).status_code == 204
    assert (await shop.client.delete(f"/v1/files/{file['id']}")).status_code == 404
    assert (await shop.client.patch(f"/v1/files/{file['id']}", json={"name": "x"})).status_code == 404
    assert (await shop.client.get("/v1/files/")).json()["items"] == []
    assert (await shop.client.get(file["public_url"])).status_code == 404
    await shop.settle()
    assert await shop.app.get(Storage).find(file["path"]) is None


async def test_files_of_others_are_not_there(shop: Shop, other_shop: Shop) -> None:
    begun = await begin(shop, b"one")
    completion = await send(shop, begun, b"one")
    for reply in (
        await other_shop.client.post(f"/v1/files/{begun['id']}/uploaded", json=completion),
        await other_shop.client.patch(f"/v1/files/{begun['id']}", json={"name": "x"}),
        await other_shop.client.delete(f"/v1/files/{begun['id']}"),
        await shop.client.delete(f"/v1/files/{uuid4()}"),
    ):
        assert reply.status_code == 404


async def test_an_upload_that_nobody_completes_is_given_up(shop: Shop) -> None:
    abandoned, sent = await begin(shop, b"one"), await begin(shop, b"two")
    completion = await send(shop, sent, b"two")
    async with shop.app.transaction(shop.organization_id) as tx:
        tx.enqueue("give_up_uploads", unique_key="give_up_uploads")
    await shop.advance(days=1)
    good(await shop.client.post(f"/v1/files/{sent['id']}/uploaded", json=completion))
    await shop.advance(days=2)
    completion = {"id": abandoned["upload"]["id"], "path": abandoned["path"], "parts": completion["parts"]}
    assert (await shop.client.post(f"/v1/files/{abandoned['id']}/uploaded", json=completion)).status_code == 404
    assert [item["id"] for item in (await shop.client.get("/v1/files/")).json()["items"]] == [sent["id"]]


async def test_an_upload_has_its_days_whatever_the_clock_of_its_organization_says(shop: Shop) -> None:
    good(await shop.client.post("/v1/test-clocks/", json={"name": "a", "time": "2020-01-31T09:00:00Z"}), 201)
    begun = await begin(shop, b"one")
    completion = await send(shop, begun, b"one")
    async with shop.app.transaction(shop.organization_id) as tx:
        tx.enqueue("give_up_uploads", unique_key="give_up_uploads")
    await shop.settle()
    good(await shop.client.post(f"/v1/files/{begun['id']}/uploaded", json=completion))


async def test_pictures_follow_the_address_of_the_server(shop: Shop) -> None:
    file = await upload_picture(shop, name="Außen ansicht.png")
    assert file["public_url"] == f"http://boreal.test/files/{file['id']}/Au%C3%9Fen%20ansicht.png"
    await move_file_addresses(shop.app.database, base_url="https://pay.example.com")
    (moved,) = (await shop.client.get("/v1/files/")).json()["items"]
    assert moved["public_url"] == f"https://pay.example.com/files/{file['id']}/Au%C3%9Fen%20ansicht.png"
