"""Order mails: from an order as the API shows it to a subject, HTML and text. The text carries the same facts."""

from collections.abc import Mapping
from typing import Any

from boreal.kit.formats import format_day, format_money
from boreal.rooms.billing.mails.drawing import Line, RenderedMail, draw, say


def render_order_mail(
    order: Mapping[str, Any],
    organization: Mapping[str, Any],
    portal_url: str,
    *,
    bills_usage: bool = False,
    locale: str = "en",
) -> RenderedMail:
    """The confirmation of an order, given as the contract's `Order` and `Organization`.

    What it says first depends on why there is an order (`_kind`); what happens next is told of a subscription that goes
    on, and that usage comes on top if it `bills_usage`. `portal_url` opens the customer's orders. Amounts and days are
    written for `locale`.
    """
    then = _next(order, locale)
    if then and bills_usage and not (order["subscription"] or {}).get("cancel_at_period_end"):
        then = f"{then} {say('next.usage')}"
    return _render(_kind(order), order, organization, portal_url, then, locale)


def render_receipt(
    order: Mapping[str, Any], organization: Mapping[str, Any], portal_url: str, *, locale: str = "en"
) -> RenderedMail:
    """Tells that an order is paid which could not be collected at first."""
    goes_on = (order["subscription"] or {}).get("status") in _GOES_ON
    kind = "recovered" if goes_on else "paid_late"
    return _render(kind, order, organization, portal_url, _next(order, locale), locale)


_GOES_ON = ("active", "trialing")


def _render(
    kind: str, order: Mapping[str, Any], organization: Mapping[str, Any], portal_url: str, then: str, locale: str
) -> RenderedMail:
    product = (order["product"] or {}).get("name") or order["description"]
    names = {"merchant": organization["name"], "product": product}
    return draw(
        "order_confirmation",
        subject=say(f"{kind}.subject", **names),
        kind=kind,
        heading=say(f"{kind}.heading", **names),
        intro=say(f"{kind}.intro", **names),
        merchant=organization["name"],
        lines=_lines(order, locale),
        next=then,
        number=order["invoice_number"],
        day=format_day(order["created_at"], locale),
        billed_to=_billed_to(order),
        portal_url=portal_url,
    )


def _kind(order: Mapping[str, Any]) -> str:
    """The first part of its sentences: by why there is an order, and whether it is paid."""
    if not order["paid"]:
        return "pending_order"
    subscription = order["subscription"]
    if subscription is None or order["billing_reason"] == "purchase":
        return "order_confirmation"
    if order["billing_reason"] == "subscription_update":
        return "subscription_changed"
    if order["billing_reason"] == "subscription_cycle":
        if subscription["trial_end"] and subscription["trial_end"] == subscription["current_period_start"]:
            return "trial_over"
        return "subscription_cycled" if subscription["status"] in _GOES_ON else "last_order"
    return "trial_confirmation" if subscription["status"] == "trialing" else "subscription_confirmation"


def _lines(order: Mapping[str, Any], locale: str) -> list[Line]:
    def money(amount: int) -> str:
        return format_money(amount, order["currency"], locale)

    lines = [Line(item["label"], money(item["amount"]), "item") for item in order["items"]]
    if order["discount_amount"]:
        name = (order["discount"] or {}).get("name") or say("line.discount")
        lines.append(Line(name, money(-order["discount_amount"])))
    if order["tax_amount"]:
        lines.append(Line(say("line.tax"), money(order["tax_amount"])))
    if order["applied_balance_amount"]:
        lines.append(Line(say("line.total"), money(order["total_amount"])))
        lines.append(Line(say("line.balance"), money(order["applied_balance_amount"])))
    paid = say("line.paid" if order["paid"] else "line.due")
    return [*lines, Line(paid, money(order["due_amount"]), "total")]


def _next(order: Mapping[str, Any], locale: str) -> str:
    """When the subscription is charged again, and how much before discounts and tax."""
    subscription = order["subscription"]
    if subscription is None or subscription["status"] not in _GOES_ON or not subscription["current_period_end"]:
        return ""
    if subscription.get("cancel_at_period_end"):
        return say("next.end", day=format_day(subscription["current_period_end"], locale))
    on_trial = subscription["status"] == "trialing"
    # The first order says what it costs before the discount, which may end; later ones may hold much else.
    is_first = order["billing_reason"] == "subscription_create" and not on_trial
    price = order["subtotal_amount"] if is_first else subscription["amount"]
    key = "next.trial" if on_trial else "next.renewal" if is_first else "next.again"
    count = subscription["recurring_interval_count"]
    return say(
        key,
        day=format_day(subscription["current_period_end"], locale),
        price=format_money(price, subscription["currency"], locale),
        each=say(f"each.{subscription['recurring_interval']}", count=count),
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
