"""The tax of an order that no checkout made: asked of the tax source before the transaction (orders spec 9.3)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from boreal.core.customers import Customer
from boreal.kit.app import App
from boreal.kit.problems import ServiceUnavailable
from boreal.providers.ports import PostalAddress, TaxQuotes, TaxRefused, TaxUnavailable


@dataclass(frozen=True, slots=True)
class Tax:
    """The tax on a net amount, of the same sign, and what an order shows of it.

    `calculation_id` is by what the source knows the quote of a sale, if it wants to hear of it.
    """

    amount: int
    reason: str | None
    rate: Mapping[str, Any] | None
    calculation_id: str | None = None


UNTAXED = Tax(0, None, None)


async def tax_on(app: App, net_amount: int, *, currency: str, customer: Customer, now: datetime) -> Tax:
    """The tax that a customer pays on a net amount, or gets back with a negative one.

    Nothing without an address or when the source cannot tell: the order is made all the same. Raises
    `ServiceUnavailable` if the source does not answer now.
    """
    address = {name: value for name, value in (customer.billing_address or {}).items() if value}
    if net_amount == 0 or "country" not in address:
        return UNTAXED
    try:
        quote = await app.get(TaxQuotes).quote(
            abs(net_amount),
            currency=currency,
            address=PostalAddress(**address),
            tax_id=(customer.tax_id[0], customer.tax_id[1]) if customer.tax_id else None,
            now=now,
        )
    except TaxUnavailable as silence:
        raise ServiceUnavailable(str(silence)) from silence
    except TaxRefused:
        return UNTAXED
    rate = asdict(quote.rate) if quote.rate else None
    if net_amount < 0:
        return Tax(-quote.amount, quote.taxability_reason, rate)
    return Tax(quote.amount, quote.taxability_reason, rate, quote.calculation_id)


def tax_basis(customer: Customer) -> tuple[Any, ...]:
    """What the tax of a customer depends on besides the amount: if it differs, the tax has to be asked for again."""
    return customer.billing_address, customer.tax_id
