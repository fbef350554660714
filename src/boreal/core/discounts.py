"""Kinds of discount and how long one applies to a subscription (catalog spec 4.1)."""

from enum import StrEnum


class DiscountType(StrEnum):
    """Whether a discount takes off an amount or a share."""

    FIXED = "fixed"
    PERCENTAGE = "percentage"


class DiscountDuration(StrEnum):
    """For how many renewals a discount holds; ``repeating`` comes with a number of months."""

    ONCE = "once"
    FOREVER = "forever"
    REPEATING = "repeating"
