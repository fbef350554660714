"""Discounts: making, listing, changing and deleting them (catalog spec 4.1, 4.2)."""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from boreal.rooms.catalog import public
from tests.support.catalog import make_product
from tests.support.shop import Shop

URL = "/v1/discounts/"
FIXED = {"type": "fixed", "duration": "once", "amount": 500}
SHARE = {"type": "percentage", "duration": "forever", "basis_points": 1000}
MONTHS = {"type": "percentage", "duration": "repeating", "duration_in_months": 3, "basis_points": 1000}


async def make(shop: Shop, kind: dict[str, Any] = SHARE, **body: Any) -> dict[str, Any]:
    reply = await shop.client.post(URL, json={"name": "Sale", **kind, **body})
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


async def change(shop: Shop, discount: dict[str, Any], **body: Any) -> dict[str, Any]:
    reply = await shop.client.patch(URL + discount["id"], json=body)
    assert reply.status_code == 200, reply.text
    changed: dict[str, Any] = reply.json()
    return changed


async def faults(shop: Shop, url: str = URL, **body: Any) -> list[tuple[str, list[Any], str]]:
    """Type, place and words of every fault: of a create, or of a change at another url."""
    method = "POST" if url == URL else "PATCH"
    reply = await shop.client.request(method, url, json=body)
    assert reply.status_code == 422, reply.text
    return [(fault["type"], fault["loc"], fault["msg"]) for fault in reply.json()["detail"]]


async def redeemed(shop: Shop, discount: dict[str, Any]) -> uuid.UUID:
    """The id of a session that redeemed a discount."""
    session_id = uuid.uuid4()
    async with shop.app.transaction(shop.organization_id) as tx:
        found = await public.find_discount(tx, organization_id=shop.organization_id, id=uuid.UUID(discount["id"]))
        assert found is not None and await public.redeem(tx, found, session_id)
    return session_id


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (FIXED, {"amount": 500, "currency": "usd"}),
        ({**FIXED, "duration": "repeating", "duration_in_months": 999}, {"amount": 500, "currency": "usd"}),
        ({**FIXED, "amount": 999_999_999_999, "currency": "usd", "basis_points": 7}, {"currency": "usd"}),
        (SHARE, {}),
        (MONTHS, {}),
    ],
)
async def test_each_kind_shows_what_it_is_made_of(shop: Shop, kind: dict[str, Any], shown: dict[str, Any]) -> None:
    made = await make(shop, kind)
    kept = {name: value for name, value in kind.items() if name != "basis_points" or kind["type"] == "percentage"}
    assert made == {
        "id": made["id"],
        "created_at": "2026-01-15T12:00:00Z",
        "modified_at": None,
        "metadata": {},
        "name": "Sale",
        "code": None,
        "starts_at": None,
        "ends_at": None,
        "max_redemptions": None,
        "redemptions_count": 0,
        "organization_id": str(shop.organization_id),
        "products": [],
        **kept,
        **shown,
    }
    assert (await shop.client.get(URL + made["id"])).json() == made


async def test_everything_that_can_be_set(shop: Shop) -> None:
    one, two = await make_product(shop, metadata={"a": 1}), await make_product(shop, recurring_interval="month")
    made = await make(
        shop,
        name="Été",
        code="  Été20 ",
        starts_at="2026-02-01T00:00:00+01:00",
        ends_at="2026-03-01T00:00:00",
        max_redemptions=2**31 - 1,
        products=[two["id"], one["id"]],
        metadata={"campaign": "summer"},
    )
    assert (made["code"], made["max_redemptions"]) == ("Été20", 2**31 - 1)
    assert (made["starts_at"], made["ends_at"]) == ("2026-01-31T23:00:00Z", "2026-03-01T00:00:00Z")
    assert made["metadata"] == {"campaign": "summer"}
    shown = {"prices", "benefits", "medias", "attached_custom_fields"}
    wanted = [{name: item[name] for name in item.keys() - shown} for item in (two, one)]
    assert made["products"] == wanted
    assert (await shop.client.get(URL + made["id"])).json() == made
    assert (await make(shop, code="  "))["code"] is None


async def test_what_is_missing_or_unknown_is_told_by_its_kind(shop: Shop) -> None:
    assert (await faults(shop, name="Sale"))[0][:2] == ("union_tag_not_found", ["body"])
    assert (await faults(shop, name="Sale", type="fixed"))[0][0] == "union_tag_not_found"
    assert (await faults(shop, name="Sale", **{**FIXED, "type": "free"}))[0][0] == "union_tag_invalid"
    assert (await faults(shop, name="Sale", **{**FIXED, "duration": "twice"}))[0][:2] == (
        "enum",
        ["body", "fixed.once_forever", "duration"],
    )
    assert [fault[:2] for fault in await faults(shop, type="percentage", duration="repeating")] == [
        ("missing", ["body", "percentage.repeat", "name"]),
        ("missing", ["body", "percentage.repeat", "duration_in_months"]),
        ("missing", ["body", "percentage.repeat", "basis_points"]),
    ]


@pytest.mark.parametrize(
    ("body", "type", "words"),
    [
        ({"code": "A-1"}, "value_error", "Value error, Code must contain only alphanumeric characters."),
        ({"code": "AB CD"}, "value_error", "Value error, Code must contain only alphanumeric characters."),
        ({"code": "AB"}, "value_error", "Value error, Code must be between 3 and 256 characters long."),
        ({"code": "A" * 257}, "value_error", "Value error, Code must be between 3 and 256 characters long."),
        ({"name": ""}, "string_too_short", None),
        ({"max_redemptions": 0}, "greater_than_equal", None),
        ({"max_redemptions": 2**31}, "less_than_equal", "Input should be less than or equal to 2147483647"),
        ({"basis_points": 0}, "greater_than_equal", None),
        ({"basis_points": 10_001}, "less_than_equal", None),
        ({"basis_points": True}, "int_type", None),
        ({"ends_at": "9999-12-31T23:59:59-01:00"}, "value_error", None),
        ({"starts_at": "soon"}, "datetime_from_date_parsing", None),
    ],
)
async def test_limits(shop: Shop, body: dict[str, Any], type: str, words: str | None) -> None:
    [field] = body
    [found] = await faults(shop, **{"name": "Sale", **SHARE, **body})
    assert found[:2] == (type, ["body", "percentage.once_forever", field])
    assert words is None or found[2] == words


async def test_limits_of_amounts_and_months(shop: Shop) -> None:
    for body in ({"amount": -1}, {"amount": 10**12}, {"currency": "eur"}, {"currency": "xusd"}):
        [found] = await faults(shop, **{"name": "Sale", **FIXED, **body})
        assert found[1] == ["body", "fixed.once_forever", *body]
    for months in (0, 1000):
        [found] = await faults(shop, **{"name": "Sale", **MONTHS, "duration_in_months": months})
        assert found[1] == ["body", "percentage.repeat", "duration_in_months"]
    longest = "é" * 256
    assert (await make(shop, code=longest))["code"] == longest
    assert (await make(shop, FIXED, amount=0))["amount"] == 0


async def test_a_discount_ends_after_it_starts(shop: Shop) -> None:
    noon, words = "2026-02-01T12:00:00Z", "Value error, starts_at must be before ends_at"
    [found] = await faults(shop, name="Sale", **SHARE, starts_at=noon, ends_at="2026-02-01T13:00:00+01:00")
    assert found == ("value_error", ["body", "percentage.once_forever", "ends_at"], words)
    made = await make(shop, starts_at=noon, ends_at="2026-02-01T12:00:01Z")
    [found] = await faults(shop, URL + made["id"], starts_at=noon, ends_at="2026-01-01T12:00:00Z")
    assert found == ("value_error", ["body", "ends_at"], words)


async def test_products_must_be_of_the_organization(shop: Shop, other_shop: Shop) -> None:
    own, theirs, unknown = await make_product(shop), await make_product(other_shop), str(uuid.uuid4())
    found = await faults(shop, name="Sale", **SHARE, products=[theirs["id"], own["id"], unknown])
    assert found == [("value_error", ["body", "products", index], "Product not found.") for index in (0, 2)]
    [found_twice] = await faults(shop, name="Sale", **SHARE, products=[own["id"], own["id"]])
    assert found_twice[:2] == ("value_error", ["body", "percentage.once_forever", "products", 1])
    made = await make(shop, products=[own["id"]])
    [unknown_fault, *_] = await faults(shop, URL + made["id"], products=[own["id"], unknown])
    assert unknown_fault == ("value_error", ["body", "products", 1], "Product not found.")


TAKEN = ("value_error", ["body", "code"], "Discount with this code already exists.")


async def test_codes_are_unique_whatever_their_case(shop: Shop, other_shop: Shop) -> None:
    first = await make(shop, code="Straße")
    assert await faults(shop, name="Sale", **SHARE, code="STRASSE") == [TAKEN]
    await make(other_shop, code="STRASSE")
    second = await make(shop, code="other")
    assert await faults(shop, URL + second["id"], code="strasse") == [TAKEN]
    assert (await change(shop, first, code="strasse"))["code"] == "strasse"
    assert (await change(shop, first, code=None))["code"] is None
    assert (await change(shop, second, code="STRASSE"))["code"] == "STRASSE"
    await make(shop)
    await make(shop)


async def test_one_of_many_gets_a_code(shop: Shop) -> None:
    codes = ["save20", "SAVE20", "Save20", "sAVE20"] * 3
    replies = await asyncio.gather(
        *(shop.client.post(URL, json={"name": "Sale", **SHARE, "code": code}) for code in codes)
    )
    assert sorted(reply.status_code for reply in replies) == [201] + [422] * 11
    refusals = [reply.json()["detail"] for reply in replies if reply.status_code == 422]
    assert {(fault["msg"], *fault["loc"]) for [fault] in refusals} == {(TAKEN[2], "body", "code")}


async def test_changes(shop: Shop) -> None:
    one = await make_product(shop)
    made = await make(shop, MONTHS, code="ABC", max_redemptions=5, metadata={"a": 1}, products=[one["id"]])
    await shop.advance(minutes=5)
    assert await change(shop, made) == {**made, "modified_at": "2026-01-15T12:05:00Z"}
    nulls = dict.fromkeys(("name", "type", "duration", "duration_in_months", "basis_points", "products"))
    assert await change(shop, made, **nulls) == {**made, "modified_at": "2026-01-15T12:05:00Z"}
    # What belongs to another kind is ignored.
    changed = await change(
        shop, made, name="New", basis_points=2000, duration_in_months=6, amount=7, currency="usd", type="percentage"
    )
    assert (changed["name"], changed["basis_points"], changed["duration_in_months"]) == ("New", 2000, 6)
    assert "amount" not in changed and "currency" not in changed
    cleared = await change(shop, made, max_redemptions=None, code="", products=[], metadata={}, starts_at=None)
    assert (cleared["max_redemptions"], cleared["code"], cleared["products"], cleared["metadata"]) == (
        None,
        None,
        [],
        {},
    )
    assert (await shop.client.get(URL + made["id"])).json() == cleared
    once = await make(shop, FIXED)
    assert "duration_in_months" not in await change(shop, once, duration_in_months=4)


async def test_changes_are_checked_in_order(shop: Shop) -> None:
    await make(shop, code="TAKEN")
    made = await make(shop, FIXED)
    await redeemed(shop, made)
    steps: list[tuple[dict[str, Any], str, str]] = [
        ({"duration": "forever"}, "duration", "Duration cannot be changed."),
        ({"type": "percentage"}, "type", "Type cannot be changed."),
        ({"code": "taken"}, "code", TAKEN[2]),
        (
            {"amount": 501},
            "amount",
            "This field cannot be changed because the discount has already been redeemed.",
        ),
        ({"products": [str(uuid.uuid4())]}, "products", "Product not found."),
    ]
    for index, (_, field, words) in enumerate(steps):
        body = {name: value for step, _, _ in steps[index:] for name, value in step.items()}
        [found] = await faults(shop, URL + made["id"], **body)
        assert (found[1][1], found[2]) == (field, words)


async def test_what_was_redeemed_stays_worth_what_it_was(shop: Shop) -> None:
    fixed, share = await make(shop, FIXED), await make(shop, MONTHS)
    for made in (fixed, share):
        await redeemed(shop, made)
    reply = await shop.client.patch(URL + share["id"], json={"basis_points": 999})
    [fault] = reply.json()["detail"]
    assert (fault["loc"], fault["input"]) == (["body", "basis_points"], 1000)
    reply = await shop.client.patch(URL + fixed["id"], json={"amount": 1, "currency": "usd"})
    assert [(fault["loc"], fault["input"]) for fault in reply.json()["detail"]] == [(["body", "amount"], 500)]
    same = await change(shop, fixed, amount=500, currency="usd", name="New", code="NEW", max_redemptions=1)
    assert (same["name"], same["redemptions_count"]) == ("New", 1)
    longer = await change(
        shop, share, duration_in_months=12, amount=3, ends_at="2026-05-01T00:00:00Z", metadata={"a": 1}
    )
    assert longer["duration_in_months"] == 12


async def test_deleting_frees_the_code_and_hides_the_discount(shop: Shop) -> None:
    made = await make(shop, code="GONE")
    assert (await shop.client.delete(URL + made["id"])).status_code == 204
    for method in ("GET", "DELETE", "PATCH"):
        reply = await shop.client.request(method, URL + made["id"], json={} if method == "PATCH" else None)
        assert reply.status_code == 404, method
    assert (await shop.client.get(URL)).json()["items"] == []
    again = await make(shop, code="gone")
    assert again["id"] != made["id"]
    assert (await shop.client.delete(URL + again["id"])).status_code == 204
    await make(shop, code="Gone")


async def names(shop: Shop, **params: Any) -> list[str]:
    reply = await shop.client.get(URL, params=params)
    assert reply.status_code == 200, reply.text
    found = [item["name"] for item in reply.json()["items"]]
    assert reply.json()["pagination"]["total_count"] == len(found)
    return found


async def test_the_list(shop: Shop, other_shop: Shop) -> None:
    product = await make_product(shop)
    await make(shop, name="b one", code="ZED", products=[product["id"]])
    await shop.advance(minutes=1)
    used = await make(shop, FIXED, name="A two", code="abc")
    await shop.advance(minutes=1)
    await make(shop, MONTHS, name="c 100%")
    await make(other_shop, name="Theirs", code="ABC")
    await redeemed(shop, used)

    assert await names(shop) == ["c 100%", "A two", "b one"]
    assert await names(shop, sorting="created_at") == ["b one", "A two", "c 100%"]
    assert await names(shop, sorting="name") == ["A two", "b one", "c 100%"]
    assert await names(shop, sorting="-code") == ["c 100%", "b one", "A two"]
    assert await names(shop, sorting=["-redemptions_count", "name"]) == ["A two", "b one", "c 100%"]
    assert await names(shop, query="ABC") == ["A two"]
    assert await names(shop, query="0%") == ["c 100%"]
    assert await names(shop, query="ONE") == ["b one"]
    assert await names(shop, organization_id=str(other_shop.organization_id)) == []
    assert len(await names(shop, organization_id=[str(shop.organization_id), str(other_shop.organization_id)])) == 3
    [item] = (await shop.client.get(URL, params={"limit": 1, "page": 3})).json()["items"]
    assert [shown["id"] for shown in item["products"]] == [product["id"]]
    assert (await shop.client.get(URL, params={"sorting": "amount"})).status_code == 422


async def test_others_neither_see_nor_change_them(shop: Shop, other_shop: Shop) -> None:
    made = await make(shop)
    for method in ("GET", "DELETE", "PATCH"):
        body = {"name": "Mine"} if method == "PATCH" else None
        reply = await other_shop.client.request(method, URL + made["id"], json=body)
        assert reply.status_code == 404
    assert (await shop.client.get(URL + made["id"])).json() == made
    [found] = await faults(shop, name="Sale", **SHARE, organization_id=str(shop.organization_id))
    assert found[:2] == ("organization_token", ["body", "organization_id"])


async def test_nobody_hears_of_discounts(shop: Shop) -> None:
    await shop.facts()
    made = await make(shop)
    await change(shop, made, name="New")
    await redeemed(shop, made)
    await shop.client.delete(URL + made["id"])
    await shop.saw()


async def test_times_without_an_offset_are_in_utc(shop: Shop) -> None:
    made = await make(shop, starts_at="2026-02-01T00:00:00", ends_at="2026-02-01T01:30:00+01:00")
    found = await public.find_discount(shop.app.database, organization_id=shop.organization_id, id=made["id"])
    assert found is not None
    assert (found.starts_at, found.ends_at) == (
        datetime(2026, 2, 1, tzinfo=UTC),
        datetime(2026, 2, 1, 0, 30, tzinfo=UTC),
    )
