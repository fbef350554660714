"""Wire shapes of what a grant holds, by the type of its benefit (usage spec 8.2)."""

from typing_extensions import TypedDict

from boreal.core.benefits import RepositoryPermission


class BenefitGrantDiscordProperties(TypedDict, total=False):
    """The Discord account that has the role."""

    account_id: str | None
    guild_id: str
    role_id: str
    granted_account_id: str


class BenefitGrantGitHubRepositoryProperties(TypedDict, total=False):
    """The GitHub account that has access."""

    account_id: str | None
    repository_owner: str
    repository_name: str
    permission: RepositoryPermission
    granted_account_id: str


class BenefitGrantDownloadablesProperties(TypedDict, total=False):
    """The files that were given."""

    files: list[str]


class BenefitGrantLicenseKeysProperties(TypedDict, total=False):
    """The license key, the greater part of it hidden."""

    license_key_id: str
    display_key: str


class BenefitGrantCustomProperties(TypedDict, total=False):
    """Nothing."""


BenefitGrantProperties = (
    BenefitGrantDiscordProperties
    | BenefitGrantGitHubRepositoryProperties
    | BenefitGrantDownloadablesProperties
    | BenefitGrantLicenseKeysProperties
    | BenefitGrantCustomProperties
)
"""What a grant holds, by the type of its benefit; those of a meter credit are internal (correction 6)."""
