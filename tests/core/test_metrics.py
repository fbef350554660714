"""Metrics as pure arithmetic over counted figures."""

from decimal import Decimal

import pytest

from boreal.core.metrics import METRICS, Book, Figures


def book(periods: int = 1, **figures: list[object]) -> Book:
    counted = Figures(periods)
    counted.update(figures)
    return Book(counted)


@pytest.mark.example("usage E25")
def test_lifetime_value() -> None:
    leaving = {"active_subscriptions": [4], "canceled_subscriptions": [1]}
    left = book(
        monthly_value=[9_167], subscribed_customers=[1], costs=[Decimal("0.5")], active_user_by_event=[1], **leaving
    )
    assert (left["average_revenue_per_user"], left["cost_per_user"], left["churn_rate"]) == ([9_167], [0.5], [0.25])
    assert left["ltv"] == [36_666]
    leaving["active_subscriptions"] = [2]
    costly = book(monthly_value=[100], subscribed_customers=[1], costs=[150], active_user_by_event=[1], **leaving)
    assert costly["churn_rate"] == [0.5]
    assert (costly["ltv"], costly.total("ltv")) == ([0], 0)


@pytest.mark.example("usage E26")
def test_margins() -> None:
    margins = book(revenue=[5_000], costs=[Decimal("250.5")])
    margins.figures.revenue_before = 10_000
    assert margins["gross_margin"] == [Decimal("14749.5")]
    assert margins["gross_margin_percentage"] == [0.9833]
    assert margins["cashflow"] == [Decimal("4749.5")]


def test_sums_of_costs_keep_every_digit() -> None:
    cent = Decimal("99999.999999999999")
    costs = book(2, costs=[Decimal("10000000000000000000099999.999999999999"), cent])
    assert costs["cumulative_costs"][-1] == Decimal("10000000000000000000199999.999999999998")
    assert costs.total("costs") == costs["cumulative_costs"][-1]
    assert costs["cashflow"][1] == -cent


def test_a_ratio_asked_for_alone_is_computed_from_what_it_needs() -> None:
    """Totals come from all figures, whatever is shown (usage spec 7.5)."""
    made = book(2, orders=[1, 2], revenue=[10, 5], costs=[3, 3], active_subscriptions=[9, 4], checkouts=[0, 4])
    assert made.total("average_order_value") == 5
    assert made.total("cost_per_user") == 1.5
    assert made.total("checkouts_conversion") == 0


@pytest.mark.parametrize("slug", METRICS)
def test_nothing_counted_is_nought(slug: str) -> None:
    empty = book(3)
    assert list(empty[slug]) == [0, 0, 0]
    assert empty.total(slug) == 0
