"""Taxes by table: to which place an address belongs, its rate on a day, and who owes the tax (catalog spec 10).

A sale of electronic services is taxed where the buyer is. The *place* of an address is its country, or a part of it
with rules of its own: a Canadian province (`CA-ON`), a US state, Madeira (`PT-30`), found by state or postal code. Some
countries are taxed as another (Monaco as France), some corners of a country as none (the Canary Islands).

The seller collects where it is registered, and nowhere else. There a buyer pays the rate of the day on the net amount,
rounded once; a business of another country, known by its tax id, pays nothing and owes the tax itself: the reverse
charge. At 25.5 % the tax on 9.99 is 2.54745:

    >>> finland = Rate(place="FI", basis_points=2550, name="VAT", valid_from=date(2024, 9, 1))
    >>> table = rate_table([finland])
    >>> seller = Seller(country="IE", registrations=frozenset({"EU"}))
    >>> buyer = Buyer(country="FI", tax_id=None)
    >>> assess(999, buyer=buyer, seller=seller, table=table, day=date(2026, 1, 1)).amount
    255
    >>> business = Buyer(country="FI", tax_id=("FI20774740", "eu_vat"))
    >>> assess(999, buyer=business, seller=seller, table=table, day=date(2026, 1, 1)).reason
    'reverse_charge'
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from itertools import groupby, pairwise

from boreal.core.countries import COUNTRY_CODES
from boreal.core.money import exact_product, round_half_away

_MEMBERS = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU_MEMBERS = frozenset(_MEMBERS.split())
"""The member states of the European Union."""

EU = "EU"
"""The registration that reaches every member state: the one-stop shop (catalog spec 10.2)."""

LOCATION_MISSING = "Required tax location information is missing."
LOCATION_UNKNOWN = "We could not determine the customer's tax location based on the provided customer address."
FAILED = "An error occurred while calculating tax."

_BY_STATE = frozenset({"CA", "US"})
_ISSUERS = {"es_cif": "ES", "gb_vat": "GB", "hr_oib": "HR", "in_gst": "IN", "no_vat": "NO"}


class Undetermined(Exception):
    """No tax can be determined; the message is one of catalog spec 10.3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A rate of a place, in hundredths of a percent, on every day from `valid_from` through `valid_to`."""

    place: str
    basis_points: int
    name: str
    valid_from: date
    valid_to: date | None = None

    @property
    def country(self) -> str:
        """The country whose tax this is (ISO 3166-1 alpha-2)."""
        return self.place[:2]

    @property
    def state(self) -> str | None:
        """The part of the country, without the country's prefix; None for a whole country."""
        return self.place[3:] or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """A country, or its addresses with some postal codes, taxed as another place; as none if `taxed_as` is None.

    In `postal_code` a `#` is a digit and `*` is whatever follows; empty, it means the whole country.
    """

    country: str
    postal_code: str
    taxed_as: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTable:
    """Rates by place, in order of time, and territories by country: what `rate_table` builds."""

    rates: Mapping[str, tuple[Rate, ...]]
    territories: Mapping[str, tuple[Territory, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Where the seller is, and where it collects: countries, parts of countries, or `EU`."""

    country: str
    registrations: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Where the buyer is, and (normalised number, format) of a tax id that was found valid."""

    country: str
    state: str | None = None
    postal_code: str | None = None
    tax_id: tuple[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The tax on a net amount in its minor units; `reason` is one of catalog spec 10.1."""

    amount: int
    reason: str
    rate: Rate | None = None


def rate_table(rates: Iterable[Rate], territories: Iterable[Territory] = ()) -> RateTable:
    """The rates and territories, found by place and country.

    Raises `ValueError` unless the rates of each place follow one another day by day: no gap, no day with two.
    """
    ordered = sorted(rates, key=lambda rate: (rate.place, rate.valid_from))
    by_place = {place: tuple(found) for place, found in groupby(ordered, key=lambda rate: rate.place)}
    for place, found in by_place.items():
        if any(rate.valid_to is not None and rate.valid_to < rate.valid_from for rate in found):
            raise ValueError(f"a rate of {place} ends before it begins")
        if any(before.valid_to != after.valid_from - timedelta(days=1) for before, after in pairwise(found)):
            raise ValueError(f"the rates of {place} do not follow one another")
    listed = sorted(territories, key=lambda territory: territory.country)
    by_country = {code: tuple(found) for code, found in groupby(listed, key=lambda territory: territory.country)}
    return RateTable(rates=by_place, territories=by_country)


@cache
def _postal_pattern(postal_code: str) -> re.Pattern[str]:
    return re.compile(re.escape(postal_code).replace(r"\#", "[0-9]").replace(r"\*", ".*"))


def _has_postal_code(territory: Territory, postal_code: str | None) -> bool:
    """Whether an address has a code of the territory, however spaced, with or without a country's letters."""
    if not territory.postal_code:
        return True
    bare = re.sub("[^0-9A-Z]", "", (postal_code or "").upper())
    pattern = _postal_pattern(territory.postal_code)
    return any(pattern.fullmatch(code) for code in (bare, re.sub("^[A-Z]{1,2}(?=[0-9])", "", bare)))


def place_of(table: RateTable, country: str, state: str | None, postal_code: str | None) -> str | None:
    """The place as which an address is taxed; None for a corner of a country that is outside of its tax.

    A postal code says more than a state. A state is known with or without its country's prefix (`ON`, `CA-ON`).
    """
    for territory in table.territories.get(country, ()):
        if _has_postal_code(territory, postal_code):
            return territory.taxed_as
    part = f"{country}-{(state or '').upper().removeprefix(f'{country}-')}"
    return part if part in table.rates else country


def rate_on(table: RateTable, country: str, state: str | None, postal_code: str | None, day: date) -> Rate | None:
    """The rate of an address on a day; None where the table knows none."""
    place = place_of(table, country, state, postal_code)
    rates = table.rates.get(place, ()) if place else ()
    return next((rate for rate in rates if rate.valid_from <= day <= (rate.valid_to or day)), None)


def tax_on(net_amount: int, basis_points: int) -> int:
    """The tax on a net amount in minor units: the exact product, rounded once, halves away from zero."""
    return round_half_away(exact_product(net_amount, Fraction(basis_points, 10_000)))


def is_registered(seller: Seller, place: str) -> bool:
    """Whether the seller collects the tax of a place: it is registered there, in its country, or for all of the EU."""
    country = place[:2]
    return bool(seller.registrations & {place, country, EU if country in EU_MEMBERS else country})


def is_reverse_charged(tax_id: tuple[str, str] | None, *, country: str, seller_country: str) -> bool:
    """Whether a buyer taxed in a country owes the tax itself, as a business of another country than the seller's.

    `tax_id` is (normalised number, format). It counts if that country issued it, or if its issuer and that country are
    both in the EU; a number of the seller's own country never counts, nor does a format that is no proof of being
    registered for the tax (catalog spec 10.2).
    """
    if tax_id is None or country == seller_country:
        return False
    number, format_ = tax_id
    issuer = number[:2].replace("EL", "GR") if format_ == "eu_vat" else _ISSUERS.get(format_)
    if issuer is None or issuer == seller_country:
        return False
    return issuer == country or {issuer, country} <= EU_MEMBERS


def assess(net_amount: int, *, buyer: Buyer, seller: Seller, table: RateTable, day: date) -> Assessment:
    """The tax on a net amount (minor units) sold on a day, and the reason for it (catalog spec 10.1, 10.2).

    Under the reverse charge the rate is 0 and still names its tax and country, as an invoice must. Raises
    `Undetermined` for a country that does not exist, for Canada or the US without a state where that decides, and for
    a day on which the table has no rate.
    """
    if buyer.country not in COUNTRY_CODES:
        raise Undetermined(LOCATION_UNKNOWN)
    place = place_of(table, buyer.country, buyer.state, buyer.postal_code)
    if place is None or all(known[:2] != place[:2] for known in table.rates):
        return Assessment(amount=0, reason="not_supported")
    if place in _BY_STATE and not buyer.state and any(code[:2] == place for code in seller.registrations):
        raise Undetermined(LOCATION_MISSING)
    if not is_registered(seller, place):
        return Assessment(amount=0, reason="not_collecting")
    rate = rate_on(table, buyer.country, buyer.state, buyer.postal_code, day)
    if rate is None:
        raise Undetermined(FAILED)
    if is_reverse_charged(buyer.tax_id, country=rate.country, seller_country=seller.country):
        return Assessment(amount=0, reason="reverse_charge", rate=replace(rate, basis_points=0))
    return Assessment(amount=tax_on(net_amount, rate.basis_points), reason="standard_rated", rate=rate)
