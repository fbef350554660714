"""What the API refuses, in words for the visitor."""

import pytest

from boreal.kit.problems import Fault, Invalid, Problem
from boreal.surfaces.pages.refusals import explain
from tests.surfaces.pages.sessions import AMERICAN, PaymentError, price, product, view

GIFT = view(product(price("custom", minimum_amount=500, maximum_amount=90000)))


class TrialAlreadyRedeemed(Problem):
    """As the checkout raises it."""


class CheckoutLocked(Problem):
    """As the checkout raises it."""


class CardRefused(Problem):
    """As the tokenizer raises it."""

    def body(self):
        return {"error": "CardError", "detail": [{"field": "exp_year", "message": "The card has expired."}]}


@pytest.mark.parametrize(
    ("loc", "kind", "msg", "name", "message"),
    [
        (("customer_email",), "missing", "Field is required.", "customer_email", "Enter your e-mail address."),
        (
            ("customer_email",),
            "value_error",
            "value is not a valid email address: x",
            "customer_email",
            "Enter an e-mail address like name@example.com.",
        ),
        (("customer_billing_address",), "missing", "Field is required.", "country", "Choose your country."),
        (("customer_billing_address", "city"), "missing", "Field is required.", "city", "Enter your city."),
        (
            ("customer_billing_address",),
            "value_error",
            "Full billing address is required.",
            "line1",
            "Enter your street and number.",
        ),
        (
            ("customer_billing_address",),
            "value_error",
            "Value error, Invalid US state",
            "state",
            "Choose a state or province of your country.",
        ),
        (("confirmation_token_id",), "missing", "required", "card_number", "Enter your card number."),
        (("amount",), "greater_than_equal", "Amount is below minimum.", "amount", "Enter at least $5.00."),
        (("amount",), "less_than_equal", "Amount is above maximum.", "amount", "Enter at most $900.00."),
        (
            ("amount",),
            "value_error",
            "Value error, Amount must be 0 or at least 50 cents",
            "amount",
            "Amount must be 0 or at least 50 cents",
        ),
        (("seats",), "greater_than_equal", "Minimum 3 seats required.", "seats", "Minimum 3 seats required."),
        (("custom_field_data", "tos"), "literal_error", "x", "custom.tos", "This is needed to continue."),
    ],
)
def test_a_fault_stands_at_its_field(loc, kind, msg, name, message):
    refusal = explain(Invalid(Fault(("body", *loc), msg, kind)), GIFT, AMERICAN)
    assert dict(refusal.fields) == {name: message}
    assert refusal.notice is None


@pytest.mark.parametrize(
    ("type", "properties", "kind", "message"),
    [
        ("text", {"min_length": 3}, "string_too_short", "Enter at least 3 characters."),
        ("text", {"max_length": 9}, "string_too_long", "Enter at most 9 characters."),
        ("number", {"ge": 0}, "greater_than_equal", "Enter 0 or more."),
        ("number", {}, "less_than_equal", "Enter a whole number."),
        ("number", {}, "int_parsing", "Enter a whole number."),
        ("date", {"le": 1767225600}, "less_than_equal", "Choose January 1, 2026 or an earlier day."),
        ("date", {"ge": 1767225600}, "greater_than_equal", "Choose January 1, 2026 or a later day."),
        ("date", {}, "datetime_from_date_parsing", "Enter a date."),
        ("select", {"options": []}, "literal_error", "This is needed to continue."),
        ("checkbox", {}, "bool_type", "as the API says it"),
    ],
)
def test_what_is_wrong_with_an_answer(type, properties, kind, message):
    field = {"slug": "size", "type": type, "properties": properties}
    session = view(attached_custom_fields=[{"custom_field": field, "order": 0, "required": True}])
    fault = Fault(("body", "custom_field_data", "size"), "as the API says it", kind)
    assert dict(explain(Invalid(fault), session, AMERICAN).fields) == {"custom.size": message}


def test_a_fault_without_a_field_is_still_told():
    refusal = explain(Invalid(Fault(("body", "product_price_id"), "Price is archived.")), GIFT, AMERICAN)
    assert refusal.notice is not None
    assert refusal.notice.text == "Price is archived."


def test_a_decline_says_what_the_issuer_said_and_that_nothing_was_charged():
    detail = (
        "The payment failed: Your card has expired. Please try again with a different payment method.",
        "The payment failed. Please try again with a different payment method.",
    )
    texts = [explain(PaymentError(text), GIFT, AMERICAN).notice.text for text in detail]
    rest = "You have not been charged. Check the details or use another card."
    assert texts == [f"Your card has expired. {rest}", rest]


def test_a_used_trial_offers_to_go_on_without():
    notice = explain(TrialAlreadyRedeemed("x"), GIFT, AMERICAN).notice
    assert (notice.action, notice.action_label) == ("skip_trial", "Continue without the trial")


def test_a_script_learns_that_somebody_else_is_paying():
    refusal = explain(CheckoutLocked("x"), GIFT, AMERICAN)
    assert refusal.problem == "CheckoutLocked"
    assert refusal.notice.text == "Your last step is still being worked on. Wait a moment and try again."


def test_the_tokenizer_speaks_of_the_card_fields():
    assert dict(explain(CardRefused(), GIFT, AMERICAN).fields) == {"card_expiry": "The card has expired."}


def test_an_unknown_problem_is_told_in_its_own_words():
    assert explain(Problem("Something else."), GIFT, AMERICAN).notice.text == "Something else."
