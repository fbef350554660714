"""The card form: which entries become a token, and what is said about the others."""

import doctest
from datetime import UTC, datetime

import pytest

from boreal.providers.payments.sandbox import amounts, behaviours, cards, form
from boreal.providers.payments.sandbox.behaviours import BEHAVIOURS
from boreal.providers.payments.sandbox.cards import TEST_CARDS, TEST_NAMES
from boreal.providers.payments.sandbox.form import check, luhn
from boreal.providers.ports import CardEntry, CardInvalid

NOW = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)


def entry(**changes: str) -> CardEntry:
    return CardEntry(**{"number": "4242424242424242", "exp_month": "12", "exp_year": "34", "cvc": "123", **changes})


@pytest.mark.parametrize("module", [amounts, behaviours, cards, form])
def test_examples_in_docstrings(module):
    failed, attempted = doctest.testmod(module)
    assert failed == 0
    assert attempted > 0


def test_the_table_of_cards_is_sound():
    numbers = [card.number for card in TEST_CARDS]
    assert len(numbers) == len(set(numbers)) > 100
    assert len(TEST_NAMES) == sum(len(card.names) for card in TEST_CARDS), "a name stands for one card"
    assert [number for number in numbers if not luhn(number)] == []
    assert {card.behaviour for card in TEST_CARDS} == set(BEHAVIOURS)


@pytest.mark.parametrize(
    ("changes", "month", "year"),
    [
        ({}, 12, 2034),
        ({"exp_year": "2034"}, 12, 2034),
        ({"exp_month": " 3 ", "exp_year": "26"}, 3, 2026),  # good until the last minute of its month
        ({"exp_month": "01", "exp_year": "2076"}, 1, 2076),
        ({"number": "4242 4242-4242 4242 "}, 12, 2034),
        ({"number": "378282246310005", "cvc": "1234"}, 12, 2034),
        ({"number": "6205500000000000004"}, 12, 2034),
        ({"number": "36227206271667"}, 12, 2034),
    ],
)
def test_good_entries(changes, month, year):
    checked = check(entry(**changes), now=NOW)
    assert (checked.exp_month, checked.exp_year) == (month, year)


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"number": ""}, {"number": "incomplete_number"}),
        ({"number": "4242"}, {"number": "incomplete_number"}),
        ({"number": "4242424242424241"}, {"number": "incorrect_number"}),
        ({"number": "42424242424242424242"}, {"number": "incorrect_number"}),
        ({"number": "4242x24242424242"}, {"number": "invalid_number"}),
        ({"number": "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"}, {"number": "invalid_number"}),
        ({"number": "4539578763621486"}, {"number": "test_card_required"}),  # valid, so it could be somebody's
        ({"exp_month": "0"}, {"exp_month": "invalid_expiry_month"}),
        ({"exp_month": "13"}, {"exp_month": "invalid_expiry_month"}),
        ({"exp_month": "-1"}, {"exp_month": "invalid_expiry_month"}),
        ({"exp_month": "Mai"}, {"exp_month": "invalid_expiry_month"}),
        ({"exp_month": "02", "exp_year": "26"}, {"exp_month": "expired_card"}),
        ({"exp_year": "25"}, {"exp_year": "expired_card"}),
        ({"exp_year": "2077"}, {"exp_year": "invalid_expiry_year"}),
        ({"exp_year": ""}, {"exp_year": "invalid_expiry_year"}),
        ({"exp_year": "99999"}, {"exp_year": "invalid_expiry_year"}),
        ({"cvc": ""}, {"cvc": "invalid_cvc"}),
        ({"cvc": "12"}, {"cvc": "invalid_cvc"}),
        ({"cvc": "1234"}, {"cvc": "invalid_cvc"}),
        ({"cvc": "12a"}, {"cvc": "invalid_cvc"}),
        ({"number": "378282246310005", "cvc": "123"}, {"cvc": "invalid_cvc"}),
        (
            {"number": "1", "exp_month": "", "exp_year": "", "cvc": ""},
            {
                "number": "incomplete_number",
                "exp_month": "invalid_expiry_month",
                "exp_year": "invalid_expiry_year",
                "cvc": "invalid_cvc",
            },
        ),
    ],
)
def test_bad_entries(changes, faults):
    with pytest.raises(CardInvalid) as caught:
        check(entry(**changes), now=NOW)
    assert {fault.field: fault.code for fault in caught.value.faults} == faults
    assert all(fault.message.endswith(".") for fault in caught.value.faults)


def test_an_entry_does_not_print_what_is_secret():
    printed = repr(entry(number="4000000000009995", cvc="987"))
    assert "4000000000009995" not in printed
    assert "987" not in printed
