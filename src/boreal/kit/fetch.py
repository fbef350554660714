"""Outgoing HTTP: the one client that may speak to hosts named by other people.

A merchant types the URL of a webhook, so the client assumes the worst. The guard stands at the socket: whatever a URL,
a DNS server or a second look-up says, no connection is opened to an address that is not public (loopback, private,
link-local, carrier NAT, IPv6 forms that carry one of these inside, …). Redirects are not followed, cookies are not
kept, proxies of the environment are not used, only the ports 80 and 443 are reached, and time and reply are limited.

Hosts on the allow-list of the installation (`BOREAL_WEBHOOK_ALLOWED_HOSTS`) are exempt from the guard: compared as they
stand in the URL, they may be private and on any port.
"""

import asyncio
import os
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver
from ssrfguard import BlockedAddressError, Policy
from yarl import URL

TEXT_CHARACTERS = 2048
"""So much of a reply is kept."""

PUBLIC_PORTS = frozenset({80, 443})

_MALFORMED = "The URL is malformed"
_POLICY = Policy()
_MOST_BYTES = TEXT_CHARACTERS * 4
_WRITABLE = re.compile(r"[!-~]+")
_IDLE_S = 1.0  # shorter than any server's patience: a POST on a connection that the server just closed would be lost


@dataclass(frozen=True, slots=True)
class Fetched:
    """A reply: its status, and the first 2048 characters of its body read as UTF-8."""

    status: int
    text: str


class FetchFailed(Exception):
    """No reply: `reason` says why in words that may be shown to who chose the URL."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RefusedAddress(OSError):
    """The guard did not let a socket be made."""

    def __init__(self) -> None:
        super().__init__("the address is not public")


def public_socket(addr_info: aiohttp.AddrInfoType) -> socket.socket:
    """A socket for an address that a connection is about to be made to; `RefusedAddress` when it is not public."""
    family, kind, protocol, _, address = addr_info
    try:
        _POLICY.check_address(str(address[0]))
    except (BlockedAddressError, ValueError) as refused:
        raise RefusedAddress from refused
    return socket.socket(family=family, type=kind, proto=protocol)


class Fetch:
    """The client of a process. Sessions are opened by the first request; `close` ends them.

    `resolver` and `ports` are for tests of the guard itself.
    """

    def __init__(
        self,
        *,
        allowed_hosts: Iterable[str] = (),
        resolver: AbstractResolver | None = None,
        ports: frozenset[int] = PUBLIC_PORTS,
    ) -> None:
        self._allowed = frozenset(_host(name) for name in allowed_hosts)
        self._resolver = resolver
        self._ports = ports
        self._guarded: aiohttp.ClientSession | None = None
        self._trusted: aiohttp.ClientSession | None = None

    def trusts(self, url: str) -> bool:
        """Whether the host of a URL is on the allow-list."""
        return _host(URL(url).host or "") in self._allowed

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Fetched:
        """Sends a POST and returns whatever reply comes, of any status; a redirect is a reply.

        Raises `FetchFailed` when the URL or its address is refused, when nobody answers, or when the reply is not
        there within `timeout_s` seconds in all.
        """
        target = self._check(url)
        session = self._session(trusted=_host(target.host or "") in self._allowed)
        try:
            async with (
                asyncio.timeout(timeout_s),
                session.post(target, data=body, headers=headers, allow_redirects=False) as response,
            ):
                return Fetched(response.status, await _beginning(response))
        except TimeoutError:
            raise FetchFailed(f"No complete reply within {timeout_s:g} seconds") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchFailed(_words(error)) from error

    async def close(self) -> None:
        """Closes every connection."""
        for session in (self._guarded, self._trusted):
            if session is not None:
                await session.close()
        self._guarded = self._trusted = None

    def _check(self, url: str) -> URL:
        if not _WRITABLE.fullmatch(url):
            raise FetchFailed(_MALFORMED)
        try:
            target = URL(url, encoded=True)
            host, port = target.host, target.port
        except ValueError:
            raise FetchFailed(_MALFORMED) from None
        if target.scheme not in ("http", "https") or not host:
            raise FetchFailed("The URL must begin with https:// or http://")
        if port not in self._ports and _host(host) not in self._allowed:
            raise FetchFailed(f"Port {port} is not allowed")
        return target

    def _session(self, *, trusted: bool) -> aiohttp.ClientSession:
        if trusted:
            if self._trusted is None:
                self._trusted = self._open(None)
            return self._trusted
        if self._guarded is None:
            self._guarded = self._open(public_socket)
        return self._guarded

    def _open(self, socket_factory: aiohttp.SocketFactoryType | None) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            use_dns_cache=False,
            keepalive_timeout=_IDLE_S,
            socket_factory=socket_factory,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"accept-encoding": "identity"},
            auto_decompress=False,
            trust_env=False,
        )


async def _beginning(response: aiohttp.ClientResponse) -> str:
    """The first characters of a body; what follows is not read. NUL, which PostgreSQL cannot store, is replaced."""
    kept = bytearray()
    async for chunk in response.content.iter_any():
        kept += chunk
        if len(kept) >= _MOST_BYTES:
            response.close()
            break
    return kept[:_MOST_BYTES].decode("utf-8", errors="replace").replace("\0", "\ufffd")[:TEXT_CHARACTERS]


def _host(name: str) -> str:
    return name.lower().strip("[]").rstrip(".")


def _words(error: Exception) -> str:
    """What went wrong, without addresses: who chose the URL need not learn what our resolver knows."""
    if isinstance(error, aiohttp.InvalidURL):
        return _MALFORMED
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "The certificate is not valid for this host"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return "The TLS handshake failed"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "The host name cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, RefusedAddress):
            return "The address of the host is not public"
        number = error.os_error.errno
        return f"The connection failed: {os.strerror(number)}" if number else "The connection failed"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError | OSError):
        return "The connection was closed before the reply was complete"
    return "The reply is not valid HTTP"
