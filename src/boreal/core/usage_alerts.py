"""Alerts about usage: a threshold of a meter that a customer reaches, told once in each window of the meter.

A threshold is a number of units, or a percentage of what the customer was credited in the window; a percentage of
nothing is never reached. One event may reach several: they are told from the lowest to the highest.

>>> alerts = [Threshold("all", Decimal(100), is_percent=True), Threshold("half", Decimal(50), is_percent=True),
...           Threshold("many", Decimal(70))]
>>> [found.name for found in reached(alerts, consumed=Decimal(90), credited=100)]
['half', 'many']
>>> [found.name for found in reached(alerts, consumed=Decimal(120), credited=0)]
['many']
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any


class ThresholdType(StrEnum):
    """What a threshold is measured in."""

    UNITS = "units"
    PERCENT_OF_CREDITS = "percent_of_credits"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold, by whatever it is called; percentages are exact."""

    name: Any
    value: Decimal
    is_percent: bool = False

    def units(self, *, credited: int) -> Decimal | None:
        """How many units that is, or None if it cannot be reached."""
        if not self.is_percent:
            return self.value
        return self.value * credited / 100 if credited > 0 else None


def reached(thresholds: Iterable[Threshold], *, consumed: Decimal, credited: int) -> list[Threshold]:
    """Those that are reached, lowest first; of equal ones, in the order given."""
    found = [(units, one) for one in thresholds if (units := one.units(credited=credited)) is not None]
    return [one for units, one in sorted(found, key=lambda pair: pair[0]) if consumed >= units]
