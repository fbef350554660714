"""Order mails: from an order as the API shows it to a subject, HTML and text.

MJML turns the template into HTML that mail programs understand; the style sheet within follows the reader's dark mode
where they support it. The text version carries the same facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from mjml import mjml2html

from boreal.kit.formats import format_day, format_money
from boreal.kit.words import Words

_HERE = Path(__file__).parent
_WORDS = Words(_HERE / "locale")
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=lambda name: name is not None and ".mjml" in name,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """A mail without its addresses. `subject` is one line."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill. `kind` is `item`, `plain` or `total`."""

    label: str
    value: str
    kind: str = "plain"


def render_order_mail(
    order: Mapping[str, Any], organization: Mapping[str, Any], portal_url: str, *, locale: str = "en"
) -> RenderedMail:
    """The confirmation of an order, given as the contract's `Order` and `Organization`.

    The first order of a subscription becomes a `subscription_confirmation`, with what happens next; every other one
    an `order_confirmation`, or a `pending_order` if it is not paid yet. `portal_url` opens the customer's orders.
    Amounts and days are written for `locale`.
    """
    subscription = order["subscription"] if order["billing_reason"] == "subscription_create" else None
    product = (order["product"] or {}).get("name") or order["description"]
    kind = _kind(order, subscription)
    names = {"merchant": organization["name"], "product": product}
    context = {
        "t": _WORDS.say,
        "kind": kind,
        "heading": _WORDS.say(f"{kind}.heading", **names),
        "intro": _WORDS.say(f"{kind}.intro", **names),
        "merchant": organization["name"],
        "lines": _lines(order, locale),
        "next": _next(order, subscription, locale),
        "number": order["invoice_number"],
        "day": format_day(order["created_at"], locale),
        "billed_to": _billed_to(order),
        "portal_url": portal_url,
    }
    subject = " ".join(_WORDS.say(f"{kind}.subject", **names).split())
    mjml = _ENVIRONMENT.get_template("order_confirmation.mjml.j2").render(subject=subject, **context)
    html = mjml2html(mjml, fonts={})  # a mail loads nothing, also not the web fonts that MJML knows by name
    text = _ENVIRONMENT.get_template("order_confirmation.txt.j2").render(context)
    return RenderedMail(subject, html, text)


def render_seat_mail(*, merchant: str, product: str, url: str) -> RenderedMail:
    """The invitation to a seat of a product; `url` claims it (orders spec 14.2)."""
    subject = " ".join(_WORDS.say("seat_invitation.subject", merchant=merchant, product=product).split())
    context = {
        "t": _WORDS.say,
        "merchant": merchant,
        "heading": _WORDS.say("seat_invitation.heading"),
        "intro": _WORDS.say("seat_invitation.intro", product=product),
        "url": url,
    }
    mjml = _ENVIRONMENT.get_template("seat_invitation.mjml.j2").render(subject=subject, **context)
    text = _ENVIRONMENT.get_template("seat_invitation.txt.j2").render(context)
    return RenderedMail(subject, mjml2html(mjml, fonts={}), text)


def _kind(order: Mapping[str, Any], subscription: Mapping[str, Any] | None) -> str:
    if not order["paid"]:
        return "pending_order"
    if subscription is None:
        return "order_confirmation"
    return "trial_confirmation" if subscription["status"] == "trialing" else "subscription_confirmation"


def _lines(order: Mapping[str, Any], locale: str) -> list[Line]:
    def money(amount: int) -> str:
        return format_money(amount, order["currency"], locale)

    lines = [Line(item["label"], money(item["amount"]), "item") for item in order["items"]]
    if order["discount_amount"]:
        name = (order["discount"] or {}).get("name") or _WORDS.say("line.discount")
        lines.append(Line(name, money(-order["discount_amount"])))
    if order["tax_amount"]:
        lines.append(Line(_WORDS.say("line.tax"), money(order["tax_amount"])))
    if order["applied_balance_amount"]:
        lines.append(Line(_WORDS.say("line.total"), money(order["total_amount"])))
        lines.append(Line(_WORDS.say("line.balance"), money(order["applied_balance_amount"])))
    paid = _WORDS.say("line.paid" if order["paid"] else "line.due")
    return [*lines, Line(paid, money(order["due_amount"]), "total")]


def _next(order: Mapping[str, Any], subscription: Mapping[str, Any] | None, locale: str) -> str:
    """When the subscription is charged again, and how much before discounts and tax."""
    if subscription is None or not subscription["current_period_end"]:
        return ""
    on_trial = subscription["status"] == "trialing"
    price = subscription["amount"] if on_trial else order["subtotal_amount"]
    key = "next.trial" if on_trial else "next.renewal"
    count = subscription["recurring_interval_count"]
    return _WORDS.say(
        key,
        day=format_day(subscription["current_period_end"], locale),
        price=format_money(price, subscription["currency"], locale),
        each=_WORDS.say(f"each.{subscription['recurring_interval']}", count=count),
    )


def _billed_to(order: Mapping[str, Any]) -> list[str]:
    address = order["billing_address"] or {}
    place = " ".join(part for part in (address.get("postal_code"), address.get("city")) if part)
    lines = (
        order["billing_name"] or order["customer"]["name"],
        address.get("line1"),
        address.get("line2"),
        place,
        " ".join(part for part in (address.get("state"), address.get("country")) if part),
    )
    return [line for line in lines if line]
