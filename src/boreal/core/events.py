"""Events: something that a customer did, or that Boreal noted, at one moment (usage spec 2).

Whom an event is about is its *subject*: 16 bytes that are the id of a customer, or a digest of an external id, which a
customer may get only later. External ids may be as long as they like; digests are all alike.

>>> organization = UUID(int=7)
>>> subject_of(organization, "user_1") == subject_of(organization, "user_1")
True
>>> subject_of(organization, "user_1") == subject_of(UUID(int=8), "user_1")
False
"""

from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from uuid import UUID


class EventSource(StrEnum):
    """Who told of an event: the merchant, or Boreal itself."""

    USER = "user"
    SYSTEM = "system"


@lru_cache(maxsize=65_536)
def subject_of(organization_id: UUID, external_customer_id: str) -> UUID:
    """The subject that an external id stands for within its organization."""
    return _digest(organization_id, external_customer_id)


def key_of(organization_id: UUID, external_id: str) -> UUID:
    """Under what the external id of an event is remembered."""
    return _digest(organization_id, external_id)


def _digest(organization_id: UUID, text: str) -> UUID:
    """The first half of the SHA-256 of both; `digest` in `boreal.rooms.usage.meters.sql` is the same in SQL."""
    return UUID(bytes=sha256(organization_id.bytes + text.encode()).digest()[:16])
