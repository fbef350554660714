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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from boreal.core.metering import SUMMABLE, AggregationFunction
from boreal.core.prices import Price
from boreal.core.pricing import metered_amount, usage_amount


@dataclass(frozen=True, slots=True)
class UsageShare:
    """Units of one line: what was consumed, and how much of it the credits cover."""

    consumed: Decimal
    credited: Decimal

    @property
    def units(self) -> Decimal:
        """What the label names: consumed less credited, not clamped (orders spec 1.5)."""
        return self.consumed - self.credited

    @property
    def covered(self) -> Decimal:
        """How many units of the credits are used up."""
        return min(self.credited, max(self.consumed, Decimal(0)))


@dataclass(frozen=True, slots=True)
class UsageLine:
    """What is due for usage under a price. The meter of the price has its name."""

    price: Price
    share: UsageShare

    @property
    def amount(self) -> int:
        """In minor units of the price's currency."""
        return usage_amount(self.price, self.share.units)


def line_amount(consumed: Decimal, credited: Decimal, *, unit_amount: Decimal, cap: int | None) -> int:
    """What a line costs, in minor units: the overage only, rounded once, then capped (orders spec 13.2)."""
    return metered_amount(consumed - credited, unit_amount, cap)


def is_capped(price: Price, share: UsageShare) -> bool:
    """Whether a line costs less than its units would without the cap."""
    return price.cap_amount is not None and usage_amount(price, share.units, capped=False) > price.cap_amount


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


def lines_of(used: Iterable[tuple[Price, Decimal]], credits: Mapping[UUID, Decimal]) -> tuple[UsageLine, ...]:
    """One line for each price under which something was used, in order and all of a meter together.

    `credits` says for a meter what its credits can still cover.
    """
    lines: list[UsageLine] = []
    for meter_id, group in groupby(used, key=lambda one: one[0].meter_id):
        of_meter = list(group)
        assert meter_id is not None
        shares = spread([consumed for _, consumed in of_meter], credits.get(meter_id, Decimal(0)))
        lines += [UsageLine(price, share) for (price, _), share in zip(of_meter, shares, strict=True)]
    return tuple(lines)


def billed_at(function: AggregationFunction, used_under: UUID, now: UUID | None) -> UUID:
    """The price that bills usage: that under which it was used, where usage can be added up.

    Any other quantity exists for a whole period only. It is billed by the price of the meter as it is now; where there
    is none any more, by the one that was replaced (orders spec 13.3).
    """
    return used_under if function in SUMMABLE or now is None else now


def drawn(covered: Decimal, available: Iterable[Decimal]) -> list[Decimal]:
    """How much of some credits is used up when so much of all of them is: the first ones first.

    >>> drawn(Decimal(120), [Decimal(100), Decimal(50), Decimal(7)])
    [Decimal('100'), Decimal('20'), Decimal('0')]
    """
    parts = []
    for credits in available:
        part = min(covered, credits)
        parts.append(part)
        covered -= part
    return parts
