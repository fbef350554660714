"""Amounts, days and sentences for readers of different places."""

import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.kit.formats import (
    format_amount,
    format_day,
    format_moment,
    format_money,
    format_unit_price,
    locale_of,
    parse_amount,
)
from boreal.kit.words import Words


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("de-AT,de;q=0.9", "de_AT"),
        ("xx-YY,fr;q=0.5", "fr"),
        ("en;q=0.1, ja;q=0.7", "ja"),
        ("", "en_US"),
        ("*", "en_US"),
        (";;;q=,", "en_US"),
        ("de;q=NaN", "de"),
        ("de;q=x", "en_US"),
    ],
)
def test_the_reader_is_found(header, locale):
    assert str(locale_of(header)) == locale


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "text"),
    [
        (2400, "usd", "en_US", "$24.00"),
        (2400, "usd", "de", "24,00\u00a0$"),
        (-480, "usd", "en_US", "-$4.80"),
        (1200, "jpy", "en_US", "¥1,200"),
        (1234567, "kwd", "en_US", "KWD1,234.567"),
    ],
)
def test_money_has_the_digits_of_its_currency(amount, currency, locale, text):
    assert format_money(amount, currency, locale) == text


def test_a_unit_price_loses_nothing():
    assert format_unit_price("0.025", "usd", "en_US") == "$0.00025"
    assert format_unit_price(Decimal(100), "usd", "en_US") == "$1.00"


@given(st.integers(0, 99_999_999), st.sampled_from(["usd", "jpy", "kwd"]), st.sampled_from(["en", "de", "fr_CH", "sv"]))
def test_what_is_written_can_be_read(amount, currency, locale):
    assert parse_amount(format_amount(amount, currency, locale), currency, locale) == amount
    assert parse_amount(format_money(amount, currency, locale), currency, locale) == amount


@given(st.text(max_size=12))
def test_anything_typed_is_an_amount_or_a_value_error(text):
    with contextlib.suppress(ValueError):
        assert isinstance(parse_amount(text, "usd", "de"), int)


def test_days_and_moments():
    assert format_day("2026-03-07T10:00:00Z", "en_GB") == "7 March 2026"
    assert format_moment("2026-03-07T23:30:00-02:00", "en_GB") == "8 Mar 2026, 01:30 UTC"


def test_sentences_count_and_fall_back_to_english(tmp_path):
    english = {"hello": "Hello {name}", "seats.one": "{count} seat", "seats.other": "{count} seats", "only": "Only"}
    polish = {
        "hello": "Cześć {name}",
        "seats.one": "{count} miejsce",
        "seats.few": "{count} miejsca",
        "seats.other": "x",
    }
    (tmp_path / "en.json").write_text(json.dumps(english))
    (tmp_path / "pl.json").write_text(json.dumps(polish))
    words = Words(tmp_path)
    assert words.languages() == {"en", "pl"}
    assert words.say("hello", "pl", name="{Ada}") == "Cześć {Ada}"
    assert [words.say("seats", "pl", count=count) for count in (1, 3)] == ["1 miejsce", "3 miejsca"]
    assert words.say("seats", count=0) == "0 seats"
    assert words.say("only", "pl") == words.say("only", "zz") == "Only"
    assert words.knows("only")
    assert not words.knows("seats")
    with pytest.raises(KeyError):
        words.say("nothing")
