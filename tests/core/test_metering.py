"""What meters count: filters, aggregations, credits (usage spec 4.2, 4.3, 5)."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boreal.core.filters import (
    Clause,
    Filter,
    FilterConjunction,
    FilterOperator,
    Occurrence,
    matcher,
    matches,
    parse,
    specialised,
)
from boreal.core.metering import (
    Aggregation,
    AggregationFunction,
    Credits,
    fold_credits,
    meter_tally,
    quantity,
    rollover_units,
)

AND, OR = FilterConjunction.AND, FilterConjunction.OR
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def measured(function: str, property: str | None, *documents: dict[str, Any]) -> Decimal:
    aggregation = Aggregation(AggregationFunction(function), property)
    return quantity(aggregation.function, meter_tally(aggregation, documents))


@pytest.mark.example("usage E1")
@pytest.mark.parametrize(
    ("function", "expected"), [("count", 4), ("sum", 90), ("avg", 22.5), ("min", 10), ("max", 30), ("unique", 3)]
)
def test_the_documented_table(function: str, expected: float) -> None:
    documents = [{"total_tokens": value} for value in (10, 20, 30, 30)]
    assert measured(function, None if function == "count" else "total_tokens", *documents) == Decimal(str(expected))


ODD = [{"v": 10}, {"v": "20"}, {}, {"v": 5.5}, {"v": True}, {"v": -3}, {"_cost": {"amount": "1", "currency": "usd"}}]


@pytest.mark.example("usage E2")
def test_odd_metadata() -> None:
    assert [measured(name, None if name == "count" else "v", *ODD) for name in ("count", "sum", "min", "max")] == [
        7,
        Decimal("12.5"),
        -3,
        10,
    ]
    assert float(measured("avg", "v", *ODD)) == pytest.approx(4.1666666)


@pytest.mark.example("usage E3")
def test_unique_values() -> None:
    values: list[Any] = ["a", "a", 1, 1.0, "1", True]
    assert measured("unique", "u", *({"u": value} for value in values), {}) == 4


EVENT = Occurrence("call", "user", NOW, {"model": "lite", "n": 10, "s": "10", "b": True, "_cost": {"amount": "1"}})


@pytest.mark.example("usage E4")
@pytest.mark.parametrize(
    ("property", "operator", "value", "expected"),
    [
        ("n", "eq", 10, True),
        ("n", "eq", "10", False),
        ("n", "ne", "10", False),
        ("s", "eq", 10, True),
        ("s", "gt", 9, False),
        ("b", "eq", True, True),
        ("b", "eq", 1, False),
        ("n", "eq", True, False),
        ("missing", "ne", "x", False),
        ("missing", "not_like", "x", False),
        ("model", "like", "it", True),
        ("n", "like", 1, True),
        ("model", "eq", "lite", True),
        ("name", "eq", 100, False),
        ("_cost.amount", "gt", 0, False),
        ("_cost", "like", "a", False),
        ("model", "like", "l%e", True),
        ("model", "like", "l_e", False),
        ("timestamp", "gte", int(NOW.timestamp()), True),
        ("timestamp", "like", "1", False),
        ("source", "eq", "user", True),
    ],
)
def test_clauses(property: str, operator: str, value: Any, expected: bool) -> None:
    condition = Filter(AND, (Clause(property, FilterOperator(operator), value),))
    assert matches(condition, EVENT) is expected
    assert matcher(condition)(EVENT) is expected


@pytest.mark.example("usage E4")
def test_nested_filters() -> None:
    assert matches(Filter(OR), EVENT)
    nested = {
        "conjunction": "or",
        "clauses": [
            {
                "conjunction": "and",
                "clauses": [
                    {"property": "model", "operator": "eq", "value": "lite"},
                    {"property": "n", "operator": "gt", "value": 100},
                ],
            },
            {"property": "s", "operator": "eq", "value": "10"},
        ],
    }
    assert matches(parse(nested), EVENT)


SCALARS = st.one_of(
    st.sampled_from(["", "a", "b", "10", "9", "t", "%", "_", "ä", "true"]),
    st.integers(-20, 20),
    st.booleans(),
    st.sampled_from([1.0, 1.5, -0.0, 1e22, 1e-7, 0.1]),
)
KEYS = st.sampled_from(["x", "y", "name", "source", "timestamp", "a.b"])
CLAUSES = st.builds(
    Clause, KEYS, st.sampled_from(FilterOperator), SCALARS.filter(lambda value: not isinstance(value, float))
)
FILTERS = st.recursive(
    st.builds(Filter, st.sampled_from(FilterConjunction), st.lists(CLAUSES, max_size=3).map(tuple)),
    lambda inner: st.builds(
        Filter, st.sampled_from(FilterConjunction), st.lists(st.one_of(CLAUSES, inner), max_size=3).map(tuple)
    ),
    max_leaves=4,
)
EVENTS = st.builds(
    Occurrence,
    st.sampled_from(["call", "a", "10"]),
    st.just("user"),
    st.sampled_from([NOW, datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC)]),
    st.dictionaries(st.sampled_from(["x", "y", "a.b"]), SCALARS),
)


@given(FILTERS, EVENTS)
def test_what_is_prepared_says_what_the_plain_reading_says(condition: Filter, event: Occurrence) -> None:
    expected = matches(condition, event)
    assert matcher(condition)(event) is expected
    left = specialised(condition, name=event.name, source=event.source)
    assert (left if isinstance(left, bool) else matches(left, event)) is expected


@pytest.mark.example("usage E8")
def test_credits_never_go_below_zero() -> None:
    assert fold_credits([100, -150, 30]) == 30


@pytest.mark.example("usage E10")
@pytest.mark.parametrize(
    ("plain", "rolling", "used", "expected"),
    [
        (0, 0, "0", 0),
        (100, 0, "0", 0),
        (0, 100, "0", 100),
        (0, 100, "50.5", 49),
        (0, 100, "150", 0),
        (80, 60, "80", 60),
        (80, 60, "100", 40),
        (80, 60, "150", 0),
    ],
)
def test_rollover(plain: int, rolling: int, used: str, expected: int) -> None:
    credits = Credits().add(plain, rollover=False).add(rolling, rollover=True)
    assert rollover_units(credits, Decimal(used)) == expected
