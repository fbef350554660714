"""The tables that Boreal ships with, and the adapter that answers from them."""

import csv
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import boreal.providers.tax
from boreal.core.countries import COUNTRY_CODES
from boreal.core.taxes import EU_MEMBERS
from boreal.providers.ports import PostalAddress, TaxQuote, TaxRate, TaxRefused
from boreal.providers.tax.rates import rate_on, shipped_rates
from boreal.providers.tax.tables import TaxTables
from boreal.rooms.customers import tax_ids

FOLDER = Path(boreal.providers.tax.__file__).parent
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAYS = [date(2023, 1, 1) + timedelta(days=day) for day in range(6 * 365)]


def rows(name: str) -> list[dict[str, str]]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


RATES, TERRITORIES = rows("rates.csv"), rows("territories.csv")


async def quoted(net_amount=1000, *, tables=None, tax_id=None, now=NOW, currency="eur", **address) -> TaxQuote:
    tables = tables or TaxTables()
    return await tables.quote(net_amount, currency=currency, address=PostalAddress(**address), tax_id=tax_id, now=now)


@pytest.mark.parametrize("member", sorted(EU_MEMBERS))
def test_every_member_state_has_exactly_one_rate_on_every_day(member):
    spans = [
        (date.fromisoformat(row["valid_from"]), date.fromisoformat(row["valid_to"] or "9999-12-31"))
        for row in RATES
        if row["place"] == member
    ]
    assert [day for day in DAYS if sum(first <= day <= last for first, last in spans) != 1] == []
    assert [day for day in DAYS if rate_on(member, None, None, day) is None] == []


def test_every_place_has_a_rate_today_and_since_the_table_begins():
    for place, rates in shipped_rates().rates.items():
        assert rates[0].valid_from == DAYS[0], place
        assert rates[-1].valid_to is None, place


def test_the_tables_are_sorted_and_name_places_that_exist():
    assert sorted(RATES, key=lambda row: (row["place"], row["valid_from"])) == RATES
    assert sorted(TERRITORIES, key=lambda row: (row["country"], row["postal_code"])) == TERRITORIES
    named = [row["place"][:2] for row in RATES] + [row["country"] for row in TERRITORIES]
    assert set(named) <= set(COUNTRY_CODES)
    assert {row["taxed_as"] for row in TERRITORIES} - {""} <= set(shipped_rates().rates)


def test_rates_of_the_union_are_within_its_bounds():
    members = [row for row in RATES if row["place"] in EU_MEMBERS]
    assert all(15 <= Decimal(row["percent"]) <= 27 for row in members)  # directive 2006/112/EC article 97
    assert all(row["checked"] >= "2026-09-29" for row in members)
    assert all(row["checked"] for row in RATES if not row["valid_to"])


def test_the_members_are_those_whose_tax_ids_are_known():
    assert frozenset(tax_ids.EU_MEMBERS) == EU_MEMBERS


@pytest.mark.parametrize(
    ("country", "last_day", "before", "after"),
    [
        ("CH", "2023-12-31", 770, 810),
        ("EE", "2023-12-31", 2000, 2200),
        ("EE", "2025-06-30", 2200, 2400),
        ("FI", "2024-08-31", 2400, 2550),
        ("IL", "2024-12-31", 1700, 1800),
        ("KZ", "2025-12-31", 1200, 1600),
        ("LI", "2023-12-31", 770, 810),
        ("LU", "2023-12-31", 1600, 1700),
        ("MY", "2024-02-29", 600, 800),
        ("RO", "2025-07-31", 1900, 2100),
        ("SG", "2023-12-31", 800, 900),
        ("SK", "2024-12-31", 2000, 2300),
        ("TR", "2023-07-09", 1800, 2000),
    ],
)
def test_known_changes_fall_on_their_day(country, last_day, before, after):
    day = date.fromisoformat(last_day)
    rates = [rate_on(country, None, None, day), rate_on(country, None, None, day + timedelta(days=1))]
    assert [rate.basis_points for rate in rates if rate] == [before, after]


@pytest.mark.parametrize(
    ("address", "basis_points"),
    [
        (("AT", None, "6991"), 2000),  # Mittelberg's 19 % is for sellers established there
        (("AU", None, None), 1000),
        (("CA", "CA-AB", None), 500),
        (("CA", "CA-NS", None), 1400),
        (("CA", "CA-ON", None), 1300),
        (("CA", "CA-QC", None), 500),
        (("DE", None, "10115"), 1900),
        (("DE", None, "78266"), None),
        (("DE", None, "27498"), None),
        (("DK", None, "3900"), None),
        (("ES", None, "28013"), 2100),
        (("ES", None, "35001"), None),
        (("ES", None, "38001"), None),
        (("ES", None, "51001"), None),
        (("ES", None, "52001"), None),
        (("ES", None, "07001"), 2100),
        (("FI", None, "22100"), None),
        (("FR", None, "97400"), None),
        (("FR", None, "98000"), 2000),
        (("FR", None, "20000"), 2000),
        (("GB", None, "BT1 5GS"), 2000),
        (("GB", None, "GY1 1AA"), None),
        (("GB", None, "JE2 3AB"), None),
        (("GR", None, "630 86"), None),
        (("HU", None, None), 2700),
        (("IM", None, "IM1 1AA"), 2000),
        (("IN", None, None), 1800),
        (("IT", None, "23041"), None),
        (("IT", None, "22061"), None),
        (("IT", None, "22060"), 2200),
        (("JP", None, None), 1000),
        (("MC", None, None), 2000),
        (("NG", None, None), 750),
        (("NO", None, "0150"), 2500),
        (("NO", None, "9170"), None),
        (("PT", None, "1100-048"), 2300),
        (("PT", None, "9004-528"), 2200),
        (("PT", None, "9500-321"), 1600),
        (("US", "US-CA", None), None),
        (("US", "US-KY", None), 600),
        (("ZA", None, None), 1500),
    ],
)
def test_rates_of_addresses_in_2026(address, basis_points):
    found = rate_on(*address, NOW.date())
    assert (found.basis_points if found else None) == basis_points


async def test_a_consumer_in_the_union_is_taxed_by_default():
    assert await quoted(1999, country="FI") == TaxQuote(
        amount=510,  # 509.745
        taxability_reason="standard_rated",
        rate=TaxRate(rate_type="percentage", display_name="VAT", basis_points=2550, country="FI"),
    )


async def test_a_business_elsewhere_in_the_union_owes_the_tax_itself():
    assert await quoted(country="FR", tax_id=("FR61954506077", "eu_vat")) == TaxQuote(
        amount=0,
        taxability_reason="reverse_charge",
        rate=TaxRate(rate_type="percentage", display_name="VAT", basis_points=0, country="FR"),
    )


@pytest.mark.parametrize(
    ("typed", "country", "reason"),
    [
        ("fr 619 545 060 77", "FR", "reverse_charge"),
        ("B58378431", "ES", "reverse_charge"),
        ("HR33392005961", "HR", "reverse_charge"),
        ("EL 094259216", "GR", "reverse_charge"),
        ("GB980780684", "GB", "reverse_charge"),
        ("IE6433435F", "IE", "standard_rated"),
    ],
)
async def test_numbers_as_they_are_stored(typed, country, reason):
    tax_id = tax_ids.validate_tax_id(typed, country)
    assert (await quoted(country=country, tax_id=tax_id)).taxability_reason == reason


async def test_domestic_is_where_the_seller_is():
    german, tax_id = TaxTables(seller_country="DE"), ("DE136695976", "eu_vat")
    assert (await quoted(tables=german, country="DE", tax_id=tax_id)).amount == 190
    assert (await quoted(tables=TaxTables(), country="DE", tax_id=tax_id)).amount == 0


@pytest.mark.parametrize("country", ["AU", "CH", "JP", "NO", "US"])
async def test_nothing_is_collected_where_nobody_registered(country):
    assert await quoted(country=country) == TaxQuote(amount=0, taxability_reason="not_collecting")


@pytest.mark.parametrize("country", ["AQ", "BR", "GL", "HK", "AX", "RE"])
async def test_a_country_without_a_rate_is_not_supported(country):
    assert await quoted(country=country) == TaxQuote(amount=0, taxability_reason="not_supported")


async def test_registrations_widen_where_tax_is_collected():
    tables = TaxTables(registrations=["CH", "US-KY", "CA"])
    assert (await quoted(tables=tables, country="CH")).amount == 81
    assert (await quoted(tables=tables, country="LI")).rate == TaxRate(
        rate_type="percentage", display_name="VAT", basis_points=810, country="CH"
    )
    assert (await quoted(tables=tables, country="US", state="US-KY")).rate == TaxRate(
        rate_type="percentage", display_name="Sales tax", basis_points=600, country="US", state="KY"
    )
    assert (await quoted(tables=tables, country="US", state="US-RI")).taxability_reason == "not_collecting"
    assert (await quoted(tables=tables, country="CA", state="CA-ON")).rate == TaxRate(
        rate_type="percentage", display_name="HST", basis_points=1300, country="CA", state="ON"
    )
    assert (await quoted(tables=tables, country="DE")).taxability_reason == "not_collecting"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seller_country": "XX"}, "XX is not a country"),
        ({"registrations": ["EU", "BR"]}, "no tax rate for a registration in BR"),
        ({"registrations": ["US"]}, "no tax rate for a registration in US"),
        ({"registrations": ["US-CA"]}, "no tax rate for a registration in US-CA"),
        ({"registrations": ["MC"]}, "no tax rate for a registration in MC"),
    ],
)
def test_a_registration_that_could_not_be_honoured_is_refused_at_once(given, said):
    with pytest.raises(ValueError, match=said):
        TaxTables(**given)


@pytest.mark.parametrize(
    ("now", "amount"),
    [
        (datetime(2025, 6, 30, 23, 59, 59, 999999, tzinfo=UTC), 220),
        (datetime(2025, 7, 1, tzinfo=UTC), 240),
        # already July in Tallinn, still June in UTC; and the other way round in New York
        (datetime(2025, 7, 1, 2, tzinfo=timezone(timedelta(hours=3))), 220),
        (datetime(2025, 6, 30, 21, tzinfo=timezone(timedelta(hours=-4))), 240),
    ],
)
async def test_the_day_of_a_change_begins_in_utc(now, amount):
    assert (await quoted(country="EE", now=now)).amount == amount


@pytest.mark.parametrize(
    ("address", "now", "said"),
    [
        (
            {"country": "XX"},
            NOW,
            "We could not determine the customer's tax location based on the provided customer address.",
        ),
        ({"country": "CA"}, NOW, "Required tax location information is missing."),
        ({"country": "DE"}, datetime(2022, 12, 31, tzinfo=UTC), "An error occurred while calculating tax."),
    ],
)
async def test_what_cannot_be_determined_is_refused(address, now, said):
    with pytest.raises(TaxRefused) as refused:
        await quoted(tables=TaxTables(registrations=["EU", "CA"]), now=now, **address)
    assert str(refused.value) == said


@given(
    net_amount=st.integers(-(10**9), 10**9),
    place=st.sampled_from(sorted(shipped_rates().rates)),
    day=st.sampled_from(DAYS),
)
async def test_tax_is_the_net_amount_times_the_rate_rounded_once(net_amount, place, day):
    quote = await quoted(
        net_amount,
        tables=TaxTables(registrations=[place]),
        country=place[:2],
        state=place if len(place) > 2 else "QC",
        now=datetime.combine(day, datetime.min.time(), tzinfo=UTC),
    )
    assert quote.taxability_reason == "standard_rated"
    assert quote.rate.basis_points == rate_on(place[:2], place, None, day).basis_points
    expected = (2 * abs(net_amount) * quote.rate.basis_points + 10_000) // 20_000
    assert quote.amount == (expected if net_amount >= 0 else -expected)
