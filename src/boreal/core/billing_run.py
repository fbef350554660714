"""The billing run: from what waits to be billed to the lines and sums of an order (orders spec 9).

An *entry* is one thing to bill, positive for what the customer owes, negative for what is given back. Entries wait
until an order takes all of them. The discount of the subscription is computed once, on the lines of the cycle and of
usage; prorated lines contain theirs already. Deferred prorations of 3000 to 9000 with 25 % off, then the renewal:

>>> run = bill([
...     Line("old", -1125, proration=True), Line("new", 3375, proration=True), Line("cycle", 9000, discountable=True),
... ], lambda base: base // 4)
>>> run.subtotal_amount, run.discount_amount, run.net_amount
(11250, 2250, 9000)

A balance that the customer has pays first; a debt is added. What an order gives back goes to the balance:

>>> apply_balance(5000, 10000), apply_balance(5000, -50), apply_balance(-5000, -50)
(Applied(amount=-5000, change=-5000), Applied(amount=50, change=50), Applied(amount=50, change=5000))
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class EntryType(StrEnum):
    """Why something is billed (orders spec 9.1). What the customer still owes for usage is no entry: it is counted."""

    CYCLE = "cycle"
    PRORATION = "proration"
    SEATS_INCREASE = "subscription_seats_increase"
    SEATS_DECREASE = "subscription_seats_decrease"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing to bill for a time between two moments, in minor units of the subscription's currency.

    A negative `amount` gives back. `discount_amount` is the discount that the amount contains already.
    """

    type: EntryType
    amount: int
    discount_amount: int = 0
    product_price_id: UUID
    product_name: str
    starts_at: datetime
    ends_at: datetime

    @property
    def is_discountable(self) -> bool:
        """Whether the discount of the subscription is still to be taken off (orders spec 9.4)."""
        return self.type is EntryType.CYCLE


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order before tax; `discountable` lines are what the discount is computed on."""

    label: str
    amount: int
    product_price_id: UUID | None = None
    proration: bool = False
    discountable: bool = False


@dataclass(frozen=True, slots=True)
class Bill:
    """The lines of an order and what their discount came to."""

    lines: tuple[Line, ...]
    discount_amount: int

    @property
    def subtotal_amount(self) -> int:
        """The sum of the lines; it may be negative."""
        return sum(line.amount for line in self.lines)

    @property
    def net_amount(self) -> int:
        """What is taxed."""
        return self.subtotal_amount - self.discount_amount


def bill(lines: Sequence[Line], discount: Callable[[int], int] | None) -> Bill:
    """The bill of all lines; `discount` says what comes off a sum (orders spec 9.3, steps 1 to 3)."""
    base = sum(line.amount for line in lines if line.discountable)
    return Bill(tuple(lines), discount(base) if discount is not None and base > 0 else 0)


@dataclass(frozen=True, slots=True)
class Applied:
    """How a balance met an order: the order's `applied_balance_amount`, and the change of the balance."""

    amount: int
    change: int


def apply_balance(total: int, balance: int) -> Applied:
    """What the customer's balance does to an order of `total`, all in minor units (orders spec 9.3, step 4).

    A positive balance is a credit. An order that gives back pays off a debt first and adds the rest to the credit.
    """
    if total >= 0:
        applied = -min(total, balance)
        return Applied(applied, applied)
    return Applied(min(-total, max(0, -balance)), -total)


MINIMUM_CHARGE = 50
"""Below this nothing is charged: the amount is kept as a debt on the balance (orders spec 1.7)."""
