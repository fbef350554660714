"""Wire shapes of benefit definitions, as merchants see them and, without properties, as buyers do (usage spec 8.2)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import TypeAliasType

from boreal.core.benefits import LONGEST_LIFE, BenefitType, LicenseKeyTimeframe, RepositoryPermission
from boreal.kit.schemas import UUID4, Identified, MetadataOutputType, NumberOnly, Schema, Timestamped


class BenefitCustomProperties(Schema):
    """A note that merchants see, and customers who hold the benefit."""

    note: str | None


class BenefitDiscordProperties(Schema):
    """A role on a Discord server; the token names the server when the benefit is edited."""

    guild_id: str
    role_id: str
    kick_member: bool
    guild_token: str


class BenefitGitHubRepositoryProperties(Schema):
    """Access to a repository."""

    repository_owner: str
    repository_name: str
    permission: RepositoryPermission


class BenefitDownloadablesProperties(Schema):
    """Files in their order; an archived one is no longer given."""

    archived: dict[UUID4, bool]
    files: list[UUID4]


class BenefitLicenseKeyExpirationProperties(Schema):
    """How long a key is valid."""

    ttl: Annotated[int, Field(gt=0), NumberOnly]
    timeframe: LicenseKeyTimeframe

    @model_validator(mode="after")
    def is_within_the_calendar(self) -> Self:
        """Refuses a life that leads beyond the calendar."""
        longest = LONGEST_LIFE[self.timeframe]
        if self.ttl > longest:
            raise ValueError(f"At most {longest} {self.timeframe}s")
        return self


class BenefitLicenseKeyActivationProperties(Schema):
    """How many activations a key has, and whether its holder may manage them."""

    limit: int
    enable_customer_admin: bool


class BenefitLicenseKeysProperties(Schema):
    """What a license key looks like and allows; null is unlimited."""

    prefix: str | None
    expires: BenefitLicenseKeyExpirationProperties | None
    activations: BenefitLicenseKeyActivationProperties | None
    limit_usage: int | None


class BenefitMeterCreditProperties(Schema):
    """Units credited to a meter in every period."""

    units: int
    rollover: bool
    meter_id: UUID4


class BenefitBase(Identified, Timestamped):
    """What every view of a benefit tells."""

    description: str
    selectable: bool
    deletable: bool
    organization_id: UUID4


class BenefitPublic(BenefitBase):
    """A benefit as buyers see it."""

    type: BenefitType


class BenefitCustom(BenefitBase):
    """A benefit that the merchant fulfils."""

    type: Literal[BenefitType.CUSTOM]
    metadata: MetadataOutputType
    properties: BenefitCustomProperties


class BenefitDiscord(BenefitBase):
    """A role on a Discord server."""

    type: Literal[BenefitType.DISCORD]
    metadata: MetadataOutputType
    properties: BenefitDiscordProperties


class BenefitGitHubRepository(BenefitBase):
    """Access to a GitHub repository."""

    type: Literal[BenefitType.GITHUB_REPOSITORY]
    metadata: MetadataOutputType
    properties: BenefitGitHubRepositoryProperties


class BenefitDownloadables(BenefitBase):
    """Files to download."""

    type: Literal[BenefitType.DOWNLOADABLES]
    metadata: MetadataOutputType
    properties: BenefitDownloadablesProperties


class BenefitLicenseKeys(BenefitBase):
    """A license key."""

    type: Literal[BenefitType.LICENSE_KEYS]
    metadata: MetadataOutputType
    properties: BenefitLicenseKeysProperties


class BenefitMeterCredit(BenefitBase):
    """Prepaid units of a meter."""

    type: Literal[BenefitType.METER_CREDIT]
    metadata: MetadataOutputType
    properties: BenefitMeterCreditProperties


Benefit = TypeAliasType(
    "Benefit",
    BenefitCustom
    | BenefitDiscord
    | BenefitGitHubRepository
    | BenefitDownloadables
    | BenefitLicenseKeys
    | BenefitMeterCredit,
)
