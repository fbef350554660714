"""Rudeness below the level of any client: query strings, headers, bodies, paths and methods as raw bytes.

Whatever comes, a running server answers with the status that it deserves, in the shape that the specification has for
it, or closes the connection; it never answers 500, hangs, or is any the worse for it.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from boreal.main import broken_invariants
from tests.fuzz.wire import Answer, chunked, exchange, request
from tests.support.live import Live, open_live
from tests.support.postgres import create_database, drop_database

PRODUCT = json.dumps({"name": "Rude", "prices": [{"amount_type": "free"}]}).encode()


@dataclass(frozen=True)
class Victim:
    """A server, and a token of an organization on it."""

    live: Live
    token: str

    async def answers(self, *sent: bytes) -> list[Answer]:
        """What it says to these bytes."""
        return await exchange(self.live.port, *sent)

    async def answer(self, *sent: bytes) -> Answer:
        """Its only answer."""
        (answer,) = await self.answers(*sent)
        return answer


@pytest.fixture(scope="module")
async def victim(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Victim]:
    """A running server. In the end it has logged no error, stops when asked, and every invariant holds."""
    folder: Path = tmp_path_factory.mktemp("victim")
    name = f"boreal_victim_{folder.parent.name}".replace("-", "_")
    async with open_live(await create_database(name), folder) as live:
        yield Victim(live, (await live.found("victim")).token)
        assert await broken_invariants(live.boreal.app.database) == {}
        assert "[error" not in live.log and "Traceback" not in live.log, live.log
    await drop_database(name)


def check_shape(answer: Answer) -> None:
    """A refusal has the shape of platform spec 1.7."""
    if answer.status < 400:
        return
    assert answer.headers["content-type"] == "application/json", answer
    body = answer.json
    if answer.status in (404, 405, 413) and "error" not in body:
        assert body == {
            "detail": {404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large"}[answer.status]
        }
    elif answer.status == 422:
        assert body["error"] in ("RequestValidationError", "PolarRequestValidationError")
        assert all({"type", "loc", "msg"} <= fault.keys() for fault in body["detail"])
    else:
        assert isinstance(body["error"], str) and isinstance(body.get("detail", body.get("error_description")), str)


@pytest.mark.parametrize(
    "text", ["0", "0.5", "-1", "1700000000", "-2.2e-309", "inf", "nan", "%D9%A3", "2026-01-15", ""]
)
async def test_an_instant_is_written_out_with_its_offset(victim: Victim, text: str) -> None:
    answer = await victim.answer(request("GET", f"/v1/webhooks/deliveries?start_timestamp={text}", token=victim.token))
    check_shape(answer)
    assert (answer.status, answer.json["detail"][0]["loc"]) == (422, ["query", "start_timestamp"])


LISTS = ("/v1/products/", "/v1/orders/", "/v1/customers/", "/v1/checkouts/", "/v1/organizations/")
TAKEN, REFUSED = 200, 422
QUERIES = {
    "page=0": REFUSED,
    "page=-1": REFUSED,
    "page=1.5": REFUSED,
    "page=1e400": REFUSED,
    "page=1e2": REFUSED,
    "page=NaN": REFUSED,
    "page=": REFUSED,
    "page=%20": REFUSED,
    "page=0x10": REFUSED,
    "page=1_0": TAKEN,  # pydantic reads numbers as Python does
    "page=%D9%A3": REFUSED,
    "page=9223372036854775807": TAKEN,
    "page=99999999999999999999999999999999": TAKEN,
    "page=" + "9" * 5000: REFUSED,
    "page=1&page=2": TAKEN,
    "page=1&page=x": REFUSED,
    "limit=0": REFUSED,
    "limit=101": TAKEN,
    "limit=99999999999999999999999999999999": TAKEN,
    "sorting=": REFUSED,
    "sorting=-": REFUSED,
    "sorting=--created_at": REFUSED,
    "sorting=created_at,name": REFUSED,
    "sorting=created_at&sorting=id": REFUSED,
    "sorting=created_at&sorting=-created_at&sorting=created_at": TAKEN,
    "sorting=created_at;DROP%20TABLE%20products": REFUSED,
    "sorting%5B%5D=created_at": TAKEN,
    "organization_id=": REFUSED,
    "organization_id=x": REFUSED,
    "%FF": TAKEN,
    "%FF=%FF&%": TAKEN,
    "=&&==&?": TAKEN,
    "page=1&" + "a=b&" * 1000: TAKEN,
    "%00": REFUSED,
    "a=%00": REFUSED,
    "metadata": REFUSED,  # it takes a key: metadata[a]
    "metadata=x": REFUSED,
    "metadata[": TAKEN,
    "metadata[]=x": TAKEN,
    "metadata[a]": TAKEN,
    "metadata[a]=": TAKEN,
    "metadata[a][b]=c": TAKEN,
    "metadata[%FF]=%FF": TAKEN,
    "metadata[%ED%A0%80]=x": TAKEN,
    "metadata[a]=1&metadata[a]=2&metadata[b]=3": TAKEN,
}
"""What a list answers to a query string."""
UNKNOWN = {"/v1/checkouts/": ("metadata",), "/v1/organizations/": ("metadata", "organization_id")}
"""Parameters that a list does not have, and therefore takes whatever they say."""


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_answers_any_query(victim: Victim, path: str) -> None:
    wrong = {}
    for query, expected in QUERIES.items():
        answer = await victim.answer(request("GET", f"{path}?{query}", token=victim.token))
        check_shape(answer)
        is_ignored = query.startswith(UNKNOWN.get(path, ()))
        if answer.status != (TAKEN if is_ignored else expected):
            wrong[query] = answer
    assert wrong == {}


JSON_KINDS = (
    b"application/json",
    b"APPLICATION/JSON ; charset=utf-8",
    b"application/problem+json",
    b"application/json;;;=",
)
OTHER_KINDS = (
    b"text/plain",
    b"application/x-www-form-urlencoded",
    b"multipart/form-data",
    b"multipart/form-data; boundary=",
    b"application/xml",
    b"application/jsonx",
    b"json",
    b"/",
    b"\xff\xfe",
    b"a" * 5000,
)


@pytest.mark.parametrize("kind", [None, *JSON_KINDS])
async def test_json_is_read_whatever_spelling_its_type_has(victim: Victim, kind: bytes | None) -> None:
    answer = await victim.answer(request("POST", "/v1/products/", token=victim.token, body=PRODUCT, kind=kind))
    assert answer.status == 201, answer


@pytest.mark.parametrize("kind", OTHER_KINDS)
async def test_another_type_is_not_read_as_json(victim: Victim, kind: bytes) -> None:
    answer = await victim.answer(request("POST", "/v1/products/", token=victim.token, body=PRODUCT, kind=kind))
    check_shape(answer)
    assert answer.status == 422, answer


BODIES = {
    "nothing": b"",
    "Latin-1": '{"name": "Café"}'.encode("latin-1"),
    "two values": PRODUCT + PRODUCT,
    "half a value": PRODUCT[:-1],
    "a form": b"name=Rude&prices=free",
    "nesting": b"[" * 1_000_000,
    "nesting that ends": b'{"name":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a long number": b'{"name": ' + b"9" * 1_000_000 + b"}",
    "a long name": b'{"name": "' + b"x" * 9_000_000 + b'"}',
    "many members": b"{" + b",".join(b'"%d": 1' % number for number in range(200_000)) + b"}",
    "many items": b'{"name": "x", "prices": [' + b",".join([b"{}"] * 100_000) + b"]}",
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_is_no_request(victim: Victim, name: str) -> None:
    answer = await victim.answer(request("POST", "/v1/products/", token=victim.token, body=BODIES[name]))
    check_shape(answer)
    assert answer.status == 422, answer
    assert len(answer.body) < 100_000, "the refusal costs more than what it refuses"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
async def test_json_is_read_in_each_of_its_encodings(victim: Victim, encoding: str) -> None:
    body = PRODUCT.decode().encode(encoding)
    assert (await victim.answer(request("POST", "/v1/products/", token=victim.token, body=body))).status == 201


CHUNKED = (b"transfer-encoding: chunked", b"content-type: application/json")
HUGE = b"x" * 1_000_000


async def test_a_body_in_chunks_is_a_body(victim: Victim) -> None:
    head = request("POST", "/v1/products/", *CHUNKED, token=victim.token)
    assert (await victim.answer(head, chunked(*(bytes([byte]) for byte in PRODUCT)))).status == 201


async def test_a_body_over_the_limit_is_refused_however_it_comes(victim: Victim) -> None:
    for head, pieces in {
        request("POST", "/v1/products/", b"content-length: 11000000", token=victim.token): [HUGE] * 11,
        request("POST", "/v1/products/", b"content-length: 99999999999999999999", token=victim.token): [HUGE],
        request("POST", "/v1/products/", *CHUNKED, token=victim.token): [chunked(*[HUGE] * 11)],
        request("POST", "/v1/products/", *CHUNKED, b"idempotency-key: k", token=victim.token): [chunked(*[HUGE] * 11)],
    }.items():
        for answer in await victim.answers(head, *pieces):  # none, where it closed before we had finished
            assert answer.status == (400 if b"99999" in head else 413), answer


SAID = b"content-length: 10"
BROKEN: dict[str, bytes] = {
    "a length that is none": request("POST", "/v1/products/", b"content-length: ten"),
    "a negative length": request("POST", "/v1/products/", b"content-length: -1"),
    "a signed length": request("POST", "/v1/products/", b"content-length: +1") + b"x",
    "two lengths": request("POST", "/v1/products/", b"content-length: 1", b"content-length: 2") + b"xy",
    "length and chunks": request("POST", "/v1/products/", b"content-length: 5", *CHUNKED) + chunked(b"{}"),
    "a chunk of no size": request("POST", "/v1/products/", *CHUNKED) + b"zz\r\n{}\r\n0\r\n\r\n",
    "a chunk of any size": request("POST", "/v1/products/", *CHUNKED) + b"ffffffffffffffffff\r\n{}\r\n",
    "an unknown coding": request("POST", "/v1/products/", b"transfer-encoding: gzip, chunked") + chunked(b"{}"),
    "a header without a name": request("GET", "/healthz", b": value"),
    "a header without a colon": request("GET", "/healthz", b"nothing"),
    "a header with a space in its name": request("GET", "/healthz", b"a b: c"),
    "NUL in a header": request("GET", "/healthz", b"a: \x00"),
    "a folded header": request("GET", "/healthz", b"a: b\r\n c"),
    "a header of 100 kB": request("GET", "/healthz", b"a: " + b"b" * 100_000),
    "5000 headers": request("GET", "/healthz", *[b"a: b"] * 5_000),
    "no host": b"GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n",
    "HTTP/1.0": b"GET /healthz HTTP/1.0\r\n\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET /healthz HTTP/9.9\r\n\r\n",
    "TLS": bytes.fromhex("160301020001000001fc0303") + b"\x00" * 200,
    "a greeting": b"EHLO example.com\r\n\r\n",
    "line feeds alone": b"GET /healthz HTTP/1.1\nhost: x\nconnection: close\n\n",
    "a space in the path": request("GET", "/health z"),
    "control characters in the path": request("GET", b"/health\x01z"),
    "a path without its slash": request("GET", "healthz"),
    "a method that is none": request("GE\tT", "/healthz"),
    "a method of 10 kB": request("G" * 10_000, "/healthz"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_hardly_http_is_refused_or_served(victim: Victim, name: str) -> None:
    for answer in await victim.answers(BROKEN[name] + b"\r\n\r\n"):
        assert answer.status < 500, answer
    assert (await victim.answer(request("GET", "/healthz"))).status == 200


async def test_a_caller_who_goes_away_in_the_middle_harms_nobody(victim: Victim) -> None:
    head = request("POST", "/v1/products/", b"content-length: 1000", token=victim.token)
    for sent in (head[:20], head, head + PRODUCT, request("GET", "/v1/products/?limit=100", token=victim.token)):
        reader, writer = await asyncio.open_connection("127.0.0.1", victim.live.port)
        writer.write(sent)
        await writer.drain()
        writer.transport.abort()
        reader.feed_eof()
    assert (await victim.answer(request("GET", "/healthz"))).status == 200


AUTHORIZATIONS = {
    b"authorization: Bearer \xff\xfe": "Unauthorized",
    b"authorization: Bearer ": "Unauthorized",
    b"authorization:": "Unauthorized",
    b"authorization: \x80": "Unauthorized",
    b"authorization: Digest a=b": "Unauthorized",
    b"authorization: Bearer " + b"x" * 30_000: "invalid_token",
    b"authorization: Bearer a,b": "invalid_token",
    b"authorization: bEaReR x": "invalid_token",
    b"authorization: Bearer\tx": "Unauthorized",
    b"AUTHORIZATION: Bearer x\r\nauthorization: Bearer y": "invalid_token",
}


@pytest.mark.parametrize("header", AUTHORIZATIONS)
async def test_odd_credentials_are_refused(victim: Victim, header: bytes) -> None:
    answer = await victim.answer(request("GET", "/v1/products/", header))
    assert (answer.status, answer.json["error"]) == (401, AUTHORIZATIONS[header])


HEADERS = (
    b"accept: text/html;q=x, \xff",
    b"accept-language: " + b"xx-" * 3_000,
    b"accept-encoding: \xff",
    b"content-encoding: gzip",
    b"cookie: " + b"=;" * 5_000,
    b"expect: 100-continue",
    b"forwarded: for=\xff",
    b"if-modified-since: yesterday",
    b"origin: null",
    b"origin: \xff\xfe",
    b"range: bytes=0-",
    b"referer: \x80",
    b"upgrade: h2c",
    b"upgrade: websocket\r\nsec-websocket-key: x\r\nsec-websocket-version: 13",
    b"x-forwarded-for: \xff, 1.2.3.4,,,",
    b"x-forwarded-host: evil.example",
    b"x-forwarded-proto: gopher",
    b"x-http-method-override: DELETE",
    b"x-original-url: /v1/customers/",
)


@pytest.mark.parametrize("header", HEADERS)
async def test_odd_headers_are_ignored(victim: Victim, header: bytes) -> None:
    plain = await victim.answer(request("GET", "/v1/products/?limit=1", token=victim.token))
    answer = await victim.answer(request("GET", "/v1/products/?limit=1", header, token=victim.token))
    assert (answer.status, answer.body) == (plain.status, plain.body) == (200, plain.body)


@pytest.mark.parametrize("key", [b"", b"\xff", b"a" * 256, b"\t", "ключ".encode()])
async def test_odd_idempotency_keys_are_refused(victim: Victim, key: bytes) -> None:
    sent = request("POST", "/v1/products/", b"idempotency-key: " + key, token=victim.token, body=PRODUCT)
    answer = await victim.answer(sent)
    check_shape(answer)
    assert (answer.status, answer.json["detail"][0]["loc"]) == (422, ["header", "idempotency-key"])


NOWHERE = 404
PATHS: dict[str | bytes, int] = {
    "//v1/products/": NOWHERE,
    "/v1//products/": NOWHERE,
    "/v1/products//": 307,
    "/v1/./products/": NOWHERE,
    "/v1/customers/../products/": NOWHERE,
    "/v1/customers/%2e%2e/products/": NOWHERE,
    "/v1/customers/..%2fproducts/": 307,
    "/v1%2fproducts/": NOWHERE,
    "/v1\\products\\": NOWHERE,
    "/V1/products/": NOWHERE,
    "/v1/products/;a=b": 422,
    "/v1/products": 307,
    "/v1/products/%": 422,
    "/v1/products/%zz": 422,
    "/v1/products/%2F": 422,
    "/v1/products/%00": 422,
    "/v1/products/%ED%A0%80": 422,
    "/v1/products/%FF": 422,
    "/v1/products/é": 400,  # not percent-encoded, so no HTTP
    "/v1/products/{id}": 422,
    "/v1/products/" + "a" * 20_000: 422,
    "/v1/products/" + "%41" * 10_000: 422,
    "/v1/products/" + "a/" * 10_000: NOWHERE,
    "/" * 10_000: NOWHERE,
    "/v1/customers/external/%ED%A0%80": 404,
    "/v1/customers/external/%FF%FE": 404,
    "/v1/customers/external/..%2f..%2f": 404,
    "/v1/customers/external/" + "x" * 20_000: 404,
    "/v1/checkouts/client/%00": 422,
    "/v1/checkouts/client/%F0%9F%98%80": 404,
    "/api/v1/products/": 200,
    "/api/api/v1/products/": NOWHERE,
    "/api/v1": NOWHERE,
    "/api/v1x": NOWHERE,
    "/static/..%2f..%2fpyproject.toml": NOWHERE,
    "/static/%2e%2e/%2e%2e/etc/passwd": NOWHERE,
    "/static/../http.py": NOWHERE,
    "/checkout/%00": 422,
    "/checkout/..%2f": NOWHERE,
    "/%2e%2e/%2e%2e/etc/passwd": NOWHERE,
    "/..": NOWHERE,
    "/%": NOWHERE,
    "http://evil.example/v1/products/": 200,
    "/v1/products/?#": 200,
    "*": NOWHERE,
}


async def test_paths_lead_where_they_say_and_nowhere_else(victim: Victim) -> None:
    wrong = {}
    for path, expected in PATHS.items():
        answer = await victim.answer(request("GET", path, token=victim.token))
        if answer.status != expected or b"root:" in answer.body or b"[project]" in answer.body:
            wrong[path[:60]] = (answer.status, expected, answer.body[:200])
        elif "json" in answer.headers.get("content-type", ""):
            check_shape(answer)
    assert wrong == {}


@pytest.mark.parametrize("path", ["//evil.example/v1/products", "/v1/products?x=%0d%0aset-cookie:a=b", "/v1/products"])
async def test_a_redirect_stays_here(victim: Victim, path: str) -> None:
    answer = await victim.answer(request("GET", path, b"x-forwarded-host: evil.example", token=victim.token))
    assert answer.status in (307, 404)
    assert "evil.example" not in answer.headers.get("location", "") and "set-cookie" not in answer.headers


METHODS = ("PUT", "TRACE", "LINK", "PROPFIND", "M-SEARCH", "SUBSCRIBE", "SOURCE")


@pytest.mark.parametrize("method", METHODS)
async def test_a_method_that_nobody_serves(victim: Victim, method: str) -> None:
    for path in ("/v1/products/", "/v1/customers/external/x", "/healthz", "/checkout/x"):
        answer = await victim.answer(request(method, path, token=victim.token))
        check_shape(answer)
        assert answer.status == 405, answer
        assert "GET" in answer.headers["allow"].split(", ")


async def test_methods_of_the_protocol_itself(victim: Victim) -> None:
    assert (await victim.answer(request("HEAD", "/v1/products/", token=victim.token))).body == b""
    for sent in (request("OPTIONS", "*"), request("OPTIONS", "/v1/products/"), request("CONNECT", "evil.example:443")):
        assert all(answer.status in (400, 404, 405) for answer in await victim.answers(sent))
