"""What an invoice says, in the words and numbers of a reader (orders spec 2.3)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.numbers import format_percent

from boreal.kit.db import Row
from boreal.kit.formats import format_day, format_money
from boreal.kit.settings import Settings

LOCALE = "en_US"


def content(order: Row, items: Sequence[Row], *, seller_of: str, settings: Settings) -> dict[str, Any]:
    """The invoice of an order, ready to be printed; `seller_of` is the organization that sold it."""
    seller = (settings.seller_name or seller_of, *settings.seller_details)
    footer = seller[0] if seller[0] == seller_of else f"{seller[0]} · merchant of record for {seller_of}"
    dates = [("Date of issue", format_day(order["created_at"], LOCALE))]
    if seller[0] != seller_of:
        dates.append(("Sold for", seller_of))
    return {
        "language": "en",
        "heading": "Invoice",
        "number": order["invoice_number"],
        "banner": "Sandbox: no payment was processed for this invoice." if settings.is_sandbox else None,
        "status": None if order["status"] == "pending" else "Paid",
        "words": {"from": "From", "to": "Bill to"},
        "seller": list(seller),
        "buyer": _buyer(order),
        "dates": dates,
        "columns": ["Description", "Quantity", "Unit price", "Amount"],
        "lines": [_line(item, order["currency"]) for item in items],
        "totals": _totals(order),
        "notes": _notes(order),
        "footer": footer,
    }


def _line(item: Row, currency: str) -> dict[str, str]:
    amount = format_money(item["amount"], currency, LOCALE)
    return {"label": item["label"], "quantity": "1", "unit": amount, "amount": amount}


def _buyer(order: Row) -> list[str]:
    address: Mapping[str, Any] = order["billing_address"]
    country = address["country"]
    state = (address.get("state") or "").removeprefix(f"{country}-")
    place = " ".join(part for part in (address.get("postal_code"), address.get("city"), state) if part)
    lines = [order["billing_name"], address.get("line1"), address.get("line2"), place, _country(country)]
    if order["tax_id"]:
        lines.append(f"Tax ID {order['tax_id'][0]}")
    return [line for line in lines if line]


def _country(code: str) -> str:
    return Locale.parse(LOCALE).territories.get(code, code)


def _totals(order: Row) -> list[dict[str, Any]]:
    def row(label: str, amount: int, *, strong: bool = False) -> dict[str, Any]:
        return {"label": label, "value": format_money(amount, order["currency"], LOCALE), "strong": strong}

    rows = [row("Subtotal", order["subtotal_amount"])]
    if order["discount_amount"] > 0:
        rows.append(row("Discount", -order["discount_amount"]))
    if (label := _tax_label(order)) is not None:
        rows.append(row(label, order["tax_amount"]))
    rows.append(row("Total", order["total_amount"], strong=True))
    if order["applied_balance_amount"]:
        rows.append(row("Applied balance", order["applied_balance_amount"]))
        rows.append(row("To be paid", order["due_amount"], strong=True))
    return rows


def _tax_label(order: Row) -> str | None:
    """The name of the tax with its place and rate; None for what is not taxed."""
    rate = order["tax_rate"] or {}
    name = rate.get("display_name") or "Tax"
    if order["taxability_reason"] == "reverse_charge":
        return f"{name} (0% Reverse Charge)"
    if order["taxability_reason"] != "standard_rated":
        return None
    place = _country(rate["country"]) if rate.get("country") else None
    if place is None or rate.get("basis_points") is None:
        return name
    share = format_percent(Decimal(rate["basis_points"]) / 10_000, format="#,##0.##%", locale=LOCALE)
    return f"{name} — {place} ({share})"


def _notes(order: Row) -> list[str]:
    if order["taxability_reason"] != "reverse_charge":
        return []
    return ["Reverse charge: the tax is owed by the recipient of this invoice."]
