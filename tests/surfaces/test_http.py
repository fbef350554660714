"""The HTTP surface: who may call, how a request is read, and the exact body of every refusal (platform spec 1, 2)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from boreal.rooms.platform.tokens import commands as tokens
from boreal.surfaces import http
from tests.support.shop import Shop, client_of
from tests.surfaces.lamp_api import CUSTOMER, CUSTOMER_TOKEN, READER_TOKEN, LampApi, open_lamp_api

LAMP = "57107b74-8400-4d80-a2fc-54c2b4239cb3"
JSON = {"content-type": "application/json"}
UNAUTHORIZED = {"error": "Unauthorized", "detail": "Unauthorized"}
NO_TOKEN = "The access token provided is expired, revoked, malformed, or invalid."


@pytest.fixture
async def api(kit_dsn: str) -> AsyncIterator[LampApi]:
    async with open_lamp_api(kit_dsn, base_url="https://api.lamps.test") as opened:
        yield opened


@pytest.fixture
async def client(api: LampApi) -> httpx2.AsyncClient:
    return api.client()


def faults(reply: httpx2.Response) -> list[dict[str, Any]]:
    assert reply.status_code == 422
    body = reply.json()
    assert body["error"] == "RequestValidationError"
    found: list[dict[str, Any]] = body["detail"]
    return found


# Who may call


@pytest.mark.parametrize("token", [None, CUSTOMER_TOKEN])
async def test_a_subject_that_is_not_served_is_unauthorized(api: LampApi, token: str | None) -> None:
    reply = await api.client(token).get("/v1/lamps/")
    assert (reply.status_code, reply.json()) == (401, UNAUTHORIZED)
    assert reply.headers["www-authenticate"] == 'Bearer realm="polar"'


async def test_a_missing_scope_is_forbidden(api: LampApi) -> None:
    reply = await api.client(READER_TOKEN).get("/v1/lamps/")
    words = "The request requires higher privileges than provided by the access token."
    assert (reply.status_code, reply.json()) == (403, {"error": "insufficient_scope", "error_description": words})
    assert reply.headers["www-authenticate"] == (
        f'Bearer realm="polar", scope="lamps:read lamps:write", error="insufficient_scope", error_description="{words}"'
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/lamps/"),
        ("POST", "/v1/switch"),
        ("GET", "/v1/nowhere"),
        ("PUT", "/v1/lamps/"),
        ("GET", "/v1/lamps"),
        ("POST", "/v1/lamps/"),
    ],
)
async def test_a_bad_bearer_fails_before_anything_else(api: LampApi, method: str, path: str) -> None:
    reply = await api.client("polar_oat_bogus").request(method, path, content=b"{")
    assert (reply.status_code, reply.json()) == (401, {"error": "invalid_token", "error_description": NO_TOKEN})
    assert reply.headers["www-authenticate"] == (
        f'Bearer realm="polar", error="invalid_token", error_description="{NO_TOKEN}"'
    )
    assert (reply.headers["cache-control"], reply.headers["pragma"]) == ("no-store", "no-cache")


async def test_who_calls_reaches_the_handler(api: LampApi) -> None:
    assert (await api.client(CUSTOMER_TOKEN).get("/v1/shades")).json() == {"customer_id": str(CUSTOMER)}
    for token, who in ((None, "Anonymous"), (CUSTOMER_TOKEN, "Customer"), (READER_TOKEN, "Organization")):
        assert (await api.client(token).post("/v1/switch")).json() == {"who": who}


async def test_a_value_that_is_no_token_is_nobody(api: LampApi) -> None:
    for value in (b"Bearer polar_oat_\xe5", b"Basic YTpi", b"Bearer "):
        reply = await api.client(None).post("/v1/switch", headers={"authorization": value})
        assert reply.json() == {"who": "Anonymous"}


@pytest.mark.parametrize(
    "request_of",
    [
        {"method": "POST", "url": "/v1/lamps/", "content": b"{"},
        {"method": "POST", "url": "/v1/lamps/", "json": {"watts": "bright"}},
        {"method": "GET", "url": "/v1/lamps/not-an-id"},
        {"method": "GET", "url": "/v1/lamps/?limit=x"},
        {"method": "GET", "url": "/v1/lamps/external/a%00b"},
    ],
)
async def test_who_may_not_call_does_not_learn_what_is_wrong(api: LampApi, request_of: dict[str, Any]) -> None:
    assert (await api.client().request(**request_of)).status_code == 422
    assert (await api.client(None).request(**request_of)).json() == UNAUTHORIZED
    assert (await api.client(READER_TOKEN).request(**request_of)).status_code == 403


async def test_the_subjects_and_scopes_of_real_operations(shop: Shop) -> None:
    """The rows of platform W12 whose operations exist."""

    async def client(*scopes: str) -> httpx2.AsyncClient:
        _, token = await tokens.create(shop.app, organization_id=shop.organization_id, comment="", scopes=scopes)
        return client_of(shop.boreal, token)

    customer = (await shop.client.post("/v1/customers/", json={"email": "ada@example.com"})).json()
    session = (await shop.client.post("/v1/customer-sessions/", json={"customer_id": customer["id"]})).json()
    reply = await client_of(shop.boreal, session["token"]).get("/v1/products/")
    assert (reply.status_code, reply.json()) == (401, UNAUTHORIZED)
    assert (await (await client("products:write")).get("/v1/products/")).status_code == 200
    reply = await (await client("orders:write")).get("/v1/orders/")
    assert (reply.status_code, reply.json()["error"]) == (403, "insufficient_scope")


# Which operation


async def test_a_path_is_found_by_its_segments(client: httpx2.AsyncClient) -> None:
    assert (await client.get(f"/v1/lamps/{LAMP}")).json() == {"id": LAMP}
    reply = await client.get("/v1/lamps/external/a%2Fb%20%C3%A5?note=%2F+%C3%A5")
    assert reply.json() == {"external_id": "a/b å", "note": "/ å"}
    assert (await client.delete(f"/v1/lamps/{LAMP}")).status_code == 204


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/v1/lamps", "/v1/lamps/"),
        ("/v1/lamps?limit=3&note=a%20b+c", "/v1/lamps/?limit=3&note=a%20b+c"),
        ("/v1/shades/", "/v1/shades"),
        (f"/v1/lamps/{LAMP}/", f"/v1/lamps/{LAMP}"),
        ("/v1/lamps/external/a%2Fb/?note=%2F", "/v1/lamps/external/a%2Fb?note=%2F"),
        ("/api/v1/lamps", "/v1/lamps/"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_wrong_slash_is_redirected(client: httpx2.AsyncClient, method: str, path: str, location: str) -> None:
    reply = await client.request(method, path)
    assert (reply.status_code, reply.content) == (307, b"")
    assert reply.headers["location"] == "https://api.lamps.test" + location


async def test_a_redirect_leads_to_where_the_caller_came_from(kit_dsn: str) -> None:
    """Without a configured address: by another name, or through another port, than we know ourselves."""
    async with open_lamp_api(kit_dsn) as api:
        reply = await api.client().get("/v1/lamps", headers={"host": "boreal.internal:8080"})
        assert reply.headers["location"] == "http://boreal.internal:8080/v1/lamps/"


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/nowhere", "/v1/nowhere/", "/v1/lamps///", "//v1/lamps/", "/v1//lamps/"]
)
async def test_an_unknown_path_is_not_found(api: LampApi, path: str) -> None:
    for token in (None, CUSTOMER_TOKEN, READER_TOKEN):
        reply = await api.client(token).send(_raw(api.client(token), path))
        assert (reply.status_code, reply.json()) == (404, {"detail": "Not Found"})


def _raw(client: httpx2.AsyncClient, path: str) -> httpx2.Request:
    request = client.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())
    return request


async def test_a_method_that_a_path_does_not_have(api: LampApi) -> None:
    for token in (None, READER_TOKEN):
        reply = await api.client(token).put("/v1/lamps/", content=b"{")
        assert (reply.status_code, reply.json()) == (405, {"detail": "Method Not Allowed"})
        assert reply.headers["allow"] == "GET, HEAD, POST"
    assert (await api.client().get("/v1/switch")).headers["allow"] == "POST"
    assert (await api.client().request("BREW", f"/v1/lamps/{LAMP}")).headers["allow"] == "DELETE, GET, HEAD"


async def test_head_is_get_without_the_body(api: LampApi) -> None:
    client = api.client()
    for path in (f"/v1/lamps/{LAMP}", "/v1/lamps/?limit=3", "/v1/lamps/broken/missing", "/v1/nowhere", "/v1/lamps"):
        got, asked = await client.get(path), await client.head(path)
        assert asked.content == b""
        assert (asked.status_code, asked.headers) == (got.status_code, got.headers)
    assert (await api.client(None).head("/v1/lamps/")).status_code == 401
    assert (await client.head("/v1/switch")).status_code == 405


async def test_the_old_prefix_still_leads_to_the_api(api: LampApi) -> None:
    client = api.client()
    reply = await client.get(f"/api/v1/lamps/{LAMP}")
    assert (reply.status_code, reply.json()) == (200, {"id": LAMP})
    assert reply.headers["x-polar-deprecation-notice"]
    assert "x-polar-deprecation-notice" not in (await client.get(f"/v1/lamps/{LAMP}")).headers
    assert (await api.client(None).get(f"/api/v1/lamps/{LAMP}")).headers["x-polar-deprecation-notice"]
    assert (await client.get(f"/api/lamps/{LAMP}")).status_code == 404


# What a request says


async def test_a_body_is_read(client: httpx2.AsyncClient) -> None:
    reply = await client.post("/v1/lamps/", json={"name": "Åsa", "metadata": {"a": 1}, "unknown": [1]})
    assert reply.status_code == 201
    assert reply.headers["content-type"] == "application/json"
    organization_id = "00000000-0000-0000-0000-000000000001"
    assert reply.json() == {"name": "Åsa", "watts": 5, "metadata": {"a": 1}, "organization_id": organization_id}


@pytest.mark.parametrize(
    ("content", "position", "reason"),
    [
        (b"{", 1, "Expecting property name enclosed in double quotes"),
        (b'{"name": }', 9, "Expecting value"),
        (b'{"name": "a"} x', 14, "Extra data"),
        (b"\x00", 0, "Expecting value"),
        (b'{"name": "\xff"}', 10, "The text is not UTF-8"),
        (b"[" * 100_000 + b"]" * 100_000, 0, "The text is nested too deeply"),
        (b'{"watts": ' + b"9" * 5000 + b"}", 0, "A number has too many digits"),
    ],
)
async def test_a_body_that_is_no_json(client: httpx2.AsyncClient, content: bytes, position: int, reason: str) -> None:
    reply = await client.post("/v1/lamps/", content=content, headers=JSON)
    fault = {"type": "json_invalid", "loc": ["body", position], "msg": "JSON decode error", "input": {}}
    assert faults(reply) == [{**fault, "ctx": {"error": reason}}]


@pytest.mark.parametrize(
    ("content", "type_", "loc", "sent"),
    [
        (b"", "missing", ["body"], None),
        (b"null", "model_attributes_type", ["body"], None),
        (b'["a"]', "model_attributes_type", ["body"], ["a"]),
        (b"{}", "missing", ["body", "name"], {}),
        (b'{"name": 7}', "string_type", ["body", "name"], 7),
        (b'{"name": "a", "watts": "5"}', "int_type", ["body", "watts"], "5"),
        (b'{"name": "a\\u0000"}', "value_error", ["body", "name"], "a\0"),
        (b'{"name": "a\\ud800"}', "value_error", ["body", "name"], "a?"),
        (b'"\\ud800"', "value_error", ["body"], "?"),
        (b'{"name": 1' + b"0" * 40 + b"}", "string_type", ["body", "name"], 1e40),
        (b'{"name": ' + b"[" * 300 + b"]" * 300 + b"}", "string_type", ["body", "name"], None),
        (b"[" * 300 + b"]" * 300, "model_attributes_type", ["body"], None),
    ],
)
async def test_a_body_of_the_wrong_shape(
    client: httpx2.AsyncClient, content: bytes, type_: str, loc: list[Any], sent: Any
) -> None:
    """What was sent comes back, unless it cannot."""
    (fault,) = faults(await client.post("/v1/lamps/", content=content, headers=JSON))
    assert (fault["type"], fault["loc"], fault["input"]) == (type_, loc, sent)
    assert set(fault) <= {"type", "loc", "msg", "input", "ctx"}


async def test_all_faults_are_told_at_once(client: httpx2.AsyncClient) -> None:
    reply = await client.post("/v1/lamps/", json={"name": 1, "watts": "x", "metadata": {"": []}})
    assert {tuple(fault["loc"][:2]) for fault in faults(reply)} == {
        ("body", "name"),
        ("body", "watts"),
        ("body", "metadata"),
    }


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream"])
async def test_a_body_of_another_kind_is_not_read_as_json(client: httpx2.AsyncClient, kind: str) -> None:
    reply = await client.post("/v1/lamps/", content=b'{"name": "\xff"}', headers={"content-type": kind})
    (fault,) = faults(reply)
    assert (fault["type"], fault["loc"], fault["input"]) == ("model_attributes_type", ["body"], '{"name": "\ufffd"}')


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"]
)
async def test_a_body_that_says_in_another_way_that_it_is_json(client: httpx2.AsyncClient, kind: str) -> None:
    reply = await client.post("/v1/lamps/", content=b'{"name": "a"}', headers={"content-type": kind})
    assert reply.status_code == 201


@pytest.mark.parametrize(
    ("path", "loc", "type_", "sent"),
    [
        ("/v1/lamps/7", ["path", "id"], "uuid_parsing", "7"),
        ("/v1/lamps/2b1e9b52-8f3a-11ef-8f0a-0242ac120002", ["path", "id"], "uuid_version", None),
        ("/v1/lamps/?limit=many", ["query", "limit"], "int_parsing", "many"),
        ("/v1/lamps/external/a%00b", ["path", "external_id"], "value_error", "a\0b"),
        ("/v1/lamps/external/a?note=%00", ["query", "note"], "value_error", "\0"),
        ("/v1/lamps/external/a?%00=b", ["query", "\0"], "value_error", "b"),
    ],
)
async def test_a_path_or_query_of_the_wrong_shape(
    client: httpx2.AsyncClient, path: str, loc: list[str], type_: str, sent: Any
) -> None:
    (fault,) = faults(await client.get(path))
    assert (fault["loc"], fault["type"]) == (loc, type_)
    assert fault["input"] == (sent if sent is not None else path.rpartition("/")[2])


async def test_what_only_looks_like_nul_is_taken(client: httpx2.AsyncClient) -> None:
    reply = await client.get("/v1/lamps/external/a%2500?note=%2500")
    assert reply.json() == {"external_id": "a%00", "note": "%00"}


# Size, and who goes away


async def _chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * 1_000_000


async def test_a_huge_body_is_refused_whether_or_not_it_says_its_length(api: LampApi) -> None:
    client = api.client()
    allowed = http.MAX_BODY_BYTES
    assert faults(await client.post("/v1/lamps/", content=b" " * allowed, headers=JSON))[0]["type"] == "json_invalid"
    for content in (b" " * (allowed + 1), _chunks(11)):
        reply = await client.post("/v1/lamps/", content=content, headers=JSON)
        assert (reply.status_code, reply.json()) == (413, {"detail": "Content Too Large"})
    keyed = {**JSON, "idempotency-key": "a"}
    assert (await client.post("/v1/lamps/", content=_chunks(11), headers=keyed)).status_code == 413


async def test_a_body_comes_in_parts(client: httpx2.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for part in (b'{"na', b'me": "a"', b"", b"}"):
            yield part

    reply = await client.post("/v1/lamps/", content=parts(), headers=JSON)
    assert (reply.status_code, reply.json()["name"]) == (201, "a")


async def test_half_a_body_is_nothing(api: LampApi) -> None:
    """The caller hangs up after what happens to be JSON: no handler runs, nobody is answered, nothing is logged."""
    sent: list[Any] = []
    messages = [{"type": "http.request", "body": b'{"name": "a"}', "more_body": True}, {"type": "http.disconnect"}]
    request = api.client().build_request("POST", "/v1/lamps/")
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/lamps/",
        "raw_path": b"/v1/lamps/",
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in request.headers.raw]
        + [(b"content-type", b"application/json")],
        "client": ("192.0.2.1", 4711),
    }

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    with capture_logs() as logs:
        await api.surface(scope, receive, send)
    assert (sent, logs) == ([], [])


# Refusals


@pytest.mark.parametrize(
    ("how", "status", "body"),
    [
        ("missing", 404, {"error": "ResourceNotFound", "detail": "Not found"}),
        ("forbidden", 403, {"error": "NotPermitted", "detail": "Not at night"}),
        ("burnt", 410, {"error": "Burnt", "detail": "It has burnt out"}),
        (
            "invalid",
            422,
            {
                "error": "PolarRequestValidationError",
                "detail": [
                    {"type": "value_error", "loc": ["body", "watts"], "msg": "Too bright.", "input": 900},
                    {"type": "name_taken", "loc": ["body", "name"], "msg": "Taken.", "input": None},
                ],
            },
        ),
        ("bug", 500, {"error": "InternalServerError", "detail": "Something went wrong on our side."}),
    ],
)
async def test_the_body_of_a_refusal(client: httpx2.AsyncClient, how: str, status: int, body: Any) -> None:
    with capture_logs() as logs:
        reply = await client.get(f"/v1/lamps/broken/{how}")
    assert (reply.status_code, reply.json()) == (status, body)
    assert [entry["event"] for entry in logs] == (["request_failed"] if status == 500 else [])


async def test_a_database_that_is_away_is_no_fault_of_the_caller(client: httpx2.AsyncClient) -> None:
    reply = await client.get("/v1/lamps/broken/away")
    assert (reply.status_code, reply.json()["error"]) == (503, "ServiceUnavailable")
    assert reply.headers["retry-after"] == "1"


async def test_every_reply_of_a_sandbox_says_so(kit_dsn: str) -> None:
    for environment, said in (("sandbox", "1"), ("production", None)):
        async with open_lamp_api(kit_dsn, environment=environment) as api:
            for path in (f"/v1/lamps/{LAMP}", "/v1/nowhere", "/v1/lamps", "/v1/lamps/broken/bug"):
                assert (await api.client().get(path)).headers.get("x-polar-sandbox") == said
            assert (await api.client("polar_oat_bogus").get("/v1/lamps/")).headers.get("x-polar-sandbox") == said
            preflight = {"origin": "https://a.test", "access-control-request-method": "GET"}
            assert (await api.client(None).options("/v1/lamps/", headers=preflight)).headers.get(
                "x-polar-sandbox"
            ) == said


# Rate limits


@pytest.mark.example("platform W14")
async def test_public_license_key_calls_are_limited_to_three_a_second(kit_dsn: str) -> None:
    async with open_lamp_api(kit_dsn, rate_limit_per_minute=300) as api:
        client = api.client(None)
        validate = "/v1/customer-portal/license-keys/validate"
        replies = [await client.post(validate, json={}) for _ in range(4)]
        assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
        assert (replies[3].headers["retry-after"], replies[3].content) == ("60", b"")
        api.clock.advance(timedelta(seconds=10))
        reply = await client.get("/v1/lamps/")
        assert (reply.status_code, reply.headers["retry-after"], reply.content) == (429, "50", b"")
        assert (await api.client(None, address="192.0.2.2").get("/v1/lamps/")).status_code == 401


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted_as"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "203.0.113.5", "192.0.2.1"),
        ("192.0.2.9", "203.0.113.5", "203.0.113.5"),
        ("192.0.2.9", "198.51.100.7, 203.0.113.5", "203.0.113.5"),
        ("192.0.2.9", "198.51.100.7, 203.0.113.5 , 192.0.2.8", "203.0.113.5"),
        ("192.0.2.9", "192.0.2.8", "192.0.2.8"),
        ("192.0.2.9", None, "192.0.2.9"),
    ],
)
async def test_an_address_is_believed_from_trusted_proxies_only(
    kit_dsn: str, peer: str, forwarded: str | None, counted_as: str
) -> None:
    """Four calls by a proxy, then one from the address that they should have been counted for."""
    async with open_lamp_api(kit_dsn, rate_limit_per_minute=300, trusted_proxies=("192.0.2.8", "192.0.2.9")) as api:
        headers = {"x-forwarded-for": forwarded} if forwarded else {}
        validate = "/v1/customer-portal/license-keys/validate"
        for _ in range(4):
            await api.client(None, address=peer).post(validate, headers=headers)
        assert (await api.client(None, address=counted_as).get("/v1/lamps/")).status_code == 429
        assert (await api.client(None, address="198.51.100.7").get("/v1/lamps/")).status_code == 401
