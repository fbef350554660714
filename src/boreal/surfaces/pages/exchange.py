"""What a page is given and what it gives back, independent of any web framework."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import orjson

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """One request for a page. Header names are lower-case; of fields sent twice the last one counts."""

    path: str
    method: str = "GET"
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    ip_address: str | None = None
    secure: bool = False

    @property
    def wants_json(self) -> bool:
        """Whether a script of ours asks, which takes JSON and follows redirects by itself."""
        return self.headers.get("accept", "").startswith("application/json")

    @property
    def theme(self) -> str | None:
        """The theme that the address forces; None follows the visitor's system (catalog spec 9.1)."""
        theme = self.query.get("theme")
        return theme if theme in ("light", "dark") else None

    @property
    def is_embedded(self) -> bool:
        """Whether the page stands in a frame over a merchant's page (catalog spec 9.1)."""
        return self.query.get("embed") == "true"

    @property
    def manner(self) -> dict[str, str | None]:
        """The query parameters that say how pages are shown, which every address that is led to keeps."""
        return {"theme": self.theme, "embed": "true" if self.is_embedded else None}


@dataclass(frozen=True, slots=True)
class PageReply:
    """A complete answer. Header names are lower-case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def see_other(location: str) -> PageReply:
    """Sends the visitor on with a GET, as after every accepted form."""
    return PageReply(303, b"", {"location": location, "cache-control": "no-store"})


def json_reply(value: object, status: int = 200) -> PageReply:
    """JSON for a script of ours."""
    headers = {"content-type": "application/json", "cache-control": "no-store", "vary": "accept"}
    return PageReply(status, orjson.dumps(value), headers)


def origin_of(address: str | None) -> str:
    """Scheme and host of a web address, or nothing; safe to stand in a header."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return ""
    safe = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.netloc)
    return f"{parts.scheme}://{parts.netloc.lower()}" if safe else ""


def with_query(address: str, values: Mapping[str, str | None]) -> str:
    """`address` with further query parameters; those that are None are left out, and a fragment stays at the end."""
    given = {name: value for name, value in values.items() if value is not None}
    if not given:
        return address
    bare, hash_sign, fragment = address.partition("#")
    return f"{bare}{'&' if '?' in bare else '?'}{urlencode(given)}{hash_sign}{fragment}"
