"""Dunning: when an order that could not be collected is tried again, and when that ends (orders spec 12).

Retries are counted in days from the first failure, whenever the later ones happen. A day that was missed is not made
up for. After the last day nothing is tried any more, and the subscription ends:

>>> from datetime import UTC
>>> first = datetime(2025, 1, 1, tzinfo=UTC)
>>> moment, days = first, []
>>> while moment := next_attempt(first, now=moment, schedule=SCHEDULE):
...     days.append(moment.day)
>>> days
[3, 8, 15, 22]

Meanwhile customers keep what they have for as many days of grace as their merchant grants:

>>> grace_ends_at(first, days=7).isoformat()
'2025-01-08T00:00:00+00:00'
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

SCHEDULE = (2, 7, 14, 21)
"""Days after the first failure (design 11.5)."""


def next_attempt(first_failure: datetime, *, now: datetime, schedule: Sequence[int]) -> datetime | None:
    """The next moment of the schedule that lies ahead of `now`; None when the last has passed."""
    return next((at for days in sorted(schedule) if (at := first_failure + timedelta(days=days)) > now), None)


GRACE_LOOK = timedelta(days=1)
AFTER_RETRY = timedelta(minutes=5)


def grace_ends_at(past_due_at: datetime, *, days: int) -> datetime:
    """From when on benefits and seats of a subscription that is past due are revoked (orders spec 12.3)."""
    return past_due_at + timedelta(days=days)


def next_look(grace_ends_at: datetime, *, now: datetime) -> datetime:
    """When a subscription in its grace is looked at again: after a day, as the merchant may change it, or at its end.

    Both grace and retries are counted in days from about the same moment; a retry that is due at the end comes first.
    """
    return grace_ends_at + AFTER_RETRY if grace_ends_at - now <= GRACE_LOOK else now + GRACE_LOOK
