"""Stripe's payment form on the checkout pages: only for sessions that carry a publishable key.

The fields for the card and for other ways to pay are Stripe's, in frames of Stripe's, loaded by Stripe's script. So the
policy of these pages, and of these only, lets that script in.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from boreal.surfaces.pages.exchange import PageReply

SCRIPT = "https://js.stripe.com/endive/stripe.js"
"""Stripe wants its script to be loaded from there, in the release that belongs to our version of the API."""

_ALLOWED = {
    "script-src": "https://js.stripe.com https://*.js.stripe.com",
    "connect-src": "https://api.stripe.com",
    "frame-src": "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com",
}


@dataclass(frozen=True, slots=True)
class StripeForm:
    """What the form has to know: whose account, for which kind of intent, and the secret of one that asks."""

    key: str
    options: str
    client_secret: str | None
    script: str = SCRIPT


def form_of(view: Mapping[str, Any]) -> StripeForm | None:
    """Stripe's form for a session; None if its payment form is our own."""
    told = view["payment_processor_metadata"]
    if "publishable_key" not in told:
        return None
    asks = view["status"] == "confirmed" and told.get("intent_status") == "requires_action"
    return StripeForm(
        told["publishable_key"], json.dumps(_options(view)), told.get("intent_client_secret") if asks else None
    )


def allow(reply: PageReply) -> PageReply:
    """The page with a policy that lets Stripe's script and frames in."""
    name = "content-security-policy"
    directives = [
        f"{directive} {_ALLOWED.get(directive.split(' ')[0], '')}".strip()
        for directive in reply.headers[name].split("; ")
    ]
    return replace(reply, headers={**reply.headers, name: "; ".join(directives)})


def _options(view: Mapping[str, Any]) -> dict[str, Any]:
    """The intent that will be made (catalog spec 7.3), so that Stripe offers what can pay it."""
    if not view["is_payment_required"]:
        return {"mode": "setup", "currency": view["currency"], "setupFutureUsage": "off_session"}
    later = "off_session" if (view["product"] or {}).get("is_recurring") else None
    return {
        "mode": "payment",
        "amount": view["total_amount"],
        "currency": view["currency"],
        "setupFutureUsage": later,
    }
