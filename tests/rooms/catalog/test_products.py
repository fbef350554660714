"""Products through HTTP: making, reading, changing and archiving them (catalog spec 2)."""

import uuid
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from boreal.kit.facts import FactRow
from boreal.kit.routing import dump
from boreal.rooms.catalog.products.rendering import payload
from tests.support.catalog import FREE, fixed, make_product
from tests.support.shop import Shop, client_of

RECURRING_LABEL = "function-after[is_complete_configuration(), ProductCreateRecurring]"


def faults(reply: httpx2.Response) -> set[tuple[Any, ...]]:
    """Place, type and words of everything that a 422 complains about."""
    assert reply.status_code == 422, reply.text
    return {(tuple(fault["loc"]), fault["type"], fault["msg"]) for fault in reply.json()["detail"]}


async def test_a_product_is_made_and_read(shop: Shop) -> None:
    made = await make_product(shop, fixed(2500), name="Course", description="  Learn.  ", metadata={"a": 1, "b": True})
    (price,) = made["prices"]
    assert made == {
        "id": made["id"],
        "created_at": "2026-01-15T12:00:00Z",
        "modified_at": None,
        "name": "Course",
        "description": "Learn.",
        "recurring_interval": None,
        "recurring_interval_count": None,
        "trial_interval": None,
        "trial_interval_count": None,
        "is_recurring": False,
        "is_archived": False,
        "organization_id": str(shop.organization_id),
        "metadata": {"a": 1, "b": True},
        "prices": [
            {
                "id": price["id"],
                "created_at": "2026-01-15T12:00:00Z",
                "modified_at": None,
                "source": "catalog",
                "amount_type": "fixed",
                "is_archived": False,
                "product_id": made["id"],
                "type": "one_time",
                "recurring_interval": None,
                "price_currency": "usd",
                "price_amount": 2500,
            }
        ],
        "benefits": [],
        "medias": [],
        "attached_custom_fields": [],
    }
    assert (await shop.client.get(f"/v1/products/{made['id']}")).json() == made
    await shop.saw("product.created")


async def test_a_recurring_product_has_an_interval_and_a_trial(shop: Shop) -> None:
    made = await make_product(
        shop,
        recurring_interval="month",
        recurring_interval_count=3,
        trial_interval="day",
        trial_interval_count=14,
    )
    assert (made["is_recurring"], made["recurring_interval"], made["recurring_interval_count"]) == (True, "month", 3)
    assert (made["trial_interval"], made["trial_interval_count"]) == ("day", 14)
    assert (made["prices"][0]["type"], made["prices"][0]["recurring_interval"]) == ("recurring", "month")
    assert (await make_product(shop, recurring_interval="year"))["recurring_interval_count"] == 1


async def test_a_one_time_product_drops_trial_fields(shop: Shop) -> None:
    made = await make_product(shop, trial_interval="day", trial_interval_count=7)
    assert (made["trial_interval"], made["trial_interval_count"]) == (None, None)


MISSHAPEN: list[tuple[dict[str, Any], tuple[Any, ...], str]] = [
    ({"name": "ab"}, ("ProductCreateOneTime", "name"), "string_too_short"),
    ({"prices": []}, ("ProductCreateOneTime", "prices"), "too_short"),
    ({"name": "a\x00bc"}, ("ProductCreateOneTime", "name"), "value_error"),
    ({"recurring_interval": "hour"}, (RECURRING_LABEL, "recurring_interval"), "enum"),
    (
        {"recurring_interval": "month", "recurring_interval_count": 1000},
        (RECURRING_LABEL, "recurring_interval_count"),
        "less_than_equal",
    ),
    ({"recurring_interval_count": 2}, ("ProductCreateOneTime", "recurring_interval_count"), "none_required"),
    ({"recurring_interval": "month", "trial_interval": "day"}, (RECURRING_LABEL,), "missing"),
    (
        {"recurring_interval": "month", "trial_interval": "day", "trial_interval_count": 1001},
        (RECURRING_LABEL, "trial_interval_count"),
        "less_than_equal",
    ),
    ({"metadata": {"k" * 41: 1}}, ("ProductCreateOneTime", "metadata", "k" * 41, "[key]"), "string_too_long"),
]


async def test_a_body_of_the_wrong_shape_is_refused(shop: Shop) -> None:
    for body, loc, type in MISSHAPEN:
        reply = await shop.client.post("/v1/products/", json={"name": "Pro", "prices": [FREE], **body})
        assert (("body", *loc), type) in {fault[:2] for fault in faults(reply)}, body
        assert reply.json()["error"] == "RequestValidationError"
    await shop.saw()


async def test_an_organization_token_does_not_name_its_organization(shop: Shop) -> None:
    body = {"name": "Pro", "prices": [FREE], "organization_id": str(shop.organization_id)}
    assert faults(await shop.client.post("/v1/products/", json=body)) == {
        (
            ("body", "organization_id"),
            "organization_token",
            "Setting organization_id is disallowed when using an organization token.",
        )
    }


async def test_what_a_product_refers_to_must_exist_and_all_faults_come_together(shop: Shop) -> None:
    file_id, field_id, meter_id = (str(uuid.uuid4()) for _ in range(3))
    metered = {"amount_type": "metered_unit", "meter_id": meter_id, "unit_amount": "0.5"}
    body = {
        "name": "Pro",
        "prices": [fixed(), FREE, metered],
        "medias": [file_id],
        "attached_custom_fields": [{"custom_field_id": field_id, "required": True}],
    }
    expected = {
        (("body", "prices"), "value_error", "Only one static price is allowed."),
        (("body", "prices", 2), "value_error", "Metered pricing is not supported on one-time products."),
        (("body", "prices", 2, "meter_id"), "value_error", "Meter does not exist."),
        (("body", "medias", 0), "value_error", "File does not exist or is not yet uploaded."),
        (("body", "attached_custom_fields", 0), "value_error", "Custom field does not exist."),
    }
    made = await shop.client.post("/v1/products/", json=body)
    assert faults(made) == expected
    assert made.json()["error"] == "PolarRequestValidationError"
    assert all(set(fault) == {"type", "loc", "msg", "input"} for fault in made.json()["detail"])
    product = await make_product(shop)
    await shop.saw("product.created")
    assert faults(await shop.client.patch(f"/v1/products/{product['id']}", json=body)) == expected
    assert (await shop.client.get(f"/v1/products/{product['id']}")).json() == product
    await shop.saw()


@pytest.mark.parametrize("name", ["medias", "attached_custom_fields"])
async def test_nothing_is_attached_twice(shop: Shop, name: str) -> None:
    id = str(uuid.uuid4())
    item: Any = id if name == "medias" else {"custom_field_id": id, "required": False}
    reply = await shop.client.post("/v1/products/", json={"name": "Pro", "prices": [FREE], name: [item, item]})
    assert (("body", "ProductCreateOneTime", name, 1), "value_error") in {fault[:2] for fault in faults(reply)}


async def test_only_what_is_sent_changes(shop: Shop) -> None:
    made = await make_product(shop, description="Old", metadata={"a": "1"})
    await shop.advance(minutes=5)
    url = f"/v1/products/{made['id']}"
    changed = (await shop.client.patch(url, json={"name": "Max"})).json()
    assert changed == {**made, "name": "Max", "modified_at": "2026-01-15T12:05:00Z"}
    changed = (await shop.client.patch(url, json={"description": " ", "metadata": {"b": 2}})).json()
    assert (changed["description"], changed["metadata"]) == (None, {"b": 2})
    changed = (await shop.client.patch(url, json={"description": "New"})).json()
    assert (changed["description"], changed["metadata"]) == ("New", {"b": 2})
    nulls = dict.fromkeys(("name", "is_archived", "prices", "medias", "attached_custom_fields"))
    assert (await shop.client.patch(url, json=nulls)).json() == changed
    assert (await shop.client.patch(url, json={"description": None, "metadata": {}})).json() == {
        **changed,
        "description": None,
        "metadata": {},
    }
    assert (await shop.client.get(url)).json()["metadata"] == {}
    await shop.saw("product.created", *["product.updated"] * 5)


async def test_the_billing_cycle_cannot_change(shop: Shop) -> None:
    fault = (("body", "recurring_interval"), "value_error", "Recurring interval cannot be changed.")
    monthly = await make_product(shop, recurring_interval="month", recurring_interval_count=3)
    once = await make_product(shop)
    for product, body in (
        (monthly, {"recurring_interval": "year"}),
        (monthly, {"recurring_interval": "year", "recurring_interval_count": 3}),
        (monthly, {"recurring_interval": None}),
        (monthly, {"recurring_interval_count": 1}),
        (monthly, {"recurring_interval_count": None}),
        (monthly, {"recurring_interval": "month", "recurring_interval_count": 1}),
        (once, {"recurring_interval": "month"}),
        (once, {"recurring_interval_count": 1}),
    ):
        assert faults(await shop.client.patch(f"/v1/products/{product['id']}", json=body)) == {fault}, body
    for product, body in (
        (monthly, {"recurring_interval": "month"}),
        (monthly, {"recurring_interval_count": 3}),
        (monthly, {"recurring_interval": "month", "recurring_interval_count": 3}),
        (once, {"recurring_interval": None, "recurring_interval_count": None}),
    ):
        reply = await shop.client.patch(f"/v1/products/{product['id']}", json=body)
        assert reply.status_code == 200, reply.text
        assert reply.json() == {**product, "modified_at": "2026-01-15T12:00:00Z"}


async def test_a_trial_is_set_changed_and_removed(shop: Shop) -> None:
    product = await make_product(shop, recurring_interval="month")
    url = f"/v1/products/{product['id']}"
    trial = {"trial_interval": "week", "trial_interval_count": 2}
    assert (await shop.client.patch(url, json=trial)).json().items() >= trial.items()
    assert (await shop.client.patch(url, json={"name": "Max"})).json().items() >= trial.items()
    half = faults(await shop.client.patch(url, json={"trial_interval": "day"}))
    assert half == {(("body",), "missing", "Both trial_interval and trial_interval_count must be set together.")}
    none = {"trial_interval": None, "trial_interval_count": None}
    assert (await shop.client.patch(url, json=none)).json().items() >= none.items()


async def test_a_one_time_product_has_no_trial(shop: Shop) -> None:
    url = f"/v1/products/{(await make_product(shop))['id']}"
    words = "Trial configuration is only supported on recurring products."
    trial = {"trial_interval": "day", "trial_interval_count": 7, "recurring_interval": "month"}
    assert faults(await shop.client.patch(url, json=trial)) == {
        (("body", "trial_interval"), "value_error", words),
        (("body", "trial_interval_count"), "value_error", words),
        (("body", "recurring_interval"), "value_error", "Recurring interval cannot be changed."),
    }
    none = {"trial_interval": None, "trial_interval_count": None}
    assert (await shop.client.patch(url, json=none)).status_code == 200


async def test_a_product_is_archived_and_restored(shop: Shop) -> None:
    product = await make_product(shop)
    url = f"/v1/products/{product['id']}"
    archived = (await shop.client.patch(url, json={"is_archived": True})).json()
    assert archived == {**product, "is_archived": True, "modified_at": "2026-01-15T12:00:00Z"}
    assert (await shop.client.get(url)).json() == archived
    assert (await shop.client.patch(url, json={"is_archived": False})).json()["is_archived"] is False
    assert (await shop.client.delete(url)).status_code == 405
    await shop.saw("product.created", "product.updated", "product.updated")


async def test_benefits_are_set(shop: Shop) -> None:
    product = await make_product(shop)
    url = f"/v1/products/{product['id']}/benefits"
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    assert faults(await shop.client.post(url, json={"benefits": [first, second]})) == {
        (("body", "benefits", 0), "value_error", "Benefit does not exist.")
    }
    assert (("body", "benefits", 1), "value_error") in {
        fault[:2] for fault in faults(await shop.client.post(url, json={"benefits": [first, first]}))
    }
    await shop.saw("product.created")
    reply = await shop.client.post(url, json={"benefits": []})
    assert reply.json() == {**product, "modified_at": "2026-01-15T12:00:00Z"}
    await shop.saw("product.updated")


async def test_others_see_nothing(shop: Shop, other_shop: Shop) -> None:
    product = await make_product(shop)
    url = f"/v1/products/{product['id']}"
    for reply in (
        await other_shop.client.get(url),
        await other_shop.client.patch(url, json={"name": "Mine"}),
        await other_shop.client.post(f"{url}/benefits", json={"benefits": []}),
        await shop.client.get(f"/v1/products/{uuid.uuid4()}"),
    ):
        assert reply.status_code == 404
        assert reply.json() == {"error": "ResourceNotFound", "detail": "Not found"}
    assert (await other_shop.client.get("/v1/products/")).json()["items"] == []
    assert (await shop.client.get("/v1/products/not-an-id")).status_code == 422
    assert (await shop.client.get("/v1/products/6ba7b810-9dad-11d1-80b4-00c04fd430c8")).status_code == 422
    async with client_of(shop.boreal, None) as nobody:
        assert (await nobody.get(url)).status_code == 401
    assert (await shop.client.get(url)).json() == product


async def test_a_webhook_says_what_the_api_says(shop: Shop) -> None:
    product = await make_product(shop, recurring_interval="month", trial_interval="day", trial_interval_count=3)
    async with shop.app.database.transaction() as connection:
        sent = dump(await payload(connection, uuid.UUID(product["id"])))
    assert sent == (await shop.client.get(f"/v1/products/{product['id']}")).content


async def test_a_fact_names_what_changed(shop: Shop) -> None:
    product = await make_product(shop)
    body = {"name": "Max", "is_archived": True, "prices": [FREE], "description": None}
    await shop.client.patch(f"/v1/products/{product['id']}", json=body)
    details = await shop.app.database.fetchval(sa.select(FactRow.c.details).order_by(FactRow.c.id.desc()).limit(1))
    assert details == {"updated_fields": ["name", "is_archived", "prices"]}
