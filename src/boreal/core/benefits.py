"""Kinds of benefit and the choices inside their properties (usage spec 8.2)."""

from enum import StrEnum


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
