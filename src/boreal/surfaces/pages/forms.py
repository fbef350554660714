"""The checkout form: what stands in its fields, and what was typed as the contract's JSON.

Text becomes JSON here and nothing is judged: whether a value is acceptable is for the command that receives it. Only
what is no value at all (an amount that is not a number) is refused on the spot.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from boreal.kit.formats import parse_amount
from boreal.surfaces.pages.offers import View, chosen_price
from boreal.surfaces.pages.rendering import Visitor

ADDRESS_FIELDS = ("country", "line1", "line2", "city", "postal_code", "state")
TEXT_FIELDS = ("customer_email", "customer_name", "customer_billing_name", "customer_tax_id")
CARD_FIELDS = ("card_number", "card_expiry", "card_cvc")
CUSTOM_PREFIX = "custom."

_EXPIRY = re.compile(r"(\d{1,2})\s*[/.\-\s]?\s*(\d{4}|\d{2})")
_CLOSED_STATES = ("US", "CA")


def values_of(view: View, visitor: Visitor) -> dict[str, str]:
    """What the fields of a session hold, by field name. Card fields always start empty."""
    address = view["customer_billing_address"] or {}
    discount = view["discount"] or {}
    custom = view.get("custom_field_data") or {}
    return {
        **{name: view[name] or "" for name in TEXT_FIELDS},
        **{name: address.get(name) or "" for name in ADDRESS_FIELDS},
        **{CUSTOM_PREFIX + slug: _typed(value) for slug, value in custom.items()},
        "is_business_customer": "on" if view["is_business_customer"] else "",
        "product_id": view["product_id"] or "",
        "amount": visitor.typed_amount(view["amount"], view["currency"]),
        "seats": str(view.get("seats") or ""),
        "discount_code": discount.get("code") or "",
    }


def keep_typed(values: dict[str, str], form: Mapping[str, str], errors: Collection[str]) -> dict[str, str]:
    """`values` with what was typed laid over them, so that nothing is lost when a form comes back.

    Amount, seats and code belong to the chosen product and come from the session, unless they are what is wrong.
    """
    kept = dict(values)
    for name, text in form.items():
        belongs_to_product = name in ("amount", "seats", "discount_code", "product_id")
        known = name in values or name.startswith(CUSTOM_PREFIX)
        if known and (name in errors or not belongs_to_product):
            kept[name] = text
    if not _fits(kept["state"], kept["country"]):
        kept["state"] = ""
    return kept


def changes_of(
    form: Mapping[str, str], view: View, visitor: Visitor, only: Collection[str] | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """What the form asks to change, as a `CheckoutUpdatePublic`, and a message key for each field that is no value.

    Only what differs from the session is in it. `only` narrows it to some fields: a lone country then replaces the
    whole address (catalog spec 9.1).
    """
    asked = {name: text.strip() for name, text in form.items() if only is None or name in only}
    changes: dict[str, Any] = {
        name: asked[name] or None for name in TEXT_FIELDS if name in asked and asked[name] != (view[name] or "")
    }
    if view["customer_id"]:
        changes.pop("customer_email", None)
    if "is_business_customer" in asked and (asked["is_business_customer"] == "on") != view["is_business_customer"]:
        changes["is_business_customer"] = asked["is_business_customer"] == "on"
    address = _address(form, asked, view)
    if address is not None:
        changes["customer_billing_address"] = address
    custom = _custom_field_data(asked, view)
    if custom:
        changes["custom_field_data"] = custom
    if asked.get("product_id", view["product_id"]) != view["product_id"]:
        return changes | {"product_id": asked["product_id"]}, {}
    numbers, errors = _numbers(asked, view, visitor)
    return changes | numbers, errors


def card_of(form: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The card that was typed, for the tokenizer, and a message key for each field that cannot be read."""
    number, expiry, cvc = (form.get(name, "").strip() for name in CARD_FIELDS)
    errors = {name: f"missing.{name}" for name in CARD_FIELDS if not form.get(name, "").strip()}
    match = _EXPIRY.fullmatch(expiry)
    if expiry and match is None:
        errors["card_expiry"] = "wrong.card_expiry"
    if errors or match is None:
        return {}, errors
    month, year = int(match[1]), int(match[2])
    card = {"number": re.sub(r"[\s-]", "", number), "exp_month": month, "exp_year": year if year > 99 else 2000 + year}
    return card | {"cvc": cvc}, {}


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else ""
    return "" if value is None else str(value)


def _fits(state: str, country: str) -> bool:
    prefix = state.partition("-")[0]
    return not state or (country not in _CLOSED_STATES and prefix not in _CLOSED_STATES) or prefix == country


def _address(form: Mapping[str, str], asked: Mapping[str, str], view: View) -> dict[str, Any] | None:
    touched = [name for name in ADDRESS_FIELDS if name in asked]
    country = form.get("country", "").strip()
    if not touched or not country:
        return None
    typed = {name: form.get(name, "").strip() for name in ADDRESS_FIELDS}
    if touched == ["country"]:
        typed = {"country": country}
    elif not _fits(typed["state"], country):
        typed["state"] = ""
    address = {name: text for name, text in typed.items() if text}
    current = {name: text for name, text in (view["customer_billing_address"] or {}).items() if text}
    return address if address != current else None


def _custom_field_data(asked: Mapping[str, str], view: View) -> dict[str, Any]:
    attached: Sequence[Mapping[str, Any]] = view["attached_custom_fields"] or ()
    data: dict[str, Any] = {}
    for field in (item["custom_field"] for item in attached):
        text = asked.get(CUSTOM_PREFIX + field["slug"])
        if text is None:
            continue
        match field["type"]:
            case "checkbox":
                data[field["slug"]] = text == "on"
            case "number":
                data[field["slug"]] = int(text) if re.fullmatch(r"-?\d{1,15}", text) else text or None
            case _:
                data[field["slug"]] = text or None
    stored = view.get("custom_field_data") or {}
    return data if any(stored.get(slug) != value for slug, value in data.items()) else {}


def _numbers(asked: Mapping[str, str], view: View, visitor: Visitor) -> tuple[dict[str, Any], dict[str, str]]:
    """Amount and seats, where the chosen price lets the visitor set them."""
    kind = chosen_price(view).get("amount_type")
    numbers: dict[str, Any] = {}
    errors: dict[str, str] = {}
    if kind == "custom" and "amount" in asked:
        try:
            numbers["amount"] = parse_amount(asked["amount"], view["currency"], visitor.money_locale)
        except ValueError:
            errors["amount"] = "wrong.amount"
    if kind == "seat_based" and "seats" in asked:
        if re.fullmatch(r"\d{1,6}", asked["seats"]):
            numbers["seats"] = int(asked["seats"])
        else:
            errors["seats"] = "wrong.seats"
    return {name: value for name, value in numbers.items() if value != view[name]}, errors
