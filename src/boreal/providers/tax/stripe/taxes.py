"""Calculations of Stripe Tax.

Everything sold is an electronically supplied service, with the tax on top (catalog spec 10.1). Stripe knows where the
seller is registered, which place an address belongs to, the rates there and who owes them; we ask and keep its answer.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog

from boreal.core.money import round_half_away
from boreal.providers.ports import PostalAddress, ProcessorUnavailable, TaxQuote, TaxRate, TaxRefused, TaxUnavailable
from boreal.providers.stripe_api import StripeApi, StripeBusy, StripeRefused
from boreal.providers.tax.stripe.numbers import spelled

TAX_CODE = "txcd_10000000"
"""General: electronically supplied services."""

FAILED = "An error occurred while calculating tax."
_LOCATION_MISSING = "Required tax location information is missing."
_ADDRESS_INVALID = "Invalid address provided"
_REFUSALS = {
    "customer_tax_location_invalid": (
        "We could not determine the customer's tax location based on the provided customer address."
    ),
    "tax_id_invalid": "The provided tax ID is invalid.",
    "postal_code_invalid": "Invalid postal code provided",
    "shipping_address_invalid": _ADDRESS_INVALID,
}

_TAXED = "standard_rated"
_REASONS: Mapping[str, str] = {
    "standard_rated": _TAXED,
    "reduced_rated": _TAXED,
    "portion_standard_rated": _TAXED,
    "portion_reduced_rated": _TAXED,
    "proportionally_rated": _TAXED,
    "taxable_basis_reduced": _TAXED,
    "reverse_charge": "reverse_charge",
    "customer_exempt": "customer_exempt",
    "product_exempt": "product_exempt",
    "portion_product_exempt": "product_exempt",
    "product_exempt_holiday": "product_exempt",
    "zero_rated": "product_exempt",
    "not_subject_to_tax": "not_subject_to_tax",
    "not_collecting": "not_collecting",
    "not_supported": "not_supported",
}
"""Stripe's reasons as catalog spec 10.1 knows them, the one that counts most first: places can overlap."""
_RANK = {reason: rank for rank, reason in enumerate(dict.fromkeys(_REASONS.values()))}

_log = structlog.get_logger("boreal.stripe")


class StripeTaxes:
    """One Stripe account as a source of taxes. With `is_sandbox`, too many questions are answered with no tax."""

    def __init__(self, api: StripeApi, *, is_sandbox: bool) -> None:
        self._api = api
        self._is_sandbox = is_sandbox

    async def close(self) -> None:
        """Closes the connections to Stripe."""
        await self._api.close()

    async def quote(
        self,
        net_amount: int,
        *,
        currency: str,
        address: PostalAddress,
        tax_id: tuple[str, str] | None,
        now: datetime,
    ) -> TaxQuote:
        """As the port says, at the rates of today: Stripe does not calculate for any day but its own."""
        customer = {
            "address": _address(address),
            "address_source": "billing",
            **({"tax_ids": [{"type": tax_id[1], "value": spelled(*tax_id)}]} if tax_id else {}),
        }
        item = {"amount": net_amount, "reference": "1", "tax_behavior": "exclusive", "tax_code": TAX_CODE}
        params = {"currency": currency, "customer_details": customer, "line_items": [item]}
        try:
            return _quote(await self._api.call(self._api.v1.tax.calculations.create_async, params=params))
        except StripeRefused as refused:
            raise _refusal(refused) from refused
        except StripeBusy as busy:
            if self._is_sandbox:
                return TaxQuote(amount=0, taxability_reason="not_collecting")
            raise TaxUnavailable(FAILED) from busy
        except ProcessorUnavailable as silence:
            raise TaxUnavailable(FAILED) from silence

    async def record(self, calculation_id: str, *, reference: str) -> str | None:
        """As the port says."""
        record = self._api.v1.tax.transactions.create_from_calculation_async
        params = {"calculation": calculation_id, "reference": reference}
        try:
            recorded = await self._api.call(record, params=params, key=f"tax-{reference}")
        except StripeRefused as refused:
            # recorded before, or too old: nothing that asking again would change
            _log.warning("tax_not_recorded", reference=reference, calculation_id=calculation_id, code=refused.code)
            return None
        except ProcessorUnavailable as silence:
            raise TaxUnavailable(FAILED) from silence
        return str(recorded["id"])

    async def reverse(self, record: str, *, amount: int, reference: str) -> None:
        """As the port says: Stripe takes net and tax apart itself."""
        reverse = self._api.v1.tax.transactions.create_reversal_async
        params = {"mode": "partial", "original_transaction": record, "reference": reference, "flat_amount": -amount}
        try:
            await self._api.call(reverse, params=params, key=f"tax-{reference}")
        except StripeRefused as refused:
            _log.warning("tax_not_reversed", reference=reference, record=record, code=refused.code)
        except ProcessorUnavailable as silence:
            raise TaxUnavailable(FAILED) from silence


def _address(address: PostalAddress) -> dict[str, str]:
    known = {
        "country": address.country,
        "state": (address.state or "").removeprefix(f"{address.country}-"),
        "city": address.city,
        "postal_code": address.postal_code,
        "line1": address.line1,
        "line2": address.line2,
    }
    return {name: value for name, value in known.items() if value}


def _quote(calculation: dict[str, Any]) -> TaxQuote:
    parts = sorted(calculation["tax_breakdown"], key=lambda part: _RANK[_reason(part)])
    reason = _reason(parts[0]) if parts else "not_supported"
    return TaxQuote(
        amount=calculation["tax_amount_exclusive"],
        taxability_reason=reason,
        rate=_rate([part for part in parts if _reason(part) == reason], calculation["currency"]),
        calculation_id=calculation["id"],
    )


def _reason(part: dict[str, Any]) -> str:
    return _REASONS.get(part["taxability_reason"], "not_supported")


def _rate(parts: list[dict[str, Any]], currency: str) -> TaxRate | None:
    """The rate behind the amount: those of a state, its counties and its cities are one.

    Under the reverse charge it is 0 and still names its tax and country, as an invoice must.
    """
    details = [part["tax_rate_details"] for part in parts if part["tax_rate_details"]]
    if not details or _reason(parts[0]) not in (_TAXED, "reverse_charge"):
        return None
    first = details[0]
    where = {"country": first["country"], "state": first["state"], "display_name": _name(first["tax_type"])}
    if first["rate_type"] == "flat_amount":
        return TaxRate(
            rate_type="fixed", amount=sum(part["amount"] for part in parts), amount_currency=currency, **where
        )
    percent = sum((Decimal(detail["percentage_decimal"]) for detail in details), Decimal(0))
    return TaxRate(rate_type="percentage", basis_points=round_half_away(percent * 100), **where)


def _name(tax_type: str | None) -> str:
    """The name of a tax on an invoice: `vat` is VAT, `sales_tax` Sales tax."""
    words = (tax_type or "tax").replace("_", " ")
    return words.upper() if len(words) <= 4 and words != "tax" else words.capitalize()


def _refusal(refused: StripeRefused) -> TaxRefused:
    if refused.code in _REFUSALS:
        return TaxRefused(_REFUSALS[refused.code])
    if refused.param.startswith("customer_details[address]"):
        return TaxRefused(_LOCATION_MISSING if refused.code == "parameter_missing" else _ADDRESS_INVALID)
    if refused.param.startswith("customer_details[tax_ids]"):
        return TaxRefused(_REFUSALS["tax_id_invalid"])
    _log.error("tax_refused", code=refused.code, param=refused.param)
    return TaxRefused(FAILED)
