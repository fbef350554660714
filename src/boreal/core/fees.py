"""Platform fees: what the platform keeps of a payment (platform spec 12).

The base is everything that the buyer paid, tax included. Three fees may be taken of it, each rounded by itself; credits
that the merchant has are set against their sum. A subscription to Sweden for 30.00, charged as 37.50 with its tax:

    >>> taken = platform_fees(3750, is_international=True, is_recurring=True)
    >>> [fee.amount for fee in taken], total(taken)
    ([190, 56, 19], 265)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from boreal.core.money import round_half_away

HOME = "US"
"""Cards issued elsewhere are international (platform spec 12.1)."""

INTERNATIONAL_BASIS_POINTS = 150
SUBSCRIPTION_BASIS_POINTS = 50


class FeeType(StrEnum):
    """What a platform fee is taken for (platform spec 11.2)."""

    PAYMENT = "payment"
    INTERNATIONAL_PAYMENT = "international_payment"
    SUBSCRIPTION = "subscription"
    DISPUTE = "dispute"
    FEE_CREDIT = "fee_credit"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a merchant pays per payment: a share in hundredths of a percent, and a fixed amount in minor units."""

    basis_points: int = 400
    fixed: int = 40


@dataclass(frozen=True, slots=True)
class Fee:
    """One fee, in minor units; a credit is negative."""

    type: FeeType
    amount: int


@dataclass(frozen=True, slots=True)
class Credit:
    """What is left of a credit that was granted to a merchant, in minor units."""

    id: str
    left: int


STANDARD = Terms()


def platform_fees(base: int, *, is_international: bool, is_recurring: bool, terms: Terms = STANDARD) -> tuple[Fee, ...]:
    """The fees of a payment of `base`, tax included; nothing for a payment of nothing (platform spec 12.1).

    `is_international` is for cards that were issued outside of `HOME`, `is_recurring` for orders of a subscription.
    """
    if base == 0:
        return ()
    fees = [Fee(FeeType.PAYMENT, round_half_away(_share(base, terms.basis_points) + terms.fixed))]
    if is_international:
        fees.append(Fee(FeeType.INTERNATIONAL_PAYMENT, round_half_away(_share(base, INTERNATIONAL_BASIS_POINTS))))
    if is_recurring:
        fees.append(Fee(FeeType.SUBSCRIPTION, round_half_away(_share(base, SUBSCRIPTION_BASIS_POINTS))))
    return tuple(fees)


def is_international(method: str, country: str | None) -> bool:
    """Whether a payment costs more because its card, or the card behind a link, is from abroad (platform spec 12.1)."""
    return method in ("card", "link") and country is not None and country != HOME


def with_credits(fees: Sequence[Fee], credits: Sequence[Credit]) -> tuple[tuple[Fee, ...], tuple[Credit, ...]]:
    """The fees with what credits take off them, and what is then left of each credit, the oldest used first.

    Credits pay for payments and subscriptions, never for disputes (platform spec 12.2).

        >>> fees = platform_fees(3750, is_international=True, is_recurring=True)
        >>> with_credits(fees, [Credit("A", 100), Credit("B", 500)])[1]
        (Credit(id='A', left=0), Credit(id='B', left=335))
    """
    owed = sum(fee.amount for fee in fees if fee.type is not FeeType.DISPUTE)
    left, rest = [], owed
    for credit in credits:
        used = min(credit.left, rest)
        rest -= used
        left.append(Credit(credit.id, credit.left - used))
    taken_off = (Fee(FeeType.FEE_CREDIT, rest - owed),) if rest != owed else ()
    return (*fees, *taken_off), tuple(left)


def total(fees: Sequence[Fee]) -> int:
    """What the platform keeps: the fees less the credits, as an order's `platform_fee_amount` (platform spec 11.5)."""
    return sum(fee.amount for fee in fees)


def _share(base: int, basis_points: int) -> Fraction:
    return Fraction(base * basis_points, 10_000)
