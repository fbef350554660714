"""What events add to the aggregates of an organization's meters, worked out before the database is asked.

`Meters` is what a process remembers of the meters. For each name of an event it knows which of them count it, with
only what is left of their filters. `Counts` collects what events add, in one cell per meter, subject and hour.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from boreal.core.filters import Filter, Matcher, matcher, parse, specialised
from boreal.core.metering import EXACT, Aggregation, AggregationFunction, counted, digest, exact
from boreal.kit.db import Row

MAX_NAMES = 1000
ALL = UUID(int=0)
"""Stands for all subjects together in roll-ups."""


@dataclass(frozen=True, slots=True)
class CountedMeter:
    """A meter, as far as counting needs it."""

    id: UUID
    condition: Filter
    aggregation: Aggregation

    @classmethod
    def of(cls, row: Row) -> "CountedMeter":
        """The meter of a row."""
        return cls(row["id"], parse(row["filter"]), Aggregation.parse(row["aggregation"]))


Plan = list[tuple[Matcher | None, list[CountedMeter]]]
"""Meters by what is left of their filters: None matches always."""


@dataclass
class Meters:
    """The meters of an organization that count now, and which generation of them this is."""

    generation: int
    meters: tuple[CountedMeter, ...]
    _plans: dict[tuple[str, str], Plan] = field(default_factory=dict)

    def plan(self, name: str, source: str) -> Plan:
        """Which meters may count events of this name."""
        known = self._plans.get((name, source))
        if known is None:
            if len(self._plans) >= MAX_NAMES:
                self._plans.clear()
            known = self._plans[name, source] = self._made(name, source)
        return known

    def _made(self, name: str, source: str) -> Plan:
        if source != "user":
            return []  # meters count what merchants tell (usage spec 4.4, 5.1)
        groups: dict[str, tuple[Filter | bool, list[CountedMeter]]] = {}
        for meter in self.meters:
            left = specialised(meter.condition, name=name, source=source)
            if left is not False:
                groups.setdefault(repr(left), (left, []))[1].append(meter)  # as text, because 1 and True are equal
        return [(matcher(left) if isinstance(left, Filter) else None, meters) for left, meters in groups.values()]


Cell = list[Any]
"""Count, sum, least and greatest number (None without any); sum is exact."""


def merge(into: Cell, cell: Cell) -> None:
    """Adds a cell to another one."""
    into[0] += cell[0]
    if cell[1] is not None:
        if into[1] is None:
            into[1:] = cell[1:]
        else:
            into[1] = _plus(into[1], cell[1])
            into[2] = min(into[2], cell[2])
            into[3] = max(into[3], cell[3])


def _plus(one: int | Decimal, other: int | Decimal) -> int | Decimal:
    if type(one) is int and type(other) is int:
        return one + other
    return EXACT.add(Decimal(one), Decimal(other))


@dataclass
class Counts:
    """What some events add. `cells` by (meter, subject, hour); `values` the digests that `unique` meters saw."""

    organization_id: UUID
    cells: dict[tuple[UUID, UUID, int], Cell] = field(default_factory=dict)
    values: dict[tuple[UUID, UUID], set[UUID]] = field(default_factory=dict)

    def add(self, meters: Meters, event: Any, subject: UUID | None, hour: int) -> None:
        """Counts one event, for the organization as a whole and for each meter that it passes."""
        cells = self.cells
        whole = (self.organization_id, subject or ALL, hour)
        cell = cells.get(whole)
        if cell is None:
            cells[whole] = [1, None, None, None]
        else:
            cell[0] += 1
        if subject is None:
            return
        for passes, counting in meters.plan(event.name, event.source):
            if passes is None or passes(event):
                for meter in counting:
                    self._count(meter, event, subject, hour)

    def _count(self, meter: CountedMeter, event: Any, subject: UUID, hour: int) -> None:
        number: Any = None
        function = meter.aggregation.function
        if function is not AggregationFunction.COUNT:
            value = counted(meter.aggregation, event)
            if function is AggregationFunction.UNIQUE:
                if value is not None:
                    self.values.setdefault((meter.id, subject), set()).add(digest(value))
            elif value is None:
                return
            else:
                number = value if type(value) is int else exact(value)
        key = (meter.id, subject, hour)
        cell = self.cells.get(key)
        if cell is None:
            self.cells[key] = [1, number, number, number]
            return
        cell[0] += 1
        if number is not None:
            cell[1] = _plus(cell[1], number)
            if number < cell[2]:
                cell[2] = number
            elif number > cell[3]:
                cell[3] = number

    def usage(self) -> dict[tuple[UUID, UUID], Cell]:
        """By meter and subject."""
        return _sums(((meter, subject), cell) for (meter, subject, _), cell in self.cells.items() if subject != ALL)

    def rollups(self, slot: int) -> dict[tuple[UUID, UUID, int, int, int], Cell]:
        """By meter, subject (or all), hours per bucket, bucket, and slot."""
        return _sums(self._buckets(slot))

    def _buckets(self, slot: int) -> Iterable[tuple[tuple[UUID, UUID, int, int, int], Cell]]:
        for (meter, subject, hour), cell in self.cells.items():
            yield (meter, ALL, 1, hour, slot), cell
            yield (meter, ALL, 24, hour // 24, slot), cell
            if subject != ALL:
                yield (meter, subject, 24, hour // 24, 0), cell


def _sums(parts: Iterable[tuple[Any, Cell]]) -> dict[Any, Cell]:
    sums: dict[Any, Cell] = {}
    for key, cell in parts:
        known = sums.get(key)
        if known is None:
            sums[key] = cell[:]
        else:
            merge(known, cell)
    return sums
