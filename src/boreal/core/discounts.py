"""Discounts: what they take off, what they can be used for, and for how long (catalog spec 4).

A discount takes off an amount, at most what there is, or a share in basis points (100 are one percent): computed
exactly, rounded once, and always before tax. 10 % off 10.05 is a dollar and half a cent, so 1.01:

>>> share(1005, basis_points=1000)
101

On a subscription its time begins with the first period that it was really applied to. Three months from the end of
January cover the periods that begin in January, February and March:

>>> from datetime import UTC
>>> first, *later = [datetime(2026, month, day, tzinfo=UTC) for month, day in ((1, 31), (2, 28), (3, 31), (4, 30))]
>>> [has_ended(DiscountDuration.REPEATING, 3, applied_at=first, period_start=start) for start in later]
[False, False, True]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any
from uuid import UUID

from boreal.core import calendar
from boreal.core.money import exact_product, round_half_away
from boreal.core.prices import AmountType, Price
from boreal.core.products import Product

WHOLE = 10_000
"""All of an amount, in basis points."""

UNKNOWN = "Discount does not exist."
NOT_FOR_FREE = "Discounts are not applicable to this product."
NOT_FOR_PRODUCT = "Discount is not applicable to this product."


class DiscountType(StrEnum):
    """Whether a discount takes off an amount or a share."""

    FIXED = "fixed"
    PERCENTAGE = "percentage"


class DiscountDuration(StrEnum):
    """For how many renewals a discount holds; ``repeating`` comes with a number of months."""

    ONCE = "once"
    FOREVER = "forever"
    REPEATING = "repeating"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """What a merchant offers. Kind and duration never change, and no amounts once it was redeemed (catalog spec 4.2).

    A fixed one has `amount` (minor units) and `currency`, a percentage one `basis_points`, a repeating one
    `duration_in_months`; the others of these are None. `code_key` is the code as it is compared. No `product_ids` is
    every product, those to come too. `redemptions_count` counts what is redeemed now: a redemption can be given back.
    """

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    deleted_at: datetime | None
    organization_id: UUID
    name: str
    type: DiscountType
    duration: DiscountDuration
    duration_in_months: int | None
    amount: int | None
    currency: str | None
    basis_points: int | None
    code: str | None
    code_key: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    max_redemptions: int | None
    redemptions_count: int
    product_ids: list[UUID]
    metadata: dict[str, Any]


def code_key(code: str) -> str:
    """The code as codes are compared: without regard to case (correction 20).

    >>> code_key("Straße20") == code_key("STRASSE20")
    True
    """
    return code.casefold()


def share(base: int, *, basis_points: int) -> int:
    """The share of an amount, in its minor units; an exact half moves away from zero (catalog spec 1.7, design 11.2).

    >>> share(100, basis_points=1450)
    15
    """
    return round_half_away(exact_product(base, Fraction(basis_points, WHOLE)))


def discount_amount(discount: Discount, base: int) -> int:
    """What a discount takes off `base` minor units of its currency: never more than there is (catalog spec 4.3).

    `base` is the static amount at checkout and all lines of a later invoice that do not contain the discount already.
    """
    if discount.basis_points is not None:
        return share(base, basis_points=discount.basis_points)
    return min(discount.amount or 0, base)


def is_redeemable(discount: Discount, *, now: datetime) -> bool:
    """Whether it can be redeemed now: begun, not over, not used up (catalog spec 4.4).

    Deletion does not matter here: who holds a discount keeps it (catalog spec 4.2).
    """
    begun = discount.starts_at is None or discount.starts_at <= now
    over = discount.ends_at is not None and discount.ends_at < now
    used_up = discount.max_redemptions is not None and discount.redemptions_count >= discount.max_redemptions
    return begun and not over and not used_up


def refuse(
    discount: Discount | None, *, product: Product, prices: Sequence[Price], currency: str, now: datetime
) -> str | None:
    """Why a session cannot take a discount that somebody names; None if it can (catalog spec 4.4).

    `discount` is what was found among those of the session's organization that are not deleted. `product` and `prices`
    are what the session sells, `currency` is the session's. What somebody must not know of is told as unknown.
    """
    if not any(price.amount_type is not AmountType.FREE for price in prices):
        return NOT_FOR_FREE
    if discount is None or not is_redeemable(discount, now=now):
        return UNKNOWN
    if not covers(discount, product_id=product.id, currency=currency):
        return UNKNOWN
    if not product.is_recurring and discount.duration is DiscountDuration.REPEATING:
        return NOT_FOR_PRODUCT
    return None


def covers(discount: Discount, *, product_id: UUID, currency: str) -> bool:
    """Whether restriction and currency let it be used; a session that switches away drops it (catalog spec 6.10.4)."""
    in_currency = discount.currency is None or discount.currency == currency
    return in_currency and (not discount.product_ids or product_id in discount.product_ids)


def has_ended(
    duration: DiscountDuration,
    months: int | None,
    *,
    applied_at: datetime,
    period_start: datetime,
    anchor_day: int | None = None,
) -> bool:
    """Whether a discount is over for the period that begins at `period_start` (catalog spec 4.6).

    `applied_at` is the start of the first period that it was applied to. `anchor_day` is that of the subscription,
    without which a discount that was first applied in a short month would end a period too early.
    """
    if duration is DiscountDuration.FOREVER:
        return False
    last_start = applied_at
    if duration is DiscountDuration.REPEATING and months is not None and months > 1:
        last_start = calendar.add(applied_at, calendar.RecurringInterval.MONTH, months - 1, anchor_day=anchor_day)
    return period_start > last_start
