"""Wire shapes of benefit grants (usage spec 9.1)."""

from datetime import datetime

from typing_extensions import TypeAliasType, TypedDict

from boreal.kit.schemas import UUID4, Identified, Schema, Timestamped
from boreal.rooms.catalog.public import (
    Benefit,
    BenefitCustom,
    BenefitDiscord,
    BenefitDownloadables,
    BenefitGitHubRepository,
    BenefitLicenseKeys,
    BenefitMeterCredit,
)
from boreal.rooms.customers.public import Customer, Member
from boreal.rooms.entitlements.grants.properties import (
    BenefitGrantCustomProperties,
    BenefitGrantDiscordProperties,
    BenefitGrantDownloadablesProperties,
    BenefitGrantGitHubRepositoryProperties,
    BenefitGrantLicenseKeysProperties,
    BenefitGrantProperties,
)


class BenefitGrantError(Schema):
    """What the customer has to do first."""

    message: str
    type: str
    timestamp: str


class BenefitGrantBase(Identified, Timestamped):
    """What every view of a grant tells; exactly one of subscription and order is set."""

    granted_at: datetime | None
    is_granted: bool
    revoked_at: datetime | None
    is_revoked: bool
    subscription_id: UUID4 | None
    order_id: UUID4 | None
    customer_id: UUID4
    member_id: UUID4 | None
    benefit_id: UUID4


class BenefitGrantOfMerchant(BenefitGrantBase):
    """What merchants see of a grant besides."""

    error: BenefitGrantError | None
    customer: Customer


class BenefitGrant(BenefitGrantOfMerchant):
    """A benefit in the hands of a customer, in lists."""

    benefit: Benefit
    properties: BenefitGrantProperties


class BenefitGrantMeterCreditProperties(TypedDict, total=False):
    """What was credited last; kept to ourselves, so never there (correction 6)."""

    last_credited_meter_id: str
    last_credited_units: int
    last_credited_at: str


class BenefitGrantWebhookBase(BenefitGrantOfMerchant):
    """A benefit in the hands of a customer, in webhooks."""

    member: Member | None


class BenefitGrantDiscordWebhook(BenefitGrantWebhookBase):
    """A role on a Discord server."""

    benefit: BenefitDiscord
    properties: BenefitGrantDiscordProperties
    previous_properties: BenefitGrantDiscordProperties | None


class BenefitGrantCustomWebhook(BenefitGrantWebhookBase):
    """A benefit that the merchant fulfils."""

    benefit: BenefitCustom
    properties: BenefitGrantCustomProperties
    previous_properties: BenefitGrantCustomProperties | None


class BenefitGrantGitHubRepositoryWebhook(BenefitGrantWebhookBase):
    """Access to a GitHub repository."""

    benefit: BenefitGitHubRepository
    properties: BenefitGrantGitHubRepositoryProperties
    previous_properties: BenefitGrantGitHubRepositoryProperties | None


class BenefitGrantDownloadablesWebhook(BenefitGrantWebhookBase):
    """Files to download."""

    benefit: BenefitDownloadables
    properties: BenefitGrantDownloadablesProperties
    previous_properties: BenefitGrantDownloadablesProperties | None


class BenefitGrantLicenseKeysWebhook(BenefitGrantWebhookBase):
    """A license key."""

    benefit: BenefitLicenseKeys
    properties: BenefitGrantLicenseKeysProperties
    previous_properties: BenefitGrantLicenseKeysProperties | None


class BenefitGrantMeterCreditWebhook(BenefitGrantWebhookBase):
    """Prepaid units of a meter."""

    benefit: BenefitMeterCredit
    properties: BenefitGrantMeterCreditProperties
    previous_properties: BenefitGrantMeterCreditProperties | None


BenefitGrantWebhook = TypeAliasType(
    "BenefitGrantWebhook",
    BenefitGrantDiscordWebhook
    | BenefitGrantCustomWebhook
    | BenefitGrantGitHubRepositoryWebhook
    | BenefitGrantDownloadablesWebhook
    | BenefitGrantLicenseKeysWebhook
    | BenefitGrantMeterCreditWebhook,
)
