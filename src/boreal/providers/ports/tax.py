"""Taxes: what we ask of a source of tax amounts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from boreal.providers.ports.places import PostalAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRate:
    """The rate behind an amount, as an order shows it (catalog spec 10.1)."""

    rate_type: Literal["percentage", "fixed"]
    display_name: str
    basis_points: int | None = None
    amount: int | None = None
    amount_currency: str | None = None
    country: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxQuote:
    """The tax on a net amount, in its currency; `taxability_reason` is one of catalog spec 10.1."""

    amount: int
    taxability_reason: str
    rate: TaxRate | None = None
    calculation_id: str | None = None


class TaxRefused(Exception):
    """No tax can be determined from what is known; the message is one of catalog spec 10.3."""


class TaxUnavailable(TaxRefused):
    """The source did not answer; the same question may be answered later."""


class TaxQuotes(Protocol):
    """A source of tax amounts, asked before a transaction; its answer enters the decision as a value."""

    async def quote(
        self,
        net_amount: int,
        *,
        currency: str,
        address: PostalAddress,
        tax_id: tuple[str, str] | None,
        now: datetime,
    ) -> TaxQuote:
        """The tax on a net amount sold to somebody at the address. `tax_id` is (normalised number, format).

        Raises `TaxRefused`; `TaxUnavailable` if asking again may help.
        """
        ...


class TaxRecords(Protocol):
    """A source of taxes that wants to know which of its quotes became sales, and what of them was given back.

    The seller's tax returns are made from that.
    """

    async def record(self, calculation_id: str, *, reference: str) -> str | None:
        """The quote became the sale with this reference; by which id the source knows it, None if it wants none.

        Telling it again changes nothing. Raises `TaxUnavailable`.
        """
        ...

    async def reverse(self, record: str, *, amount: int, reference: str) -> None:
        """So much of a recorded sale was given back, its tax included; each reference once. Raises `TaxUnavailable`."""
        ...
