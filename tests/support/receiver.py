"""A real HTTP server on 127.0.0.1 that stands for a merchant's: it records what it gets and answers as it is told.

async with open_receiver() as receiver:
    receiver.script(Reply(500), Reply(drop=True))     # then 200 for ever
    ... something posts to receiver.url ...
    (first, second) = receiver.requests
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Received:
    """One request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """How to answer: after `delay_s`, with a status and a body; or never (`hang`); or by hanging up (`drop`)."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    hang: bool = False
    drop: bool = False


def redirect(location: str, status: int = 302) -> Reply:
    """A redirect to somewhere else."""
    return Reply(status, headers={"location": location})


@dataclass
class Receiver:
    """The running server. `answer` may choose the reply by the request; None leaves it to the script."""

    port: int = 0
    requests: list[Received] = field(default_factory=list)
    answer: Callable[[Received], Reply | None] = lambda received: None
    otherwise: Reply = field(default_factory=Reply)
    _script: deque[Reply] = field(default_factory=deque)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """The origin, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def script(self, *replies: Reply) -> None:
        """The replies to the next requests, one each; after them `otherwise` again."""
        self._script.extend(replies)

    def paths(self) -> list[str]:
        """The paths of the requests so far, in order of arrival."""
        return [received.path for received in self.requests]

    async def wait_for(self, count: int, *, timeout_s: float = 10.0) -> list[Received]:
        """The requests, once there are `count`; `TimeoutError` when they do not come."""
        async with asyncio.timeout(timeout_s):
            while len(self.requests) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.requests

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Records a request and answers it."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(request.method, request.path, headers, await request.read())
        self.requests.append(received)
        self._arrived.set()
        reply = self.answer(received) or (self._script.popleft() if self._script else self.otherwise)
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        if reply.hang:
            await asyncio.Event().wait()
        if reply.drop and request.transport is not None:
            request.transport.abort()
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


@asynccontextmanager
async def open_receiver() -> AsyncIterator[Receiver]:
    """Starts a receiver on a free port of 127.0.0.1 and stops it at the end."""
    receiver = Receiver()
    server = web.Server(receiver.serve)
    runner = web.ServerRunner(server, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()
