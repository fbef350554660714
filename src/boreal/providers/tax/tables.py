"""Taxes from the dated tables that Boreal ships with: no network, no other company, the same answer every time."""

from collections.abc import Iterable
from datetime import UTC, datetime

from boreal.core.countries import COUNTRY_CODES
from boreal.core.taxes import EU, Assessment, Buyer, Seller, Undetermined, assess
from boreal.providers.ports import PostalAddress, TaxQuote, TaxRate, TaxRefused
from boreal.providers.tax.rates import shipped_rates


class TaxTables:
    """Answers from `rates.csv` and `territories.csv` for a seller registered in some places (catalog spec 10.2).

    Tax comes on top of the net amount. The rate is that of the day of the sale in UTC.
    """

    def __init__(self, *, seller_country: str = "IE", registrations: Iterable[str] = (EU, "GB")) -> None:
        """A seller in a country (ISO 3166-1 alpha-2), who collects where it is registered.

        A registration is `EU`, a country, or a part of one that has a rate of its own (`US-KY`). Raises `ValueError`
        with a readable message for a country that does not exist and a registration for which there is no rate.
        """
        self._table = shipped_rates()
        self._seller = Seller(country=seller_country, registrations=frozenset(registrations))
        if seller_country not in COUNTRY_CODES:
            raise ValueError(f"{seller_country} is not a country")
        for place in sorted(self._seller.registrations - {EU}):
            if place not in self._table.rates:
                raise ValueError(f"there is no tax rate for a registration in {place}")

    async def quote(
        self,
        net_amount: int,
        *,
        currency: str,
        address: PostalAddress,
        tax_id: tuple[str, str] | None,
        now: datetime,
    ) -> TaxQuote:
        """The tax on a net amount sold to somebody at the address. Raises `TaxRefused` (catalog spec 10.3)."""
        buyer = Buyer(country=address.country, state=address.state, postal_code=address.postal_code, tax_id=tax_id)
        try:
            found = assess(
                net_amount, buyer=buyer, seller=self._seller, table=self._table, day=now.astimezone(UTC).date()
            )
        except Undetermined as reason:
            raise TaxRefused(str(reason)) from reason
        return TaxQuote(amount=found.amount, taxability_reason=found.reason, rate=_shown(found))


def _shown(found: Assessment) -> TaxRate | None:
    """The rate as an order shows it."""
    if found.rate is None:
        return None
    return TaxRate(
        rate_type="percentage",
        display_name=found.rate.name,
        basis_points=found.rate.basis_points,
        country=found.rate.country,
        state=found.rate.state,
    )
