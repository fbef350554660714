"""Errors as the API speaks them (platform spec 1.7).

A `Problem` raised anywhere below the HTTP surface becomes `{"error": name, "detail": ...}` with its status. Business
validation collects `Fault`s and raises them together as `Invalid`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Location = tuple[str | int, ...]


class Problem(Exception):
    """A refusal with an HTTP status. The error's name on the wire is the class name, unless `error` is set."""

    status: int = 400
    error: str = ""

    def __init__(self, detail: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail: Any = detail
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The JSON body."""
        return {"error": self.error or type(self).__name__, "detail": self.detail}


class ResourceNotFound(Problem):
    """What is asked for is not there, or not visible to who asks."""

    status = 404

    def __init__(self, detail: str = "Not found") -> None:
        super().__init__(detail)


class BadRequest(Problem):
    """A request that makes no sense."""

    def __init__(self, detail: str = "Bad request") -> None:
        super().__init__(detail)


class ResourceUnavailable(Problem):
    """It was there, and is over."""

    status = 410

    def __init__(self, detail: str = "Unavailable") -> None:
        super().__init__(detail)


class NotPermitted(Problem):
    """A rule forbids it."""

    status = 403

    def __init__(self, detail: str = "Not permitted") -> None:
        super().__init__(detail)


class Unauthorized(Problem):
    """Nobody, or a kind of subject that the operation does not serve."""

    status = 401

    def __init__(self) -> None:
        super().__init__("Unauthorized", headers={"www-authenticate": 'Bearer realm="polar"'})


class ServiceUnavailable(Problem):
    """Something that we depend on does not answer; trying again may help."""

    status = 503

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"retry-after": "1"})


class BearerProblem(Problem):
    """What is wrong with a bearer token, as OAuth 2.0 says it: `{"error": name, "error_description": words}`."""

    def body(self) -> dict[str, Any]:
        return {"error": self.error, "error_description": self.detail}


class InvalidToken(BearerProblem):
    """A bearer value that is unknown, expired, revoked or malformed."""

    status = 401
    error = "invalid_token"

    def __init__(
        self, description: str = "The access token provided is expired, revoked, malformed, or invalid."
    ) -> None:
        super().__init__(
            description,
            headers={
                "www-authenticate": f'Bearer realm="polar", error="invalid_token", error_description="{description}"',
                "cache-control": "no-store",
                "pragma": "no-cache",
            },
        )


class InsufficientScope(BearerProblem):
    """A valid token that holds none of the acceptable scopes."""

    status = 403
    error = "insufficient_scope"

    def __init__(self, acceptable: Sequence[str]) -> None:
        description = "The request requires higher privileges than provided by the access token."
        scopes = " ".join(acceptable)
        super().__init__(
            description,
            headers={
                "www-authenticate": f'Bearer realm="polar", scope="{scopes}", error="insufficient_scope", '
                f'error_description="{description}"'
            },
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request: where, which type, in which words, and what was sent."""

    loc: Location
    msg: str
    type: str = "value_error"
    input: Any = field(default=None)

    def body(self) -> dict[str, Any]:
        """The item as it stands in `detail`."""
        return {"type": self.type, "loc": list(self.loc), "msg": self.msg, "input": self.input}


class Invalid(Problem):
    """Business validation: 422 with every fault found (platform spec 1.7)."""

    status = 422
    error = "PolarRequestValidationError"

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(fault.msg for fault in faults))
        self.faults = faults

    def body(self) -> dict[str, Any]:
        return {"error": self.error, "detail": [fault.body() for fault in self.faults]}
