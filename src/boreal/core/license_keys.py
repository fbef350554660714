"""License keys: what they look like, how long they live, and when they are good (usage spec 10).

>>> display_key("MYAPP-0B3C5E1A-8F9D-4C3B-A1E2-5D6F7A8B9C0D")
'****-8B9C0D'
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from boreal.core import calendar


class LicenseKeyStatus(StrEnum):
    """Whether a key is good; `revoked` follows the grant, `disabled` is the merchant's word."""

    GRANTED = "granted"
    REVOKED = "revoked"
    DISABLED = "disabled"


def new_key(prefix: str | None, random: UUID) -> str:
    """A key of a random id, in capitals.

    >>> new_key(" myapp ", UUID("0b3c5e1a-8f9d-4c3b-a1e2-5d6f7a8b9c0d"))
    'MYAPP-0B3C5E1A-8F9D-4C3B-A1E2-5D6F7A8B9C0D'
    """
    parts = [prefix.strip().upper()] if prefix and prefix.strip() else []
    return "-".join((*parts, str(random).upper()))


def display_key(key: str) -> str:
    """What may be shown where the key itself may not."""
    return f"****-{key[-6:]}"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a key allows; None is without limit."""

    limit_activations: int | None
    limit_usage: int | None
    expires_at: datetime | None


def terms(properties: Mapping[str, Any], *, now: datetime) -> Terms:
    """What a benefit gives to a key from `now` on.

    >>> from datetime import UTC
    >>> month = {"expires": {"ttl": 1, "timeframe": "month"}, "activations": None, "limit_usage": 5}
    >>> terms(month, now=datetime(2025, 1, 31, 10, tzinfo=UTC)).expires_at.isoformat()
    '2025-02-28T10:00:00+00:00'
    """
    expires, activations = properties["expires"], properties["activations"]
    return Terms(
        limit_activations=activations["limit"] if activations else None,
        limit_usage=properties["limit_usage"],
        expires_at=calendar.add(now, expires["timeframe"], expires["ttl"]) if expires else None,
    )


def refusal(status: str, expires_at: datetime | None, *, now: datetime) -> str | None:
    """Why a key is not good at `now`; None if it is."""
    if status != LicenseKeyStatus.GRANTED:
        return "License key is no longer active."
    if expires_at is not None and now >= expires_at:
        return "License key has expired."
    return None
