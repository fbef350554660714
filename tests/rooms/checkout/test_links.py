"""The merchant's operations on checkout links (catalog spec 5.1, 5.2)."""

import asyncio
import uuid
from typing import Any

import httpx2
import pytest

from tests.support.catalog import make_product
from tests.support.checkout import faults, good, malformed
from tests.support.queries import counted
from tests.support.shop import Shop, found_shop

LINKS = "/v1/checkout-links/"
NOT_APPLICABLE = "Discount does not exist or is not applicable to this product."


async def send(shop: Shop, *products: dict[str, Any], **body: Any) -> httpx2.Response:
    named = {"products": [product["id"] for product in products]} if products else {}
    return await shop.client.post(LINKS, json={"payment_processor": "stripe", **named, **body})


async def make(shop: Shop, *products: dict[str, Any], **body: Any) -> dict[str, Any]:
    return good(await send(shop, *products, **body), 201)


async def change(shop: Shop, link: dict[str, Any], **body: Any) -> httpx2.Response:
    return await shop.client.patch(LINKS + link["id"], json=body)


async def discount(shop: Shop, **body: Any) -> dict[str, Any]:
    made = {"name": "Sale", "type": "percentage", "duration": "once", "basis_points": 1000, **body}
    return good(await shop.client.post("/v1/discounts/", json=made), 201)


async def archive(shop: Shop, product: dict[str, Any], archived: bool = True) -> None:
    good(await shop.client.patch(f"/v1/products/{product['id']}", json={"is_archived": archived}))
    await shop.settle()


async def test_a_link_of_its_defaults(shop: Shop) -> None:
    product = await make_product(shop, metadata={"kind": "plan"})
    link = await make(shop, product)
    assert link["client_secret"].startswith("polar_cl_")
    assert link["url"].endswith(f"/v1/checkout-links/{link['client_secret']}/redirect")
    assert (link["label"], link["success_url"], link["discount"], link["discount_id"]) == (None, None, None, None)
    assert (link["allow_discount_codes"], link["require_billing_address"], link["metadata"]) == (True, False, {})
    assert (link["trial_interval"], link["trial_interval_count"], link["payment_processor"]) == (None, None, "stripe")
    (sold,) = link["products"]
    assert (sold["id"], sold["metadata"], len(sold["prices"])) == (product["id"], {"kind": "plan"}, 1)
    assert good(await shop.client.get(LINKS + link["id"])) == link


async def test_everything_that_can_be_set(shop: Shop) -> None:
    first, second = await make_product(shop), await make_product(shop)
    sale = await discount(shop, products=[first["id"], second["id"]])
    body = {
        "label": "Spring",
        "allow_discount_codes": False,
        "require_billing_address": True,
        "discount_id": sale["id"],
        "success_url": "https://x.io/?id={CHECKOUT_ID}",
        "trial_interval": "day",
        "trial_interval_count": 7,
        "metadata": {"campaign": "spring"},
    }
    link = await make(shop, second, first, **body)
    assert {name: link[name] for name in body} == body
    assert [item["id"] for item in link["products"]] == [second["id"], first["id"]]
    assert link["discount"] == {name: value for name, value in sale.items() if name != "products"}


async def test_older_forms_name_one_product(shop: Shop) -> None:
    product = await make_product(shop)
    for body in ({"product_id": product["id"]}, {"product_price_id": product["prices"][0]["id"]}):
        link = await make(shop, **body)
        assert [item["id"] for item in link["products"]] == [product["id"]]


async def test_products_that_a_link_cannot_sell(shop: Shop) -> None:
    product, archived = await make_product(shop), await make_product(shop)
    await archive(shop, archived)
    rival = await found_shop(shop.boreal, shop.clock, slug="rival")
    foreign = await make_product(rival)
    unknown = {"id": str(uuid.uuid4())}
    assert faults(await send(shop, product, unknown, archived, foreign)) == [
        ("products", 1, "value_error", "Product does not exist."),
        ("products", 2, "value_error", "Product is archived."),
        ("products", 3, "value_error", "Product does not exist."),
    ]
    assert faults(await send(shop, product_id=archived["id"])) == [
        ("products", 0, "value_error", "Product is archived.")
    ]
    assert faults(await send(shop, product_price_id=str(uuid.uuid4()))) == [
        ("product_price_id", "value_error", "Price does not exist.")
    ]
    assert faults(await send(shop, product_price_id=archived["prices"][0]["id"])) == [
        ("product_price_id", "value_error", "Product is archived.")
    ]


async def test_discounts_that_a_link_cannot_have(shop: Shop) -> None:
    first, second = await make_product(shop), await make_product(shop)
    limited = await discount(shop, products=[first["id"]])
    foreign = await discount(await found_shop(shop.boreal, shop.clock, slug="rival"))
    refused = [("discount_id", "value_error", NOT_APPLICABLE)]
    for id in (str(uuid.uuid4()), foreign["id"], limited["id"]):
        assert faults(await send(shop, first, second, discount_id=id)) == refused
    link = await make(shop, first, discount_id=limited["id"])
    both = [first["id"], second["id"]]
    assert faults(await change(shop, link, discount_id=limited["id"], products=both)) == refused
    other = await make(shop, second)
    assert faults(await change(shop, other, discount_id=limited["id"])) == refused
    good(await change(shop, other, discount_id=limited["id"], products=[first["id"]]))
    over = await discount(shop, starts_at="2020-01-01T00:00:00Z", ends_at="2020-01-02T00:00:00Z")
    assert (await make(shop, first, discount_id=over["id"]))["discount"]["id"] == over["id"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"products": []}, ("products", "too_short")),
        ({"payment_processor": "paypal"}, ("payment_processor", "literal_error")),
        ({"payment_processor": None}, ("payment_processor", "literal_error")),
        ({"success_url": "ftp://x.io"}, ("success_url", "url_scheme")),
        ({"allow_discount_codes": "yes"}, ("allow_discount_codes", "bool_type")),
        ({"label": "a\0b"}, ("label", "value_error")),
    ],
)
async def test_bodies_that_are_no_link(shop: Shop, body: dict[str, Any], place: tuple[str, str]) -> None:
    product = await make_product(shop)
    found = malformed(await send(shop, product, **body))
    member = "function-after[is_complete_configuration(), CheckoutLinkCreateProducts]"
    assert (member, *place) in [fault[:3] for fault in found]


async def test_the_same_product_twice(shop: Shop) -> None:
    product = await make_product(shop)
    found = malformed(await send(shop, product, product))
    assert [fault[1:4] for fault in found if fault[1:3] == ("products", 1)] == [("products", 1, "value_error")]


async def test_only_what_is_sent_changes(shop: Shop) -> None:
    product, other = await make_product(shop), await make_product(shop)
    sale = await discount(shop)
    link = await make(
        shop,
        product,
        label="Spring",
        discount_id=sale["id"],
        success_url="https://x.io/",
        trial_interval="day",
        trial_interval_count=7,
        metadata={"a": 1},
    )
    await shop.advance(seconds=5)
    unchanged = good(await change(shop, link))
    assert unchanged == link | {"modified_at": unchanged["modified_at"]}
    assert unchanged["modified_at"] > link["created_at"]
    changed = good(await change(shop, link, products=[other["id"], product["id"]], metadata={}))
    assert [item["id"] for item in changed["products"]] == [other["id"], product["id"]]
    assert (changed["metadata"], changed["label"]) == ({}, "Spring")
    kept = good(await change(shop, link, products=None, allow_discount_codes=None, require_billing_address=None))
    assert kept["products"] == changed["products"]
    assert (kept["allow_discount_codes"], kept["require_billing_address"]) == (True, False)
    cleared = dict.fromkeys(("label", "discount_id", "success_url", "trial_interval", "trial_interval_count"))
    emptied = good(await change(shop, link, **cleared))
    assert {name: emptied[name] for name in cleared} == cleared
    assert emptied["discount"] is None


async def test_a_half_of_a_trial(shop: Shop) -> None:
    link = await make(shop, await make_product(shop))
    message = "Both trial_interval and trial_interval_count must be set together."
    assert malformed(await change(shop, link, trial_interval="day")) == [("missing", message)]


async def test_a_deleted_link_is_gone(shop: Shop) -> None:
    link = await make(shop, await make_product(shop))
    assert (await shop.client.delete(LINKS + link["id"])).status_code == 204
    for reply in (
        await shop.client.get(LINKS + link["id"]),
        await change(shop, link, label="x"),
        await shop.client.delete(LINKS + link["id"]),
    ):
        assert reply.status_code == 404
    assert good(await shop.client.get(LINKS))["items"] == []


async def test_the_list(shop: Shop) -> None:
    first, second = await make_product(shop), await make_product(shop)
    labels = ["b", "c", "a"]
    made = []
    for label, products in zip(labels, [[first], [second], [second, first]], strict=True):
        made.append(await make(shop, *products, label=label, discount_id=(await discount(shop))["id"]))
        await shop.advance(seconds=1)

    async def listed(query: str = "") -> list[str]:
        return [item["label"] for item in good(await shop.client.get(LINKS + query))["items"]]

    with counted(shop.app.database) as queries:
        assert good(await shop.client.get(LINKS))["items"] == made
    assert len(queries) == 5, queries  # token, links, products, prices, discounts
    assert await listed("?sorting=-created_at") == ["a", "c", "b"]
    assert await listed("?sorting=label") == ["a", "b", "c"]
    assert await listed(f"?product_id={first['id']}") == ["b", "a"]
    assert await listed(f"?product_id={first['id']}&product_id={second['id']}") == labels
    assert await listed(f"?product_id={uuid.uuid4()}&organization_id={shop.organization_id}") == []
    assert (await shop.client.get(LINKS + "?sorting=url")).status_code == 422


async def test_an_archived_product_leaves_its_links(shop: Shop) -> None:
    first, second = await make_product(shop), await make_product(shop)
    pair, lone, other = await make(shop, first, second), await make(shop, first), await make(shop, second)
    await archive(shop, first)
    left = good(await shop.client.get(LINKS + pair["id"]))
    assert [item["id"] for item in left["products"]] == [second["id"]]
    assert left["modified_at"] is not None
    assert (await shop.client.get(LINKS + lone["id"])).status_code == 404
    assert good(await shop.client.get(LINKS + other["id"])) == other
    await archive(shop, first, archived=False)
    assert len(good(await shop.client.get(LINKS + pair["id"]))["products"]) == 1
    assert (await shop.client.get(LINKS + lone["id"])).status_code == 404


async def test_links_are_changed_one_after_the_other(shop: Shop) -> None:
    link = await make(shop, await make_product(shop), label="old")
    replies = await asyncio.gather(
        change(shop, link, label="new"),
        change(shop, link, success_url="https://x.io/"),
        change(shop, link, metadata={"a": 1}),
    )
    assert {reply.status_code for reply in replies} == {200}
    final = good(await shop.client.get(LINKS + link["id"]))
    assert (final["label"], final["success_url"], final["metadata"]) == ("new", "https://x.io/", {"a": 1})
