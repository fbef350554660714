"""Customer sessions through HTTP (usage spec 15, platform spec 2.1, 2.6)."""

import uuid
from typing import Any

import pytest
import sqlalchemy as sa

from boreal.kit.auth import Subject
from boreal.kit.problems import InvalidToken
from boreal.kit.secrets import token_checksum
from boreal.rooms.customers.sessions.tables import CustomerSessionRow
from boreal.rooms.platform.organizations.tables import OrganizationRow
from tests.support.shop import Shop, client_of

COUNT = sa.select(sa.func.count()).select_from(CustomerSessionRow)


async def customer(shop: Shop, email: str = "ada+1@example.com", **body: Any) -> dict[str, Any]:
    return (await shop.client.post("/v1/customers/", json={"email": email, **body})).json()


async def start(shop: Shop, **body: Any) -> dict[str, Any]:
    reply = await shop.client.post("/v1/customer-sessions/", json=body)
    assert reply.status_code == 201, reply.text
    return reply.json()


@pytest.mark.example("usage E31")
async def test_a_session_opens_the_portal_for_an_hour(shop: Shop) -> None:
    ada = await customer(shop, external_id="usr_1")
    session = await start(shop, customer_id=ada["id"], return_url="https://example.com")
    token = session["token"]
    assert len(token) == 53
    assert token.startswith("polar_cst_")
    assert token_checksum(token[10:47]) == token[47:]
    ada.pop("members")
    assert session == {
        "id": session["id"],
        "created_at": "2026-01-15T12:00:00Z",
        "modified_at": None,
        "token": token,
        "expires_at": "2026-01-15T13:00:00Z",
        "return_url": "https://example.com/",
        "customer_portal_url": f"http://boreal.test/acme/portal?customer_session_token={token}&email=ada%2B1%40example.com",
        "customer_id": ada["id"],
        "customer": ada,
    }
    actor = await shop.app.authenticator.authenticate(f"Bearer {token}")
    assert actor.kind is Subject.customer
    assert actor.scopes == {"customer_portal:write"}
    assert actor.organization_id == shop.organization_id
    assert str(actor.customer_id) == ada["id"]
    await shop.advance(minutes=59, seconds=59)
    await shop.app.authenticator.authenticate(f"Bearer {token}")
    await shop.advance(seconds=1)
    with pytest.raises(InvalidToken):
        await shop.app.authenticator.authenticate(f"Bearer {token}")


@pytest.mark.parametrize("name", ["external_customer_id", "customer_external_id"])
async def test_a_session_by_external_id(shop: Shop, name: str) -> None:
    ada = await customer(shop, external_id="usr_1")
    session = await start(shop, **{name: "usr_1"})
    assert session["customer_id"] == ada["id"]
    assert session["return_url"] is None


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"customer_id": str(uuid.uuid4())}, "customer_id"),
        ({"external_customer_id": "nobody"}, "external_customer_id"),
        ({"customer_external_id": "nobody"}, "external_customer_id"),
    ],
)
async def test_an_unknown_customer_has_no_session(shop: Shop, body: dict[str, str], name: str) -> None:
    reply = await shop.client.post("/v1/customer-sessions/", json=body)
    assert reply.status_code == 422
    (given,) = body.values()
    assert reply.json() == {
        "error": "PolarRequestValidationError",
        "detail": [{"type": "value_error", "loc": ["body", name], "msg": "Customer does not exist.", "input": given}],
    }


@pytest.mark.parametrize(
    "body", [{}, {"customer_id": "nonsense"}, {"external_customer_id": "a", "return_url": "ftp://x"}]
)
async def test_what_cannot_be_read_is_refused(shop: Shop, body: dict[str, str]) -> None:
    reply = await shop.client.post("/v1/customer-sessions/", json=body)
    assert reply.status_code == 422
    assert reply.json()["error"] == "RequestValidationError"


async def test_customers_of_another_organization_have_no_session(shop: Shop, other_shop: Shop) -> None:
    ada = await customer(shop, external_id="usr_1")
    for body in ({"customer_id": ada["id"]}, {"external_customer_id": "usr_1"}):
        reply = await other_shop.client.post("/v1/customer-sessions/", json=body)
        assert reply.json()["detail"][0]["msg"] == "Customer does not exist."


async def test_the_scope_is_needed(shop: Shop) -> None:
    ada = await customer(shop)
    body = {"comment": "x", "scopes": ["customers:write"]}
    token = (await shop.client.post("/v1/organization-access-tokens/", json=body)).json()["token"]
    async with client_of(shop.boreal, token) as client:
        reply = await client.post("/v1/customer-sessions/", json={"customer_id": ada["id"]})
    assert reply.status_code == 403
    assert reply.json()["error"] == "insufficient_scope"


async def test_a_customer_is_nobody_to_merchant_operations(shop: Shop) -> None:
    ada = await customer(shop)
    session = await start(shop, customer_id=ada["id"])
    async with client_of(shop.boreal, session["token"]) as client:
        for url in ("/v1/customers/", f"/v1/customers/{ada['id']}"):
            reply = await client.get(url)
            assert reply.status_code == 401
            assert reply.json() == {"error": "Unauthorized", "detail": "Unauthorized"}


async def test_an_unknown_token_is_refused(shop: Shop) -> None:
    async with client_of(shop.boreal, "polar_cst_" + "a" * 43) as client:
        reply = await client.get("/v1/customers/")
    assert reply.status_code == 401
    assert reply.json()["error"] == "invalid_token"


async def test_tokens_of_a_deleted_customer_die_at_once(shop: Shop) -> None:
    """Also where they are remembered: nothing but the revocation takes them out of the memory."""
    ada = await customer(shop)
    session = await start(shop, customer_id=ada["id"])
    authenticator = shop.app.authenticator
    authenticator.hear(listening=True)
    await authenticator.authenticate(f"Bearer {session['token']}")
    assert (await shop.client.delete(f"/v1/customers/{ada['id']}")).status_code == 204
    with pytest.raises(InvalidToken):
        await authenticator.authenticate(f"Bearer {session['token']}")


async def test_other_processes_hear_of_a_deletion(shop: Shop) -> None:
    ada = await customer(shop)
    heard: list[str] = []
    async with shop.app.database.listening("boreal_tokens", heard.append) as listener:
        await shop.client.delete(f"/v1/customers/{ada['id']}")
        await listener.execute("SELECT 1")
    assert heard == ["*"]


@pytest.mark.parametrize("column", ["deleted_at", "blocked_at"])
async def test_tokens_of_an_invisible_organization_are_unknown(shop: Shop, column: str) -> None:
    ada = await customer(shop)
    session = await start(shop, customer_id=ada["id"])
    await shop.app.database.execute(sa.update(OrganizationRow).values({column: sa.func.now()}))
    with pytest.raises(InvalidToken):
        await shop.app.authenticator.authenticate(f"Bearer {session['token']}")


async def test_new_sessions_clear_expired_ones_away(shop: Shop, other_shop: Shop) -> None:
    ada, eve = await customer(shop), await customer(other_shop)
    await start(other_shop, customer_id=eve["id"])
    for _ in range(12):
        await start(shop, customer_id=ada["id"])
    await shop.advance(hours=1)
    assert await shop.app.database.fetchval(COUNT) == 13
    await start(shop, customer_id=ada["id"])
    assert await shop.app.database.fetchval(COUNT) == 4
    await start(shop, customer_id=ada["id"])
    assert await shop.app.database.fetchval(COUNT) == 3


async def test_a_stored_session_does_not_hold_its_token(shop: Shop) -> None:
    ada = await customer(shop)
    session = await start(shop, customer_id=ada["id"])
    (row,) = await shop.app.database.fetch(sa.select(CustomerSessionRow))
    assert session["token"] not in str(dict(row))
    assert row["token_hash"] == shop.app.keyring.hash_token(session["token"])
