"""Wire shapes of organizations, for their own people and, reduced, for buyers (platform spec 6)."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError

from boreal.core.organizations import OrganizationStatus, SocialPlatform
from boreal.core.subscriptions import ProrationBehavior
from boreal.kit.schemas import Boolean, Email, HttpUrlString, Identified, NumberOnly, Schema, Timestamped

SOCIAL_DOMAINS = {
    SocialPlatform.X: ("twitter.com", "x.com"),
    SocialPlatform.GITHUB: ("github.com",),
    SocialPlatform.FACEBOOK: ("facebook.com", "fb.com"),
    SocialPlatform.INSTAGRAM: ("instagram.com",),
    SocialPlatform.YOUTUBE: ("youtube.com", "youtu.be"),
    SocialPlatform.TIKTOK: ("tiktok.com",),
    SocialPlatform.LINKEDIN: ("linkedin.com",),
}
"""Where a link of each platform must lead; `other` may lead anywhere (platform spec 6.2)."""

_RESERVED = """
    benefits donations issue-funding newsletters products careers legal docs login signup oauth2 checkout embed
    maintainer dashboard feed for-you posts purchases funding rewards settings backoffice finance .well-known
"""
RESERVED_SLUGS = frozenset(_RESERVED.split())
"""Paths of the reference's site, which no organization can be named after (platform spec 6.2)."""

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_GRACE_PERIOD_DAYS = 36_525


def _is_at(url: str, domain: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == domain or host.endswith(f".{domain}")


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _free_slug(value: str) -> str:
    if not _SLUG.fullmatch(value):
        raise ValueError("Slug can only contain letters, digits and single hyphens between them")
    if value in RESERVED_SLUGS:
        raise ValueError("Slug is reserved")
    return value


def _own_avatar(value: str | None) -> str | None:
    return None if value is not None and _is_at(value, "logo.dev") else value


def _not_null(value: str | None) -> str:
    if value is None:
        raise PydanticKnownError("string_type")
    return value


Name = Annotated[str, Field(min_length=3)]
Slug = Annotated[str, Field(min_length=3), AfterValidator(_free_slug), BeforeValidator(_lower)]
AvatarUrl = Annotated[HttpUrlString | None, AfterValidator(_own_avatar)]


class OrganizationSocialLink(Schema):
    """A page of the organization elsewhere."""

    platform: SocialPlatform
    url: HttpUrlString

    @field_validator("url")
    @classmethod
    def leads_to_platform(cls, url: str, info: ValidationInfo) -> str:
        """Refuses a link that is not on the platform's own site (platform spec 6.2)."""
        domains = SOCIAL_DOMAINS.get(info.data.get("platform", SocialPlatform.OTHER))
        if domains and not any(_is_at(url, domain) for domain in domains):
            raise ValueError(f"Must be a link to {' or '.join(domains)}")
        return url


class OrganizationFeatureSettings(Schema):
    """Feature flags; an update merges them into the stored ones (platform spec 6.3)."""

    issue_funding_enabled: Boolean = False
    seat_based_pricing_enabled: Boolean = False
    revops_enabled: Boolean = False
    wallets_enabled: Boolean = False
    member_model_enabled: Boolean = False


class OrganizationSubscriptionSettings(Schema):
    """How subscriptions behave; the grace period is in days after the first failed payment."""

    allow_multiple_subscriptions: Boolean
    allow_customer_updates: Boolean
    proration_behavior: ProrationBehavior
    benefit_revocation_grace_period: Annotated[int, Field(ge=0, le=_LONGEST_GRACE_PERIOD_DAYS), NumberOnly]
    prevent_trial_abuse: Boolean


class OrganizationNotificationSettings(Schema):
    """Which mails the merchant gets."""

    new_order: Boolean
    new_subscription: Boolean


class OrganizationCustomerEmailSettings(Schema):
    """Which mails the merchant's customers get."""

    order_confirmation: Boolean
    subscription_cancellation: Boolean
    subscription_confirmation: Boolean
    subscription_cycled: Boolean
    subscription_past_due: Boolean
    subscription_revoked: Boolean
    subscription_uncanceled: Boolean
    subscription_updated: Boolean


class CustomerPortalUsageSettings(Schema):
    """Whether the portal shows meters."""

    show: Boolean


class CustomerPortalSubscriptionSettings(Schema):
    """What a customer may change in the portal."""

    update_seats: Boolean
    update_plan: Boolean


class OrganizationCustomerPortalSettings(Schema):
    """What the customer portal shows and allows."""

    usage: CustomerPortalUsageSettings
    subscription: CustomerPortalSubscriptionSettings


class OrganizationPublicBase(Identified, Timestamped):
    """What anybody may know of an organization."""

    name: str
    slug: str
    avatar_url: str | None
    proration_behavior: ProrationBehavior
    allow_customer_updates: bool


class CheckoutOrganization(OrganizationPublicBase):
    """The seller, as a checkout shows it."""


class CustomerOrganization(OrganizationPublicBase):
    """The seller, as the customer portal shows it."""

    customer_portal_settings: OrganizationCustomerPortalSettings


class Organization(OrganizationPublicBase):
    """An organization, as its own people see it (platform spec 6.1)."""

    email: str | None
    website: str | None
    socials: list[OrganizationSocialLink]
    status: OrganizationStatus
    details_submitted_at: datetime | None
    feature_settings: OrganizationFeatureSettings | None
    subscription_settings: OrganizationSubscriptionSettings
    notification_settings: OrganizationNotificationSettings
    customer_email_settings: OrganizationCustomerEmailSettings
    customer_portal_settings: OrganizationCustomerPortalSettings


class OrganizationDetails(Schema):
    """What the business does; revenues are yearly, in cents. Asked once, never shown (platform spec 6.2)."""

    about: str
    product_description: str
    intended_use: str
    customer_acquisition: list[str]
    future_annual_revenue: Annotated[int, Field(ge=0), NumberOnly]
    switching: Boolean = True
    switching_from: Literal["paddle", "lemon_squeezy", "gumroad", "stripe", "other"] | None = None
    previous_annual_revenue: Annotated[int, Field(ge=0), NumberOnly] = 0


class OrganizationSettable(Schema):
    """What a merchant may set when creating an organization and later; groups of settings are replaced whole."""

    avatar_url: AvatarUrl = None
    email: Email | None = None
    website: HttpUrlString | None = None
    socials: list[OrganizationSocialLink] | None = None
    details: OrganizationDetails | None = None
    feature_settings: OrganizationFeatureSettings | None = None
    subscription_settings: OrganizationSubscriptionSettings | None = None
    notification_settings: OrganizationNotificationSettings | None = None
    customer_email_settings: OrganizationCustomerEmailSettings | None = None
    customer_portal_settings: OrganizationCustomerPortalSettings | None = None


class OrganizationCreate(OrganizationSettable):
    """A new organization. The slug is lower-cased, must be its own slugification, and never changes."""

    name: Name
    slug: Slug


class OrganizationUpdate(OrganizationSettable):
    """Changes of an organization; a null name is refused (correction 18)."""

    name: Annotated[Name | None, AfterValidator(_not_null)] = None
