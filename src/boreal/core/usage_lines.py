"""Usage lines: what consumed units cost after the credits, line by line (orders spec 13.2, 13.3).

Credits reduce the usage, the rest is multiplied by the exact price of a unit, rounded once and capped. 1234.5 units of
10 cents with 1000 credited:

>>> line_amount(Decimal("1234.5"), Decimal(1000), unit_amount=Decimal(10), cap=None)
2345

What can be added up is billed at the price under which it was used, a line for each; the credits of the meter go to
the earlier usage first:

>>> [share.credited for share in spread([Decimal(300), Decimal(50)], Decimal(320))]
[Decimal('300'), Decimal('20')]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from boreal.core.pricing import metered_amount


@dataclass(frozen=True, slots=True)
class UsageShare:
    """Units of one line: what was consumed, and how much of it the credits cover."""

    consumed: Decimal
    credited: Decimal

    @property
    def units(self) -> Decimal:
        """What the label names: consumed less credited, not clamped (orders spec 1.5)."""
        return self.consumed - self.credited


def line_amount(consumed: Decimal, credited: Decimal, *, unit_amount: Decimal, cap: int | None) -> int:
    """What a line costs, in minor units: the overage only, rounded once, then capped (orders spec 13.2)."""
    return metered_amount(consumed - credited, unit_amount, cap)


def is_capped(share: UsageShare, *, unit_amount: Decimal, cap: int) -> bool:
    """Whether a line costs less than its units would without the cap."""
    return metered_amount(share.units, unit_amount, None) > cap


def spread(consumed: Sequence[Decimal], credited: Decimal) -> tuple[UsageShare, ...]:
    """The credits of a meter over its lines, in the order in which the usage was recorded (orders spec 13.3).

    The last line takes what is left, so that its label shows unused credit.
    """
    shares = []
    for index, units in enumerate(consumed):
        taken = credited if index == len(consumed) - 1 else min(credited, max(units, Decimal(0)))
        shares.append(UsageShare(units, taken))
        credited -= taken
    return tuple(shares)
