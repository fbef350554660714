"""Visiting a checkout link (catalog spec 5.3)."""

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from boreal.rooms.checkout.links.tables import CheckoutLinkRow
from boreal.rooms.checkout.public import create_checkout_link
from tests.support.catalog import fixed, make_product, seats
from tests.support.checkout import faults, good
from tests.support.organizations import block
from tests.support.shop import Shop, client_of

CUSTOM = {"amount_type": "custom", "minimum_amount": 0, "maximum_amount": 9000, "preset_amount": 700}

_CHANGE = sa.update(CheckoutLinkRow).values(
    metadata=sa.bindparam("new_metadata", type_=JSONB), deleted_at=sa.bindparam("new_deleted_at")
)


async def make_link(shop: Shop, *products: Mapping[str, Any], **values: Any) -> str:
    ids = [UUID(product["id"]) for product in products]
    return await create_checkout_link(shop.app, organization_id=shop.organization_id, product_ids=ids, **values)


async def visit(shop: Shop, secret: str, query: Any = None) -> httpx2.Response:
    async with client_of(shop.boreal, None) as visitor:
        return await visitor.get(f"/v1/checkout-links/{secret}/redirect", params=query)


async def opened(shop: Shop, secret: str, query: Any = None) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The session that a visit opened, as its merchant sees it, and the query that the page gets."""
    reply = await visit(shop, secret, query)
    assert reply.status_code == 307, reply.text
    location = urlsplit(reply.headers["location"])
    (made, *_) = good(await shop.client.get("/v1/checkouts/?limit=1"))["items"]
    assert f"{location.scheme}://{location.netloc}{location.path}" == made["url"]
    return made, parse_qsl(location.query)


async def test_every_visit_opens_a_session(shop: Shop) -> None:
    product = await make_product(shop)
    secret = await make_link(shop, product, success_url="https://x.io/?id={CHECKOUT_ID}")
    assert secret.startswith("polar_cl_")
    await shop.facts()
    first, query = await opened(shop, secret)
    assert query == []
    await shop.saw("checkout.created")
    assert (first["status"], first["amount"], first["product_id"]) == ("open", 1000, product["id"])
    assert first["success_url"] == f"https://x.io/?id={first['id']}"
    assert first["customer_ip_address"] == "127.0.0.1"
    await shop.advance(seconds=1)
    second, _ = await opened(shop, secret)
    assert second["id"] != first["id"]


async def test_the_visitor_is_filled_in(shop: Shop) -> None:
    secret = await make_link(shop, await make_product(shop))
    given = {"customer_email": "ada@EXAMPLE.com", "customer_name": " Ada ", "theme": "dark"}
    made, query = await opened(shop, secret, given)
    assert (made["customer_email"], made["customer_name"]) == ("ada@example.com", "Ada")
    assert query == [("theme", "dark")]
    await shop.advance(seconds=1)
    made, _ = await opened(shop, secret, {"customer_email": "nobody", "customer_name": "x" * 257})
    assert (made["customer_email"], made["customer_name"]) == (None, None)


async def test_a_product_is_selected(shop: Shop) -> None:
    first, second, third = await make_product(shop), await make_product(shop, fixed(2000)), await make_product(shop)
    secret = await make_link(shop, first, second, third)
    good(await shop.client.patch(f"/v1/products/{third['id']}", json={"is_archived": True}))
    made, query = await opened(shop, secret, {"product_id": second["id"]})
    assert (made["product_id"], made["amount"], query) == (second["id"], 2000, [])
    assert [item["id"] for item in made["products"]] == [first["id"], second["id"]]
    for other in (third["id"], str(uuid.uuid4())):
        await shop.advance(seconds=1)
        assert (await opened(shop, secret, {"product_id": other}))[0]["product_id"] == first["id"]
    reply = await visit(shop, secret, {"product_id": "x"})
    assert reply.status_code == 422
    assert (reply.json()["detail"][0]["loc"], reply.json()["detail"][0]["type"]) == (
        ["query", "product_id"],
        "uuid_parsing",
    )


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("3000", 3000),
        ("3000.99", 3000),
        ("3e3", 3000),
        ("0", 0),
        ("9000", 9000),
        ("9001", 700),
        ("30", 700),
        ("-1", 700),
        ("-0.5", 700),
        ("nan", 700),
        ("inf", 700),
        ("1e999999", 700),
        ("", 700),
        ("much", 700),
    ],
)
async def test_an_amount_is_chosen(shop: Shop, text: str, amount: int) -> None:
    made, query = await opened(shop, await make_link(shop, await make_product(shop, CUSTOM)), {"amount": text})
    assert (made["amount"], query) == (amount, [])


async def test_where_amounts_start(shop: Shop) -> None:
    for price, query, amount in (
        (fixed(1000), {"amount": "3000"}, 1000),
        (seats((3, None, 500)), {"amount": "3000"}, 1500),
        ({"amount_type": "custom", "minimum_amount": 2500}, {"amount": "2000"}, 2500),
        ({"amount_type": "free"}, {}, 0),
    ):
        await shop.advance(seconds=1)
        made, _ = await opened(shop, await make_link(shop, await make_product(shop, price)), query)
        assert made["amount"] == amount


async def test_campaigns_become_metadata_and_go_on(shop: Shop) -> None:
    secret = await make_link(shop, await make_product(shop))
    await shop.app.database.execute(_CHANGE, new_metadata={"utm_source": "link"}, new_deleted_at=None)
    given = {"reference_id": "r1", "utm_source": "visitor", "utm_campaign": "spring", "utm_term": ""}
    made, query = await opened(shop, secret, given)
    assert made["metadata"] == {"reference_id": "r1", "utm_source": "link", "utm_campaign": "spring"}
    assert dict(query) == {name: value for name, value in given.items() if value}


async def test_metadata_of_a_link_may_be_full(shop: Shop) -> None:
    secret = await make_link(shop, await make_product(shop))
    full = {f"key{number}": number for number in range(50)}
    await shop.app.database.execute(_CHANGE, new_metadata=full, new_deleted_at=None)
    made, _ = await opened(shop, secret, {"reference_id": "r" * 600})
    assert made["metadata"] == {**full, "reference_id": "r" * 500}


async def test_what_is_taken_up_does_not_go_on(shop: Shop) -> None:
    secret = await make_link(shop, await make_product(shop))
    given = [
        ("embed_origin", "https://x.io"),
        ("embed", "true"),
        ("discount_code", "SAVE"),
        ("custom_field_data.size", "xl"),
        ("a", "1"),
        ("a", "2 &"),
    ]
    made, query = await opened(shop, secret, given)
    assert (made["embed_origin"], made["discount"], made["custom_field_data"]) == ("https://x.io", None, {})
    assert query == [("embed", "true"), ("custom_field_data.size", "xl"), ("a", "1"), ("a", "2 &")]


async def make_discount(shop: Shop, **body: Any) -> dict[str, Any]:
    made = {"name": "Sale", "type": "percentage", "duration": "once", "basis_points": 1000, **body}
    return good(await shop.client.post("/v1/discounts/", json=made), 201)


async def test_which_discount_counts(shop: Shop) -> None:
    product, other = await make_product(shop), await make_product(shop)
    preset = await make_discount(shop, ends_at="2026-03-01T00:00:00Z")
    typed = await make_discount(shop, code="SAVE20", basis_points=2000)
    elsewhere = await make_discount(shop, code="OTHER", products=[other["id"]])
    months = await make_discount(shop, code="MONTHS", duration="repeating", duration_in_months=3)
    body = {"payment_processor": "stripe", "allow_discount_codes": False, "discount_id": preset["id"]}
    link = good(await shop.client.post("/v1/checkout-links/", json={**body, "products": [product["id"]]}), 201)
    for code, chosen in (
        (None, preset),
        (" save20 ", typed),
        ("UNKNOWN", preset),
        (elsewhere["code"], preset),
        (months["code"], preset),
    ):
        await shop.advance(seconds=1)
        made, query = await opened(shop, link["client_secret"], {"discount_code": code} if code else {})
        assert (made["discount_id"], query) == (chosen["id"], [])
        assert made["discount_amount"] == chosen["basis_points"] // 10
    await shop.advance(days=60)
    late, _ = await opened(shop, link["client_secret"])
    assert (late["discount_id"], late["allow_discount_codes"]) == (None, False)


async def test_custom_fields_are_filled_in(shop: Shop) -> None:
    fields = []
    for slug, type, properties in (
        ("size", "select", {"options": [{"value": "xl", "label": "XL"}]}),
        ("count", "number", {"le": 9}),
        ("news", "checkbox", {}),
        ("day", "date", {}),
    ):
        field = {"slug": slug, "name": slug, "type": type, "properties": properties}
        fields.append(good(await shop.client.post("/v1/custom-fields/", json=field), 201)["id"])
    attached = [{"custom_field_id": id, "required": True} for id in fields]
    secret = await make_link(shop, await make_product(shop, attached_custom_fields=attached))
    given = {"size": "xl", "count": "3", "news": "true", "day": "2026-02-01", "other": "x"}
    asked = {f"custom_field_data.{slug}": text for slug, text in given.items()}
    made, query = await opened(shop, secret, asked)
    filled = {"size": "xl", "count": 3, "news": True, "day": "2026-02-01T00:00:00"}
    assert (made["custom_field_data"], query) == (filled, [("custom_field_data.other", "x")])
    await shop.advance(seconds=1)
    made, query = await opened(shop, secret, asked | {"custom_field_data.count": "10"})
    assert made["custom_field_data"] == {"size": None, "count": None, "news": False, "day": None}
    assert len(query) == 5


async def test_a_link_passes_on_its_trial(shop: Shop) -> None:
    product = await make_product(shop, recurring_interval="month")
    body = {"payment_processor": "stripe", "trial_interval": "day", "trial_interval_count": 7}
    link = good(await shop.client.post("/v1/checkout-links/", json={**body, "products": [product["id"]]}), 201)
    made, _ = await opened(shop, link["client_secret"])
    assert (made["active_trial_interval"], made["active_trial_interval_count"]) == ("day", 7)
    assert made["trial_end"] == "2026-01-22T12:00:00Z"


async def test_links_that_lead_nowhere(shop: Shop) -> None:
    product = await make_product(shop)
    secret = await make_link(shop, product)
    assert (await visit(shop, "polar_cl_unknown")).status_code == 404
    good(await shop.client.patch(f"/v1/products/{product['id']}", json={"is_archived": True}))
    assert faults(await visit(shop, secret)) == [("products", "value_error", "No valid products.")]
    good(await shop.client.patch(f"/v1/products/{product['id']}", json={"is_archived": False}))
    await opened(shop, secret)
    await shop.app.database.execute(_CHANGE, new_metadata={}, new_deleted_at=shop.clock.now())
    assert (await visit(shop, secret)).status_code == 404
    other = await make_link(shop, product)
    await block(shop)
    assert (await visit(shop, other)).status_code == 404


async def test_discounts_of_a_link_are_judged_by_the_clock_of_the_organization(shop: Shop) -> None:
    product = await make_product(shop)
    over = await make_discount(shop, starts_at="2025-01-01T00:00:00Z", ends_at="2026-06-01T00:00:00Z")
    ahead = await make_discount(shop, code="AHEAD", starts_at="2027-01-01T00:00:00Z")
    body = {"payment_processor": "stripe", "discount_id": over["id"], "products": [product["id"]]}
    link = good(await shop.client.post("/v1/checkout-links/", json=body), 201)
    good(await shop.client.post("/v1/test-clocks/", json={"name": "a", "time": "2027-01-31T09:00:00Z"}), 201)
    made, _ = await opened(shop, link["client_secret"])
    assert made["discount_id"] is None
    assert (await visit(shop, link["client_secret"], {"discount_code": "AHEAD"})).status_code == 307
    assert {item["discount_id"] for item in good(await shop.client.get("/v1/checkouts/"))["items"]} == {
        None,
        ahead["id"],
    }
