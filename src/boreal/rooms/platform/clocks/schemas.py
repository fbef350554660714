"""Wire shapes of test clocks. The reference has none, so that they are ours."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from boreal.kit.schemas import UUID4, Identified, Instant, Schema, Timestamped
from boreal.kit.times import ClockStatus

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def _plausible(value: datetime) -> datetime:
    if not EARLIEST <= value < LATEST:
        raise ValueError("A test clock stands between the years 2000 and 2199.")
    return value


ClockTime = Annotated[Instant, AfterValidator(_plausible)]


class TestClock(Identified, Timestamped):
    """A test clock. While it is `advancing`, `time` is how far it has come and `target_time` where it goes."""

    organization_id: UUID4
    name: str
    status: ClockStatus
    time: datetime
    target_time: datetime | None


class TestClockCreate(Schema):
    """A clock for an organization, which lives by it from then on."""

    organization_id: UUID4 | None = None
    name: Annotated[str, Field(max_length=256)] = ""
    time: ClockTime


class TestClockAdvance(Schema):
    """Where a clock is to be moved."""

    time: ClockTime
