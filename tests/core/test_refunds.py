"""Refunds: what is left of an order, how tax shares it, and that nothing is ever given back twice (orders spec 15)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core.orders import BillingReason, Order, OrderStatus
from boreal.core.refunds import Split, credit_taken, left_of, refunded, split_gross, split_net

NOW = datetime(2026, 1, 15, tzinfo=UTC)


def order(net: int, tax: int, applied: int = 0, **values: Any) -> Order:
    """A paid order of an organization that gave no discount."""
    defaults: dict[str, Any] = {
        "id": uuid4(),
        "created_at": NOW,
        "modified_at": None,
        "organization_id": uuid4(),
        "customer_id": uuid4(),
        "status": OrderStatus.PAID,
        "billing_reason": BillingReason.PURCHASE,
        "currency": "usd",
        "invoice_number": "ACME-0001",
        "metadata": {},
        "custom_field_data": {},
    }
    nothing = dict.fromkeys(
        (
            "product_id",
            "discount_id",
            "subscription_id",
            "checkout_id",
            "taxability_reason",
            "tax_rate",
            "billing_name",
            "billing_address",
            "tax_id",
            "seats",
            "period_start",
        )
    )
    amounts = {
        "subtotal_amount": net,
        "discount_amount": 0,
        "tax_amount": tax,
        "applied_balance_amount": applied,
    }
    return Order(**{**nothing, **defaults, **amounts, **values})


def give_back(before: Order, amount: int) -> tuple[Split, Order]:
    """A refund of `amount` without tax, and the order after it."""
    part = split_net(amount, net=before.net_amount, tax=before.tax_amount, left=left_of(before))
    return part, refunded(before, part, now=NOW)


@pytest.mark.example("orders 18.41")
def test_partial_refunds_end_with_everything() -> None:
    paid = order(9990, 2498)
    taxes = []
    for amount in (1110, 993, 5887):
        part, paid = give_back(paid, amount)
        taxes.append(part.tax)
        assert paid.status is OrderStatus.PARTIALLY_REFUNDED
    assert taxes == [278, 248, 1472]
    assert left_of(paid) == Split(2000, 500)
    part, paid = give_back(paid, 2000)
    assert (part.tax, paid.status) == (500, OrderStatus.REFUNDED)
    assert (paid.refunded_amount, paid.refunded_tax_amount) == (9990, 2498)


@pytest.mark.example("orders 18.42")
def test_three_thirds() -> None:
    paid, taxes = order(1000, 200), []
    for amount in (333, 333, 334):
        part, paid = give_back(paid, amount)
        taxes.append(part.tax)
    assert taxes == [67, 67, 66]


@pytest.mark.example("orders 18.43")
def test_halves_are_rounded_away_from_zero() -> None:
    left = Split(1000, 250)
    assert [split_net(amount, net=1000, tax=250, left=left).tax for amount in (2, 6)] == [1, 2]
    assert split_gross(375, tax=250, total=1250, left=left) == Split(300, 75)
    assert split_gross(100, tax=250, total=1250, left=left) == Split(80, 20)


@pytest.mark.example("orders 18.44")
def test_what_credit_paid_is_not_given_back() -> None:
    paid = order(1000, 200, applied=-300)
    assert paid.due_amount == 900
    assert left_of(paid).amount == 700
    assert give_back(paid, 350)[0] == Split(350, 70)
    part, after = give_back(paid, 700)
    assert (part, after.status) == (Split(700, 200), OrderStatus.REFUNDED)


@pytest.mark.example("orders 18.45")
def test_a_debt_that_was_collected_can_be_given_back() -> None:
    paid = order(1000, 250, applied=1000)
    part, after = give_back(paid, 1000)
    assert (part.tax, after.status) == (250, OrderStatus.PARTIALLY_REFUNDED)
    part, after = give_back(paid, 2000)
    assert (part.tax, after.status) == (250, OrderStatus.REFUNDED)


@pytest.mark.example("orders 18.46")
def test_credit_pays_for_a_refund_first() -> None:
    assert 500 - credit_taken(Split(100, 25), 500) == 375
    assert 500 - credit_taken(Split(1000, 250), 500) == 0
    assert -500 - credit_taken(Split(1000, 250), -500) == -500


def test_nothing_is_taxed_without_tax() -> None:
    assert split_gross(70, tax=0, total=100, left=Split(100, 0)) == Split(70, 0)
    assert split_net(7, net=0, tax=0, left=Split(1000, 0)) == Split(7, 0)


def test_a_refund_that_is_taken_back_leaves_the_order_as_it_was() -> None:
    paid = order(1000, 200)
    _, after = give_back(paid, 1000)
    again = refunded(after, Split(-1000, -200), now=NOW)
    assert replace(again, modified_at=None) == paid
    _, half = give_back(paid, 500)
    _, both = give_back(half, 100)
    assert refunded(both, Split(-100, -20), now=NOW).status is OrderStatus.PARTIALLY_REFUNDED


ORDERS = st.builds(
    lambda net, rate, applied: order(net, net * rate // 100, max(applied, -net)),
    net=st.integers(1, 10**7),
    rate=st.integers(0, 30),
    applied=st.integers(-(10**7), 10**4),
)
SHARES = st.lists(st.tuples(st.booleans(), st.fractions(0, 1)), max_size=8)


@given(ORDERS, SHARES)
def test_any_refunds_give_back_exactly_what_was_collected(paid: Order, shares: list[tuple[bool, Any]]) -> None:
    """Amounts with and without tax in any order, and then what is left: never too much, in the end all of it."""
    collected, parts = paid.due_amount, []
    for is_gross, share in shares:
        left = left_of(paid)
        if is_gross:
            gross = int(left.total * share)
            part = split_gross(gross, tax=paid.tax_amount, total=paid.total_amount, left=left)
            assert part.amount + part.tax == gross
        else:
            part = split_net(int(left.amount * share), net=paid.net_amount, tax=paid.tax_amount, left=left)
        assert 0 <= part.amount <= left.amount
        assert 0 <= part.tax <= left.tax
        parts.append(part)
        paid = refunded(paid, part, now=NOW)
    left = left_of(paid)
    part = split_net(left.amount, net=paid.net_amount, tax=paid.tax_amount, left=left)
    paid = refunded(paid, part, now=NOW)
    assert left_of(paid) == Split(0, 0)
    assert paid.refunded_amount + paid.refunded_tax_amount == collected
    assert paid.refunded_tax_amount <= max(paid.tax_amount, 0)
    assert paid.status is (OrderStatus.REFUNDED if collected else OrderStatus.PAID)
