"""Intervals in which a product recurs or a trial runs.

Example: a product that renews every three months has the interval ``month`` and the count 3.
"""

from enum import StrEnum


class RecurringInterval(StrEnum):
    """Unit of a billing period (contract ``SubscriptionRecurringInterval``)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class TrialInterval(StrEnum):
    """Unit of a trial (contract ``TrialInterval``)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
