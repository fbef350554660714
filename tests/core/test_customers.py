"""Customers: facts, merging, forgetting, short ids (usage spec 12, orders spec 2.1, catalog spec 6.14)."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core import customers as book
from boreal.core.customers import Customer, CustomerType, NewCustomer

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def customer(**values: Any) -> Customer:
    made = book.born(
        NewCustomer(email="Ada@example.com"), id=uuid.uuid4(), organization_id=uuid.uuid4(), short_id=0, now=NOW
    )
    return replace(made, **values)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "AAAAAAAA"), (25, "AAAAAAAZ"), (26, "AAAAAABA"), (26**8, "BAAAAAAAA")],
)
def test_short_ids_are_written_in_letters(number: int, text: str) -> None:
    assert book.short_id_text(number) == text


@given(st.integers(min_value=0, max_value=2**52 - 1))
def test_the_letters_say_which_number(number: int) -> None:
    text = book.short_id_text(number)
    assert len(text) >= 8
    value = 0
    for letter in text:
        value = value * 26 + ord(letter) - ord("A")
    assert value == number


@given(st.integers(min_value=0, max_value=2**50), st.integers(min_value=0, max_value=2**20))
def test_a_short_id_is_42_bits_of_time_and_10_of_sequence(milliseconds: int, sequence: int) -> None:
    number = book.short_id(milliseconds, sequence)
    assert 0 <= number < 2**52
    assert divmod(number, 1024) == (milliseconds % 2**42, sequence % 1024)


def test_a_short_id_of_today_has_ten_letters() -> None:
    milliseconds = (NOW - book.SHORT_ID_EPOCH) // timedelta(milliseconds=1)
    assert len(book.short_id_text(book.short_id(milliseconds, 0))) == 10


@pytest.mark.example("usage E31")
def test_the_avatar_is_that_of_the_address_in_lower_case() -> None:
    digest = "e233d4a29013e9d87150c6237c6777bedf379ebf1acdc5d6126fec7e8bb74fb5"
    assert book.avatar_url("customer@example.com") == f"https://www.gravatar.com/avatar/{digest}?d=404"
    assert book.avatar_url("Customer@Example.com") == book.avatar_url("customer@example.com")


def test_facts() -> None:
    before = customer()
    assert book.facts(None, before) == ("customer.created",)
    assert book.facts(before, before) == ()
    assert book.facts(before, replace(before, name="Ada")) == ("customer.updated",)
    assert book.facts(before, replace(before, billing_name="Ada Ltd")) == ("customer.updated",)
    assert book.facts(before, replace(before, modified_at=LATER)) == ("customer.updated",)
    assert book.facts(before, book.deleted(before, anonymize=True, now=LATER)) == ("customer.deleted",)


def test_bookkeeping_is_no_news() -> None:
    before = customer()
    assert book.facts(before, replace(before, invoice_next_number=2, processor_customer_id="cus_1")) == ()


def test_a_purchase_replaces_what_it_knows_and_nothing_else() -> None:
    before = customer(
        name="Ada", billing_name="Ada Ltd", external_id="ada", type=CustomerType.TEAM, metadata={"a": 1, "b": 1}
    )
    details = NewCustomer(
        email="ada@EXAMPLE.com",
        external_id="other",
        type=CustomerType.INDIVIDUAL,
        name="Countess",
        billing_address={"country": "GB"},
        tax_id=["1", "gb_vat"],
        metadata={"b": 2, "c": 3},
    )
    assert book.merged(before, details, now=LATER) == replace(
        before,
        name="Countess",
        billing_address={"country": "GB"},
        tax_id=["1", "gb_vat"],
        metadata={"a": 1, "b": 2, "c": 3},
        modified_at=LATER,
    )


def test_a_purchase_with_nothing_new_changes_nothing() -> None:
    before = customer(name="Ada", metadata={"a": 1})
    details = NewCustomer(email="other@example.com", name="Ada", metadata={"a": 1})
    assert book.merged(before, details, now=LATER) is before


def test_changes_are_taken_field_by_field() -> None:
    before = customer(name="Ada", billing_address={"country": "GB"}, metadata={"a": 1}, email_verified=True)
    after = book.changed(before, {"name": None, "billing_address": None, "metadata": {"b": 2}}, now=LATER)
    assert after == replace(before, name=None, billing_address=None, metadata={"b": 2}, modified_at=LATER)


@pytest.mark.parametrize("email", [None, "ADA@example.com", "Ada@example.com"])
def test_a_null_or_equal_address_is_ignored(email: str | None) -> None:
    before = customer(email_verified=True)
    after = book.changed(before, {"email": email, "type": None}, now=LATER)
    assert after == replace(before, modified_at=LATER)


def test_another_address_is_not_verified() -> None:
    after = book.changed(customer(email_verified=True), {"email": "b@example.com"}, now=LATER)
    assert (after.email, after.email_verified) == ("b@example.com", False)


@pytest.mark.parametrize(
    ("has", "changes", "refused"),
    [
        (None, {}, False),
        (None, {"external_id": None}, False),
        (None, {"external_id": "a"}, False),
        ("a", {}, False),
        ("a", {"external_id": "a"}, False),
        ("a", {"external_id": "b"}, True),
        ("a", {"external_id": None}, True),
    ],
)
def test_an_external_id_is_given_once(has: str | None, changes: dict[str, Any], refused: bool) -> None:
    assert book.refuses_external_id(customer(external_id=has), changes) is refused


def test_deletion_frees_the_external_id_and_remembers_it() -> None:
    before = customer(external_id="ada", name="Ada", metadata={"a": 1})
    after = book.deleted(before, anonymize=False, now=LATER)
    assert after == replace(
        before, external_id=None, metadata={"a": 1, "__external_id": "ada"}, deleted_at=LATER, modified_at=LATER
    )
    assert book.deleted(customer(), anonymize=False, now=LATER).metadata == {}


def test_anonymizing_leaves_nothing_personal() -> None:
    before = customer(
        name="Ada",
        billing_name="Ada Ltd",
        billing_address={"country": "GB"},
        tax_id=["1", "gb_vat"],
        email_verified=True,
        processor_customer_id="cus_1",
    )
    after = book.deleted(before, anonymize=True, now=LATER)
    assert (after.name, after.billing_name, after.billing_address, after.tax_id) == (None, None, None, None)
    assert after.email == f"customer-{before.id}@anonymized.invalid"
    assert not after.email_verified
    assert (after.short_id, after.invoice_next_number, after.processor_customer_id) == (0, 1, "cus_1")
