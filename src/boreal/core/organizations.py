"""An organization: its states, its settings and their defaults, and how they change (platform spec 6)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class OrganizationStatus(StrEnum):
    """Whether an organization may take payments and be paid out (platform spec 6.4)."""

    CREATED = "created"
    ONBOARDING_STARTED = "onboarding_started"
    INITIAL_REVIEW = "initial_review"
    ONGOING_REVIEW = "ongoing_review"
    DENIED = "denied"
    ACTIVE = "active"


class SocialPlatform(StrEnum):
    """A platform of a social link (contract ``OrganizationSocialPlatforms``)."""

    X = "x"
    GITHUB = "github"
    FACEBOOK = "facebook"
    INSTAGRAM = "instagram"
    YOUTUBE = "youtube"
    TIKTOK = "tiktok"
    LINKEDIN = "linkedin"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """A merchant. The settings groups are the wire's own objects (platform spec 6.3)."""

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    deleted_at: datetime | None
    name: str
    slug: str
    avatar_url: str | None
    email: str | None
    website: str | None
    socials: list[dict[str, str]]
    status: OrganizationStatus
    status_updated_at: datetime
    details: dict[str, Any] | None
    details_submitted_at: datetime | None
    blocked_at: datetime | None
    feature_settings: dict[str, bool]
    subscription_settings: dict[str, Any]
    notification_settings: dict[str, bool]
    customer_email_settings: dict[str, bool]
    customer_portal_settings: dict[str, Any]
    invoice_numbering: str
    customer_invoice_prefix: str
    default_presentment_currency: str
    rate_limit_group: str


DEFAULT_FEATURE_SETTINGS = {
    "issue_funding_enabled": False,
    "seat_based_pricing_enabled": True,  # there is no plan of ours that would have to be bought for it
    "revops_enabled": False,
    "wallets_enabled": False,
    "member_model_enabled": False,
}
DEFAULT_SUBSCRIPTION_SETTINGS = {
    "allow_multiple_subscriptions": False,
    "allow_customer_updates": True,
    "proration_behavior": "prorate",
    "benefit_revocation_grace_period": 0,
    "prevent_trial_abuse": False,
}
DEFAULT_NOTIFICATION_SETTINGS = {"new_order": True, "new_subscription": True}
DEFAULT_CUSTOMER_EMAIL_SETTINGS = {
    "order_confirmation": True,
    "subscription_cancellation": True,
    "subscription_confirmation": True,
    "subscription_cycled": True,
    "subscription_past_due": True,
    "subscription_revoked": True,
    "subscription_uncanceled": True,
    "subscription_updated": True,
}
DEFAULT_CUSTOMER_PORTAL_SETTINGS = {
    "usage": {"show": True},
    "subscription": {"update_seats": True, "update_plan": True},
}


def facts(before: Organization | None, after: Organization) -> tuple[str, ...]:
    """`organization.updated` for every update (platform spec 6.2); creation is nobody's news."""
    return () if before is None else ("organization.updated",)


_CLEARED: dict[str, Any] = {"avatar_url": None, "email": None, "website": None, "socials": []}
"""What a null takes away; it leaves every other member as it is."""


def changed(before: Organization, changes: Mapping[str, Any], *, now: datetime) -> Organization:
    """The organization with the members that were sent (platform spec 6.1, 6.2).

    Feature flags are merged into those that there are, the other groups of settings replaced whole. Details are taken
    once: later ones change nothing.
    """
    values: dict[str, Any] = {
        name: _CLEARED[name] if value is None else value
        for name, value in changes.items()
        if value is not None or name in _CLEARED
    }
    if "feature_settings" in values:
        values["feature_settings"] = {**before.feature_settings, **values["feature_settings"]}
    if "details" in values:
        first = before.details_submitted_at is None
        values["details"] = values["details"] if first else before.details
        values["details_submitted_at"] = now if first else before.details_submitted_at
    return replace(before, modified_at=now, **values)


def payments_are_ready(
    *, sandbox: bool, status: str, blocked_at: datetime | None, details_submitted_at: datetime | None
) -> bool:
    """Whether a payment may be taken (platform spec 6.6).

    The sandbox always is; a blocked or denied organization never. Otherwise the organization must be set up: under
    review or active, its details submitted.
    """
    if sandbox:
        return True
    live = {OrganizationStatus.ACTIVE, OrganizationStatus.INITIAL_REVIEW, OrganizationStatus.ONGOING_REVIEW}
    return blocked_at is None and status in live and details_submitted_at is not None
