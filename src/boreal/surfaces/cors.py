"""Cross-origin rules (platform spec 1.8): any origin may call the API with a token; cookies only from our own pages."""

from collections.abc import Mapping

from fastapi import Response

_METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
_SAFE = ("accept", "accept-language", "authorization", "content-language", "content-type")
_ALLOWED = "Accept, Accept-Language, Authorization, Content-Language, Content-Type"


class Cors:
    """Two profiles: first-party origins with credentials, everybody else without."""

    def __init__(self, first_party: tuple[str, ...]) -> None:
        self._first_party = frozenset(origin.encode() for origin in first_party)

    def headers(self, request: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """What a reply carries; nothing for a request without an origin."""
        origin = request.get(b"origin")
        if origin is None:
            return []
        if origin in self._first_party:
            return [
                (b"access-control-allow-origin", origin),
                (b"access-control-allow-credentials", b"true"),
                (b"vary", b"Origin"),
            ]
        return [(b"access-control-allow-origin", b"*")]

    def preflight(self, request: Mapping[bytes, bytes]) -> Response:
        """The answer to a preflight: 200, or 400 for a header that is not allowed."""
        asked = request.get(b"access-control-request-headers", b"").decode("latin-1")
        names = [name.strip().lower() for name in asked.split(",") if name.strip()]
        first_party = request.get(b"origin") in self._first_party
        if not first_party and any(name not in _SAFE for name in names):
            return Response("Disallowed CORS headers", status_code=400, media_type="text/plain")
        headers = {
            "access-control-allow-methods": _METHODS,
            "access-control-allow-headers": asked if first_party else _ALLOWED,
            "access-control-max-age": "600",
        }
        return Response("OK", headers=headers, media_type="text/plain")
