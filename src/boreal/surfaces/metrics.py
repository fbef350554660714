"""Every request counted and logged: what stands before the HTTP surface when somebody wants to see it.

A line of the access log has the method, the template of the route (never the path, which may hold a secret), the
status, the duration and the trace that the facts, the work and the deliveries of this request have too.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any

import structlog

from boreal.kit.metrics import Metrics

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_log = structlog.get_logger("boreal.access")


def watched(http: Asgi, *, metrics: Metrics | None, logs: bool) -> Asgi:
    """The application with what is wanted of `Watched`; the application itself where nothing is."""
    return Watched(http, metrics=metrics, logs=logs) if metrics is not None or logs else http


class Watched:
    """An ASGI application that another one is seen through. Its price is a few microseconds per request."""

    def __init__(self, http: Asgi, *, metrics: Metrics | None, logs: bool) -> None:
        self._http = http
        self._metrics = metrics
        self._logs = logs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, then counts and logs the answer. A client that hung up before there was one is status 499."""
        started_s, status = perf_counter(), 499

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._http(scope, receive, seen)
        finally:
            self._record(scope, status, perf_counter() - started_s)

    def _record(self, scope: Scope, status: int, duration_s: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = scope.get("boreal_route", "unmatched")  # left there by the HTTP surface
        if self._metrics is not None:
            self._metrics.request(method, route, status, duration_s)
        if self._logs:
            duration_ms = round(duration_s * 1000, 1)
            _log.info("request", method=method, route=route, status=status, duration_ms=duration_ms)
