"""What a meter makes of the events that pass its filter, and what is left of credits (usage spec 4.3, 5).

`count` counts every event. `sum`, `max`, `min` and `avg` see only events whose property is a JSON number. `unique`
counts different JSON values: 1 and 1.0 are the same, 1 and "1" are not. Sums are exact.

A tally is what has to be kept of counted events so that two of them can be put together:

>>> total = meter_tally(Aggregation(AggregationFunction.SUM, "v"), [{"v": 10}, {"v": "20"}, {}, {"v": 5.5}])
>>> total.count, total.sum, total.least, total.greatest
(2, Decimal('15.5'), Decimal('5.5'), Decimal('10'))
>>> quantity(AggregationFunction.AVG, total)
Decimal('7.75')

Credits are added up in their order and never go below zero, so what is taken back of nothing is not owed later:

>>> fold_credits([100, -150, 30])
30
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Context, Decimal
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

from boreal.core.filters import BUILT_IN, Filter, FilterConjunction, FilterOperator, Occurrence, matches, property_of
from boreal.core.filters import text_of as text_of

__all__ = [
    "SUMMABLE",
    "Aggregation",
    "AggregationFunction",
    "Credits",
    "FilterConjunction",
    "FilterOperator",
    "Tally",
    "counted",
    "digest",
    "exact",
    "fold_credits",
    "measure",
    "meter_tally",
    "put_together",
    "quantity",
    "rollover_units",
]

EXACT = Context(prec=5000)
"""Wide enough that no sum of JSON numbers is ever rounded."""


class AggregationFunction(StrEnum):
    """How the events that pass the filter become one number."""

    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    MIN = "min"
    AVG = "avg"
    UNIQUE = "unique"


SUMMABLE = frozenset({AggregationFunction.COUNT, AggregationFunction.SUM})
"""What may be computed in parts and added; of the others only all events of a period make a quantity."""

NUMERIC = frozenset(
    {AggregationFunction.SUM, AggregationFunction.MAX, AggregationFunction.MIN, AggregationFunction.AVG}
)
"""What sees only events whose property is a number."""


@dataclass(frozen=True, slots=True)
class Aggregation:
    """A function, and the property that it looks at (`count`: none)."""

    function: AggregationFunction
    property: str | None = None

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> "Aggregation":
        """The aggregation that a stored or validated document means."""
        return cls(AggregationFunction(document["func"]), document.get("property"))


@dataclass(frozen=True, slots=True)
class Tally:
    """What is kept of counted events: how many, and what their numbers or their different values come to."""

    count: int = 0
    sum: Decimal | None = None
    least: Decimal | None = None
    greatest: Decimal | None = None
    values: frozenset[UUID] = frozenset()
    distinct: int | None = None
    """How many different values there are, where the values themselves are kept elsewhere."""


def exact(number: int | float | Decimal) -> Decimal:
    """A JSON number as the decimal that its text says."""
    if isinstance(number, float):
        return Decimal(repr(number))
    return Decimal(number)


def counted(aggregation: Aggregation, event: Occurrence) -> Any:
    """What an event that passed the filter adds: a number, a value, True (for `count`); None if nothing."""
    if aggregation.function is AggregationFunction.COUNT:
        return True
    assert aggregation.property is not None
    value = property_of(event, aggregation.property)
    if aggregation.function is AggregationFunction.UNIQUE:
        return value
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return value if is_number and aggregation.property not in BUILT_IN - {"timestamp"} else None


def measure(condition: Filter, aggregation: Aggregation, events: Iterable[Occurrence]) -> Tally:
    """What a meter keeps of some events, one after the other: the definition that everything faster is held against."""
    tally = Tally()
    for event in events:
        if not matches(condition, event):
            continue
        value = counted(aggregation, event)
        if aggregation.function is AggregationFunction.COUNT:
            tally = put_together([tally, Tally(1)])
        elif aggregation.function is AggregationFunction.UNIQUE:
            tally = put_together([tally, Tally(1, values=frozenset() if value is None else frozenset({digest(value)}))])
        elif value is not None:
            number = exact(value)
            tally = put_together([tally, Tally(1, number, number, number)])
    return tally


def meter_tally(aggregation: Aggregation, documents: Iterable[Mapping[str, Any]]) -> Tally:
    """The tally of events of which only the metadata matters, for examples."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    everything = Filter(FilterConjunction.AND)
    return measure(everything, aggregation, (Occurrence("event", "user", moment, item) for item in documents))


def put_together(tallies: Iterable[Tally]) -> Tally:
    """The tally of all their events."""
    present = list(tallies)
    total: Decimal | None = None
    for tally in present:
        if tally.sum is not None:
            total = tally.sum if total is None else EXACT.add(total, tally.sum)
    return Tally(
        sum(tally.count for tally in present),
        total,
        min((tally.least for tally in present if tally.least is not None), default=None),
        max((tally.greatest for tally in present if tally.greatest is not None), default=None),
        frozenset().union(*(tally.values for tally in present)),
    )


_DIVISION = Context(prec=34)


def quantity(function: AggregationFunction, tally: Tally) -> Decimal:
    """The number that a meter shows for a tally; 0 for nothing. Averages have 34 digits, all else is exact."""
    match function:
        case AggregationFunction.COUNT:
            return Decimal(tally.count)
        case AggregationFunction.SUM:
            return tally.sum if tally.sum is not None else Decimal(0)
        case AggregationFunction.MAX:
            return tally.greatest if tally.greatest is not None else Decimal(0)
        case AggregationFunction.MIN:
            return tally.least if tally.least is not None else Decimal(0)
        case AggregationFunction.AVG:
            return _DIVISION.divide(tally.sum, Decimal(tally.count)) if tally.sum is not None else Decimal(0)
        case AggregationFunction.UNIQUE:
            return Decimal(len(tally.values) if tally.distinct is None else tally.distinct)


def digest(value: Any) -> UUID:
    """16 bytes that are the same for the same JSON value; `digest_of` in `boreal.rooms.usage.meters.sql` agrees."""
    return _digest(_canonical(value))


@lru_cache(maxsize=4096)
def _digest(canonical: str) -> UUID:
    return UUID(bytes=sha256(canonical.encode()).digest()[:16])


def _canonical(value: Any) -> str:
    if isinstance(value, str):
        return "s" + value
    if isinstance(value, bool):
        return "b" + text_of(value)
    if isinstance(value, int):
        return f"n{value}"
    if isinstance(value, float | Decimal):
        return "n" + plain(exact(value))
    return "o" + _object(value)


def plain(number: Decimal) -> str:
    """A decimal without exponent and without zeros at its end."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _object(value: Any) -> str:
    """As the database writes an object: the shorter keys first."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {_object(value[key])}" for key in keys) + "}"
    if isinstance(value, float | Decimal):
        return format(exact(value), "f")
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Credits:
    """The credits of a window: all together, those that end with it, and those that roll over."""

    total: int = 0
    plain: int = 0
    rollover: int = 0

    def add(self, units: int, *, rollover: bool) -> "Credits":
        """With one more credit, or with some taken back; no sum goes below zero."""
        return Credits(
            max(0, self.total + units),
            self.plain if rollover else max(0, self.plain + units),
            max(0, self.rollover + units) if rollover else self.rollover,
        )


def fold_credits(units: Iterable[int]) -> int:
    """Credits in their order, never below zero."""
    total = 0
    for step in units:
        total = max(0, total + step)
    return total


def rollover_units(credits: Credits, consumed: Decimal) -> int:
    """How many units go over into the next window (usage spec 5.5). Usage burns those that end with this one first.

    >>> rollover_units(Credits(140, 80, 60), Decimal(100))
    40
    """
    left = (credits.plain + credits.rollover - consumed).to_integral_value(ROUND_DOWN)
    return max(0, min(int(left), credits.rollover))
