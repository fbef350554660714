"""`Idempotency-Key` for every write of the API: the first request runs, those like it get its reply.

Identical requests of one process wait for the first one without touching the database; across processes the row that
`kit.idempotency` claims decides. A request without the header passes through as if this module were not there.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError
from starlette.routing import Route

from boreal.kit.app import App
from boreal.kit.auth import Actor, Subject
from boreal.kit.db import FAILURES
from boreal.kit.idempotency import (
    Claim,
    IdempotencyKeyInUse,
    IdempotencyKeyMismatch,
    KeptReplies,
    KeptReply,
    KeyedRequest,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Answer = Callable[[Route, Scope, Receive, Send], Awaitable[None]]
"""Runs a route and sends what it answers, refusals and failures included."""

WAIT_S = 10.0
"""How long a request waits for the first one under its key."""
MAX_KEY_LENGTH = 255

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PRINTABLE = re.compile(r"[ -~]*")
_KEPT_HEADERS = (b"content-type", b"location")

_log = structlog.get_logger("boreal.http")


@dataclass(slots=True)
class _Turn:
    """A request that runs in this process; `done` is its reply, or None if who waits has to look for themselves."""

    fingerprint: bytes
    done: asyncio.Future[KeptReply | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class IdempotentReplies:
    """Stands before the routes of the API."""

    def __init__(self, app: App, *, answer: Answer, max_body_bytes: int) -> None:
        self._secret = app.keyring.derive("idempotency")
        self._kept = KeptReplies(app.database, app.clock)
        self._clock = app.clock
        self._answer = answer
        self._max_body_bytes = max_body_bytes
        self._turns: dict[bytes, _Turn] = {}

    async def __call__(
        self, route: Route, headers: Mapping[bytes, bytes], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answers one request whose actor may call the route.

        Raises `RequestValidationError` for a key that is none, and the problems of `kit.idempotency`.
        """
        given = headers.get(b"idempotency-key")
        if given is None or scope["method"] not in _WRITES or not route.path.startswith("/v1/"):
            await route.app(scope, receive, send)
            return
        key = _checked(given)
        body = await _read(receive, self._max_body_bytes)
        if body is None:
            return
        content = len(scope["query_string"]).to_bytes(8) + scope["query_string"] + body
        place = (*_principal(scope, content), scope["method"], route.path, *scope["path_params"].values())
        request = KeyedRequest.of(self._secret, place=place, key=key, content=content)
        await self._settle(request, route, scope, _again(body, receive), send)

    async def _settle(self, request: KeyedRequest, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
        until_s = self._clock.monotonic_s() + WAIT_S
        while (turn := self._turns.get(request.id)) is not None:
            if turn.fingerprint != request.fingerprint:
                raise IdempotencyKeyMismatch
            await asyncio.wait((turn.done,), timeout=until_s - self._clock.monotonic_s())
            if not turn.done.done():
                raise IdempotencyKeyInUse
            shared = turn.done.result()
            if shared is not None:
                for message in _messages_of(shared):
                    await send(message)
                return
        turn = self._turns[request.id] = _Turn(request.fingerprint)
        reply: KeptReply | None = None
        try:
            found = await self._kept.turn(request, until_s=until_s)
            if isinstance(found, KeptReply):
                reply, messages = found, _messages_of(found)
            else:
                heard = await self._run(found, route, scope, receive)
                reply, messages = heard.reply(), heard.messages()
        finally:
            del self._turns[request.id]
            turn.done.set_result(reply)
        for message in messages:
            await send(message)

    async def _run(self, claim: Claim, route: Route, scope: Scope, receive: Receive) -> "_Heard":
        """Runs the operation and keeps its reply. A reply that cannot be kept is given all the same, this once."""
        heard = _Heard()
        with claim.running():
            await self._answer(route, scope, receive, heard.send)
        try:
            await self._kept.finish(claim, heard.reply())
        except FAILURES as error:
            _log.warning("idempotent_reply_not_kept", exc_info=error)
        return heard


def _checked(given: bytes) -> str:
    """The key; raises `RequestValidationError` unless it is 1 to 255 printable ASCII characters."""
    key = given.decode("latin-1").strip(" \t")
    if not key:
        kind, words = "string_too_short", "String should have at least 1 character"
    elif len(key) > MAX_KEY_LENGTH:
        kind, words = "string_too_long", f"String should have at most {MAX_KEY_LENGTH} characters"
    elif not _PRINTABLE.fullmatch(key):
        kind, words = "string_pattern_mismatch", "String should consist of printable ASCII characters"
    else:
        return key
    raise RequestValidationError([{"type": kind, "loc": ("header", "idempotency-key"), "msg": words, "input": key}])


def _principal(scope: Scope, content: bytes) -> tuple[str, ...]:
    """Whose key it is, so that two strangers never share one.

    An organization is one principal, whichever of its tokens calls. A member is one as long as their session lasts,
    since members of one customer have different roles. Nobody in particular is known by the client secret in the path,
    which is part of the place anyway; where there is none, by their address and by all that they say, in which any
    credential must be.
    """
    actor: Actor = scope["actor"]
    match actor.kind:
        case Subject.organization:
            return "organization", str(actor.organization_id)
        case Subject.user:
            return "user", str(actor.user_id)
        case Subject.customer:
            return "customer", str(actor.customer_id)
        case Subject.member:
            return "member", str(actor.token_id)
        case Subject.anonymous:
            if "client_secret" in scope["path_params"]:
                return ("client secret",)
            return "address", scope["boreal_peer"], hashlib.sha256(content).hexdigest()


async def _read(receive: Receive, max_bytes: int) -> bytes | None:
    """The whole body; None if the client has gone. Raises 413 for more than `max_bytes`."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise HTTPException(413)
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read once more, then what else there is to receive."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


class _Heard:
    """What a route sent, held back until it is kept. If it failed half-way, the reply to that is what counts."""

    def __init__(self) -> None:
        self._start: Message = {}
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            self._body.clear()
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")

    def reply(self) -> KeptReply:
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self._start.get("headers", ())
            if name.lower() in _KEPT_HEADERS
        )
        return KeptReply(self._start["status"], headers, bytes(self._body))

    def messages(self) -> tuple[Message, Message]:
        return self._start, {"type": "http.response.body", "body": bytes(self._body)}


def _messages_of(reply: KeptReply) -> tuple[Message, Message]:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    if reply.status != 204:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    headers.append((b"idempotent-replayed", b"true"))
    start = {"type": "http.response.start", "status": reply.status, "headers": headers}
    return start, {"type": "http.response.body", "body": reply.body}
