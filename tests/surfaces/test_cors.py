"""Cross-origin calls: with a token from anywhere, with cookies from our own pages only (platform spec 1.8)."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.surfaces.lamp_api import MERCHANT_TOKEN, LampApi, open_lamp_api

OURS, THEIRS = "https://dashboard.test", "https://shop.test"
METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
LAMP = "/v1/lamps/57107b74-8400-4d80-a2fc-54c2b4239cb3"


@pytest.fixture
async def api(kit_dsn: str) -> AsyncIterator[LampApi]:
    async with open_lamp_api(kit_dsn, first_party_origins=(OURS,)) as opened:
        yield opened


def shared(reply: httpx2.Response) -> dict[str, str]:
    """What the reply says about origins."""
    return {
        name: value for name, value in reply.headers.items() if name.startswith("access-control-") or name == "vary"
    }


async def ask(api: LampApi, origin: str | None, *, headers: str = "", method: str = "PATCH") -> httpx2.Response:
    """A preflight."""
    asked = {"access-control-request-method": method, "access-control-request-headers": headers}
    return await api.client(None).options(LAMP, headers={**asked, **({"origin": origin} if origin else {})})


async def test_without_an_origin_nothing_is_said(api: LampApi) -> None:
    assert shared(await api.client().get(LAMP)) == {}
    assert (await ask(api, None)).status_code == 405, "only a browser preflights"


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        (LAMP, MERCHANT_TOKEN, 200),
        (LAMP, None, 401),
        (LAMP, "polar_oat_bogus", 401),
        ("/v1/lamps/7", MERCHANT_TOKEN, 422),
        ("/v1/nowhere", None, 404),
        ("/v1/lamps", None, 307),
        ("/v1/lamps/broken/bug", None, 500),
    ],
)
async def test_every_reply_can_be_read_by_the_page_that_called(
    api: LampApi, path: str, token: str | None, status: int
) -> None:
    client = api.client(token)
    reply = await client.get(path, headers={"origin": THEIRS})
    assert (reply.status_code, shared(reply)) == (status, {"access-control-allow-origin": "*"})
    reply = await client.get(path, headers={"origin": OURS})
    assert shared(reply) == {
        "access-control-allow-origin": OURS,
        "access-control-allow-credentials": "true",
        "vary": "Origin",
    }


@pytest.mark.parametrize("origin", ["null", OURS + ".evil.test", OURS.upper(), "http://dashboard.test", OURS + ":444"])
async def test_what_resembles_one_of_our_origins_is_not_one(api: LampApi, origin: str) -> None:
    assert shared(await api.client().get(LAMP, headers={"origin": origin})) == {"access-control-allow-origin": "*"}
    assert (await ask(api, origin, headers="x-anything")).status_code == 400


@pytest.mark.parametrize(
    "headers", ["", "authorization", "Authorization, Content-Type", "accept,accept-language, content-language"]
)
async def test_others_may_send_a_token_and_what_is_always_safe(api: LampApi, headers: str) -> None:
    reply = await ask(api, THEIRS, headers=headers)
    assert reply.status_code == 200
    assert shared(reply) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": "Accept, Accept-Language, Authorization, Content-Language, Content-Type",
        "access-control-max-age": "600",
    }


@pytest.mark.parametrize("headers", ["x-anything", "authorization, cookie", "authorization,x-b"])
async def test_others_may_send_nothing_else(api: LampApi, headers: str) -> None:
    reply = await ask(api, THEIRS, headers=headers)
    assert (reply.status_code, reply.text) == (400, "Disallowed CORS headers")
    assert "access-control-allow-credentials" not in reply.headers


async def test_our_pages_may_send_anything(api: LampApi) -> None:
    reply = await ask(api, OURS, headers="x-anything, Cookie")
    assert reply.status_code == 200
    assert shared(reply) == {
        "access-control-allow-origin": OURS,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": "x-anything, Cookie",
        "access-control-max-age": "600",
        "vary": "Origin",
    }


async def test_a_preflight_needs_no_operation_and_no_token(api: LampApi) -> None:
    asked = {"origin": THEIRS, "access-control-request-method": "POST"}
    for path in ("/v1/nowhere", "/v1/lamps/"):
        assert (await api.client("polar_oat_bogus").options(path, headers=asked)).status_code == 200
    plain = await api.client(None).options("/v1/lamps/", headers={"origin": THEIRS})
    assert (plain.status_code, plain.json()) == (405, {"detail": "Method Not Allowed"})
