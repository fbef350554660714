"""Custom fields through HTTP, on products, and the door for the rooms that ask buyers (catalog spec 2.7, 3)."""

import asyncio
import uuid
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import pytest
import sqlalchemy as sa

from boreal.kit.problems import Fault
from boreal.main import broken_invariants
from boreal.rooms.catalog import public
from boreal.rooms.catalog.custom_fields.tables import CustomFieldRow
from tests.support.catalog import make_custom_field, make_product
from tests.support.queries import counted
from tests.support.shop import Shop, client_of

URL = "/v1/custom-fields/"
TAKEN = (("body", "slug"), "value_error", "Custom field with this slug already exists.")
UNKNOWN = ("value_error", "Custom field does not exist.")
OPTIONS = {"options": [{"value": "s", "label": "Small"}, {"value": "l", "label": "Large"}]}
PROPERTIES: dict[str, dict[str, Any]] = {
    "text": {"textarea": True, "min_length": 0, "max_length": 2**31 - 1},
    "number": {"ge": -(2**31), "le": 2**31 - 1},
    "date": {"ge": 0, "le": 0},
    "checkbox": {},
    "select": OPTIONS,
}
WORDS = {"form_label": "**Label**", "form_help_text": "Help", "form_placeholder": "Here"}


def faults(reply: httpx2.Response) -> set[tuple[Any, ...]]:
    """Place, type and words of everything that a 422 complains about."""
    assert reply.status_code == 422, reply.text
    return {(tuple(fault["loc"]), fault["type"], fault["msg"]) for fault in reply.json()["detail"]}


async def make(shop: Shop, slug: str = "field", type: str = "text", **body: Any) -> dict[str, Any]:
    """A custom field as the API shows it."""
    properties = OPTIONS if type == "select" else {}
    reply = await shop.client.post(
        URL, json={"type": type, "slug": slug, "name": slug.title(), "properties": properties, **body}
    )
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


async def patch(shop: Shop, field: dict[str, Any], **body: Any) -> httpx2.Response:
    return await shop.client.patch(URL + field["id"], json={"type": field["type"], **body})


@pytest.mark.parametrize("type", PROPERTIES)
async def test_a_field_of_each_type_is_made_read_and_changed(shop: Shop, type: str) -> None:
    asked = PROPERTIES[type] | WORDS
    made = await make(shop, "a-field_1", type, name="Field", properties=asked, metadata={"a": 1})
    assert made == {
        "id": made["id"],
        "created_at": "2026-01-15T12:00:00Z",
        "modified_at": None,
        "metadata": {"a": 1},
        "type": type,
        "slug": "a-field_1",
        "name": "Field",
        "organization_id": str(shop.organization_id),
        "properties": asked,
    }
    assert (await shop.client.get(URL + made["id"])).json() == made

    await shop.advance(minutes=5)
    renamed = (await patch(shop, made, slug="b", name=None, properties=None)).json()
    assert renamed == made | {"slug": "b", "modified_at": "2026-01-15T12:05:00Z"}
    changed = (await patch(shop, made, name="Other", properties=PROPERTIES[type], metadata={})).json()
    assert changed == renamed | {"name": "Other", "properties": PROPERTIES[type], "metadata": {}}
    assert (await shop.client.get(URL + made["id"])).json() == changed
    await shop.saw()


ABOVE = "Value error, Greater than or equal (ge) must be less than or equal to Less than or equal (le)"


@pytest.mark.parametrize(
    ("type", "body", "loc", "error"),
    [
        ("text", {"slug": "Field"}, ("slug",), "string_pattern_mismatch"),
        ("text", {"slug": "a b"}, ("slug",), "string_pattern_mismatch"),
        ("text", {"slug": "é"}, ("slug",), "string_pattern_mismatch"),
        ("text", {"slug": "a\n"}, ("slug",), "string_pattern_mismatch"),
        ("text", {"slug": ""}, ("slug",), "string_too_short"),
        ("text", {"name": ""}, ("name",), "string_too_short"),
        ("text", {"name": "\0"}, ("name",), "value_error"),
        ("text", {"properties": {"form_label": ""}}, ("properties", "form_label"), "string_too_short"),
        ("text", {"properties": {"form_help_text": None}}, ("properties", "form_help_text"), "string_type"),
        ("text", {"properties": {"min_length": -1}}, ("properties", "min_length"), "greater_than_equal"),
        ("text", {"properties": {"max_length": 2**31}}, ("properties", "max_length"), "less_than_equal"),
        ("text", {"properties": {"textarea": "yes"}}, ("properties", "textarea"), "bool_type"),
        ("number", {"properties": {"ge": -(2**31) - 1}}, ("properties", "ge"), "greater_than_equal"),
        ("number", {"properties": {"le": 2**31}}, ("properties", "le"), "less_than_equal"),
        ("number", {"properties": {"le": True}}, ("properties", "le"), "int_type"),
        ("select", {"properties": {}}, ("properties", "options"), "missing"),
        ("select", {"properties": {"options": []}}, ("properties", "options"), "too_short"),
        (
            "select",
            {"properties": {"options": [{"value": "", "label": "x"}]}},
            ("properties", "options", 0, "value"),
            "string_too_short",
        ),
        ("text", {"properties": None}, ("properties",), "dict_type"),
    ],
)
async def test_what_a_field_must_not_be(
    shop: Shop, type: str, body: dict[str, Any], loc: tuple[Any, ...], error: str
) -> None:
    field = {"type": type, "slug": "field", "name": "Field", "properties": PROPERTIES[type]}
    ((found, kind, _),) = faults(await shop.client.post(URL, json=field | body))
    assert (found, kind) == (("body", type, *loc), error)
    if body != {"properties": None}:
        made = await make(shop, type=type)
        ((found, kind, _),) = faults(await patch(shop, made, **body))
        assert (found, kind) == (("body", type, *loc), error)


@pytest.mark.parametrize("type", ["number", "date"])
async def test_the_upper_bound_is_not_below_the_lower_one(shop: Shop, type: str) -> None:
    body = {"type": type, "slug": "x", "name": "X", "properties": {"le": 4, "ge": 5}}
    refused = faults(await shop.client.post(URL, json=body))
    assert refused == {(("body", type, "properties", "le"), "value_error", ABOVE)}
    made = await make(shop, type=type, properties={"ge": 5, "le": 5})
    assert made["properties"] == {"ge": 5, "le": 5}
    assert (("body", type, "properties", "le"), "value_error", ABOVE) in faults(
        await patch(shop, made, properties={"ge": 5, "le": 4})
    )


async def test_the_type_never_changes(shop: Shop) -> None:
    made = await make(shop)
    words = "The type of a custom field can't be changed."
    other = await shop.client.patch(URL + made["id"], json={"type": "number", "slug": "other"})
    assert faults(other) == {(("body", "type"), "value_error", words)}
    ((loc, kind, _),) = faults(await shop.client.patch(URL + made["id"], json={"name": "x"}))
    assert (loc, kind) == (("body",), "union_tag_not_found")
    assert (await shop.client.get(URL + made["id"])).json() == made


async def test_a_slug_is_taken_once_while_its_field_lives(shop: Shop, other_shop: Shop) -> None:
    first, second = await make(shop, "one"), await make(shop, "two")
    await make(other_shop, "one")
    body = {"type": "number", "slug": "one", "name": "Again", "properties": {}}
    assert faults(await shop.client.post(URL, json=body)) == {TAKEN}
    assert faults(await patch(shop, second, slug="one")) == {TAKEN}
    assert (await patch(shop, first, slug="one")).status_code == 200

    assert (await shop.client.delete(URL + first["id"])).status_code == 204
    assert (await patch(shop, second, slug="one")).status_code == 200
    await make(shop, "two")


async def test_of_many_who_want_a_slug_at_once_one_gets_it(shop: Shop) -> None:
    body = {"type": "text", "slug": "x", "name": "X", "properties": {}}
    replies = await asyncio.gather(*(shop.client.post(URL, json=body) for _ in range(6)))
    assert sorted(reply.status_code for reply in replies) == [201, *[422] * 5]


async def test_what_is_deleted_or_not_ours_is_not_found(shop: Shop, other_shop: Shop) -> None:
    gone, theirs = await make(shop), await make(other_shop)
    await shop.client.delete(URL + gone["id"])
    for id in (gone["id"], theirs["id"], str(uuid.uuid4())):
        for reply in (
            await shop.client.get(URL + id),
            await shop.client.patch(URL + id, json={"type": "text"}),
            await shop.client.delete(URL + id),
        ):
            assert (reply.status_code, reply.json()) == (404, {"error": "ResourceNotFound", "detail": "Not found"})
    assert (await other_shop.client.get(URL + theirs["id"])).json() == theirs
    own = {"type": "text", "slug": "x", "name": "X", "properties": {}, "organization_id": str(shop.organization_id)}
    assert {fault[:2] for fault in faults(await shop.client.post(URL, json=own))} == {
        (("body", "organization_id"), "organization_token")
    }
    async with client_of(shop.boreal, None) as anonymous:
        assert (await anonymous.get(URL)).status_code == 401


async def slugs(shop: Shop, **params: Any) -> list[str]:
    reply = await shop.client.get(URL, params=params)
    assert reply.status_code == 200, reply.text
    assert reply.json()["pagination"]["total_count"] == len(reply.json()["items"])
    return [item["slug"] for item in reply.json()["items"]]


async def test_the_list_sorts_and_filters(shop: Shop, other_shop: Shop) -> None:
    for slug, type, name in (("b", "text", "gamma"), ("c", "select", "Beta"), ("a_a", "number", "alpha")):
        await make(shop, slug, type, name=name)
        await shop.advance(minutes=1)
    await make(other_shop, "theirs")
    gone = await make(shop, "gone")
    await shop.client.delete(URL + gone["id"])

    assert await slugs(shop) == ["a_a", "b", "c"]
    assert await slugs(shop, sorting="-slug") == ["c", "b", "a_a"]
    assert await slugs(shop, sorting="created_at") == ["b", "c", "a_a"]
    assert await slugs(shop, sorting="-created_at") == ["a_a", "c", "b"]
    assert await slugs(shop, sorting="name") == ["a_a", "c", "b"]
    assert await slugs(shop, sorting="type") == ["a_a", "c", "b"]
    assert await slugs(shop, type="text") == ["b"]
    assert await slugs(shop, type=["text", "number"]) == ["a_a", "b"]
    assert await slugs(shop, query="ET") == ["c"]
    assert await slugs(shop, query="_A") == ["a_a"]
    assert await slugs(shop, organization_id=str(shop.organization_id)) == ["a_a", "b", "c"]
    assert await slugs(shop, organization_id=str(other_shop.organization_id)) == []
    assert {fault[:2] for fault in faults(await shop.client.get(URL, params={"sorting": "properties"}))} == {
        (("query", "sorting", 0), "enum")
    }


def attach(*fields: dict[str, Any], required: bool = False) -> list[dict[str, Any]]:
    return [{"custom_field_id": field["id"], "required": required} for field in fields]


def shown_on(product: dict[str, Any]) -> list[tuple[str, int, bool]]:
    """Slug, order and whether it is required, of each field on a product."""
    fields = product["attached_custom_fields"]
    assert all(field["custom_field_id"] == field["custom_field"]["id"] for field in fields)
    return [(field["custom_field"]["slug"], field["order"], field["required"]) for field in fields]


async def test_fields_are_attached_in_order_replaced_and_detached(shop: Shop) -> None:
    a, b, c = [await make(shop, slug) for slug in "abc"]
    made = await make_product(shop, attached_custom_fields=[*attach(c), *attach(a, required=True)])
    assert shown_on(made) == [("c", 0, False), ("a", 1, True)]
    assert made["attached_custom_fields"][0]["custom_field"] == c
    url = f"/v1/products/{made['id']}"
    assert (await shop.client.get(url)).json() == made
    assert (await shop.client.get("/v1/products/")).json()["items"] == [made]
    await shop.saw("product.created")

    same = (await shop.client.patch(url, json={"name": "Other"})).json()
    assert shown_on(same) == shown_on(made)
    fields = [*attach(b), *attach(c, required=True)]
    replaced = (await shop.client.patch(url, json={"attached_custom_fields": fields})).json()
    assert shown_on(replaced) == [("b", 0, False), ("c", 1, True)]
    swapped = (await shop.client.patch(url, json={"attached_custom_fields": fields[::-1]})).json()
    assert shown_on(swapped) == [("c", 0, True), ("b", 1, False)]
    assert (await shop.client.get(url)).json() == swapped

    cleared = (await shop.client.patch(url, json={"attached_custom_fields": []})).json()
    assert shown_on(cleared) == []
    assert (await shop.client.get(url)).json() == cleared
    await shop.saw(*["product.updated"] * 4)


async def test_a_product_refuses_fields_that_are_not_there_and_keeps_its_own(shop: Shop, other_shop: Shop) -> None:
    a, gone, theirs = await make(shop, "a"), await make(shop, "gone"), await make(other_shop, "theirs")
    await shop.client.delete(URL + gone["id"])
    missing = {"id": str(uuid.uuid4())}
    fields = attach(gone, a, theirs, missing)
    wrong = {(("body", "attached_custom_fields", index), *UNKNOWN) for index in (0, 2, 3)}
    made = await make_product(shop, attached_custom_fields=attach(a))
    reply = await shop.client.patch(f"/v1/products/{made['id']}", json={"attached_custom_fields": fields})
    assert faults(reply) == wrong
    twice = await shop.client.patch(f"/v1/products/{made['id']}", json={"attached_custom_fields": attach(a, a)})
    assert {fault[:2] for fault in faults(twice)} == {(("body", "attached_custom_fields", 1), "value_error")}
    assert (await shop.client.get(f"/v1/products/{made['id']}")).json() == made

    body = {"name": "New", "prices": [{"amount_type": "free"}], "attached_custom_fields": fields, "medias": []}
    assert faults(await shop.client.post("/v1/products/", json=body)) == wrong
    assert (await shop.client.get("/v1/products/")).json()["items"] == [made]


async def test_a_change_of_a_field_shows_on_products_and_its_deletion_detaches_it(shop: Shop) -> None:
    a, b = await make(shop, "a"), await make(shop, "b", "select")
    url = f"/v1/products/{(await make_product(shop, attached_custom_fields=attach(a, b)))['id']}"
    await patch(shop, b, slug="size")
    assert shown_on((await shop.client.get(url)).json()) == [("a", 0, False), ("size", 1, False)]
    await shop.client.delete(URL + a["id"])
    assert shown_on((await shop.client.get(url)).json()) == [("size", 0, False)]


async def test_a_field_is_either_attached_in_time_or_gone(shop: Shop) -> None:
    """A product never keeps a field that was deleted while it was attached."""
    products = [await make_product(shop, name=f"Product {number}") for number in range(3)]
    field = await make(shop)
    replies = await asyncio.gather(
        *(
            shop.client.patch(f"/v1/products/{product['id']}", json={"attached_custom_fields": attach(field)})
            for product in products
        ),
        shop.client.delete(URL + field["id"]),
    )
    assert replies[-1].status_code == 204
    assert {reply.status_code for reply in replies[:-1]} <= {200, 422}
    listed = (await shop.client.get("/v1/products/")).json()["items"]
    assert [shown_on(product) for product in listed] == [[], [], []]


async def test_reading_products_without_fields_costs_nothing_more(shop: Shop) -> None:
    field = await make(shop)
    made = [await make_product(shop)]
    with counted(shop.app.database) as queries:
        await public.read_products(shop.app.database, [UUID(product["id"]) for product in made])
    assert len(queries) == 2, queries
    made += [await make_product(shop, attached_custom_fields=attach(field)) for _ in range(3)]
    with counted(shop.app.database) as queries:
        found = await public.read_products(shop.app.database, [UUID(product["id"]) for product in made])
    assert len(queries) == 3, queries
    assert [len(detail.custom_fields) for detail in found.values()].count(1) == 3


async def test_the_database_holds_what_a_slug_is(shop: Shop) -> None:
    field = await make(shop)
    with pytest.raises(asyncpg.CheckViolationError):
        await shop.app.database.pool.execute("UPDATE custom_fields SET slug = 'A' WHERE id = $1", UUID(field["id"]))


async def detail(shop: Shop, product: dict[str, Any]) -> public.ProductDetail:
    id = UUID(product["id"])
    return (await public.read_products(shop.app.database, [id]))[id]


async def test_answers_are_stored_by_id_and_follow_a_new_slug(shop: Shop) -> None:
    text, size, terms = await make(shop, "text"), await make(shop, "size", "select"), await make(shop, "ok", "checkbox")
    fields = [*attach(text), *attach(size, terms, required=True)]
    product = await detail(shop, await make_product(shop, attached_custom_fields=fields))
    check = public.validate_custom_field_data

    stored, wrong = check(product.custom_fields, {"text": "abc", "x": 1}, stored={}, required=False)
    assert (stored, wrong) == ({text["id"]: "abc", size["id"]: None, terms["id"]: False}, [])
    _, wrong = check(product.custom_fields, {"ok": False}, stored=stored, required=True)
    assert wrong == [
        Fault(("body", "custom_field_data", "size"), "Field required", "missing", {"text": "abc", "ok": False}),
        Fault(("body", "custom_field_data", "ok"), "Input should be True", "literal_error", False),
    ]
    stored, wrong = check(product.custom_fields, {"size": "s", "ok": True}, stored=stored, required=True)
    assert (stored, wrong) == ({text["id"]: "abc", size["id"]: "s", terms["id"]: True}, [])

    await patch(shop, text, slug="remark")
    await shop.client.delete(URL + size["id"])
    await make(shop, "size")
    with counted(shop.app.database) as queries:
        slugs_by_id = await public.read_custom_field_slugs(shop.app.database, stored, {}, stored)
        assert await public.read_custom_field_slugs(shop.app.database, {}, {}) == {}
    assert len(queries) == 1
    assert public.show_custom_field_data(slugs_by_id, stored) == {"remark": "abc", "size": "s", "ok": True}
    assert public.show_custom_field_data({}, {}) == {}


async def test_a_living_field_is_shown_before_a_deleted_one_of_the_same_slug(shop: Shop) -> None:
    old = await make(shop, "x")
    await shop.client.delete(URL + old["id"])
    new = await make(shop, "x")
    stored = {old["id"]: "old", new["id"]: "new"}
    slugs_by_id = await public.read_custom_field_slugs(shop.app.database, stored)
    assert public.show_custom_field_data(slugs_by_id, stored) == {"x": "new"}


async def test_the_invariants_find_a_deleted_field_that_is_still_asked_for(shop: Shop) -> None:
    field = await make_custom_field(shop, "size")
    await make_product(shop, attached_custom_fields=[{"custom_field_id": field["id"], "required": False}])
    await shop.check()
    await shop.app.database.execute(sa.update(CustomFieldRow).values(deleted_at=shop.clock.now()))
    assert list(await broken_invariants(shop.app.database)) == [
        "catalog: an attached custom field lives, in the organization of its product"
    ]
    await shop.app.database.execute(sa.update(CustomFieldRow).values(deleted_at=None))
