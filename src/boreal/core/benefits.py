"""Benefits: what customers get with a product, as the merchant defines it (usage spec 8).

A benefit has a type, which never changes, and properties, which depend on it. Changing what customers already have is a
*material* change: a shorter life of license keys is one, another prefix is none.

>>> is_material(BenefitType.LICENSE_KEYS, {"prefix": "A", "limit_usage": 5}, {"prefix": "B", "limit_usage": 5})
False
>>> is_material(BenefitType.DOWNLOADABLES, {"files": ["a"], "archived": {}}, {"files": ["a"], "archived": {"a": True}})
True
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class BenefitType(StrEnum):
    """What a benefit gives to the customer."""

    CUSTOM = "custom"
    DISCORD = "discord"
    GITHUB_REPOSITORY = "github_repository"
    DOWNLOADABLES = "downloadables"
    LICENSE_KEYS = "license_keys"
    METER_CREDIT = "meter_credit"


class RepositoryPermission(StrEnum):
    """What a customer may do in a GitHub repository."""

    PULL = "pull"
    TRIAGE = "triage"
    PUSH = "push"
    MAINTAIN = "maintain"
    ADMIN = "admin"


class LicenseKeyTimeframe(StrEnum):
    """Unit of the time to live of a license key."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"


LONGEST_LIFE = {LicenseKeyTimeframe.YEAR: 1_000, LicenseKeyTimeframe.MONTH: 12_000, LicenseKeyTimeframe.DAY: 365_000}
"""The longest time to live of a license key in each unit: about a thousand years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """A benefit as its merchant defined it; `properties` are those of its type, ids in them as text.

    One that is not `selectable` can be neither added to a product nor taken off; one that is not `deletable` stays.
    """

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    deleted_at: datetime | None
    organization_id: UUID
    type: BenefitType
    description: str
    selectable: bool
    deletable: bool
    properties: dict[str, Any]
    metadata: dict[str, Any]


def facts(before: Benefit | None, after: Benefit) -> tuple[str, ...]:
    """`benefit.created`, or `benefit.updated` after each change, the deletion included (usage spec 8.3, 8.4)."""
    return ("benefit.created",) if before is None else ("benefit.updated",)


def active_files(properties: Mapping[str, Any]) -> tuple[str, ...]:
    """The files of a downloadables benefit that are not archived, in their order."""
    return tuple(file for file in properties["files"] if not properties["archived"].get(file, False))


_MATERIAL = {
    BenefitType.LICENSE_KEYS: ("expires", "activations", "limit_usage"),
    BenefitType.DISCORD: ("guild_id", "role_id"),
    BenefitType.GITHUB_REPOSITORY: ("repository_owner", "repository_name", "permission"),
}


def is_material(type: BenefitType, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether what customers already have changes with the properties (usage spec 8.3)."""
    if type is BenefitType.DOWNLOADABLES:
        return set(active_files(before)) != set(active_files(after))
    return any(before.get(name) != after.get(name) for name in _MATERIAL.get(type, ()))
