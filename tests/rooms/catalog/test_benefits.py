"""Benefits: what merchants define, and what of it comes with which product (usage spec 8, catalog spec 2.7)."""

from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from boreal.rooms.usage.meters.holds import held_by
from tests.support.benefits import attach, make_benefit, make_meter
from tests.support.catalog import make_product
from tests.support.checkout import good, open_session
from tests.support.shop import Shop, client_of

KEYS = {
    "prefix": "  myapp ",
    "expires": {"ttl": 1, "timeframe": "month"},
    "activations": {"limit": 2, "enable_customer_admin": True},
    "limit_usage": 100,
}


async def faults(shop: Shop, **body: Any) -> list[tuple[list[Any], str]]:
    asked = {"description": "Thanks", **body}
    reply = await shop.client.post("/v1/benefits/", json=asked)
    assert reply.status_code == 422, reply.text
    return [(fault["loc"], fault["type"]) for fault in reply.json()["detail"]]


async def test_benefits_of_every_type_that_can_be_made(shop: Shop) -> None:
    file, other = str(uuid4()), str(uuid4())
    custom = await make_benefit(shop, properties={}, metadata={"tier": 1})
    assert (custom["properties"], custom["metadata"]) == ({"note": None}, {"tier": 1})
    assert (custom["selectable"], custom["deletable"], custom["modified_at"]) == (True, True, None)
    keys = await make_benefit(shop, "license_keys", properties=KEYS)
    assert keys["properties"] == {**KEYS, "prefix": "myapp"}
    plain = await make_benefit(shop, "license_keys", properties={"prefix": " "})
    assert plain["properties"] == {"prefix": None, "expires": None, "activations": None, "limit_usage": None}
    given = {"files": [file, other], "archived": {other: True}}
    downloads = await make_benefit(shop, "downloadables", properties=given)
    assert downloads["properties"] == given
    for benefit in (custom, keys, downloads):
        assert good(await shop.client.get(f"/v1/benefits/{benefit['id']}")) == benefit
    await shop.saw(*["benefit.created"] * 4)


async def test_a_meter_credit_names_a_meter(shop: Shop, other_shop: Shop) -> None:
    meter_id = await make_meter(shop)
    properties = {"units": 100, "rollover": True, "meter_id": meter_id}
    benefit = await make_benefit(shop, "meter_credit", properties=properties)
    assert benefit["properties"] == properties
    assert await held_by(shop.app.database, UUID(meter_id)) == {"benefit"}
    assert (await shop.client.delete(f"/v1/benefits/{benefit['id']}")).status_code == 204
    assert await held_by(shop.app.database, UUID(meter_id)) == set()
    for client in (other_shop, shop):
        foreign = {**properties, "meter_id": meter_id if client is other_shop else str(uuid4())}
        asked = {"type": "meter_credit", "description": "Units", "properties": foreign}
        reply = await client.client.post("/v1/benefits/", json=asked)
        assert (reply.status_code, reply.json()["error"]) == (422, "BenefitPropertiesValidationError")
        (fault,) = reply.json()["detail"]
        assert fault == {
            "type": "value_error",
            "loc": ["body", "properties", "meter_id"],
            "msg": "This meter does not exist.",
            "input": foreign["meter_id"],
        }


async def test_what_nobody_can_connect_yet(shop: Shop) -> None:
    github = {"repository_owner": "acme", "repository_name": "app", "permission": "pull"}
    asked = {"type": "github_repository", "description": "Code", "properties": github}
    reply = await shop.client.post("/v1/benefits/", json=asked)
    assert (reply.status_code, reply.json()["error"]) == (422, "BenefitPropertiesValidationError")
    (fault,) = reply.json()["detail"]
    assert (fault["loc"], fault["type"]) == (["body", "properties", "repository_owner"], "invalid_auth_subject")
    assert fault["msg"] == "We do not yet support creating this benefit with an organization token."
    discord = {"guild_token": "made up", "role_id": "1", "kick_member": False}
    reply = await shop.client.post(
        "/v1/benefits/", json={"type": "discord", "description": "Chat", "properties": discord}
    )
    (fault,) = reply.json()["detail"]
    assert (fault["loc"][-2:], fault["type"]) == (["properties", "guild_token"], "value_error")
    assert fault["msg"] == "Value error, Invalid token. Please authenticate your Discord server again."


async def test_what_is_wrong_with_a_new_benefit(shop: Shop) -> None:
    assert await faults(shop, type="other", properties={}) == [(["body"], "union_tag_invalid")]
    assert await faults(shop, type="custom", description="ab", properties={}) == [
        (["body", "custom", "description"], "string_too_short")
    ]
    assert await faults(shop, type="custom", description="a" * 43) == [
        (["body", "custom", "description"], "string_too_long"),
        (["body", "custom", "properties"], "missing"),
    ]
    at = ["body", "downloadables", "properties"]
    file = str(uuid4())
    assert await faults(shop, type="downloadables", properties={"files": []}) == [([*at, "files"], "too_short")]
    twice = {"files": [file, file]}
    assert await faults(shop, type="downloadables", properties=twice) == [([*at, "files", 1], "value_error")]
    at = ["body", "license_keys", "properties"]
    for wrong, where, kind in (
        ({"limit_usage": 0}, ["limit_usage"], "greater_than"),
        ({"limit_usage": 2**31}, ["limit_usage"], "less_than_equal"),
        ({"activations": {"limit": 51, "enable_customer_admin": True}}, ["activations", "limit"], "less_than_equal"),
        ({"expires": {"ttl": 0, "timeframe": "day"}}, ["expires", "ttl"], "greater_than"),
        ({"expires": {"ttl": 1001, "timeframe": "year"}}, ["expires"], "value_error"),
        ({"expires": {"ttl": True, "timeframe": "week"}}, ["expires", "ttl"], "int_type"),
    ):
        assert (await faults(shop, type="license_keys", properties=wrong))[0] == ([*at, *where], kind)
    assert await faults(shop, type="custom", properties={}, organization_id=str(shop.organization_id)) == [
        (["body", "organization_id"], "organization_token")
    ]


async def test_changes(shop: Shop) -> None:
    benefit = await make_benefit(shop, "license_keys", properties=KEYS, metadata={"a": 1})
    url = f"/v1/benefits/{benefit['id']}"
    changed = good(await shop.client.patch(url, json={"type": "license_keys", "description": "Keys for all"}))
    assert changed == {**benefit, "description": "Keys for all", "modified_at": changed["modified_at"]}
    replaced = good(
        await shop.client.patch(url, json={"type": "license_keys", "properties": {"limit_usage": 5}, "metadata": {}})
    )
    assert replaced["properties"] == {"prefix": None, "expires": None, "activations": None, "limit_usage": 5}
    assert replaced["metadata"] == {}
    reply = await shop.client.patch(url, json={"type": "custom"})
    assert reply.status_code == 422
    assert [(fault["loc"], fault["msg"]) for fault in reply.json()["detail"]] == [
        (["body", "type"], "Benefit type cannot be changed.")
    ]
    await shop.saw("benefit.created", "benefit.updated", "benefit.updated")


async def test_lists(shop: Shop) -> None:
    first = await make_benefit(shop, description="Alpha", metadata={"tier": "gold"})
    await shop.advance(seconds=1)
    second = await make_benefit(shop, "license_keys", description="Beta keys")
    await shop.advance(seconds=1)
    third = await make_benefit(shop, description="Gamma")

    async def listed(**query: Any) -> list[str]:
        return [item["id"] for item in good(await shop.client.get("/v1/benefits/", params=query))["items"]]

    one, two, three = first["id"], second["id"], third["id"]
    assert await listed() == [three, two, one]
    assert await listed(sorting="description") == [one, two, three]
    assert await listed(sorting=["-type", "created_at"]) == [two, one, three]
    assert await listed(type="license_keys") == [two]
    assert await listed(query="ET") == [two]
    assert await listed(exclude_id=[one, three]) == [two]
    assert await listed(**{"metadata[tier]": "gold"}) == [one]
    assert await listed(id=[two, three, one], sorting="user_order") == [two, three, one]
    assert await listed(id=[two, three, one], sorting="-user_order") == [one, three, two]
    assert set(await listed(sorting="user_order")) == {one, two, three}


async def test_products_have_benefits_in_order(shop: Shop) -> None:
    product = await make_product(shop)
    one, two = await make_benefit(shop, description="One"), await make_benefit(shop, "license_keys", description="Two")
    await shop.facts()
    assert (await attach(shop, product, two, one))["benefits"] == [two, one]
    assert (await attach(shop, product, one, two))["benefits"] == [one, two]
    shown = good(await shop.client.get(f"/v1/products/{product['id']}"))
    assert shown["benefits"] == [one, two]
    listed = good(await shop.client.get("/v1/products/", params={"benefit_id": one["id"]}))
    assert listed["items"] == [shown]
    assert good(await shop.client.get("/v1/products/", params={"benefit_id": str(uuid4())}))["items"] == []
    checkout = await open_session(shop, product)
    public = (await checkout.view())["product"]["benefits"]
    assert [benefit["id"] for benefit in public] == [one["id"], two["id"]]
    assert set(public[0]) == {
        *("id", "created_at", "modified_at", "type", "description", "selectable", "deletable", "organization_id")
    }
    changed = good(await shop.client.patch(f"/v1/products/{product['id']}", json={"name": "Renamed"}))
    assert changed["benefits"] == [one, two]
    assert (await attach(shop, product))["benefits"] == []
    assert (await shop.facts())[:2] == ["product.updated", "product.updated"]


async def test_benefits_that_cannot_be_attached(shop: Shop, other_shop: Shop) -> None:
    product = await make_product(shop)
    known, foreign = await make_benefit(shop), await make_benefit(other_shop)
    deleted = await make_benefit(shop)
    assert (await shop.client.delete(f"/v1/benefits/{deleted['id']}")).status_code == 204
    url = f"/v1/products/{product['id']}/benefits"
    for unknown in (foreign["id"], deleted["id"], str(uuid4())):
        reply = await shop.client.post(url, json={"benefits": [known["id"], unknown]})
        assert [(fault["loc"], fault["msg"]) for fault in reply.json()["detail"]] == [
            (["body", "benefits", 1], "Benefit does not exist.")
        ]
    reply = await shop.client.post(url, json={"benefits": [known["id"], known["id"]]})
    assert [fault["loc"] for fault in reply.json()["detail"]] == [["body", "benefits", 1]]
    assert good(await shop.client.get(f"/v1/products/{product['id']}"))["benefits"] == []


async def test_benefits_that_are_not_selectable_stay_where_they_are(shop: Shop) -> None:
    product, fixed = await make_product(shop), await make_benefit(shop)
    fixed = {**fixed, "selectable": False, "deletable": False}
    await attach(shop, product, fixed)
    await shop.app.database.execute(sa.text("UPDATE benefits SET selectable = false, deletable = false"))
    free = await make_benefit(shop)
    assert (await attach(shop, product, free, fixed))["benefits"] == [free, fixed]
    url = f"/v1/products/{product['id']}/benefits"
    reply = await shop.client.post(url, json={"benefits": [free["id"]]})
    assert [(fault["loc"], fault["msg"]) for fault in reply.json()["detail"]] == [
        (["body", "benefits"], "Benefit is not selectable.")
    ]
    other = await make_product(shop)
    reply = await shop.client.post(f"/v1/products/{other['id']}/benefits", json={"benefits": [fixed["id"]]})
    assert [(fault["loc"], fault["msg"]) for fault in reply.json()["detail"]] == [
        (["body", "benefits", 0], "Benefit is not selectable.")
    ]
    reply = await shop.client.delete(f"/v1/benefits/{fixed['id']}")
    assert (reply.status_code, reply.json()) == (403, {"error": "NotPermitted", "detail": "Not permitted"})


async def test_a_deleted_benefit_is_off_every_product(shop: Shop) -> None:
    product, benefit = await make_product(shop), await make_benefit(shop)
    await attach(shop, product, benefit)
    await shop.facts()
    assert (await shop.client.delete(f"/v1/benefits/{benefit['id']}")).status_code == 204
    await shop.saw("benefit.updated")
    assert good(await shop.client.get(f"/v1/products/{product['id']}"))["benefits"] == []
    assert good(await shop.client.get("/v1/benefits/"))["items"] == []
    for reply in (
        await shop.client.get(f"/v1/benefits/{benefit['id']}"),
        await shop.client.patch(f"/v1/benefits/{benefit['id']}", json={"type": "custom"}),
        await shop.client.delete(f"/v1/benefits/{benefit['id']}"),
    ):
        assert reply.status_code == 404


async def test_benefits_need_their_scopes(shop: Shop) -> None:
    async with client_of(shop.boreal, None) as nobody:
        assert (await nobody.get("/v1/benefits/")).status_code == 401
