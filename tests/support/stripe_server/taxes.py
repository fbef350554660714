"""Calculations of Stripe Tax: a few places, rates and registrations, in the shape that Stripe documents."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from boreal.core.money import round_half_away
from tests.support.stripe_server.wire import integer, invalid

# country or part of it: (type of the tax, percent) of each tax there
PLACES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "FR": (("vat", "20.0"),),
    "DE": (("vat", "19.0"),),
    "GB": (("vat", "20.0"),),
    "US-NY": (("sales_tax", "4.0"), ("sales_tax", "4.875")),
    "US-CA": (("sales_tax", "7.25"),),
    "CA-QC": (("gst", "5.0"), ("qst", "9.975")),
}
NOT_COLLECTED = frozenset({"US-CA"})
EU = frozenset({"FR", "DE"})
TAX_IDS = {
    "eu_vat": r"[A-Z]{2}[0-9A-Z]{8,12}",
    "gb_vat": r"GB[0-9]{9}",
    "us_ein": r"[0-9]{2}-[0-9]{7}",
    "ch_uid": r"CHE-[0-9]{3}\.[0-9]{3}\.[0-9]{3}",
}
_NEEDS_POSTAL_CODE = frozenset({"US", "CA"})


@dataclass
class Taxes:
    """The calculations that were made, which of them became sales, by reference, and what was taken back of those."""

    calculations: dict[str, dict[str, Any]] = field(default_factory=dict)
    transactions: dict[str, str] = field(default_factory=dict)
    reversals: dict[str, tuple[str, int]] = field(default_factory=dict)

    def calculate(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The tax on one line, exclusive."""
        (line,) = params["line_items"]
        if line["tax_behavior"] != "exclusive" or line["tax_code"] != "txcd_10000000":
            raise invalid("This server knows electronic services without their tax only.", param="line_items")
        customer = params["customer_details"]
        tax_id = _tax_id(customer)
        place = _place(customer["address"])
        amount = integer(line, "amount")
        parts = [_part(place, tax, amount, tax_id) for tax in PLACES.get(place, ())] or [_nothing(place, amount)]
        made = {
            "id": f"taxcalc_{secrets.token_hex(8)}",
            "object": "tax.calculation",
            "currency": params["currency"],
            "amount_total": amount + sum(part["amount"] for part in parts),
            "tax_amount_exclusive": sum(part["amount"] for part in parts),
            "tax_amount_inclusive": 0,
            "tax_breakdown": parts,
        }
        self.calculations[made["id"]] = made
        return made

    def record(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """A calculation becomes a transaction."""
        if params["calculation"] not in self.calculations:
            raise invalid("No such calculation", code="resource_missing", param="calculation")
        if params["reference"] in self.transactions:
            raise invalid("A tax transaction with this reference exists.", param="reference")
        self.transactions[params["reference"]] = params["calculation"]
        return {"id": f"tax_{params['reference']}", "object": "tax.transaction", "reference": params["reference"]}

    def reverse(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Part of a transaction is taken back, its tax included: an amount below zero, never more than is left."""
        if params["mode"] != "partial":
            raise invalid("This server knows partial reversals only.", param="mode")
        sold = str(params["original_transaction"]).removeprefix("tax_")
        if sold not in self.transactions:
            raise invalid("No such transaction", code="resource_missing", param="original_transaction")
        if params["reference"] in self.reversals or params["reference"] in self.transactions:
            raise invalid("A tax transaction with this reference exists.", param="reference")
        amount = integer(params, "flat_amount")
        left = self.calculations[self.transactions[sold]]["amount_total"] + sum(
            given for of, given in self.reversals.values() if of == sold
        )
        if not -left <= amount < 0:
            raise invalid("The amount must be negative and at most what is left.", param="flat_amount")
        self.reversals[params["reference"]] = (sold, amount)
        return {"id": f"tax_{params['reference']}", "object": "tax.transaction", "reference": params["reference"]}


def _tax_id(customer: Mapping[str, Any]) -> str | None:
    for tax_id in customer.get("tax_ids", ()):
        pattern = TAX_IDS.get(tax_id["type"])
        if pattern is None or not re.fullmatch(pattern, tax_id["value"]):
            raise invalid(
                "Invalid value for tax id", code="tax_id_invalid", param="customer_details[tax_ids][0][value]"
            )
        return str(tax_id["type"])
    return None


def _place(address: Mapping[str, str]) -> str:
    country, state = address["country"], address.get("state", "")
    if state.startswith(f"{country}-"):
        raise invalid("Invalid state", param="customer_details[address][state]")
    if country in _NEEDS_POSTAL_CODE and "postal_code" not in address:
        name = "customer_details[address][postal_code]"
        raise invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
    if address.get("postal_code") == "00000":
        raise invalid("We could not find that address.", code="customer_tax_location_invalid")
    if address.get("line1") == "nowhere":
        raise invalid("Something new.", code="never_heard_of")
    place = f"{country}-{state}"
    return place if place in PLACES else country


def _part(place: str, tax: tuple[str, str], amount: int, tax_id: str | None) -> dict[str, Any]:
    kind, percent = tax
    reason = "standard_rated"
    if place in NOT_COLLECTED:
        reason = "not_collecting"
    elif tax_id == "eu_vat" and place in EU:
        reason = "reverse_charge"
    rate = percent if reason == "standard_rated" else "0.0"
    return {
        "amount": round_half_away(amount * Decimal(rate) / 100),
        "inclusive": False,
        "tax_rate_details": {
            "country": place[:2],
            "state": place[3:] or None,
            "percentage_decimal": rate,
            "rate_type": "percentage",
            "flat_amount": None,
            "tax_type": kind,
        },
        "taxability_reason": reason,
        "taxable_amount": amount if reason == "standard_rated" else 0,
    }


def _nothing(place: str, amount: int) -> dict[str, Any]:
    details = {"country": place[:2], "state": None, "percentage_decimal": "0.0", "rate_type": None, "tax_type": None}
    return {
        "amount": 0,
        "inclusive": False,
        "tax_rate_details": {**details, "flat_amount": None},
        "taxability_reason": "not_supported",
        "taxable_amount": 0,
    }
