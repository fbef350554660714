"""Calls of Stripe's API: one door for keys, time limits, retries and errors.

Stripe keeps the answer to an idempotency key for at least a day, and the SDK repeats only what is safe: reads, and
writes that carry a key, which all of ours do. What an error means is decided here: `IntentDeclined` is an answer (the
bank said no), `StripeRefused` certainly did nothing, and everything else is `ProcessorUnavailable`: nobody knows.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import stripe
import structlog

from boreal.providers.ports import IdempotencyMismatch, ProcessorRefused, ProcessorUnavailable

API_VERSION = "2026-10-28.endive"
"""The version of the API that this adapter speaks, whatever the account's default is."""

CALL_S = 18.0
"""How long one call may take, repetitions included.

A confirmation makes three as a rule, which fit in before its safety net. Where it makes more and Stripe is slow, both
ask with the same keys, which does no harm.
"""
_REPEATS = 2

_log = structlog.get_logger("boreal.stripe")

Operation = Callable[..., Awaitable[Any]]
"""A method of one of the SDK's services."""


class IntentDeclined(Exception):
    """The bank said no. `intent` is the payment or setup intent as Stripe shows it with the error."""

    def __init__(self, intent: dict[str, Any]) -> None:
        super().__init__("declined")
        self.intent = intent


class StripeRefused(ProcessorRefused):
    """Stripe did not accept the request; `param` is what was wrong with it, where Stripe says so."""

    def __init__(self, code: str, message: str, *, param: str = "") -> None:
        super().__init__(code, message)
        self.param = param


class StripeFailed(ProcessorUnavailable):
    """Stripe answered with an error of its own, which the same key may get for ever."""


class StripeBusy(ProcessorUnavailable):
    """Too many requests: Stripe did not do it."""


class StripeApi:
    """A client of one Stripe account. `url` replaces Stripe's address, for tests."""

    def __init__(self, secret_key: str, *, url: str | None = None, call_s: float = CALL_S) -> None:
        self._call_s = call_s
        self._http = stripe.AIOHTTPClient(timeout=aiohttp.ClientTimeout(total=call_s))
        self.v1 = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": url} if url else {},
            max_network_retries=_REPEATS,
            http_client=self._http,
        ).v1

    async def close(self) -> None:
        """Closes the connections to Stripe."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def call(
        self, operation: Operation, *ids: str, params: Mapping[str, Any] | None = None, key: str | None = None
    ) -> dict[str, Any]:
        """The object that an operation answers with. What changes something needs a `key`; a calculation does not.

        Raises `IntentDeclined`, `StripeRefused`, `IdempotencyMismatch` and `ProcessorUnavailable`.
        """
        options = {"idempotency_key": key} if key else {}
        try:
            async with asyncio.timeout(self._call_s):
                answer = await operation(*ids, params=dict(params or {}), options=options)
        except stripe.StripeError as error:
            raise _meaning(error) from error
        except (TimeoutError, aiohttp.ClientError) as silence:
            raise ProcessorUnavailable(f"Stripe did not answer: {type(silence).__name__}") from silence
        answered: dict[str, Any] = answer.to_dict()
        return answered

    async def find(self, operation: Operation, id: str, *, params: Mapping[str, Any] | None = None) -> Any:
        """The object with this id; None if Stripe has none."""
        try:
            return await self.call(operation, id, params=params)
        except StripeRefused as refused:
            if refused.code == "resource_missing":
                return None
            raise


def _meaning(error: stripe.StripeError) -> Exception:
    """What an error of the SDK means; anything that tells a secret stays out of it."""
    told = _told(error)
    for kind in ("payment_intent", "setup_intent"):
        if isinstance(error, stripe.CardError) and isinstance(told.get(kind), dict):
            return IntentDeclined(told[kind])
    if isinstance(error, stripe.IdempotencyError):
        return IdempotencyMismatch()
    if isinstance(error, stripe.RateLimitError):
        return StripeBusy("Stripe has too many requests of ours.")
    if error.http_status == 409 or isinstance(error, stripe.APIConnectionError):
        return ProcessorUnavailable(f"Stripe did not do it: {error.code or type(error).__name__}")
    code, message, param = (str(told.get(name) or "") for name in ("code", "message", "param"))
    if isinstance(error, stripe.InvalidRequestError | stripe.CardError):
        _log.info("stripe_refused", code=code, param=param, reason=message, request_id=error.request_id)
        return StripeRefused(code or "invalid_request", message, param=param)
    _log.error("stripe_failed", kind=type(error).__name__, status=error.http_status, request_id=error.request_id)
    return StripeFailed(f"Stripe failed: {type(error).__name__} {error.http_status}")


def _told(error: stripe.StripeError) -> dict[str, Any]:
    body = error.json_body
    told = body.get("error") if isinstance(body, dict) else None
    return told if isinstance(told, dict) else {}
