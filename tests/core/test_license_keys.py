"""License keys: until when they hold."""

from datetime import UTC, datetime

import pytest

from boreal.core.license_keys import terms


@pytest.mark.example("usage E29")
@pytest.mark.parametrize(
    ("granted", "ttl", "timeframe", "expires"),
    [
        ("2024-02-29", 1, "year", "2025-02-28"),
        ("2025-12-31", 2, "month", "2026-02-28"),
        ("2025-01-31", 30, "day", "2025-03-02"),
    ],
)
def test_a_key_expires_by_the_calendar(granted: str, ttl: int, timeframe: str, expires: str) -> None:
    now, then = (datetime.fromisoformat(f"{day}T10:00").replace(tzinfo=UTC) for day in (granted, expires))
    properties = {"expires": {"ttl": ttl, "timeframe": timeframe}, "activations": None, "limit_usage": None}
    assert terms(properties, now=now).expires_at == then
