"""Stripe's events: signed requests to our webhook endpoint, and the list of the API.

An event only says what changed; the receiver asks for the object. So nothing but its id, its type and the id of its
object is read.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import stripe

from boreal.providers.ports import EventRefused, ProcessorEvent

EVENT_TYPES: Mapping[str, Literal["payment", "setup", "refund", "dispute"]] = {
    "payment_intent.succeeded": "payment",
    "payment_intent.payment_failed": "payment",
    "payment_intent.processing": "payment",
    "payment_intent.requires_action": "payment",
    "payment_intent.canceled": "payment",
    "setup_intent.succeeded": "setup",
    "setup_intent.setup_failed": "setup",
    "setup_intent.requires_action": "setup",
    "setup_intent.canceled": "setup",
    "refund.created": "refund",
    "refund.updated": "refund",
    "refund.failed": "refund",
    "charge.dispute.created": "dispute",
    "charge.dispute.updated": "dispute",
    "charge.dispute.closed": "dispute",
    "charge.dispute.funds_withdrawn": "dispute",
    "charge.dispute.funds_reinstated": "dispute",
    "radar.early_fraud_warning.created": "dispute",
    "radar.early_fraud_warning.updated": "dispute",
}
"""The events that the webhook endpoint at Stripe has to send; others are taken and forgotten."""

TOLERANCE = timedelta(minutes=5)
"""How old a signature may be, or how far ahead of our clock."""


class StripeEvents:
    """Reads requests that Stripe signed with the endpoint's secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def read(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> ProcessorEvent | None:
        """As the port says."""
        signature = headers.get("stripe-signature", "")
        try:
            stripe.WebhookSignature.verify_header(body, signature, self._secret)
            event = json.loads(body)
        except (stripe.SignatureVerificationError, ValueError):
            raise EventRefused("The signature is missing or wrong.") from None
        if abs(now - _signed_at(signature)) > TOLERANCE:
            raise EventRefused("The signature is too old.")
        return load_event(event) if isinstance(event, dict) else None


def load_event(event: dict[str, Any]) -> ProcessorEvent | None:
    """The event, if it is one that we know."""
    kind = EVENT_TYPES.get(str(event.get("type")))
    if kind is None:
        return None
    happened_at = datetime.fromtimestamp(event["created"], UTC)
    return ProcessorEvent(id=event["id"], kind=kind, object_id=event["data"]["object"]["id"], happened_at=happened_at)


def _signed_at(signature: str) -> datetime:
    """When it was signed; the header has been verified, so it has a time."""
    seconds = next(part[2:] for part in signature.split(",") if part.startswith("t="))
    return datetime.fromtimestamp(int(seconds), UTC)
