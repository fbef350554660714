"""Filters: which events a meter counts (usage spec 4.2).

A filter is clauses and further filters of which all (`and`) or one (`or`) must hold; without any it matches everything.
A clause compares one property of an event with a value. `name`, `source` and `timestamp` (whole seconds since 1970) are
properties of the event itself, every other one is a key of its metadata, taken literally. A property that is missing
matches nothing, not even `ne`. Text is compared with text: a number in a clause is written out for that; a number in an
event is never compared with text.

>>> event = Occurrence(name="call", source="user", timestamp=datetime(2026, 1, 15), metadata={"n": 10, "s": "10"})
>>> [holds(Clause("n", FilterOperator.EQ, 10), event), holds(Clause("n", FilterOperator.NE, "10"), event)]
[True, False]
>>> [holds(Clause("s", FilterOperator.EQ, 10), event), holds(Clause("s", FilterOperator.GT, 9), event)]
[True, False]
>>> holds(Clause("missing", FilterOperator.NE, "x"), event)
False

This is the slow, plain reading. `matcher` prepares a filter for many events; `boreal.rooms.usage.meters.sql` says the
same to the database. Tests hold the three against each other.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

Metadata = Mapping[str, Any]
"""Texts, numbers and booleans by key; `_cost` and `_llm` hold objects."""


class FilterConjunction(StrEnum):
    """Whether all clauses of a filter must hold, or one."""

    AND = "and"
    OR = "or"


class FilterOperator(StrEnum):
    """How a clause compares a property of an event with its value."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    LIKE = "like"
    NOT_LIKE = "not_like"


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison of a property with a text, a whole number or a boolean."""

    property: str
    operator: FilterOperator
    value: str | int | bool


@dataclass(frozen=True, slots=True)
class Filter:
    """Comparisons, and filters within, of which all or one must hold."""

    conjunction: FilterConjunction
    clauses: tuple["Clause | Filter", ...] = ()


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What filters and aggregations see of an event."""

    name: str
    source: str
    timestamp: datetime
    metadata: Metadata


BUILT_IN = frozenset({"name", "source", "timestamp"})
"""Properties of the event itself; they hide keys of the metadata with the same name."""

_COMPARE: dict[FilterOperator, Callable[[Any, Any], bool]] = {
    FilterOperator.EQ: operator.eq,
    FilterOperator.NE: operator.ne,
    FilterOperator.GT: operator.gt,
    FilterOperator.GTE: operator.ge,
    FilterOperator.LT: operator.lt,
    FilterOperator.LTE: operator.le,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def parse(document: Mapping[str, Any]) -> Filter:
    """The filter that a stored or validated document means."""
    return Filter(
        FilterConjunction(document["conjunction"]),
        tuple(
            parse(item)
            if "conjunction" in item
            else Clause(item["property"], FilterOperator(item["operator"]), item["value"])
            for item in document["clauses"]
        ),
    )


def epoch_seconds(timestamp: datetime) -> int:
    """Whole seconds since 1970, rounded down."""
    aware = timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _SECOND


def property_of(event: Occurrence, name: str) -> Any:
    """The value of a property, or None if the event has none."""
    if name in BUILT_IN:
        return epoch_seconds(event.timestamp) if name == "timestamp" else getattr(event, name)
    return event.metadata.get(name)


def matches(condition: Filter, event: Occurrence) -> bool:
    """Whether the event passes."""
    if not condition.clauses:
        return True
    found = (matches(item, event) if isinstance(item, Filter) else holds(item, event) for item in condition.clauses)
    return all(found) if condition.conjunction is FilterConjunction.AND else any(found)


def holds(clause: Clause, event: Occurrence) -> bool:
    """Whether one comparison is true."""
    stored = property_of(event, clause.property)
    if clause.property in BUILT_IN and not _is_compatible(clause):
        return False
    return _test(clause)(stored)


def _is_compatible(clause: Clause) -> bool:
    """Names and sources are compared with text only, the time with numbers only."""
    is_number = isinstance(clause.value, int) and not isinstance(clause.value, bool)
    return is_number if clause.property == "timestamp" else isinstance(clause.value, str)


def text_of(value: str | int | float | bool | Decimal) -> str:
    """A stored value as text: a number as its JSON is kept, a boolean as `true` or `false`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else format(Decimal(repr(value)), "f")


def needle_of(value: str | int | bool) -> str:
    """The value of a clause as text; booleans are `t` and `f`."""
    return ("t" if value else "f") if isinstance(value, bool) else str(value)


def _test(clause: Clause) -> Callable[[Any], bool]:
    """The comparison of a clause, for any stored value."""
    if clause.operator in (FilterOperator.LIKE, FilterOperator.NOT_LIKE):
        return _contains(needle_of(clause.value), wanted=clause.operator is FilterOperator.LIKE)
    compare, value = _COMPARE[clause.operator], clause.value
    text = needle_of(value)
    number = None if isinstance(value, str) else int(value)
    boolean = value if isinstance(value, bool) else None

    def test(stored: Any) -> bool:
        kind = type(stored)
        if kind is str:
            return compare(stored, text)
        if kind is int or kind is float:
            return number is not None and compare(stored, number)
        return kind is bool and boolean is not None and compare(stored, boolean)

    return test


def _contains(needle: str, *, wanted: bool) -> Callable[[Any], bool]:
    """Whether the text form has the needle in it, in which `%` and `_` are wildcards."""
    pattern = "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in needle)
    found = re.compile(pattern, re.DOTALL).search

    def test(stored: Any) -> bool:
        if type(stored) in (str, int, float, bool):
            return (found(text_of(stored)) is not None) is wanted
        return False

    return test


def specialised(condition: Filter, *, name: str, source: str) -> Filter | bool:
    """What is left of a filter for events of one name and source: nothing to test, often, but yes or no.

    >>> named = Filter(FilterConjunction.AND, (Clause("name", FilterOperator.EQ, "call"),))
    >>> specialised(named, name="call", source="user"), specialised(named, name="other", source="user")
    (True, False)
    """
    decides = condition.conjunction is FilterConjunction.OR  # what one clause of this value makes of the whole
    left: list[Clause | Filter] = []
    for item in condition.clauses:
        known = _known(item, name=name, source=source)
        if isinstance(known, bool):
            if known is decides:
                return decides
        else:
            left.append(known)
    if not left:
        return not decides if condition.clauses else True
    return Filter(condition.conjunction, tuple(left))


def _known(item: "Clause | Filter", *, name: str, source: str) -> "Clause | Filter | bool":
    if isinstance(item, Filter):
        return specialised(item, name=name, source=source)
    if item.property in ("name", "source"):
        return _is_compatible(item) and _test(item)(name if item.property == "name" else source)
    return item


Matcher = Callable[[Occurrence], bool]


def matcher(condition: Filter) -> Matcher:
    """The same as `matches` of this filter, prepared once for many events."""
    tests = [_prepared(item) for item in condition.clauses]
    if not tests:
        return lambda event: True
    if len(tests) == 1:
        return tests[0]
    if condition.conjunction is FilterConjunction.AND:
        return lambda event: all(test(event) for test in tests)
    return lambda event: any(test(event) for test in tests)


def _prepared(item: Clause | Filter) -> Matcher:
    if isinstance(item, Filter):
        return matcher(item)
    if item.property not in BUILT_IN:
        test, key = _test(item), item.property
        return lambda event: test(event.metadata.get(key))
    if not _is_compatible(item):
        return lambda event: False
    if item.property == "name" and item.operator is FilterOperator.EQ:
        wanted = item.value
        return lambda event: event.name == wanted
    test, name = _test(item), item.property
    return lambda event: test(property_of(event, name))
