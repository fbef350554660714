"""What a session costs now and later, in words."""

import pytest

from boreal.surfaces.pages.offers import choices_of, offer_of
from tests.surfaces.pages.sessions import AMERICAN, BRITON, GERMAN, price, product, view

MONTHLY = product(interval="month")
QUARTERLY = product(interval="month", count=3)
HALF_ONCE = {"name": "Half", "code": "HALF", "duration": "once"}
HALF_REPEATING = {"name": "Half", "code": "HALF", "duration": "repeating", "duration_in_months": 3}
HALF_FOREVER = {"name": "Half", "code": "HALF", "duration": "forever"}
HALVED = {"discount_amount": 1200, "net_amount": 1200, "total_amount": 1200}
TRIAL = {
    "trial_end": "2026-03-07T10:00:00Z",
    "active_trial_interval": "day",
    "active_trial_interval_count": 14,
    "is_payment_required": False,
}
FREE = {"amount": 0, "is_payment_form_required": False, "is_payment_setup_required": False}
USAGE = price("metered_unit", unit_amount="0.025", meter={"name": "map tile"})


@pytest.mark.parametrize(
    ("session", "button"),
    [
        (view(), "Pay $24.00"),
        (view(MONTHLY), "Subscribe"),
        (view(MONTHLY, **TRIAL), "Start 14-day trial"),
        (view(product(price("free")), **FREE), "Get it for free"),
        (view(product(price("free"), interval="month"), **FREE), "Get it for free"),
    ],
)
def test_the_button_says_what_happens(session, button):
    assert offer_of(session, AMERICAN).button == button


@pytest.mark.parametrize(
    ("session", "terms"),
    [
        (view(), "You pay once. Nothing renews."),
        (view(MONTHLY), "You pay $24.00 today and the same every month until you cancel."),
        (view(QUARTERLY), "You pay $24.00 today and the same every 3 months until you cancel."),
        (
            view(MONTHLY, **TRIAL),
            "Free until March 7, 2026. Then you pay $24.00 every month until you cancel.",
        ),
        (
            view(MONTHLY, discount=HALF_ONCE, **HALVED),
            "You pay $12.00 today, then $24.00 every month until you cancel.",
        ),
        (
            view(MONTHLY, discount=HALF_ONCE, **{**HALVED, "tax_amount": 240, "total_amount": 1440}),
            "You pay $14.40 today, then $24.00 plus tax every month until you cancel.",
        ),
        (
            view(MONTHLY, discount=HALF_REPEATING, **HALVED),
            "You pay $12.00 every month for 3 months, then $24.00 every month until you cancel.",
        ),
        (
            view(MONTHLY, discount=HALF_FOREVER, **HALVED),
            "You pay $12.00 today and the same every month until you cancel.",
        ),
        (
            view(product(price(), USAGE, interval="month")),
            "You pay $24.00 today and the same every month until you cancel. "
            "Usage is billed at the end of each period.",
        ),
        (view(product(price("free")), **FREE), ""),
    ],
)
def test_the_terms_are_one_plain_sentence(session, terms):
    assert offer_of(session, AMERICAN).terms == terms


def test_the_sum_leads_to_what_is_due():
    session = view(MONTHLY, discount=HALF_ONCE, **{**HALVED, "tax_amount": 240, "total_amount": 1440})
    rows = [(row.label, row.value, row.kind) for row in offer_of(session, AMERICAN).rows]
    assert rows == [
        ("Subtotal", "$24.00", "plain"),
        ("Half", "-$12.00", "less"),
        ("Tax", "$2.40", "plain"),
        ("Due today", "$14.40", "due"),
    ]


def test_a_trial_is_free_today_and_tells_the_price_of_later():
    offer = offer_of(view(MONTHLY, **TRIAL), AMERICAN)
    assert (offer.headline, offer.period, offer.note) == ("14 days free", "", "then $24.00 per month")
    assert (offer.due_label, offer.due) == ("Due today", "$0.00")
    assert [row.value for row in offer.rows if row.label == "After the trial"] == ["$24.00 per month"]


def test_seats_show_the_price_of_one():
    session = view(product(price("seat_based"), interval="month"), amount=4500, seats=5, price_per_seat=900)
    assert offer_of(session, AMERICAN).rows[0].label == "5 seats × $9.00"


def test_an_unknown_tax_is_not_shown_as_nothing():
    tax = offer_of(view(tax_amount=None), AMERICAN).rows[1]
    assert (tax.value, tax.note) == ("–", "Calculated once we know your country.")


def test_usage_is_priced_with_every_decimal():
    assert offer_of(view(product(price(), USAGE)), AMERICAN).usage == ["$0.00025 per map tile"]
    tiers = [{"up_to": 1000, "unit_amount": "0"}, {"up_to": None, "unit_amount": "0.5"}]
    tiered = {**USAGE, "tiers": {"mode": "volume", "tiers": tiers}}
    words = "map tile, all units by the tier of their number: $0.00 up to 1,000, $0.005 above"
    assert offer_of(view(product(price(), tiered)), AMERICAN).usage == [words]


def test_money_follows_the_visitor_and_days_the_language_of_the_sentence():
    session = view(MONTHLY, **TRIAL)
    german, briton = offer_of(session, GERMAN), offer_of(session, BRITON)
    assert german.note == "then 24,00\u00a0$ per month"
    assert "March 7, 2026" in german.terms, "an English sentence has an English day"
    assert "Free until 7 March 2026." in briton.terms
    assert "US$24.00" in briton.terms


def test_products_can_be_switched_when_there_are_several():
    tiers = [{"price_per_seat": 1000}, {"price_per_seat": 800}]
    products = [
        MONTHLY,
        product(price("custom"), id="gift", name="Gift"),
        product(price("seat_based", seat_tiers={"tiers": tiers}), interval="year", id="team", name="Team"),
        product(price("free"), id="free", name="Free one"),
    ]
    choices = choices_of(view(MONTHLY, products=products), AMERICAN)
    assert [(choice.name, choice.price, choice.chosen) for choice in choices] == [
        ("Atlas", "$24.00 per month", True),
        ("Gift", "Pay what you want", False),
        ("Team", "From $8.00 per seat per year", False),
        ("Free one", "Free", False),
    ]
    assert choices_of(view(), AMERICAN) == []


def test_prices_of_the_session_come_before_those_of_the_catalog():
    session = view(prices={"atlas": [price(price_amount=900)]}, products=[MONTHLY, product(id="other")])
    assert choices_of(session, AMERICAN)[0].price == "$9.00 per month"
