"""A clock in our hands whose seconds for measuring move with it."""

from datetime import UTC, datetime

from boreal.kit.clock import ManualClock

ZERO = datetime(2000, 1, 1, tzinfo=UTC)


class SteadyClock(ManualClock):
    """A manual clock for what measures: `monotonic_s` stands still until the clock moves, too."""

    def monotonic_s(self) -> float:
        """Seconds since some instant."""
        return (self.now() - ZERO).total_seconds()
