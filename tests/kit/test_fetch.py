"""The guarded client, against real sockets."""

import asyncio
import gzip
import os
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from boreal.kit.fetch import TEXT_CHARACTERS, Fetch, FetchFailed, RefusedAddress, public_socket
from tests.support.receiver import Receiver, Reply, open_receiver, redirect

NOT_PUBLIC = "The address of the host is not public"
MALFORMED = "The URL is malformed"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened


@pytest.fixture
async def fetch() -> AsyncIterator[Fetch]:
    opened = Fetch(allowed_hosts=("127.0.0.1",))
    yield opened
    await opened.close()


async def post(fetch: Fetch, url: str, **given: Any) -> Any:
    options: dict[str, Any] = {"body": b"{}", "headers": {}, "timeout_s": 5.0, **given}
    return await fetch.post(url, **options)


async def refusal(fetch: Fetch, url: str, **given: Any) -> str:
    with pytest.raises(FetchFailed) as caught:
        await post(fetch, url, **given)
    return caught.value.reason


HOSTILE = (
    "http://127.0.0.1/",
    "http://localhost/",
    "https://127.0.0.1/",
    "http://0x7f000001/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://192.0.0.8/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    "http://user:secret@127.0.0.1/",
)


DISGUISED = ("http://127.1/", "http://2130706433/", "http://017700000001/", "http://0177.0.0.1/")


@pytest.mark.parametrize("url", DISGUISED)
async def test_numbers_that_some_read_as_addresses_are_no_hosts(url: str) -> None:
    fetch = Fetch()
    assert await refusal(fetch, url) == MALFORMED
    await fetch.close()


@pytest.mark.parametrize("url", HOSTILE)
async def test_no_socket_is_made_for_what_is_not_public(url: str) -> None:
    fetch = Fetch()
    assert await refusal(fetch, url) == NOT_PUBLIC
    await fetch.close()


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_a_public_address_gets_its_socket(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with public_socket((family, socket.SOCK_STREAM, 6, "", (address, 443))) as opened:
        assert opened.family is family


@pytest.mark.parametrize("address", ["fe80::1%lo", "not an address"])
def test_zones_and_nonsense_get_none(address: str) -> None:
    with pytest.raises(RefusedAddress):
        public_socket((socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 443, 0, 1)))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.com/", "The URL must begin with https:// or http://"),
        ("file:///etc/passwd", "The URL must begin with https:// or http://"),
        ("https://", "The URL must begin with https:// or http://"),
        ("https://example.com:8443/", "Port 8443 is not allowed"),
        ("https://example.com:99999/", MALFORMED),
        ("https://example.com/\r\nX-Evil: 1", MALFORMED),
        ("https://example.com/\u00e9", MALFORMED),
        ("", MALFORMED),
    ],
)
async def test_urls_refused_before_any_look_up(fetch: Fetch, url: str, reason: str) -> None:
    assert await refusal(fetch, url) == reason


class Rebinding(AbstractResolver):
    """A DNS server that names a public address first, and the victim's afterwards."""

    def __init__(self) -> None:
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        address = "203.0.114.1" if self.asked == 1 else "127.0.0.1"
        return [ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=6, flags=0)]

    async def close(self) -> None:
        pass


async def test_rebinding_is_stopped_at_the_socket(receiver: Receiver) -> None:
    resolver = Rebinding()
    fetch = Fetch(resolver=resolver, ports=frozenset({receiver.port}))
    url = f"http://rebind.example:{receiver.port}/"
    assert await refusal(fetch, url, timeout_s=0.3) != NOT_PUBLIC  # let through, and nobody there
    assert await refusal(fetch, url) == NOT_PUBLIC
    assert (resolver.asked, receiver.requests) == (2, [])
    await fetch.close()


async def test_a_redirect_is_a_reply_and_not_followed(fetch: Fetch, receiver: Receiver) -> None:
    receiver.script(redirect(f"{receiver.url}/elsewhere"))
    reply = await post(fetch, f"{receiver.url}/hook")
    assert reply.status == 302
    assert receiver.paths() == ["/hook"]


async def test_an_allowed_host_is_reached_on_any_port(fetch: Fetch, receiver: Receiver) -> None:
    receiver.script(Reply(201, b"thank you"))
    reply = await post(
        fetch, f"{receiver.url}/hook?a=%2Fb", body=b'{"a":1}', headers={"user-agent": "test", "x-a": "b"}
    )
    assert (reply.status, reply.text) == (201, "thank you")
    (received,) = receiver.requests
    assert (received.method, received.path, received.body) == ("POST", "/hook", b'{"a":1}')
    assert (received.headers["user-agent"], received.headers["x-a"]) == ("test", "b")
    assert received.headers["accept-encoding"] == "identity"


async def test_the_allow_list_names_hosts_as_they_stand_in_the_url(receiver: Receiver) -> None:
    fetch = Fetch(allowed_hosts=("LOCALHOST", "::1"))
    assert (
        fetch.trusts("http://localhost:1/") and fetch.trusts("http://[::1]:1/") and fetch.trusts("http://localhost./")
    )
    assert not fetch.trusts("http://127.0.0.1/") and not fetch.trusts("http://localhost.example/")
    assert (await post(fetch, f"http://localhost:{receiver.port}/")).status == 200
    assert await refusal(fetch, f"http://127.0.0.1:{receiver.port}/") == f"Port {receiver.port} is not allowed"
    await fetch.close()


async def test_time_is_limited_in_all(fetch: Fetch, receiver: Receiver) -> None:
    receiver.script(Reply(hang=True))
    started = time.monotonic()
    assert await refusal(fetch, receiver.url, timeout_s=0.2) == "No complete reply within 0.2 seconds"
    assert time.monotonic() - started < 2


async def test_only_the_beginning_of_a_reply_is_kept(fetch: Fetch, receiver: Receiver) -> None:
    receiver.script(Reply(500, "ä".encode() * 3_000_000), Reply(200, b"a\0b\xff"))
    assert (await post(fetch, receiver.url)).text == "ä" * TEXT_CHARACTERS
    assert (await post(fetch, receiver.url)).text == "a\ufffdb\ufffd"


async def test_a_compressed_reply_is_not_unpacked(fetch: Fetch, receiver: Receiver) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    receiver.script(Reply(200, bomb, {"content-encoding": "gzip"}))
    assert not (await post(fetch, receiver.url)).text.startswith("000")


async def test_a_dropped_connection_and_a_closed_port_are_failures(fetch: Fetch, receiver: Receiver) -> None:
    receiver.script(Reply(drop=True))
    assert await refusal(fetch, receiver.url) == "The connection was closed before the reply was complete"
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert await refusal(fetch, f"http://127.0.0.1:{port}/") == "The connection failed: Connection refused"


async def test_what_is_not_http_is_a_failure(fetch: Fetch) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await refusal(fetch, f"http://127.0.0.1:{port}/") == "The reply is not valid HTTP"
    assert await refusal(fetch, f"https://127.0.0.1:{port}/") == "The TLS handshake failed"
    server.close()
    await server.wait_closed()


async def test_cookies_and_proxies_are_not_used(
    fetch: Fetch, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "http_proxy", "http://127.0.0.1:1/")
    receiver.script(Reply(200, headers={"set-cookie": "a=b"}))
    await post(fetch, receiver.url)
    await post(fetch, receiver.url)
    assert "cookie" not in receiver.requests[1].headers


async def test_it_can_be_opened_again_after_close(fetch: Fetch, receiver: Receiver) -> None:
    await post(fetch, receiver.url)
    await fetch.close()
    assert (await post(fetch, receiver.url)).status == 200
