"""Pictures of products (catalog spec 2.7)."""

from uuid import uuid4

from tests.support.catalog import make_product
from tests.support.checkout import good, open_session
from tests.support.files import begin, upload, upload_picture
from tests.support.shop import Shop


async def test_products_show_their_pictures_in_order(shop: Shop) -> None:
    front, back = await upload_picture(shop, "front.png"), await upload_picture(shop, "back.png")
    product = await make_product(shop, medias=[back["id"], front["id"]])
    assert product["medias"] == [back, front]
    url = f"/v1/products/{product['id']}"
    assert good(await shop.client.get(url))["medias"] == [back, front]
    assert good(await shop.client.get("/v1/products/"))["items"][0]["medias"] == [back, front]
    checkout = await open_session(shop, product)
    assert (await checkout.view())["product"]["medias"] == [back, front]
    assert good(await shop.client.patch(url, json={"name": "Renamed"}))["medias"] == [back, front]
    assert good(await shop.client.patch(url, json={"medias": [front["id"], back["id"]]}))["medias"] == [front, back]
    assert good(await shop.client.patch(url, json={"medias": []}))["medias"] == []


async def test_a_deleted_picture_is_off_its_products(shop: Shop) -> None:
    front, back = await upload_picture(shop, "front.png"), await upload_picture(shop, "back.png")
    product = await make_product(shop, medias=[front["id"], back["id"]])
    await shop.client.delete(f"/v1/files/{front['id']}")
    assert good(await shop.client.get(f"/v1/products/{product['id']}"))["medias"] == [back]


async def test_files_that_are_no_pictures_of_ours(shop: Shop, other_shop: Shop) -> None:
    mine = await upload_picture(shop)
    begun = await begin(shop, b"x", service="product_media", mime_type="image/png", name="half.png")
    deleted = await upload_picture(shop)
    await shop.client.delete(f"/v1/files/{deleted['id']}")
    wrong = [begun, deleted, await upload(shop, b"guide"), await upload_picture(other_shop), {"id": str(uuid4())}]
    ids = [mine["id"], *(file["id"] for file in wrong)]
    body = {"name": "Pro", "prices": [{"amount_type": "free"}], "medias": ids}
    product = await make_product(shop)
    for reply in (
        await shop.client.post("/v1/products/", json=body),
        await shop.client.patch(f"/v1/products/{product['id']}", json={"medias": ids}),
    ):
        assert reply.status_code == 422
        words = "File does not exist or is not yet uploaded."
        assert [(fault["loc"], fault["msg"]) for fault in reply.json()["detail"]] == [
            (["body", "medias", index], words) for index in range(1, 6)
        ]
