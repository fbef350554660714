"""Taxes: dated rates, places by postal code, who owes the tax, and one rounding (catalog spec 10)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core.taxes import (
    EU_MEMBERS,
    Buyer,
    Rate,
    Seller,
    Territory,
    Undetermined,
    assess,
    is_registered,
    is_reverse_charged,
    place_of,
    rate_on,
    rate_table,
    tax_on,
)

START = date(2023, 1, 1)
CHANGE = date(2024, 9, 1)
LAST = CHANGE - timedelta(days=1)


def rate(place: str, basis_points: int, valid_from: date = START, valid_to: date | None = None) -> Rate:
    return Rate(place=place, basis_points=basis_points, name="VAT", valid_from=valid_from, valid_to=valid_to)


def territory(country: str, postal_code: str, taxed_as: str | None) -> Territory:
    return Territory(country=country, postal_code=postal_code, taxed_as=taxed_as)


TABLE = rate_table(
    [
        rate("FI", 2550, CHANGE),
        rate("FI", 2400, START, LAST),
        rate("FR", 2000),
        rate("DE", 1900),
        rate("IE", 2300),
        rate("GB", 2000),
        rate("CA", 500),
        rate("CA-ON", 1300),
        rate("US-KY", 600),
        rate("PT", 2300),
        rate("PT-30", 2200),
        rate("ES", 2100),
    ],
    [
        territory("MC", "", "FR"),
        territory("ES", "35###", None),
        territory("GB", "JE*", None),
        territory("PT", "90##*", "PT-30"),
    ],
)
SELLER = Seller(country="IE", registrations=frozenset({"EU", "GB", "CA", "US-KY"}))
DAY = date(2026, 1, 1)


def assessed(net_amount: int, country: str, *, seller: Seller = SELLER, day: date = DAY, **buyer):
    told = Buyer(country=country, **{"tax_id": None, **buyer})
    return assess(net_amount, buyer=told, seller=seller, table=TABLE, day=day)


@pytest.mark.parametrize(
    ("day", "basis_points"),
    [(START - timedelta(days=1), None), (START, 2400), (LAST, 2400), (CHANGE, 2550), (date(2099, 12, 31), 2550)],
)
def test_a_rate_holds_from_its_first_day_through_its_last(day, basis_points):
    found = rate_on(TABLE, "FI", None, None, day)
    assert (found.basis_points if found else None) == basis_points


def test_a_rate_that_has_ended_is_not_used_on():
    table = rate_table([rate("FI", 2400, START, LAST)])
    assert rate_on(table, "FI", None, None, LAST) is not None
    assert rate_on(table, "FI", None, None, CHANGE) is None


@pytest.mark.parametrize(
    "rates",
    [
        pytest.param([rate("FI", 2400, START, LAST - timedelta(days=1)), rate("FI", 2550, CHANGE)], id="gap"),
        pytest.param([rate("FI", 2400, START, CHANGE), rate("FI", 2550, CHANGE)], id="a day with two"),
        pytest.param([rate("FI", 2400), rate("FI", 2550, CHANGE)], id="open, then another"),
        pytest.param([rate("FI", 2400), rate("FI", 2400)], id="twice"),
        pytest.param([rate("FI", 2400, CHANGE, START)], id="backwards"),
    ],
)
def test_a_table_with_a_gap_or_two_rates_on_a_day_is_refused(rates):
    with pytest.raises(ValueError, match="FI"):
        rate_table(rates)


@pytest.mark.parametrize(
    ("country", "state", "postal_code", "place"),
    [
        ("FR", None, None, "FR"),
        ("MC", None, "98000", "FR"),
        ("CA", "CA-ON", None, "CA-ON"),
        ("CA", "on", None, "CA-ON"),
        ("CA", "QC", None, "CA"),
        ("ES", "Las Palmas", "35001", None),
        ("ES", None, "E-35 001", None),
        ("ES", None, "es 35001", None),
        ("ES", None, "03501", "ES"),
        ("ES", None, "3501", "ES"),
        ("ES", None, "350011", "ES"),
        ("ES", None, "35OO1", "ES"),
        ("ES", None, "３５００１", "ES"),
        ("PT", None, "9000-001", "PT-30"),
        ("PT", None, "9050", "PT-30"),
        ("PT", "PT-11", "9000-001", "PT-30"),
        ("PT", "30", None, "PT-30"),
        ("PT", None, "1900-001", "PT"),
        ("GB", None, "je2 3ab", None),
        ("GB", None, "BT1 5GS", "GB"),
        ("GB", None, "E1 6AN", "GB"),
        ("SE", None, "35001", "SE"),
    ],
)
def test_an_address_belongs_to_a_place(country, state, postal_code, place):
    assert place_of(TABLE, country, state, postal_code) == place


@given(st.sampled_from(["CA", "ES", "GB", "PT", "US"]), st.text(max_size=12), st.text(max_size=12))
def test_no_address_is_too_strange_for_a_place(country, state, postal_code):
    place = place_of(TABLE, country, state, postal_code)
    assert place is None or place[:2] == country


@given(st.integers(-(10**12), 10**12), st.integers(0, 10_000))
def test_tax_is_the_exact_product_rounded_once_halves_away_from_zero(net_amount, basis_points):
    expected = (2 * abs(net_amount) * basis_points + 10_000) // 20_000
    assert tax_on(net_amount, basis_points) == (expected if net_amount >= 0 else -expected)


@given(st.integers(0, 10**9), st.integers(0, 10_000), st.integers(0, 10_000))
def test_more_to_tax_is_never_less_tax(net_amount, basis_points, more):
    assert tax_on(net_amount, basis_points) <= tax_on(net_amount + more, basis_points)


@pytest.mark.parametrize(
    ("net_amount", "basis_points", "tax"),
    [(1000, 2000, 200), (1599, 2000, 320), (3825, 2500, 956), (10, 2550, 3), (2, 2500, 1), (100, 450, 5), (1, 1, 0)],
)
def test_tax_of_amounts(net_amount, basis_points, tax):
    assert tax_on(net_amount, basis_points) == tax


DE_ID, FR_ID, IE_ID, GR_ID = (
    ("DE136695976", "eu_vat"),
    ("FR61954506077", "eu_vat"),
    ("IE6433435F", "eu_vat"),
    ("EL094259216", "eu_vat"),
)
ES_ID, HR_ID, GB_ID = ("B58378431", "es_cif"), ("33392005961", "hr_oib"), ("980780684", "gb_vat")
NO_ID, IN_ID = ("995525828MVA", "no_vat"), ("27AAPFU0939F1ZV", "in_gst")


@pytest.mark.parametrize(
    ("tax_id", "country", "seller_country", "reversed_"),
    [
        # from one member to another
        (DE_ID, "DE", "IE", True),
        (GR_ID, "GR", "IE", True),
        (ES_ID, "ES", "IE", True),
        (HR_ID, "HR", "IE", True),
        (DE_ID, "FR", "IE", True),
        (GR_ID, "DE", "IE", True),
        # into the EU from outside
        (DE_ID, "DE", "US", True),
        (IE_ID, "IE", "GB", True),
        # at home, by address or by number
        (IE_ID, "IE", "IE", False),
        (DE_ID, "IE", "IE", False),
        (IE_ID, "DE", "IE", False),
        (GR_ID, "DE", "GR", False),
        (ES_ID, "FR", "ES", False),
        (DE_ID, "DE", "DE", False),
        # consumers
        (None, "DE", "IE", False),
        # the United Kingdom and others, each by its own numbers
        (GB_ID, "GB", "IE", True),
        (GB_ID, "GB", "GB", False),
        (GB_ID, "DE", "IE", False),
        (DE_ID, "GB", "IE", False),
        (NO_ID, "NO", "IE", True),
        (NO_ID, "NO", "NO", False),
        (DE_ID, "NO", "IE", False),
        (IN_ID, "IN", "IE", True),
        # numbers that prove nothing about this tax
        (("CHE107787577", "ch_uid"), "CH", "IE", False),
        (("51824753556", "au_abn"), "AU", "IE", False),
        (("911144442", "us_ein"), "US", "IE", False),
        (("EU372061545", "eu_oss_vat"), "DE", "IE", False),
        (("XI123456789", "eu_vat"), "GB", "IE", False),
    ],
)
def test_who_owes_the_tax(tax_id, country, seller_country, reversed_):
    assert is_reverse_charged(tax_id, country=country, seller_country=seller_country) is reversed_


@given(st.sampled_from(sorted(EU_MEMBERS)), st.sampled_from(sorted(EU_MEMBERS)), st.sampled_from(sorted(EU_MEMBERS)))
def test_between_members_the_tax_is_reversed_unless_something_is_at_home(issuer, country, seller_country):
    number = ("EL" if issuer == "GR" else issuer) + "123456789"
    reversed_ = is_reverse_charged((number, "eu_vat"), country=country, seller_country=seller_country)
    assert reversed_ is (seller_country not in (issuer, country))


@pytest.mark.parametrize(
    ("registration", "place", "collects"),
    [
        ("EU", "DE", True),
        ("EU", "PT-30", True),
        ("EU", "GB", False),
        ("EU", "CH", False),
        ("DE", "DE", True),
        ("DE", "FR", False),
        ("CA", "CA-ON", True),
        ("US-KY", "US-KY", True),
        ("US-KY", "US-RI", False),
        ("US-KY", "US", False),
    ],
)
def test_where_a_registration_reaches(registration, place, collects):
    assert is_registered(Seller(country="IE", registrations=frozenset({registration})), place) is collects


def test_a_consumer_pays_the_rate_of_the_day():
    before, after = assessed(1000, "FI", day=LAST), assessed(1000, "FI", day=CHANGE)
    assert (before.amount, before.reason, before.rate.basis_points) == (240, "standard_rated", 2400)
    assert (after.amount, after.reason, after.rate.basis_points) == (255, "standard_rated", 2550)
    assert (after.rate.country, after.rate.state) == ("FI", None)


def test_a_business_elsewhere_pays_nothing_and_the_rate_still_names_the_tax():
    found = assessed(1000, "DE", tax_id=DE_ID)
    assert (found.amount, found.reason) == (0, "reverse_charge")
    assert found.rate == replace(rate("DE", 1900), basis_points=0)


def test_a_business_at_home_is_taxed():
    assert assessed(1000, "IE", tax_id=IE_ID).amount == 230


def test_monaco_is_taxed_as_france_also_for_its_businesses():
    assert (assessed(1000, "MC").amount, assessed(1000, "MC").rate.country) == (200, "FR")
    assert assessed(1000, "MC", tax_id=FR_ID).reason == "reverse_charge"
    at_home = replace(SELLER, country="FR")
    assert assessed(1000, "MC", tax_id=FR_ID, seller=at_home).reason == "standard_rated"


def test_a_part_of_a_country_names_itself():
    found = assessed(1000, "CA", state="CA-ON")
    assert (found.amount, found.rate.country, found.rate.state) == (130, "CA", "ON")
    assert assessed(1000, "CA", state="CA-QC").amount == 50
    assert assessed(1000, "PT", postal_code="9000-001").amount == 220


@pytest.mark.parametrize(
    ("buyer", "reason"),
    [
        ({"country": "US", "state": "US-CA"}, "not_collecting"),
        ({"country": "ES", "postal_code": "35001"}, "not_supported"),
        ({"country": "JP"}, "not_supported"),
    ],
)
def test_nothing_is_collected_without_a_registration_or_a_rate(buyer, reason):
    for tax_id in (None, ES_ID):
        found = assessed(1000, **buyer, tax_id=tax_id)
        assert (found.amount, found.reason, found.rate) == (0, reason, None)


def test_no_reverse_charge_where_nothing_is_collected():
    nowhere = Seller(country="IE", registrations=frozenset())
    assert assessed(1000, "DE", tax_id=DE_ID, seller=nowhere).reason == "not_collecting"


@pytest.mark.parametrize("country", ["CA", "US"])
def test_a_country_taxed_by_state_needs_one(country):
    with pytest.raises(Undetermined, match=r"^Required tax location information is missing\.$"):
        assessed(1000, country)
    elsewhere = Seller(country="IE", registrations=frozenset({"EU"}))
    assert assessed(1000, country, seller=elsewhere).reason == "not_collecting"


@pytest.mark.parametrize("country", ["XX", "EU", "", "de", "XK"])
def test_a_country_that_does_not_exist_is_refused(country):
    with pytest.raises(Undetermined, match=r"^We could not determine the customer's tax location"):
        assessed(1000, country)


def test_a_day_without_a_rate_is_refused():
    with pytest.raises(Undetermined, match=r"^An error occurred while calculating tax\.$"):
        assessed(1000, "DE", day=START - timedelta(days=1))
