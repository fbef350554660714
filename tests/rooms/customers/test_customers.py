"""Customers through HTTP (usage spec 12, corrections 16, 19, 22)."""

import asyncio
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from boreal.core.customers import SHORT_ID_EPOCH, short_id
from boreal.rooms.customers.customers.tables import CustomerRow
from tests.support.shop import Shop, client_of

ROWS = sa.select(CustomerRow).order_by(CustomerRow.c.created_at, CustomerRow.c.id)


async def make(shop: Shop, email: str = "ada@example.com", **body: Any) -> dict[str, Any]:
    reply = await shop.client.post("/v1/customers/", json={"email": email, **body})
    assert reply.status_code == 201, reply.text
    return reply.json()


def faults(reply: Any) -> list[tuple[list[Any], str, str]]:
    """Place, type and words of each fault of a business validation."""
    assert reply.status_code == 422, reply.text
    assert reply.json()["error"] == "PolarRequestValidationError"
    return [(item["loc"], item["type"], item["msg"]) for item in reply.json()["detail"]]


EMAIL_TAKEN = (["body", "email"], "value_error", "A customer with this email address already exists.")
EXTERNAL_ID_TAKEN = (["body", "external_id"], "value_error", "A customer with this external ID already exists.")
EXTERNAL_ID_FIXED = (["body", "external_id"], "value_error", "Customer external ID cannot be updated.")


async def test_a_new_customer_has_what_was_sent(shop: Shop) -> None:
    created = await make(
        shop,
        "  Ada@Example.COM ",
        external_id="  usr_1 ",
        name=" Ada Lovelace ",
        type="team",
        billing_address={"country": "us", "state": "ca", "line1": " 1 Main St ", "city": ""},
        tax_id=["FR61954506077", "eu_vat"],
        metadata={"plan": "gold", "seats": 3, "rate": 1.5, "vip": True},
        owner={"email": "owner@example.com"},
    )
    id = created.pop("id")
    assert uuid.UUID(id).version == 4
    assert created == {
        "created_at": "2026-01-15T12:00:00Z",
        "modified_at": None,
        "deleted_at": None,
        "organization_id": str(shop.organization_id),
        "external_id": "usr_1",
        "email": "Ada@example.com",
        "email_verified": False,
        "type": "team",
        "name": "Ada Lovelace",
        "billing_address": {
            "country": "US",
            "state": "US-CA",
            "line1": "1 Main St",
            "line2": None,
            "city": None,
            "postal_code": None,
        },
        "tax_id": ["FR61954506077", "eu_vat"],
        "metadata": {"plan": "gold", "seats": 3, "rate": 1.5, "vip": True},
        "avatar_url": created["avatar_url"],
        "members": [],
    }
    assert created["avatar_url"].startswith("https://www.gravatar.com/avatar/")
    assert (await shop.client.get(f"/v1/customers/{id}")).json() == {"id": id, **created}
    assert (await shop.client.get("/v1/customers/external/usr_1")).json() == {"id": id, **created}
    assert (await shop.facts())[0] == "customer.created"


async def test_little_is_needed(shop: Shop) -> None:
    created = await make(shop, external_id="  ", name=" ")
    nothing = ("external_id", "type", "name", "billing_address", "tax_id", "deleted_at", "modified_at")
    assert [created[name] for name in nothing] == [None] * 7
    assert created["metadata"] == {}
    assert created["members"] == []


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, ["body", "email"]),
        ({"email": None}, ["body", "email"]),
        ({"email": "nobody"}, ["body", "email"]),
        ({"email": "a\0b@example.com"}, ["body", "email"]),
        ({"email": "a@example.com", "type": "robot"}, ["body", "type"]),
        ({"email": "a@example.com", "name": "x" * 257}, ["body", "name"]),
        ({"email": "a@example.com", "tax_id": ["1"]}, ["body", "tax_id", 1]),
        ({"email": "a@example.com", "tax_id": ["1", "xx_vat"]}, ["body", "tax_id", 1]),
        ({"email": "a@example.com", "billing_address": {"line1": "x"}}, ["body", "billing_address", "country"]),
        ({"email": "a@example.com", "billing_address": {"country": "RU"}}, ["body", "billing_address", "country"]),
        ({"email": "a@example.com", "metadata": {"a": None}}, ["body", "metadata", "a"]),
        ({"email": "a@example.com", "metadata": None}, ["body", "metadata"]),
    ],
)
async def test_what_cannot_be_read_is_refused(shop: Shop, body: dict[str, Any], loc: list[Any]) -> None:
    reply = await shop.client.post("/v1/customers/", json=body)
    assert reply.status_code == 422
    assert reply.json()["error"] == "RequestValidationError"
    assert reply.json()["detail"][0]["loc"][: len(loc)] == loc
    assert await shop.facts() == []


async def test_a_wrong_address_says_why(shop: Shop) -> None:
    reply = await shop.client.post("/v1/customers/", json={"email": "nobody"})
    (fault,) = reply.json()["detail"]
    assert fault["type"] == "value_error"
    assert fault["msg"] == f"value is not a valid email address: {fault['ctx']['reason']}"


@pytest.mark.parametrize(("country", "words"), [("US", "Invalid US state"), ("CA", "Invalid CA province")])
async def test_a_wrong_state_says_so(shop: Shop, country: str, words: str) -> None:
    body = {"email": "a@example.com", "billing_address": {"country": country, "state": "ZZ"}}
    (fault,) = (await shop.client.post("/v1/customers/", json=body)).json()["detail"]
    assert fault["loc"] == ["body", "billing_address"]
    assert fault["msg"] == f"Value error, {words}"


async def test_naming_the_organization_is_refused(shop: Shop) -> None:
    body = {"email": "a@example.com", "organization_id": str(shop.organization_id)}
    ((loc, type, _),) = faults(await shop.client.post("/v1/customers/", json=body))
    assert (loc, type) == (["body", "organization_id"], "organization_token")


async def test_address_and_external_id_exist_once(shop: Shop) -> None:
    await make(shop, "ada@example.com", external_id="usr_1")
    await make(shop, "bob@example.com", external_id="usr_2")
    both = {"email": "ADA@example.com", "external_id": "usr_2"}
    assert faults(await shop.client.post("/v1/customers/", json=both)) == [EMAIL_TAKEN, EXTERNAL_ID_TAKEN]
    one = {"email": "Bob@Example.com"}
    assert faults(await shop.client.post("/v1/customers/", json=one)) == [EMAIL_TAKEN]
    other = {"email": "eve@example.com", "external_id": "usr_1"}
    assert faults(await shop.client.post("/v1/customers/", json=other)) == [EXTERNAL_ID_TAKEN]
    assert len(await shop.app.database.fetch(ROWS)) == 2


async def test_external_ids_are_compared_as_they_are(shop: Shop) -> None:
    await make(shop, "ada@example.com", external_id="usr_1")
    await make(shop, "bob@example.com", external_id="USR_1")
    assert (await shop.client.get("/v1/customers/external/USR_1")).json()["email"] == "bob@example.com"


async def test_an_external_id_fits_into_the_index(shop: Shop) -> None:
    long = "".join(str(uuid.UUID(int=number)) for number in range(200))
    reply = await shop.client.post("/v1/customers/", json={"email": "a@example.com", "external_id": long})
    assert faults(reply) == [(["body", "external_id"], "value_error", "External ID must have at most 2000 bytes.")]
    fits = "".join(uuid.uuid4().hex for _ in range(63))[:2000]
    created = await make(shop, external_id=fits)
    assert (await shop.client.get(f"/v1/customers/external/{fits}")).json()["id"] == created["id"]


async def test_of_twenty_at_once_one_is_made(shop: Shop) -> None:
    """The unique index decides, whatever each of them saw before."""
    replies = await asyncio.gather(
        *(shop.client.post("/v1/customers/", json={"email": f"{'aA'[n % 2]}da@example.com"}) for n in range(20))
    )
    assert Counter(reply.status_code for reply in replies) == {201: 1, 422: 19}
    assert all(faults(reply) == [EMAIL_TAKEN] for reply in replies if reply.status_code == 422)
    assert await shop.facts() == ["customer.created"]


async def test_of_twenty_with_one_external_id_one_is_made(shop: Shop) -> None:
    replies = await asyncio.gather(
        *(
            shop.client.post("/v1/customers/", json={"email": f"a{n}@example.com", "external_id": "usr"})
            for n in range(20)
        )
    )
    assert Counter(reply.status_code for reply in replies) == {201: 1, 422: 19}
    assert all(faults(reply) == [EXTERNAL_ID_TAKEN] for reply in replies if reply.status_code == 422)


async def test_a_millisecond_without_room_is_no_obstacle(shop: Shop) -> None:
    """A test clock stands still, and short ids of one millisecond are 1,024."""
    await make(shop)
    copy = {column.name: column for column in CustomerRow.c}
    milliseconds = (shop.clock.now() - SHORT_ID_EPOCH) // timedelta(milliseconds=1)
    number = sa.func.generate_series(0, 1023).column_valued("number")
    copy.update(
        id=sa.func.gen_random_uuid(),
        email=sa.func.concat(number, "@example.com"),
        short_id=short_id(milliseconds, 0) + number,
    )
    await shop.app.database.execute(sa.update(CustomerRow).values(short_id=-1))
    await shop.app.database.execute(CustomerRow.insert().from_select(list(copy), sa.select(*copy.values())))
    for n in range(10):
        await make(shop, f"bob{n}@example.com")
    rows = await shop.app.database.fetch(ROWS)
    assert len({row["short_id"] for row in rows}) == len(rows) == 1035


async def test_a_change_touches_what_was_sent(shop: Shop) -> None:
    created = await make(shop, name="Ada", metadata={"a": 1}, tax_id=["1", "gb_vat"], billing_address={"country": "GB"})
    await shop.facts()
    await shop.advance(minutes=1)
    reply = await shop.client.patch(f"/v1/customers/{created['id']}", json={"name": None, "metadata": {"b": 2}})
    assert reply.status_code == 200
    expected = {**created, "name": None, "metadata": {"b": 2}, "modified_at": "2026-01-15T12:01:00Z"}
    assert reply.json() == expected
    cleared = await shop.client.patch(f"/v1/customers/{created['id']}", json={"billing_address": None, "tax_id": None})
    assert cleared.json() == {**expected, "billing_address": None, "tax_id": None}
    body = {"type": "individual", "billing_address": {"country": "fr"}, "tax_id": ["2", "eu_vat"], "email": "b@c.de"}
    filled = (await shop.client.patch(f"/v1/customers/{created['id']}", json=body)).json()
    assert (filled["type"], filled["billing_address"]["country"], filled["tax_id"], filled["email"]) == (
        "individual",
        "FR",
        ["2", "eu_vat"],
        "b@c.de",
    )
    assert [name for name in await shop.facts() if name == "customer.updated"] == ["customer.updated"] * 3


async def test_another_address_has_to_be_verified_again(shop: Shop) -> None:
    created = await make(shop)
    verify = sa.update(CustomerRow).values(email_verified=True)
    await shop.app.database.execute(verify)
    url = f"/v1/customers/{created['id']}"
    for ignored in ({"email": "ADA@example.com"}, {"email": None}, {"type": None}):
        same = (await shop.client.patch(url, json=ignored)).json()
        assert (same["email"], same["email_verified"]) == ("ada@example.com", True)
    other = (await shop.client.patch(url, json={"email": "new@example.com"})).json()
    assert (other["email"], other["email_verified"]) == ("new@example.com", False)


async def test_a_change_cannot_take_what_another_has(shop: Shop) -> None:
    await make(shop, "ada@example.com", external_id="usr_1")
    bob = await make(shop, "bob@example.com")
    both = {"email": "Ada@example.com", "external_id": "usr_1"}
    reply = await shop.client.patch(f"/v1/customers/{bob['id']}", json=both)
    assert faults(reply) == [EMAIL_TAKEN, EXTERNAL_ID_TAKEN]
    assert (await shop.client.get(f"/v1/customers/{bob['id']}")).json() == bob


async def test_every_fault_of_a_change_is_named(shop: Shop) -> None:
    await make(shop, "ada@example.com")
    bob = await make(shop, "bob@example.com", external_id="usr_2")
    reply = await shop.client.patch(
        f"/v1/customers/{bob['id']}", json={"email": "ada@example.com", "external_id": "usr_3"}
    )
    assert faults(reply) == [EMAIL_TAKEN, EXTERNAL_ID_FIXED]


async def test_of_twenty_changes_to_one_address_one_is_made(shop: Shop) -> None:
    made = [await make(shop, f"a{n}@example.com") for n in range(20)]
    replies = await asyncio.gather(
        *(shop.client.patch(f"/v1/customers/{one['id']}", json={"email": "ada@example.com"}) for one in made)
    )
    assert Counter(reply.status_code for reply in replies) == {200: 1, 422: 19}
    assert all(faults(reply) == [EMAIL_TAKEN] for reply in replies if reply.status_code == 422)


@pytest.mark.example("usage E32")
async def test_an_external_id_is_given_once(shop: Shop) -> None:
    created = await make(shop)
    url = f"/v1/customers/{created['id']}"
    assert (await shop.client.patch(url, json={"external_id": "usr_1"})).json()["external_id"] == "usr_1"
    assert (await shop.client.patch(url, json={"external_id": "usr_1"})).status_code == 200
    for other in ("usr_2", None):
        assert faults(await shop.client.patch(url, json={"external_id": other})) == [EXTERNAL_ID_FIXED]
    assert (await shop.client.delete(url)).status_code == 204
    again = await make(shop, external_id="usr_1")
    assert again["id"] != created["id"]


async def test_by_external_id(shop: Shop) -> None:
    created = await make(shop, external_id="a/b c")
    url = "/v1/customers/external/a%2Fb%20c"
    assert (await shop.client.get(url)).json() == created
    body = {"name": "Ada", "external_id": "ignored", "type": "team"}
    changed = await shop.client.patch(url, json=body)
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["external_id"], changed.json()["type"]) == ("Ada", "a/b c", None)
    assert (await shop.client.delete(url)).status_code == 204
    for reply in (
        await shop.client.get(url),
        await shop.client.patch(url, json={}),
        await shop.client.delete(url),
    ):
        assert reply.status_code == 404
        assert reply.json() == {"error": "ResourceNotFound", "detail": "Not found"}


async def test_a_deleted_customer_is_gone(shop: Shop) -> None:
    created = await make(shop, external_id="usr_1", metadata={"a": 1}, name="Ada")
    url = f"/v1/customers/{created['id']}"
    await shop.facts()
    assert (await shop.client.delete(url)).status_code == 204
    for reply in (
        await shop.client.get(url),
        await shop.client.patch(url, json={}),
        await shop.client.delete(url),
    ):
        assert reply.status_code == 404
    assert (await shop.client.get("/v1/customers/")).json()["items"] == []
    assert (await shop.facts())[0] == "customer.deleted"
    (row,) = await shop.app.database.fetch(ROWS)
    assert row["external_id"] is None
    assert row["metadata"] == {"a": 1, "__external_id": "usr_1"}
    assert (row["name"], row["email"]) == ("Ada", "ada@example.com")


@pytest.mark.parametrize("path", ["{id}", "external/usr_1"])
async def test_deleting_can_erase_the_person(shop: Shop, path: str) -> None:
    created = await make(
        shop, external_id="usr_1", name="Ada", billing_address={"country": "GB"}, tax_id=["1", "gb_vat"]
    )
    reply = await shop.client.delete(f"/v1/customers/{path.format(id=created['id'])}", params={"anonymize": "true"})
    assert reply.status_code == 204
    (row,) = await shop.app.database.fetch(ROWS)
    assert [row[name] for name in ("name", "billing_name", "billing_address", "tax_id")] == [None] * 4
    assert row["email"] == f"customer-{created['id']}@anonymized.invalid"


@pytest.mark.parametrize("id", ["nonsense", "7b3e5f3a-1c2d-11ee-be56-0242ac120002"])
async def test_an_id_that_is_none_is_refused(shop: Shop, id: str) -> None:
    url = f"/v1/customers/{id}"
    for reply in (await shop.client.get(url), await shop.client.patch(url, json={}), await shop.client.delete(url)):
        assert reply.status_code == 422
        assert reply.json()["detail"][0]["loc"] == ["path", "id"]


async def test_an_unknown_customer_is_not_found(shop: Shop) -> None:
    for path in (str(uuid.uuid4()), "external/nobody"):
        url = f"/v1/customers/{path}"
        for reply in (await shop.client.get(url), await shop.client.patch(url, json={}), await shop.client.delete(url)):
            assert reply.status_code == 404


async def test_customers_of_another_organization_do_not_exist(shop: Shop, other_shop: Shop) -> None:
    mine = await make(shop, external_id="usr_1")
    for path in (mine["id"], "external/usr_1"):
        url = f"/v1/customers/{path}"
        for reply in (
            await other_shop.client.get(url),
            await other_shop.client.patch(url, json={"name": "x"}),
            await other_shop.client.delete(url),
        ):
            assert reply.status_code == 404
    params = {"organization_id": str(shop.organization_id)}
    assert (await other_shop.client.get("/v1/customers/", params=params)).json()["items"] == []
    theirs = await make(other_shop, external_id="usr_1")
    assert theirs["id"] != mine["id"]
    assert (await shop.client.get("/v1/customers/external/usr_1")).json() == mine


async def test_nobody_sees_customers(shop: Shop) -> None:
    async with client_of(shop.boreal, None) as client:
        assert (await client.get("/v1/customers/")).status_code == 401
        assert (await client.post("/v1/customers/", json={"email": "a@example.com"})).status_code == 401


async def emails(shop: Shop, **params: Any) -> list[str]:
    reply = await shop.client.get("/v1/customers/", params=params)
    assert reply.status_code == 200, reply.text
    return [item["email"] for item in reply.json()["items"]]


async def test_lists(shop: Shop, other_shop: Shop) -> None:
    await make(shop, "ada@example.com", name="Zoe 100%", external_id="usr_1", metadata={"n": 1, "x": "a"})
    await shop.advance(seconds=1)
    await make(shop, "bob@example.org", name="Yan", external_id="xusr_1", metadata={"n": 1.5, "x": "b"})
    await shop.advance(seconds=1)
    await make(shop, "cyd@example.com", name="Ada", metadata={"n": True})
    await make(other_shop, "eve@example.com")
    a, b, c = "ada@example.com", "bob@example.org", "cyd@example.com"
    assert await emails(shop) == [c, b, a]
    assert await emails(shop, sorting="created_at") == [a, b, c]
    assert await emails(shop, sorting="-email") == [c, b, a]
    assert await emails(shop, sorting="name") == [c, b, a]
    assert await emails(shop, email="ADA@example.com") == [a]
    assert await emails(shop, email="ada") == []
    assert await emails(shop, query="ADA") == [c, a]
    assert await emails(shop, query="example.com") == [c, a]
    assert await emails(shop, query="USR") == [a]
    assert await emails(shop, query="100%") == [a]
    assert await emails(shop, query="%") == [a]
    assert await emails(shop, **{"metadata[n]": "1"}) == [a]
    assert await emails(shop, **{"metadata[n]": ["1", "1.5"]}) == [b, a]
    assert await emails(shop, **{"metadata[n]": "true"}) == [c]
    assert await emails(shop, **{"metadata[n]": "1", "metadata[x]": "b"}) == []
    assert await emails(shop, organization_id=str(shop.organization_id)) == [c, b, a]
    assert await emails(shop, limit=1, page=2) == [b]


async def test_a_list_says_how_many_there_are(shop: Shop) -> None:
    for n in range(3):
        await make(shop, f"a{n}@example.com")
    reply = await shop.client.get("/v1/customers/", params={"limit": 2, "page": 5})
    assert reply.json() == {"items": [], "pagination": {"total_count": 3, "max_page": 2}}
    assert (await shop.client.get("/v1/customers/", params={"limit": 0})).status_code == 422
    unknown = await shop.client.get("/v1/customers/", params={"sorting": "color"})
    assert unknown.json()["detail"][0]["type"] == "enum"
    assert unknown.json()["detail"][0]["loc"] == ["query", "sorting", 0]
