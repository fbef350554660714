"""Wire shapes of new and changed benefits (usage spec 8.2, 8.3)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from boreal.core.benefits import RepositoryPermission
from boreal.kit.schemas import MOST, UUID4, Boolean, Countable, EmptyToNone, MetadataInput, NumberOnly, Schema, distinct
from boreal.rooms.catalog.benefits.schemas import BenefitCustomProperties, BenefitLicenseKeyExpirationProperties

Description = Annotated[str, Field(min_length=3, max_length=42)]


class BenefitCustomCreateProperties(Schema):
    """A note, which customers who hold the benefit can read."""

    note: str | None = None


def _unsigned(value: str) -> str:
    raise ValueError("Invalid token. Please authenticate your Discord server again.")


class BenefitDiscordCreateProperties(Schema):
    """A role on a server. The token names the server and comes from connecting it, which nobody can do yet."""

    guild_token: Annotated[str, AfterValidator(_unsigned)]
    role_id: str
    kick_member: Boolean


class BenefitGitHubRepositoryCreateProperties(Schema):
    """A repository and what customers may do in it."""

    repository_owner: str
    repository_name: str
    permission: RepositoryPermission


class BenefitDownloadablesCreateProperties(Schema):
    """Files in their order, and which of them are no longer given."""

    archived: dict[UUID4, Boolean] = Field(default_factory=dict)
    files: Annotated[list[UUID4], Field(min_length=1), distinct("File is already in the list.")]


class BenefitLicenseKeyActivationCreateProperties(Schema):
    """How many activations a key has, and whether its holder may manage them."""

    limit: Annotated[int, Field(gt=0, le=50), NumberOnly]
    enable_customer_admin: Boolean


class BenefitLicenseKeysCreateProperties(Schema):
    """What a license key looks like and allows; null is unlimited."""

    prefix: EmptyToNone = None
    expires: BenefitLicenseKeyExpirationProperties | None = None
    activations: BenefitLicenseKeyActivationCreateProperties | None = None
    limit_usage: Annotated[Annotated[int, Field(gt=0), NumberOnly], Countable] | None = None


class BenefitMeterCreditCreateProperties(Schema):
    """Units credited to a meter in every period."""

    units: Annotated[int, Field(gt=0, le=MOST), NumberOnly]
    rollover: Boolean
    meter_id: UUID4


class BenefitCreateBase(Schema):
    """What new benefits of every type have."""

    metadata: MetadataInput = Field(default_factory=dict)
    description: Description
    organization_id: UUID4 | None = None


class BenefitCustomCreate(BenefitCreateBase):
    """A benefit that the merchant fulfils."""

    type: Literal["custom"]
    properties: BenefitCustomCreateProperties


class BenefitDiscordCreate(BenefitCreateBase):
    """A role on a Discord server."""

    type: Literal["discord"]
    properties: BenefitDiscordCreateProperties


class BenefitGitHubRepositoryCreate(BenefitCreateBase):
    """Access to a GitHub repository."""

    type: Literal["github_repository"]
    properties: BenefitGitHubRepositoryCreateProperties


class BenefitDownloadablesCreate(BenefitCreateBase):
    """Files to download."""

    type: Literal["downloadables"]
    properties: BenefitDownloadablesCreateProperties


class BenefitLicenseKeysCreate(BenefitCreateBase):
    """A license key."""

    type: Literal["license_keys"]
    properties: BenefitLicenseKeysCreateProperties


class BenefitMeterCreditCreate(BenefitCreateBase):
    """Prepaid units of a meter."""

    type: Literal["meter_credit"]
    properties: BenefitMeterCreditCreateProperties


BenefitCreate = Annotated[
    BenefitCustomCreate
    | BenefitDiscordCreate
    | BenefitGitHubRepositoryCreate
    | BenefitDownloadablesCreate
    | BenefitLicenseKeysCreate
    | BenefitMeterCreditCreate,
    Field(discriminator="type"),
]


class BenefitUpdateBase(Schema):
    """What can be changed of every benefit; only what is sent changes."""

    metadata: MetadataInput = Field(default_factory=dict)
    description: Description | None = None


class BenefitCustomUpdate(BenefitUpdateBase):
    """Changes of a benefit that the merchant fulfils."""

    type: Literal["custom"]
    properties: BenefitCustomProperties | None = None


class BenefitDiscordUpdate(BenefitUpdateBase):
    """Changes of a role on a Discord server."""

    type: Literal["discord"]
    properties: BenefitDiscordCreateProperties | None = None


class BenefitGitHubRepositoryUpdate(BenefitUpdateBase):
    """Changes of access to a GitHub repository."""

    type: Literal["github_repository"]
    properties: BenefitGitHubRepositoryCreateProperties | None = None


class BenefitDownloadablesUpdate(BenefitUpdateBase):
    """Changes of files to download."""

    type: Literal["downloadables"]
    properties: BenefitDownloadablesCreateProperties | None = None


class BenefitLicenseKeysUpdate(BenefitUpdateBase):
    """Changes of license keys."""

    type: Literal["license_keys"]
    properties: BenefitLicenseKeysCreateProperties | None = None


class BenefitMeterCreditUpdate(BenefitUpdateBase):
    """Changes of prepaid units."""

    type: Literal["meter_credit"]
    properties: BenefitMeterCreditCreateProperties | None = None


BenefitUpdate = Annotated[
    BenefitCustomUpdate
    | BenefitDiscordUpdate
    | BenefitGitHubRepositoryUpdate
    | BenefitDownloadablesUpdate
    | BenefitLicenseKeysUpdate
    | BenefitMeterCreditUpdate,
    Field(discriminator="type"),
]
