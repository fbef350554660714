"""Signed links: claims in a token that only we can have written, good until an instant.

Whoever has the link may do what it says, and nothing else: fetch this object under that name, or store that part. The
claims can be read by anybody; what must stay hidden does not belong in them.
"""

import base64
import hashlib
import hmac
from binascii import Error
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from boreal.kit.clock import Clock


class LinkInvalid(Exception):
    """The token is none of ours, or was changed."""


class LinkExpired(Exception):
    """The token was good once."""


class LinkSigner:
    """Writes and reads the tokens of one purpose; each purpose has a secret of its own."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def sign(self, claims: Mapping[str, Any], *, expires_at: datetime) -> str:
        """A token of URL-safe characters with these claims (JSON values)."""
        content = orjson.dumps({**claims, "exp": expires_at.timestamp()})
        return f"{_text(content)}.{_text(self._seal(content))}"

    def read(self, token: str) -> dict[str, Any]:
        """The claims; raises `LinkInvalid` and `LinkExpired`."""
        content, _, seal = token.partition(".")
        try:
            said = _bytes(content)
            genuine = hmac.compare_digest(_bytes(seal), self._seal(said))
        except (Error, ValueError):
            genuine = False
        if not genuine:
            raise LinkInvalid
        claims: dict[str, Any] = orjson.loads(said)
        if datetime.fromtimestamp(claims.pop("exp"), UTC) <= self._clock.now():
            raise LinkExpired
        return claims

    def _seal(self, content: bytes) -> bytes:
        return hmac.new(self._secret, content, hashlib.sha256).digest()


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Raises `ValueError`, also for another spelling of the same bytes: a link has one."""
    content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _text(content) != text:
        raise ValueError(text)
    return content
