"""The server: who may call, idempotency keys, faults, and signed webhooks."""

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qsl

from aiohttp import web

from boreal.kit.clock import Clock
from tests.support.stripe_server.books import Books, Thing, public
from tests.support.stripe_server.limits import TAKEN, check
from tests.support.stripe_server.taxes import Taxes
from tests.support.stripe_server.wire import StripeProblem, decode, expanded, invalid, page

VERSION = "2026-10-28.endive"
Post = Callable[[bytes, Mapping[str, str]], Awaitable[int]]
"""Delivers a webhook to Boreal and tells the status of the answer."""


@dataclass
class Fault:
    """Something that goes wrong with the next `times` requests whose path contains `where`.

    `lost_request`: it never arrives. `lost_reply`: it is done, and nobody hears of it. `late`: it is answered after
    `seconds`. `failed`: Stripe does it and answers with 500, now and whenever the key is used again. `busy`: 429.
    """

    kind: Literal["lost_request", "lost_reply", "late", "failed", "busy"]
    where: str = "/v1/payment_intents"
    times: int = 1
    seconds: float = 0.0

    def happens(self, path: str) -> bool:
        """Whether it happens to this request."""
        if self.times < 1 or self.where not in path:
            return False
        self.times -= 1
        return True


@dataclass
class StripeServer:
    """One Stripe account. Its webhooks are sent when `deliver` is called, or with every reply if `prompt`."""

    url: str = ""
    secret_key: str = "sk_test_of_the_stand_in"
    publishable_key: str = "pk_test_of_the_stand_in"
    webhook_secret: str = "whsec_of_the_stand_in"
    now: Callable[[], datetime] = Clock().now
    post: Post | None = None
    prompt: bool = False
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    books: Books = field(init=False)
    taxes: Taxes = field(default_factory=Taxes)
    _replies: dict[str, tuple[str, int, bytes] | None] = field(default_factory=dict)
    _told: int = 0
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.books = Books(lambda: self.now(), VERSION)

    def confirmation_token(self, card: str = "pm_card_visa") -> str:
        """What Stripe.js makes of a card in the buyer's browser."""
        return self.books.new_token(card)

    def answer(self, client_secret: str, *, accepted: bool = True) -> Thing:
        """What the buyer answers to the challenge of their bank, in Stripe.js."""
        return self.books.answer(client_secret.split("_secret_")[0], accepted)

    def intents(self) -> list[Thing]:
        """All payment intents, oldest first."""
        return self.books.of("payment_intent")

    def event(self, type: str) -> Thing:
        """The newest event of a type."""
        return next(event for event in reversed(self.books.events) if event["type"] == type)

    def signed(
        self, event: Thing, *, secret: str | None = None, at: datetime | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of a webhook."""
        body = json.dumps(event).encode()
        seconds = int((at or self.now()).timestamp())
        mac = hmac.new((secret or self.webhook_secret).encode(), f"{seconds}.".encode() + body, hashlib.sha256)
        header = f"t={seconds},v1={mac.hexdigest()}"
        return body, {"stripe-signature": header, "content-type": "application/json; charset=utf-8"}

    async def deliver(self, *, times: int = 1) -> list[int]:
        """Sends every event that was not sent yet, each `times` times; returns the answers' statuses."""
        assert self.post is not None
        events, self._told = self.books.events[self._told :], len(self.books.events)
        return [await self.post(*self.signed(event)) for event in events for _ in range(times)]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answers one request."""
        body = await request.text()
        kinds = [fault.kind for fault in self.faults if fault.kind != "late" and fault.happens(request.path)]
        late = [fault.seconds for fault in self.faults if fault.kind == "late" and fault.happens(request.path)]
        if "lost_request" in kinds:
            return _hang_up(request)
        await asyncio.sleep(sum(late))
        status, reply, replayed = self._reply(request, body, kinds)
        if self.prompt and self.post is not None:
            await self.deliver()
        if "lost_reply" in kinds:
            return _hang_up(request)
        headers = {"request-id": f"req_{next(self._ids)}", "stripe-version": VERSION}
        if replayed:
            headers["idempotent-replayed"] = "true"
        return web.Response(status=status, body=reply, headers=headers, content_type="application/json")

    def _reply(self, request: web.Request, body: str, kinds: list[str]) -> tuple[int, bytes, bool]:
        try:
            self._admit(request)
            if "busy" in kinds:
                raise StripeProblem(429, "invalid_request_error", "Too many requests", code="rate_limit")
            params = decode(parse_qsl(body if request.method == "POST" else request.query_string, True))
            operation, ids = _operation(request)
            check(operation, params)
            self.requests.append((operation, request.headers.get("idempotency-key", ""), params))
        except StripeProblem as problem:
            return problem.status, json.dumps(problem.body).encode(), False
        key = request.headers.get("idempotency-key")
        if request.method == "GET" or key is None:
            return (*self._carry_out(operation, ids, params), False)
        fingerprint = f"{request.method} {request.path} {json.dumps(params, sort_keys=True)}"
        known = self._replies.get(key)
        if known is not None:
            if known[0] != fingerprint:
                told = "Keys for idempotent requests can only be used with the same parameters."
                return 400, json.dumps({"error": {"type": "idempotency_error", "message": told}}).encode(), False
            return known[1], known[2], True
        status, reply = self._carry_out(operation, ids, params)
        if "failed" in kinds:
            status, reply = 500, json.dumps({"error": {"type": "api_error", "message": "Something failed."}}).encode()
        self._replies[key] = (fingerprint, status, reply)
        return status, reply, False

    def _admit(self, request: web.Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.secret_key}":
            raise invalid("Invalid API Key provided", status=401)
        if request.headers.get("stripe-version") != VERSION:
            raise invalid("Invalid Stripe API version")
        if request.method == "POST" and not request.headers.get("idempotency-key"):
            raise invalid("This server wants a key with everything that changes something.")

    def _carry_out(self, operation: str, ids: tuple[str, ...], params: dict[str, Any]) -> tuple[int, bytes]:
        try:
            thing = self._do(operation, ids, params)
        except StripeProblem as problem:
            return problem.status, json.dumps(problem.body).encode()
        return 200, json.dumps(thing).encode()

    def _do(self, operation: str, ids: tuple[str, ...], params: dict[str, Any]) -> Thing:
        books = self.books
        if operation in _CHANGES:
            return self._shown(_CHANGES[operation](books, *ids, params), params)
        if operation.startswith("POST /v1/tax/"):
            if operation.endswith("create_reversal"):
                return self.taxes.reverse(params)
            return self.taxes.calculate(params) if operation.endswith("calculations") else self.taxes.record(params)
        if operation == "GET /v1/events":
            wanted = params.get("types")
            told = [event for event in books.events if wanted is None or event["type"] in wanted]
            return page(told, params, url=operation)
        if operation == "GET /v1/customers/{id}/payment_methods":
            return page(books.methods_of(*ids), params, url=operation)
        kind = _KINDS[operation.removeprefix("GET ").removesuffix("/{id}")]
        if ids:
            return self._shown(books.get(kind, *ids), params)
        things = [thing for thing in books.of(kind) if params.get("customer") in (None, thing["customer"])]
        return page(things, params, url=operation)

    def _shown(self, thing: Thing, params: dict[str, Any]) -> Thing:
        return public(expanded(thing, params, self.books.things))


_CHANGES: Mapping[str, Callable[..., Thing]] = {
    "POST /v1/customers": Books.create_customer,
    "POST /v1/customers/{id}": Books.update_customer,
    "POST /v1/customer_sessions": Books.create_customer_session,
    "POST /v1/payment_methods/{id}/detach": lambda books, id, params: books.detach(id),
    "POST /v1/payment_intents": Books.create_payment,
    "POST /v1/setup_intents": Books.create_setup,
    "POST /v1/payment_intents/{id}/cancel": lambda books, id, params: books.cancel("payment_intent", id),
    "POST /v1/setup_intents/{id}/cancel": lambda books, id, params: books.cancel("setup_intent", id),
    "POST /v1/refunds": Books.refund,
}

_KINDS = {
    "/v1/payment_intents": "payment_intent",
    "/v1/setup_intents": "setup_intent",
    "/v1/charges": "charge",
    "/v1/refunds": "refund",
    "/v1/disputes": "dispute",
    "/v1/radar/early_fraud_warnings": "radar.early_fraud_warning",
}


def _operation(request: web.Request) -> tuple[str, tuple[str, ...]]:
    """The operation of a request, and the ids in its path."""
    for operation in TAKEN:
        method, template = operation.split(" ")
        parts, given = template.split("/"), request.path.split("/")
        if method != request.method or len(parts) != len(given):
            continue
        if all(part in ("{id}", here) for part, here in zip(parts, given, strict=True)):
            return operation, tuple(here for part, here in zip(parts, given, strict=True) if part == "{id}")
    raise invalid(f"Unrecognized request URL ({request.method}: {request.path}).", status=404)


def _hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def open_stripe(**options: Any) -> AsyncIterator[StripeServer]:
    """A Stripe account behind a port of 127.0.0.1."""
    server = StripeServer(**options)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"http://127.0.0.1:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()
