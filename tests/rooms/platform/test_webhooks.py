"""Webhook endpoints through HTTP, and the signature (platform spec 8.1, 8.3)."""

import base64
import hashlib
import hmac
import uuid
from datetime import UTC, datetime
from uuid import UUID

import pytest
import sqlalchemy as sa

from boreal.core.webhooks import WebhookEventType
from boreal.kit.secrets import token_checksum
from boreal.rooms.platform.webhooks.signature import headers, sign
from boreal.rooms.platform.webhooks.tables import WebhookEndpointRow
from tests.rooms.platform.happenings import change, listen
from tests.support.shop import Shop, client_of

PATH = "/v1/webhooks/endpoints"
URL = "https://merchant.example/hook"

ID = UUID("5f1b9a4e-6b9e-4a55-9d7f-2f8f0b8a1c11")
AT = datetime.fromtimestamp(1768478400, UTC)
BODY = '{"type":"order.paid","timestamp":"2026-01-15T12:00:00Z","data":{"id":"57107b74-8400-4d80-a2fc-54c2b4239cb3"}}'
SECRET = "polar_whs_ovyN6cPrTv56AApvzCaJno08SSmGJmgbWilb33N2JuK"
W1 = "v1,+2H1HDvEEnrk2U9BA/Cj2KBN0AR2R8T8o8kFBWDCcbc="


@pytest.mark.example("platform W1")
def test_the_whole_secret_is_the_key() -> None:
    assert len(BODY.encode()) == 109
    assert sign(SECRET, id=ID, at=AT, body=BODY) == W1
    assert headers(SECRET, id=ID, at=AT, body=BODY) == {
        "user-agent": "polar.sh webhooks",
        "content-type": "application/json",
        "webhook-id": str(ID),
        "webhook-timestamp": "1768478400",
        "webhook-signature": W1,
    }


@pytest.mark.example("platform W2")
def test_a_chosen_secret_is_taken_literally() -> None:
    signature = sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", id=ID, at=AT, body=BODY)
    assert signature == "v1,WihPfSSU1Se2ThpCbDsuH8K9K3c4ECfZTEbBIrPIkU4="


@pytest.mark.example("platform W3")
def test_the_body_is_signed_as_utf8() -> None:
    body = (
        '{"type":"customer.updated","timestamp":"2026-01-15T12:00:00.123456Z",'
        '"data":{"id":"992fae2a-2a17-4b7a-8d9e-e287cf90131b","name":"Åsa Öberg"}}'
    )
    assert len(body.encode()) == 143
    signature = sign(
        "my-own-webhook-secret-0123456789abcdef",
        id=UUID("0b0c3f8e-0e0e-4d2a-8f1e-3a6d6f5f9b22"),
        at=datetime.fromtimestamp(1768478401, UTC),
        body=body,
    )
    assert signature == "v1,01ofTYYmblsXKp90XJIAncLqXiHFg68xWt6Hs0/MksY="


@pytest.mark.example("platform W4")
def test_the_usual_mistakes_give_other_signatures() -> None:
    def with_key(key: bytes) -> str:
        digest = hmac.new(key, f"{ID}.1768478400.{BODY}".encode(), hashlib.sha256).digest()
        return "v1," + base64.b64encode(digest).decode()

    bare = SECRET.removeprefix("polar_whs_")
    assert with_key(SECRET.encode()) == W1
    mistakes = {
        with_key(bare.encode()): "v1,AgMtZx2idZgzNgwa40apcdew1KA7s327nS08WAGRsdM=",
        with_key(base64.b64encode(SECRET.encode())): "v1,Fb81zYdUJHRhLFJ6hhYsWNnmJ9jPoBrQnAqHqhkzlxw=",
        with_key(base64.b64decode(bare + "=")): "v1,9i2+Cb3i9xMrt0U757+o6iGKOSrHhYzUK4MSveHJPIU=",
    }
    assert list(mistakes) == list(mistakes.values())
    assert W1 not in mistakes


async def test_create_shows_everything(shop: Shop) -> None:
    body = {"url": "https://Merchant.Example", "format": "raw", "events": ["order.paid", "order.created"]}
    reply = await shop.client.post(PATH, json=body)
    assert reply.status_code == 201
    created = reply.json()
    assert UUID(created.pop("id")).version == 4
    secret = created.pop("secret")
    assert secret.startswith("polar_whs_") and len(secret) == 53
    assert token_checksum(secret[10:47]) == secret[47:]
    assert created == {
        "created_at": "2026-01-15T12:00:00Z",
        "modified_at": None,
        "url": "https://merchant.example/",
        "format": "raw",
        "organization_id": str(shop.organization_id),
        "events": ["order.paid", "order.created"],
        "enabled": True,
    }


async def test_the_secret_is_stored_encrypted(shop: Shop) -> None:
    created = await listen(shop, URL)
    sealed = await shop.app.database.fetchval(sa.select(WebhookEndpointRow.c.sealed_secret))
    assert created["secret"] not in sealed
    assert shop.app.keyring.decrypt(sealed) == created["secret"]


async def test_a_secret_may_be_chosen(shop: Shop) -> None:
    chosen = "whsec_" + "x" * 26
    body = {"url": URL, "format": "slack", "events": [], "secret": chosen}
    assert (await shop.client.post(PATH, json=body)).json()["secret"] == chosen
    refused = await shop.client.post(PATH, json={**body, "secret": chosen[:-1]})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["body", "secret"]
    assert refused.json()["detail"][0]["type"] == "string_too_short"


@pytest.mark.parametrize(
    ("change", "loc", "type"),
    [
        ({"url": "http://merchant.example/"}, ["body", "url"], "url_scheme"),
        ({"url": "http://127.0.0.2/"}, ["body", "url"], "url_scheme"),
        ({"url": "merchant"}, ["body", "url"], "url_parsing"),
        ({"url": "ftp://merchant.example/"}, ["body", "url"], "url_scheme"),
        ({"url": None}, ["body", "url"], "string_type"),
        ({"format": "teams"}, ["body", "format"], "enum"),
        ({"events": ["order.lost"]}, ["body", "events", 0], "enum"),
        ({"events": None}, ["body", "events"], "list_type"),
    ],
)
async def test_what_create_refuses(shop: Shop, change: dict[str, object], loc: list[object], type: str) -> None:
    reply = await shop.client.post(PATH, json={"url": URL, "format": "raw", "events": [], **change})
    assert reply.status_code == 422
    (fault,) = reply.json()["detail"]
    assert (fault["loc"], fault["type"]) == (loc, type)


async def test_plain_http_is_for_hosts_on_the_allow_list(shop: Shop) -> None:
    endpoint = await listen(shop, "http://127.0.0.1:9/hook")
    assert endpoint["url"] == "http://127.0.0.1:9/hook"
    reply = await shop.client.patch(f"{PATH}/{endpoint['id']}", json={"url": "http://merchant.example/"})
    assert reply.status_code == 422
    assert reply.json()["error"] == "PolarRequestValidationError"
    assert reply.json()["detail"] == [
        {
            "type": "url_scheme",
            "loc": ["body", "url"],
            "msg": "URL scheme should be 'https'",
            "input": "http://merchant.example/",
        }
    ]


async def test_an_organization_token_must_not_name_the_organization(shop: Shop) -> None:
    body = {"url": URL, "format": "raw", "events": [], "organization_id": str(shop.organization_id)}
    reply = await shop.client.post(PATH, json=body)
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["type"] == "organization_token"


async def test_every_event_can_be_subscribed_to(shop: Shop) -> None:
    assert len(WebhookEventType) == 31
    events = [event.value for event in WebhookEventType]
    assert (await listen(shop, URL, events=events))["events"] == events


async def test_update_ignores_null_and_replaces_the_rest(shop: Shop) -> None:
    before = await listen(shop, URL)
    nothing = await change(shop, before, url=None, format=None, events=None, secret=None, enabled=None)
    assert nothing == {**before, "modified_at": "2026-01-15T12:00:00Z"}
    await shop.advance(seconds=5)
    after = await change(shop, before, url="https://other.example", format="discord", events=[], enabled=False)
    assert after == {
        **before,
        "modified_at": "2026-01-15T12:00:05Z",
        "url": "https://other.example/",
        "format": "discord",
        "events": [],
        "enabled": False,
    }
    chosen = await change(shop, before, secret="s" * 32)
    assert (chosen["secret"], chosen["enabled"]) == ("s" * 32, False)
    assert (await shop.client.get(f"{PATH}/{before['id']}")).json() == chosen


async def test_a_new_secret_replaces_the_old_one(shop: Shop) -> None:
    before = await listen(shop, URL)
    reply = await shop.client.patch(f"{PATH}/{before['id']}/secret")
    assert reply.status_code == 200
    assert reply.json()["secret"].startswith("polar_whs_")
    assert reply.json()["secret"] != before["secret"]


async def test_lists_are_newest_first_and_filtered(shop: Shop, other_shop: Shop) -> None:
    first = await listen(shop, URL)
    await shop.advance(seconds=1)
    second = await listen(shop, URL)
    await listen(other_shop, URL)
    listed = (await shop.client.get(PATH)).json()
    assert listed == {"items": [second, first], "pagination": {"total_count": 2, "max_page": 1}}
    page = (await shop.client.get(PATH, params={"limit": 1, "page": 2})).json()
    assert page == {"items": [first], "pagination": {"total_count": 2, "max_page": 2}}
    for organization_id, count in ((shop.organization_id, 2), (other_shop.organization_id, 0)):
        reply = await shop.client.get(PATH, params={"organization_id": str(organization_id)})
        assert reply.json()["pagination"]["total_count"] == count
    assert (await shop.client.get(PATH, params={"organization_id": "x"})).status_code == 422


async def test_a_deleted_endpoint_is_gone(shop: Shop) -> None:
    endpoint = await listen(shop, URL)
    path = f"{PATH}/{endpoint['id']}"
    assert (await shop.client.delete(path)).status_code == 204
    for reply in (
        await shop.client.get(path),
        await shop.client.patch(path, json={}),
        await shop.client.patch(f"{path}/secret"),
        await shop.client.delete(path),
    ):
        assert reply.status_code == 404
        assert reply.json() == {"error": "ResourceNotFound", "detail": "Not found"}
    assert (await shop.client.get(PATH)).json()["pagination"]["total_count"] == 0


async def test_endpoints_of_others_do_not_exist(shop: Shop, other_shop: Shop) -> None:
    endpoint = await listen(shop, URL)
    for id, status in (
        (endpoint["id"], 404),
        (str(uuid.uuid4()), 404),
        ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", 422),
        ("x", 422),
    ):
        path = f"{PATH}/{id}"
        assert (await other_shop.client.get(path)).status_code == status
        assert (await other_shop.client.patch(path, json={"enabled": False})).status_code == status
        assert (await other_shop.client.patch(f"{path}/secret")).status_code == status
        assert (await other_shop.client.delete(path)).status_code == status
    assert (await shop.client.get(f"{PATH}/{endpoint['id']}")).json() == endpoint


async def test_reading_does_not_allow_writing(shop: Shop) -> None:
    endpoint = await listen(shop, URL)
    body = {"comment": "reader", "scopes": ["webhooks:read"]}
    token = (await shop.client.post("/v1/organization-access-tokens/", json=body)).json()["token"]
    async with client_of(shop.boreal, token) as reader:
        assert (await reader.get(f"{PATH}/{endpoint['id']}")).status_code == 200
        assert (await reader.get("/v1/webhooks/deliveries")).status_code == 200
        assert (await reader.delete(f"{PATH}/{endpoint['id']}")).status_code == 403
        assert (await reader.post(f"/v1/webhooks/events/{uuid.uuid4()}/redeliver")).status_code == 403
    async with client_of(shop.boreal, None) as nobody:
        assert (await nobody.get(PATH)).status_code == 401
