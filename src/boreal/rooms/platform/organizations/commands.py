"""Changing organizations."""

import re
import uuid

from boreal.core import organizations as book
from boreal.core.organizations import Organization, OrganizationStatus
from boreal.kit.app import App
from boreal.rooms.platform.organizations.schemas import RESERVED_SLUGS


async def create(app: App, *, name: str, slug: str, email: str | None = None, ready: bool = False) -> Organization:
    """A new organization with the default settings; `ready` for one whose details are known to be in order.

    Raises `ValueError` for a slug that is reserved, too short or not a slug, and the driver's unique violation for
    one that was ever used (platform spec 6.2).
    """
    if len(slug) < 3 or slug in RESERVED_SLUGS or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug):
        raise ValueError(
            f"{slug!r} cannot be a slug: at least 3 of a-z 0-9 with single hyphens inside, and not reserved"
        )
    id = uuid.uuid4()
    async with app.transaction(id) as tx:
        organization = Organization(
            id=id,
            created_at=tx.now,
            modified_at=None,
            deleted_at=None,
            name=name,
            slug=slug,
            avatar_url=None,
            email=email,
            website=None,
            socials=[],
            status=OrganizationStatus.ACTIVE if ready else OrganizationStatus.CREATED,
            status_updated_at=tx.now,
            details_submitted_at=tx.now if ready else None,
            blocked_at=None,
            feature_settings=dict(book.DEFAULT_FEATURE_SETTINGS),
            subscription_settings=dict(book.DEFAULT_SUBSCRIPTION_SETTINGS),
            notification_settings=dict(book.DEFAULT_NOTIFICATION_SETTINGS),
            customer_email_settings=dict(book.DEFAULT_CUSTOMER_EMAIL_SETTINGS),
            customer_portal_settings=dict(book.DEFAULT_CUSTOMER_PORTAL_SETTINGS),
            invoice_numbering="customer",
            customer_invoice_prefix=slug.upper(),
            default_presentment_currency="usd",
            rate_limit_group="default",
        )
        return await tx.save(None, organization)
