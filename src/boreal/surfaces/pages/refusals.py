"""Why something was refused, in words that say what to do: a message per field, or one notice for the whole form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from boreal.kit.problems import Problem
from boreal.surfaces.pages.forms import ADDRESS_FIELDS, CUSTOM_PREFIX
from boreal.surfaces.pages.offers import View, chosen_price
from boreal.surfaces.pages.rendering import WORDS, Visitor

_CARD_FIELDS = {
    "number": "card_number",
    "exp_month": "card_expiry",
    "exp_year": "card_expiry",
    "cvc": "card_cvc",
    "confirmation_token_id": "card_number",
}
_PAYMENT_PREFIX = "The payment failed: "
_PAYMENT_SUFFIX = " Please try again with a different payment method."


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to say about the form as a whole. `action` and `action_label` are the button that it offers."""

    title: str
    text: str
    action: str = ""
    action_label: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Messages by field name, and perhaps a notice. `problem` is the API's name of what went wrong."""

    fields: Mapping[str, str] = field(default_factory=dict)
    notice: Notice | None = None
    problem: str = ""


def explain(problem: Problem, view: View, visitor: Visitor) -> Refusal:
    """A problem of the API in words for the visitor."""
    body = problem.body()
    detail = body.get("detail")
    if isinstance(detail, list):
        return _fields(detail, view, visitor)
    name = str(body.get("error"))
    if name == "PaymentError":
        return Refusal(notice=_payment(str(detail), visitor))
    if WORDS.knows(f"problem.{name}"):
        action = "skip_trial" if name == "TrialAlreadyRedeemed" else ""
        label = visitor.say("button.skip_trial") if action else ""
        text = visitor.say(f"problem.{name}")
        return Refusal(notice=Notice(visitor.say("problem.title"), text, action, label), problem=name)
    return Refusal(notice=Notice(visitor.say("problem.title"), str(detail)))


def notice_of(key: str, visitor: Visitor) -> Notice:
    """One of the page's own notices: `notice.{key}.title` and `notice.{key}.text`."""
    return Notice(visitor.say(f"notice.{key}.title"), visitor.say(f"notice.{key}.text"))


def _payment(detail: str, visitor: Visitor) -> Notice:
    """What the card issuer said, without the frame that the API puts around it."""
    reason = detail.removeprefix(_PAYMENT_PREFIX).removesuffix(_PAYMENT_SUFFIX).strip()
    framed = detail.startswith(_PAYMENT_PREFIX)
    text = visitor.say("problem.payment.reason", reason=reason) if framed else visitor.say("problem.payment.unknown")
    return Notice(visitor.say("problem.payment.title"), text)


def _fields(detail: Sequence[Mapping[str, Any]], view: View, visitor: Visitor) -> Refusal:
    messages: dict[str, str] = {}
    loose: list[str] = []
    for fault in detail:
        name = _field_of(fault)
        if name is None:
            loose.append(_plain(fault))
        else:
            messages.setdefault(name, _message(name, fault, view, visitor))
    notice = Notice(visitor.say("problem.title"), " ".join(dict.fromkeys(loose))) if loose else None
    return Refusal(messages, notice)


def _field_of(fault: Mapping[str, Any]) -> str | None:
    """The form's field for a fault: of the API (`loc`) or of the tokenizer (`field`)."""
    if "field" in fault:
        return _CARD_FIELDS.get(str(fault["field"]))
    loc = [str(part) for part in fault.get("loc", ()) if part != "body"]
    match loc:
        case ["customer_billing_address", part, *_] if part in ADDRESS_FIELDS:
            return part
        case ["customer_billing_address", *_]:
            message = str(fault.get("msg", ""))
            state, full = "state" in message or "province" in message, "Full billing address" in message
            return "state" if state else "line1" if full else "country"
        case ["custom_field_data", slug, *_]:
            return CUSTOM_PREFIX + slug
        case [name, *_] if name in _CARD_FIELDS:
            return _CARD_FIELDS[name]
        case [("customer_email" | "customer_name" | "customer_billing_name" | "customer_tax_id") as name, *_]:
            return name
        case [("amount" | "seats" | "discount_code") as name, *_]:
            return name
    return None


def _plain(fault: Mapping[str, Any]) -> str:
    return str(fault.get("message") or fault.get("msg") or "").removeprefix("Value error, ")


def _message(name: str, fault: Mapping[str, Any], view: View, visitor: Visitor) -> str:
    """The catalogue's sentence for the field, the limit filled in; else what the API says."""
    kind = fault.get("type", "")
    if name == "amount":
        return _amount_message(kind, fault, view, visitor)
    if name in ("seats", "discount_code") or "field" in fault:
        return _plain(fault)
    if name.startswith(CUSTOM_PREFIX):
        return _custom_message(name.removeprefix(CUSTOM_PREFIX), kind, fault, view, visitor)
    blank = kind == "missing" or "Full billing address" in str(fault.get("msg", ""))
    key = f"{'missing' if blank else 'wrong'}.{name}"
    return visitor.say(key) if WORDS.knows(key) else _plain(fault)


def _amount_message(kind: str, fault: Mapping[str, Any], view: View, visitor: Visitor) -> str:
    price = chosen_price(view)
    bounds = {"greater_than_equal": "minimum_amount", "less_than_equal": "maximum_amount"}
    bound = price.get(bounds.get(kind, ""))
    if bound is None:
        return _plain(fault)
    return visitor.say(f"wrong.{bounds[kind]}", amount=visitor.money(bound, view["currency"]))


_LIMITS = {
    "string_too_short": "min_length",
    "string_too_long": "max_length",
    "greater_than_equal": "ge",
    "less_than_equal": "le",
}


def _custom_message(slug: str, kind: str, fault: Mapping[str, Any], view: View, visitor: Visitor) -> str:
    """What to do about an answer, with the limit that the merchant set."""
    if kind in ("missing", "literal_error"):
        return visitor.say("missing.custom")
    field = next((item["custom_field"] for item in view["attached_custom_fields"] or () if _is(item, slug)), None)
    limit = field["properties"].get(_LIMITS.get(kind, "")) if field else None
    if field is not None and limit is not None:
        if field["type"] == "date":
            day = visitor.day(datetime.fromtimestamp(limit, UTC).isoformat())
            return visitor.say("wrong.custom.early" if kind == "greater_than_equal" else "wrong.custom.late", limit=day)
        return visitor.say(f"wrong.custom.{kind}", limit=limit)
    if field is not None and field["type"] in ("number", "date"):
        return visitor.say(f"wrong.custom.{field['type']}")
    return _plain(fault)


def _is(attached: Mapping[str, Any], slug: str) -> bool:
    return bool(attached["custom_field"]["slug"] == slug)
