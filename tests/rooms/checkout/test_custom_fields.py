"""What buyers answer to custom fields: checked, stored, shown, and copied to what they bought (catalog spec 3.3)."""

from typing import Any

import pytest

from tests.support.catalog import make_custom_field, make_product
from tests.support.checkout import create, faults, finish, good, open_session
from tests.support.shop import Shop

SIZES = {"options": [{"value": "s", "label": "Small"}, {"value": "l", "label": "Large"}]}


def attached(*fields: dict[str, Any], required: bool = False) -> dict[str, Any]:
    return {"attached_custom_fields": [{"custom_field_id": field["id"], "required": required} for field in fields]}


@pytest.mark.example("catalog 11.32")
async def test_optional_while_open_required_at_the_end(shop: Shop) -> None:
    text, select = await make_custom_field(shop, "text"), await make_custom_field(shop, "select", "select", **SIZES)
    asked = [{"custom_field_id": text["id"], "required": False}, {"custom_field_id": select["id"], "required": True}]
    product = await make_product(shop, attached_custom_fields=asked)
    session = await open_session(shop, product, custom_field_data={"text": "abc", "unknown": 1})
    assert session.made["custom_field_data"] == {"text": "abc", "select": None}
    assert session.made["attached_custom_fields"] == product["attached_custom_fields"]
    assert [item["custom_field"]["slug"] for item in session.made["attached_custom_fields"]] == ["text", "select"]
    refused = faults(await session.confirm(None, customer_email=None))
    assert refused == [("custom_field_data", "select", "missing", "Field required")], "alone, before all else"
    assert await session.view() == session.made
    good(await session.confirm(custom_field_data={"select": "s"}))
    await finish(shop)
    answers = {"text": "abc", "select": "s"}
    assert (await session.view())["custom_field_data"] == answers
    assert (await session.order())["custom_field_data"] == answers


async def test_every_fault_at_once(shop: Shop) -> None:
    fields = [
        await make_custom_field(shop, "name", min_length=3),
        await make_custom_field(shop, "age", "number", ge=18),
        await make_custom_field(shop, "terms", "checkbox"),
        await make_custom_field(shop, "day", "date"),
    ]
    product = await make_product(shop, **attached(*fields, required=True))
    wrong = {"name": "A", "age": "old", "terms": None, "day": "soon"}
    types = {
        "name": "string_too_short",
        "age": "int_parsing",
        "terms": "bool_type",
        "day": "datetime_from_date_parsing",
    }
    reply = await create(shop, product, custom_field_data=wrong)
    assert {fault[1]: fault[2] for fault in faults(reply)} == types
    session = await open_session(shop, product)
    assert session.made["custom_field_data"] == {"name": None, "age": None, "terms": False, "day": None}
    for change in (session.patch, session.update):
        assert {fault[1]: fault[2] for fault in faults(await change(custom_field_data=wrong))} == types
    good(await session.update(custom_field_data={"age": "21", "day": "2026-02-01"}))
    left = {fault[1:] for fault in faults(await session.confirm(custom_field_data={"terms": False}))}
    assert left == {("name", "missing", "Field required"), ("terms", "literal_error", "Input should be True")}
    good(await session.confirm(custom_field_data={"name": "Ada", "terms": True}))
    await finish(shop)
    shown = (await session.order())["custom_field_data"]
    assert shown == {"name": "Ada", "age": 21, "terms": True, "day": "2026-02-01T00:00:00"}


async def test_what_is_not_sent_stays_and_null_clears(shop: Shop) -> None:
    product = await make_product(shop, **attached(*[await make_custom_field(shop, slug) for slug in ("a", "b")]))
    session = await open_session(shop, product, custom_field_data={"a": "1", "b": "2"})
    assert good(await session.update(customer_name="Ada"))["custom_field_data"] == {"a": "1", "b": "2"}
    assert good(await session.update(custom_field_data={"b": None}))["custom_field_data"] == {"a": "1", "b": None}
    assert good(await session.patch(custom_field_data={}))["custom_field_data"] == {"a": "1", "b": None}


async def test_another_product_asks_for_its_own(shop: Shop) -> None:
    both, one, two = [await make_custom_field(shop, slug) for slug in ("both", "one", "two")]
    first, second = await make_product(shop, **attached(both, one)), await make_product(shop, **attached(two, both))
    session = await open_session(shop, first, second, custom_field_data={"both": "x", "one": "1"})
    moved = good(await session.update(product_id=second["id"], custom_field_data={"two": "2"}))
    assert moved["custom_field_data"] == {"two": "2", "both": "x"}
    assert moved["attached_custom_fields"] == second["attached_custom_fields"]
    assert good(await session.update(product_id=first["id"]))["custom_field_data"] == {"both": "x", "one": None}


async def test_answers_follow_the_name_of_the_field(shop: Shop) -> None:
    field = await make_custom_field(shop, "old")
    product = await make_product(shop, recurring_interval="month", **attached(field))
    session, done = [await open_session(shop, product, custom_field_data={"old": "x"}) for _ in range(2)]
    await done.pay(customer_email="b@example.com")
    await shop.client.patch(f"/v1/custom-fields/{field['id']}", json={"type": "text", "slug": "new"})
    for view in (await session.view(), good(await session.get()), await done.view(), await done.order()):
        assert view["custom_field_data"] == {"new": "x"}
    customer = (await done.view())["customer_id"]
    state = good(await shop.client.get(f"/v1/customers/{customer}/state"))
    assert state["active_subscriptions"][0]["custom_field_data"] == {"new": "x"}
    listed = good(await shop.client.get("/v1/checkouts/"))["items"]
    assert [item["custom_field_data"] for item in listed] == [{"new": "x"}] * 2


async def test_a_field_that_is_deleted_while_the_session_is_open(shop: Shop) -> None:
    field = await make_custom_field(shop, "gone")
    product = await make_product(shop, **attached(field, required=True))
    session = await open_session(shop, product, custom_field_data={"gone": "x"})
    assert (await shop.client.delete(f"/v1/custom-fields/{field['id']}")).status_code == 204
    seen = await session.view()
    assert (seen["custom_field_data"], seen["attached_custom_fields"]) == ({"gone": "x"}, [])
    assert (await session.pay())["custom_field_data"] == {}
