"""The HTTP surface: one plain ASGI application for API and pages.

A request is given a trace, its actor (a bad bearer ends here), its route from the dictionary, and the check of
audience and scope; then the route reads it and the handler runs. HEAD is answered like GET: the server leaves out the
body. Every problem becomes the body that platform spec 1.7 prescribes; what nobody expected is logged and answered
with 500.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, HTTPException, Response
from fastapi.exceptions import RequestValidationError
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from boreal.kit.app import App
from boreal.kit.auth import authorize
from boreal.kit.courtesy import Asking
from boreal.kit.db import is_away
from boreal.kit.problems import Problem, ServiceUnavailable
from boreal.kit.ratelimit import Limiter, RateLimited
from boreal.kit.routing import Match, PiecewiseRoute, Reply, RouteTable
from boreal.kit.telemetry import begin_trace
from boreal.providers.ports import StorageUnavailable
from boreal.surfaces.cors import Cors
from boreal.surfaces.idempotent import IdempotentReplies

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 10_000_000
MAX_FAULTS = 100
"""How many faults of a body are told at once."""
MAX_ECHO = 5_000
"""What was sent is repeated beside its fault up to this size, so that a refusal costs no more than it is worth."""

_log = structlog.get_logger("boreal.http")


class HttpApp:
    """The ASGI application of a process."""

    def __init__(
        self, app: App, *, routers: Iterable[APIRouter], limiter: Limiter, pages: Iterable[Route] = ()
    ) -> None:
        self.app = app
        self.table = RouteTable(routers, pages)
        self.cors = Cors(app.settings.first_party_origins)
        self.limiter = limiter
        self.idempotent = IdempotentReplies(app, answer=_answer, max_body_bytes=MAX_BODY_BYTES)
        self._headers = [(b"x-polar-sandbox", b"1")] if app.settings.is_sandbox else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = _headers(scope)
        extra = self._headers + self.cors.headers(headers)
        started = False
        asking = self.app.courtesy.ask()

        async def reply(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                asking.over()
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        begin_trace()
        try:
            await self._serve(scope, headers, receive, reply, extra, asking)
        except ClientDisconnect:
            return
        except Exception as error:
            if started:
                raise
            await _reply_to(error, scope)(scope, receive, reply)
        finally:
            asking.over()

    async def _serve(
        self,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        send: Send,
        extra: list[tuple[bytes, bytes]],
        asking: Asking,
    ) -> None:
        if scope["method"] == "OPTIONS" and b"origin" in headers and b"access-control-request-method" in headers:
            await self.cors.preflight(headers)(scope, receive, send)
            return
        raw_path = scope["raw_path"].partition(b"?")[0].decode("latin-1")
        if raw_path.startswith("/api/v1"):
            extra.append((b"x-polar-deprecation-notice", b"Paths beginning with /api/v1 are deprecated; use /v1."))
            raw_path = raw_path.removeprefix("/api")
        match = self.table.find(raw_path)
        found = None if match is None else match.routes.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if found is None or not isinstance(found.route, PiecewiseRoute):
            receive = _bounded(receive, headers)
        header = headers.get(b"authorization")
        actor = await self.app.authenticator.authenticate(header.decode("latin-1") if header else None)
        self.limiter.check(actor, raw_path, _peer(scope, headers, self.app.settings.trusted_proxies))
        if match is None:
            await self._elsewhere(raw_path, scope, headers)(scope, receive, send)
            return
        if found is None:
            raise HTTPException(405, headers={"allow": _allowed(match)})
        if found.access.is_bulk:
            asking.over()
        scope["boreal"], scope["boreal_route"] = self.app, found.route.path
        scope["actor"] = authorize(actor, audience=found.access.audience, scopes=found.access.scopes)
        scope["path_params"] = dict(zip(found.names, match.values, strict=True))
        _refuse_nul(scope)
        await self.idempotent(found.route, headers, scope, receive, send)

    def _elsewhere(self, raw_path: str, scope: Scope, headers: Mapping[bytes, bytes]) -> Response:
        """The way to the same path with or without its last slash, if that one exists (platform spec 1.1).

        A secret that is the whole path does not count: any word would exist.
        """
        other = raw_path[:-1] if raw_path.endswith("/") else raw_path + "/"
        match = self.table.find(other) if len(raw_path) > 1 else None
        if match is None or (match.values and other.count("/") == 1):
            raise HTTPException(404)
        query = scope["query_string"].decode("latin-1")
        location = self._origin(scope, headers) + other + (f"?{query}" if query else "")
        return Response(status_code=307, headers={"location": location})

    def _origin(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str:
        """Where the caller reached us: the configured address, else the one that the request names."""
        settings = self.app.settings
        host = headers.get(b"host")
        if settings.base_url or not host:
            return settings.url
        return f"{scope['scheme']}://{host.decode('latin-1')}"


def _bounded(receive: Receive, headers: Mapping[bytes, bytes]) -> Receive:
    """Receives a body of `MAX_BODY_BYTES` at most, whatever it says of its length; 413 beyond."""
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > MAX_BODY_BYTES:
        raise HTTPException(413)
    received = 0

    async def receive_bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise HTTPException(413)
        return message

    return receive_bounded


def _allowed(match: Match) -> str:
    head = {"HEAD"} if "GET" in match.routes else set()
    return ", ".join(sorted({*match.routes, *head}))


async def _answer(route: Route, scope: Scope, receive: Receive, send: Send) -> None:
    """What the route answers, or the reply to its refusal or failure."""
    try:
        await route.app(scope, receive, send)
    except Exception as error:
        await _reply_to(error, scope)(scope, receive, send)


def _headers(scope: Scope) -> dict[bytes, bytes]:
    return dict(scope["headers"])


def _peer(scope: Scope, headers: Mapping[bytes, bytes], trusted: tuple[str, ...]) -> str:
    client = scope.get("client")
    peer = client[0] if client else ""
    if peer in trusted and b"x-forwarded-for" in headers:
        for hop in reversed(headers[b"x-forwarded-for"].decode("latin-1").split(",")):
            peer = hop.strip()
            if peer not in trusted:
                break
    scope["boreal_peer"] = peer
    return peer


def _refuse_nul(scope: Scope) -> None:
    """Refuses NUL in path and query at its place; PostgreSQL has no such character (correction 19)."""
    texts: list[tuple[str, str, str]] = []
    if b"%00" in scope["raw_path"]:
        texts += [("path", name, text) for name, text in scope["path_params"].items()]
    if b"%00" in scope["query_string"]:
        texts += [("query", *pair) for pair in parse_qsl(scope["query_string"].decode("latin-1"), True)]
    fault = {"type": "value_error", "msg": "Value error, NUL characters are not allowed", "ctx": {"error": {}}}
    faults = [{**fault, "loc": (place, name), "input": text} for place, name, text in texts if "\0" in name + text]
    if faults:
        raise RequestValidationError(faults)


_PHRASES = {404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large"}


def _reply_to(error: Exception, scope: Scope) -> Response:
    if isinstance(error, RateLimited):
        return Response(status_code=error.status, headers=error.headers)
    if isinstance(error, Problem):
        return Reply(error.body(), status_code=error.status, headers=error.headers)
    if isinstance(error, RequestValidationError):
        return _unprocessable([_fault(item) for item in error.errors()[:MAX_FAULTS]])
    if isinstance(error, HTTPException):
        return Reply(
            {"detail": _PHRASES.get(error.status_code, error.detail)},
            status_code=error.status_code,
            headers=error.headers,
        )
    if is_away(error):
        _log.error("database_away", method=scope["method"], path=_route_of(scope), error=type(error).__name__)
        body = {"error": "ServiceUnavailable", "detail": "The database does not answer. Try again."}
        return Reply(body, status_code=503, headers={"retry-after": "1"})
    if isinstance(error, StorageUnavailable):
        _log.error("storage_away", method=scope["method"], path=_route_of(scope), error=str(error))
        return _reply_to(ServiceUnavailable("The storage does not answer. Try again."), scope)
    _log.error("request_failed", method=scope["method"], path=_route_of(scope), exc_info=error)
    return Reply({"error": "InternalServerError", "detail": "Something went wrong on our side."}, status_code=500)


def _unprocessable(faults: Sequence[Mapping[str, Any]]) -> Reply:
    """422 with these faults; without what was sent, where that is nested too deeply to be sent back."""
    body = {"error": "RequestValidationError", "detail": faults}
    try:
        return Reply(body, status_code=422)
    except TypeError:
        body["detail"] = [{**fault, "input": None} for fault in faults]
        return Reply(body, status_code=422)


def _fault(item: dict[str, Any]) -> dict[str, Any]:
    """A pydantic error as the wire has it: no link to documentation, exceptions as an empty object."""
    fault = {name: value for name, value in item.items() if name != "url"}
    if "ctx" in fault:
        fault["ctx"] = {name: {} if isinstance(value, Exception) else value for name, value in fault["ctx"].items()}
    if _is_long(fault.get("input")):
        fault["input"] = None
    return fault


def _is_long(sent: Any) -> bool:
    """Whether a value has more than `MAX_ECHO` characters and members in all; looks at no more of it than that."""
    left, pending = MAX_ECHO, [sent]
    while pending and left >= 0:
        value = pending.pop()
        left -= len(value) if isinstance(value, str | list | dict) else 1
        if left >= 0 and isinstance(value, dict):
            pending += [*value, *value.values()]
        elif left >= 0 and isinstance(value, list):
            pending += value
    return left < 0


def _route_of(scope: Scope) -> str:
    """The path for the log: client secrets and tokens in it are cut."""
    return "/".join(segment[:12] for segment in scope["path"].split("/"))
