"""Dunning: when an order that could not be collected is tried again, and when that ends (orders spec 12.2).

Retries are counted in days from the first failure, whenever the later ones happen. A day that was missed is not made
up for. After the last day nothing is tried any more, and the subscription ends:

>>> from datetime import UTC
>>> first = datetime(2025, 1, 1, tzinfo=UTC)
>>> moment, days = first, []
>>> while moment := next_attempt(first, now=moment, schedule=SCHEDULE):
...     days.append(moment.day)
>>> days
[3, 8, 15, 22]
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

SCHEDULE = (2, 7, 14, 21)
"""Days after the first failure (design 11.5)."""


def next_attempt(first_failure: datetime, *, now: datetime, schedule: Sequence[int]) -> datetime | None:
    """The next moment of the schedule that lies ahead of `now`; None when the last has passed."""
    return next((at for days in sorted(schedule) if (at := first_failure + timedelta(days=days)) > now), None)
