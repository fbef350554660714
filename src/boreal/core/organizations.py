"""States of an organization and the platforms it can link to (platform spec 6)."""

from enum import StrEnum


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
