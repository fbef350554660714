"""A checkout session in words: what is bought, what it costs now and later, and what the button does.

Everything is derived from the public view of the session (contract: `CheckoutPublic`); amounts are never calculated
here, only named and written out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from boreal.surfaces.pages.rendering import Visitor

View = Mapping[str, Any]
"""The JSON of a `CheckoutPublic`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the sum. `kind` is `plain`, `less` (taken off) or `due` (what is charged now)."""

    label: str
    value: str
    note: str = ""
    kind: str = "plain"


@dataclass(frozen=True, slots=True)
class Choice:
    """One product that can be chosen."""

    id: str
    name: str
    price: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """The session as the page tells it."""

    name: str
    headline: str
    period: str
    note: str
    rows: Sequence[Row]
    due_label: str
    due: str
    usage: Sequence[str]
    terms: str
    consent: str
    button: str


def offer_of(view: View, visitor: Visitor) -> Offer:
    """The whole story of a session."""
    product = view["product"] or {}
    rows = _rows(view, visitor)
    return Offer(
        name=product.get("name") or visitor.say("product.unnamed"),
        headline=_headline(view, visitor),
        period=_period(product, visitor) if view["total_amount"] and not _changes_later(view) else "",
        note=_note(view, visitor),
        rows=rows,
        due_label=rows[-1].label,
        due=rows[-1].value,
        usage=[_usage(price, visitor) for price in prices_of(view, product) if _is_metered(price)],
        terms=_terms(view, visitor),
        consent=_consent(view, visitor),
        button=_button(view, visitor),
    )


def choices_of(view: View, visitor: Visitor) -> list[Choice]:
    """The products between which the visitor can switch, in the merchant's order; empty when there is one only."""
    products = view["products"]
    if len(products) < 2:
        return []
    return [
        Choice(
            id=product["id"],
            name=product["name"],
            price=offered_price(prices_of(view, product), product, visitor),
            chosen=product["id"] == view["product_id"],
        )
        for product in products
    ]


def seat_hint(view: View, visitor: Visitor) -> str:
    """What a seat costs by how many there are; empty where nothing is sold by the seat."""
    price = chosen_price(view)
    if price.get("amount_type") != "seat_based":
        return ""
    said = []
    for tier in price["seat_tiers"]["tiers"]:
        each = visitor.money(tier["price_per_seat"], price["price_currency"])
        least, most = tier["min_seats"], tier["max_seats"]
        key = "hint.seats.range" if most else "hint.seats.from"
        said.append(visitor.say(key, least=least, most=most, price=each))
    return " ".join(said)


def offered_price(prices: Sequence[Mapping[str, Any]], product: Mapping[str, Any], visitor: Visitor) -> str:
    """What a product costs, before anything is chosen: "$24.00 per month", "Pay what you want", "$8.00 per seat"."""
    price = next(iter(sorted(prices, key=_is_metered)), None)
    if price is None:
        return ""
    match price["amount_type"]:
        case "fixed":
            text = visitor.money(price["price_amount"], price["price_currency"])
        case "custom":
            text = visitor.say("price.custom")
        case "seat_based":
            tiers = price["seat_tiers"]["tiers"]
            cheapest = visitor.money(min(tier["price_per_seat"] for tier in tiers), price["price_currency"])
            text = visitor.say("price.seat" if len(tiers) == 1 else "price.seat_from", price=cheapest)
        case "free":
            return visitor.say("price.free")
        case _:
            return _usage(price, visitor)
    return f"{text} {_period(product, visitor)}".strip()


def prices_of(view: View, product: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The prices at which the session offers a product: its ad-hoc prices where it has some, else the catalog's."""
    own = (view["prices"] or {}).get(product.get("id", ""))
    return own or product.get("prices") or ()


def chosen_price(view: View) -> Mapping[str, Any]:
    """The price that sets the amount: the static one, else the first (catalog spec 6.4); empty without a product."""
    prices = prices_of(view, view["product"] or {})
    static = [price for price in prices if not _is_metered(price)]
    return next(iter([*static, *prices]), {})


def _is_metered(price: Mapping[str, Any]) -> bool:
    return str(price["amount_type"]).startswith("metered")


def _is_recurring(view: View) -> bool:
    return bool((view["product"] or {}).get("is_recurring"))


def _changes_later(view: View) -> bool:
    """Whether today's amount is not what every later period costs."""
    return _is_recurring(view) and bool(view["trial_end"] or _passing_discount(view))


def _passing_discount(view: View) -> Mapping[str, Any] | None:
    """The discount, when it does not last as long as the subscription."""
    discount = view["discount"] if view["discount_amount"] else None
    return discount if discount and discount["duration"] != "forever" else None


def _later(view: View, visitor: Visitor) -> str:
    """What a period costs when trial and passing discounts are over. The tax on it is not known before then."""
    if not _passing_discount(view):
        return visitor.money(view["total_amount"], view["currency"])
    price = visitor.money(view["amount"], view["currency"])
    return visitor.say("price.plus_tax", price=price) if _is_taxed_later(view) else price


def _is_taxed_later(view: View) -> bool:
    """Whether a tax comes upon what a later period costs, which is not known before then."""
    return _passing_discount(view) is not None and not (view["tax_amount"] == 0 and view["net_amount"])


def _every(product: Mapping[str, Any], visitor: Visitor, kind: str) -> str:
    if not product.get("recurring_interval"):
        return ""
    count = product.get("recurring_interval_count") or 1
    return visitor.say(f"{kind}.{product['recurring_interval']}", count=count)


def _period(product: Mapping[str, Any], visitor: Visitor) -> str:
    return _every(product, visitor, "period")


def _trial_length(view: View, visitor: Visitor, kind: str) -> str:
    count = view["active_trial_interval_count"] or 1
    return visitor.say(f"{kind}.{view['active_trial_interval'] or 'day'}", count=count)


_TIERED = {"graduated": "price.graduated", "volume": "price.volume"}


def _usage(price: Mapping[str, Any], visitor: Visitor) -> str:
    unit, tiered = price["meter"]["name"], price.get("tiers")
    if tiered:
        tiers = ", ".join(_tier(tier, price["price_currency"], visitor) for tier in tiered["tiers"])
        return visitor.say(_TIERED[tiered["mode"]], unit=unit, tiers=tiers)
    return visitor.say(
        "price.metered", price=visitor.unit_price(price["unit_amount"], price["price_currency"]), unit=unit
    )


def _tier(tier: Mapping[str, Any], currency: str, visitor: Visitor) -> str:
    price = visitor.unit_price(tier["unit_amount"], currency)
    if tier["up_to"] is None:
        return visitor.say("price.tier_above", price=price)
    return visitor.say("price.tier_up_to", price=price, units=visitor.number(tier["up_to"]))


def _headline(view: View, visitor: Visitor) -> str:
    if view["trial_end"]:
        return _trial_length(view, visitor, "trial.free")
    if not view["total_amount"] and not view["amount"] and view["is_payment_setup_required"]:
        return visitor.say("price.usage")
    if not view["total_amount"] and not view["is_payment_form_required"]:
        return visitor.say("price.free")
    return visitor.money(view["total_amount"], view["currency"])


def _note(view: View, visitor: Visitor) -> str:
    if not _changes_later(view):
        return ""
    period = _period(view["product"], visitor)
    if _is_taxed_later(view):
        return visitor.say("price.then_plus_tax", price=visitor.money(view["amount"], view["currency"]), period=period)
    return visitor.say("price.then", price=_later(view, visitor), period=period)


def _rows(view: View, visitor: Visitor) -> list[Row]:
    currency = view["currency"]
    rows = []
    if view["amount"]:
        label = visitor.say("sum.subtotal")
        if view.get("seats") and view.get("price_per_seat") is not None:
            price = visitor.money(view["price_per_seat"], currency)
            label = visitor.say("sum.seats", count=view["seats"], price=price)
        rows.append(Row(label, visitor.money(view["amount"], currency)))
        if view["discount_amount"]:
            name = (view["discount"] or {}).get("name") or visitor.say("sum.discount")
            rows.append(Row(name, visitor.money(-view["discount_amount"], currency), kind="less"))
        if view["tax_amount"] is None:
            rows.append(Row(visitor.say("sum.tax"), "–", visitor.say("sum.tax_unknown")))
        else:
            rows.append(Row(visitor.say("sum.tax"), visitor.money(view["tax_amount"], currency)))
    if view["trial_end"]:
        later = f"{visitor.money(view['total_amount'], currency)} {_period(view['product'], visitor)}"
        rows.append(Row(visitor.say("sum.after_trial"), later))
    due = view["total_amount"] if view["is_payment_required"] else 0
    label = visitor.say("sum.due_today" if _is_recurring(view) else "sum.total")
    rows.append(Row(label, visitor.money(due, currency), kind="due"))
    return rows


def _terms(view: View, visitor: Visitor) -> str:
    """How the price goes on, in one sentence, and a second one when usage is billed too."""
    if not view["is_payment_form_required"]:
        return ""
    if not _is_recurring(view):
        return visitor.say("terms.once")
    sentence = _renewal(view, visitor)
    metered = any(_is_metered(price) for price in prices_of(view, view["product"]))
    return f"{sentence} {visitor.say('terms.usage')}" if metered and view["amount"] else sentence


def _renewal(view: View, visitor: Visitor) -> str:
    each = _every(view["product"], visitor, "each")
    first, later = visitor.money(view["total_amount"], view["currency"]), _later(view, visitor)
    discount = _passing_discount(view)
    if not view["amount"]:
        return visitor.say("terms.usage_only", each=each)
    if view["trial_end"]:
        return visitor.say("terms.trial", day=visitor.day(view["trial_end"]), later=first, each=each)
    if discount is None:
        return visitor.say("terms.same", first=first, each=each)
    if discount["duration"] == "once":
        return visitor.say("terms.then", first=first, later=later, each=each)
    return visitor.say("terms.repeating", first=first, later=later, each=each, count=discount["duration_in_months"])


def _consent(view: View, visitor: Visitor) -> str:
    if not view["is_payment_form_required"] or not _is_recurring(view):
        return ""
    each = _every(view["product"], visitor, "each")
    return visitor.say("consent.recurring", merchant=view["organization"]["name"], each=each)


def _button(view: View, visitor: Visitor) -> str:
    if not view["is_payment_form_required"]:
        return visitor.say("button.free")
    if view["trial_end"]:
        return _trial_length(view, visitor, "button.trial")
    if _is_recurring(view):
        return visitor.say("button.subscribe")
    return visitor.say("button.pay", amount=visitor.money(view["total_amount"], view["currency"]))
