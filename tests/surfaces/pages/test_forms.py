"""From typed text to the contract's JSON, and back to the fields."""

import pytest

from boreal.surfaces.pages.forms import card_of, changes_of, keep_typed, values_of
from tests.surfaces.pages.sessions import AMERICAN, GERMAN, price, product, view

SEATS = view(product(price("seat_based")), seats=3, price_per_seat=800)
GIFT = view(product(price("custom", minimum_amount=500)))


def changes(form, session=None, visitor=AMERICAN, **options):
    found, errors = changes_of(form, session or view(), visitor, **options)
    assert not errors
    return found


def test_only_what_differs_is_sent():
    session = view(customer_email="ada@example.com", customer_billing_address={"country": "FR", "city": None})
    form = {"customer_email": "ada@example.com", "country": "FR", "city": "", "customer_name": " Ada ", "amount": "99"}
    assert changes(form, session) == {"customer_name": "Ada"}
    assert changes(form | {"customer_email": ""}, session) == {"customer_email": None, "customer_name": "Ada"}


def test_the_address_of_an_account_stays():
    assert changes({"customer_email": "eve@example.com"}, view(customer_id="customer")) == {}


def test_a_new_country_alone_replaces_the_whole_address():
    form = {"country": "FR", "city": "Albany", "state": "US-NY"}
    assert changes(form, only={"country"}) == {"customer_billing_address": {"country": "FR"}}
    assert changes(form) == {"customer_billing_address": {"country": "FR", "city": "Albany"}}, "no foreign state"


def test_without_a_country_there_is_no_address():
    assert changes({"country": "", "city": "Albany"}) == {}


def test_a_business_can_be_taken_back():
    assert changes({"is_business_customer": "on"}) == {"is_business_customer": True}
    assert changes({"is_business_customer": ""}, view(is_business_customer=True)) == {"is_business_customer": False}
    assert changes({}, view(is_business_customer=True)) == {}


@pytest.mark.parametrize(
    ("typed", "visitor", "amount"),
    [
        ("42.5", AMERICAN, 4250),
        ("$1,250", AMERICAN, 125000),
        ("12,50", GERMAN, 1250),
        ("12.50", GERMAN, 1250),
        ("1.250", GERMAN, 125000),
        (" 7 ", GERMAN, 700),
    ],
)
def test_an_amount_is_read_as_its_writer_means_it(typed, visitor, amount):
    assert changes({"amount": typed}, GIFT, visitor) == {"amount": amount}


@pytest.mark.parametrize("typed", ["", "ten", "1.2.3", "10.001", "NaN", "1e3", "∞"])
def test_what_is_no_amount_is_said_at_the_field(typed):
    assert changes_of({"amount": typed}, GIFT, AMERICAN) == ({}, {"amount": "wrong.amount"})


def test_seats_are_whole_numbers():
    assert changes({"seats": "5"}, SEATS) == {"seats": 5}
    assert changes({"seats": "3"}, SEATS) == {}
    assert changes_of({"seats": "2.5"}, SEATS, AMERICAN) == ({}, {"seats": "wrong.seats"})


def test_another_product_takes_no_amount_from_the_old_one():
    form = {"product_id": "other", "amount": "nonsense", "customer_name": "Ada"}
    assert changes(form, GIFT) == {"product_id": "other", "customer_name": "Ada"}


def test_custom_fields_keep_their_types():
    fields = [("n", "number"), ("t", "text"), ("c", "checkbox"), ("d", "date")]
    attached = [{"custom_field": {"slug": slug, "type": kind}} for slug, kind in fields]
    form = {"custom.n": "7", "custom.t": "", "custom.c": "on", "custom.d": "2026-02-01", "custom.unknown": "x"}
    session = view(attached_custom_fields=attached, custom_field_data={"n": None})
    assert changes(form, session) == {"custom_field_data": {"n": 7, "t": None, "c": True, "d": "2026-02-01"}}
    assert changes(form | {"custom.n": "seven"}, session)["custom_field_data"]["n"] == "seven", "for the API to refuse"


@pytest.mark.parametrize("expiry", ["04 / 31", "4/31", "0431", "04/2031", "04-31"])
def test_a_card_is_read(expiry):
    form = {"card_number": "4242 4242-4242 4242", "card_expiry": expiry, "card_cvc": "123"}
    assert card_of(form) == ({"number": "4242424242424242", "exp_month": 4, "exp_year": 2031, "cvc": "123"}, {})


def test_a_card_that_cannot_be_read_is_said_field_by_field():
    card, errors = card_of({"card_number": "4242", "card_expiry": "soon"})
    assert card == {}
    assert errors == {"card_cvc": "missing.card_cvc", "card_expiry": "wrong.card_expiry"}


def test_what_was_typed_comes_back_but_never_the_card():
    session = view(customer_name="Old")
    form = {"customer_name": "New", "card_number": "4242", "amount": "3", "state": "US-NY", "country": "FR"}
    values = keep_typed(values_of(session, AMERICAN), form, errors=())
    assert values["customer_name"] == "New"
    assert values["amount"] == "24.00", "belongs to the product, and nothing was wrong with it"
    assert values["state"] == "", "not a state of France"
    assert "card_number" not in values
    assert keep_typed(values_of(session, AMERICAN), form, errors={"amount"})["amount"] == "3"
