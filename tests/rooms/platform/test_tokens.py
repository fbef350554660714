"""Organization access tokens through HTTP (platform spec 2.1, 2.4)."""

import pytest

from boreal.kit.secrets import Keyring, new_token, token_checksum
from tests.support.shop import Shop, client_of

VECTORS = {
    "W5": (
        "polar_oat_",
        "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5z",
        "0Gp8RY",
        "bbad043a10980a774645c421940eff18e4f58208d3a23f45a6b7a21dfe971f4e",
    ),
    "W6": ("polar_at_o_", "Z" * 37, "489CZj", "0ac2318f3feec52773e9192d41bca6ea1bd83783fc1cc4d3d87745023eddc319"),
    "W7": (
        "polar_cst_",
        "0123456789abcdefghijABCDEFGHIJklmnopq",
        "1FSBvA",
        "8268f176c801e330a54c40fdac19ef1efbb1a64b8742f7c4b3f76185f367964e",
    ),
}


@pytest.mark.example("platform W5", "platform W6", "platform W7")
@pytest.mark.parametrize(("prefix", "random_part", "checksum", "digest"), VECTORS.values(), ids=VECTORS)
def test_checksum_and_hash(prefix: str, random_part: str, checksum: str, digest: str) -> None:
    assert token_checksum(random_part) == checksum
    keyring = Keyring({"k": b""}, pepper=b"test-secret")
    assert keyring.hash_token(prefix + random_part + checksum) == digest


@pytest.mark.example("platform W8")
def test_checksum_is_padded() -> None:
    assert token_checksum("TjGsjB7252IV37eJpscNpxMFDGwCALHttglKN") == "00kFUh"
    secret = "polar_whs_ovyN6cPrTv56AApvzCaJno08SSmGJmgbWilb33N2JuK".removeprefix("polar_whs_")
    assert token_checksum(secret[:37]) == secret[37:] == "3N2JuK"


def test_a_new_token_has_53_characters() -> None:
    token = new_token("polar_oat_")
    assert len(token) == 53
    assert token_checksum(token[10:47]) == token[47:]


async def test_the_secret_is_shown_once(shop: Shop) -> None:
    reply = await shop.client.post(
        "/v1/organization-access-tokens/", json={"comment": "CI", "scopes": ["products:read"], "expires_in": "P1D"}
    )
    assert reply.status_code == 201
    created = reply.json()
    assert created["token"].startswith("polar_oat_")
    assert created["organization_access_token"]["scopes"] == ["products:read"]
    assert created["organization_access_token"]["expires_at"] == "2026-01-16T12:00:00Z"
    listed = (await shop.client.get("/v1/organization-access-tokens/", params={"sorting": "-created_at"})).json()
    assert listed["pagination"] == {"total_count": 2, "max_page": 1}
    assert created["organization_access_token"] in listed["items"]
    assert "token" not in listed["items"][0]


async def test_naming_the_organization_is_refused(shop: Shop) -> None:
    body = {"comment": "x", "scopes": ["products:read"], "organization_id": str(shop.organization_id)}
    reply = await shop.client.post("/v1/organization-access-tokens/", json=body)
    assert reply.status_code == 422
    assert reply.json()["error"] == "PolarRequestValidationError"
    assert reply.json()["detail"][0]["type"] == "organization_token"
    assert reply.json()["detail"][0]["loc"] == ["body", "organization_id"]


async def test_a_revoked_token_is_dead_at_once(shop: Shop) -> None:
    created = (
        await shop.client.post(
            "/v1/organization-access-tokens/", json={"comment": "x", "scopes": ["organizations:read"]}
        )
    ).json()
    async with client_of(shop.boreal, created["token"]) as client:
        assert (await client.get("/v1/organizations/")).status_code == 200
        id = created["organization_access_token"]["id"]
        assert (await shop.client.delete(f"/v1/organization-access-tokens/{id}")).status_code == 204
        dead = await client.get("/v1/organizations/")
    assert dead.status_code == 401
    assert dead.json()["error"] == "invalid_token"
    assert 'error="invalid_token"' in dead.headers["www-authenticate"]
    assert dead.headers["cache-control"] == "no-store"
    assert (await shop.client.delete(f"/v1/organization-access-tokens/{id}")).status_code == 404


async def test_an_expired_token_is_unknown(shop: Shop) -> None:
    created = (
        await shop.client.post(
            "/v1/organization-access-tokens/", json={"comment": "x", "scopes": ["organizations:read"], "expires_in": 60}
        )
    ).json()
    async with client_of(shop.boreal, created["token"]) as client:
        assert (await client.get("/v1/organizations/")).status_code == 200
        await shop.advance(seconds=60)
        assert (await client.get("/v1/organizations/")).status_code == 401


async def test_update_changes_comment_and_scopes_at_once(shop: Shop) -> None:
    created = (
        await shop.client.post("/v1/organization-access-tokens/", json={"comment": "x", "scopes": ["products:read"]})
    ).json()
    id = created["organization_access_token"]["id"]
    async with client_of(shop.boreal, created["token"]) as client:
        refused = await client.get("/v1/organizations/")
        assert refused.status_code == 403
        assert refused.json()["error"] == "insufficient_scope"
        body = {"comment": "y", "scopes": ["organizations:read"]}
        updated = await shop.client.patch(f"/v1/organization-access-tokens/{id}", json=body)
        assert updated.status_code == 200
        assert updated.json()["comment"] == "y"
        assert (await client.get("/v1/organizations/")).status_code == 200


async def test_tokens_of_another_organization_do_not_exist(shop: Shop, other_shop: Shop) -> None:
    listed = (await other_shop.client.get("/v1/organization-access-tokens/")).json()
    assert listed["pagination"]["total_count"] == 1
    mine = (await shop.client.get("/v1/organization-access-tokens/")).json()["items"][0]["id"]
    assert (await other_shop.client.delete(f"/v1/organization-access-tokens/{mine}")).status_code == 404


async def test_nobody_is_unauthorized(shop: Shop) -> None:
    async with client_of(shop.boreal, None) as client:
        reply = await client.get("/v1/organization-access-tokens/")
    assert reply.status_code == 401
    assert reply.json() == {"error": "Unauthorized", "detail": "Unauthorized"}
    assert reply.headers["www-authenticate"] == 'Bearer realm="polar"'
