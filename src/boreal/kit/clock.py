"""The only place that reads the system clock.

Everything that needs the time is given it: `core` takes `now`, a transaction has `tx.now`. A process owns one
`Clock`; tests own a `ManualClock`, which stands still until it is told to move.
"""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Real time."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC, to the microsecond."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Seconds that never go backwards; for measuring, never for storing."""
        return time.monotonic()


class ManualClock(Clock):
    """A clock that stands still; for tests."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        self._now = now

    def advance(self, by: timedelta) -> datetime:
        """Moves the clock and returns the new time."""
        self._now += by
        return self._now
