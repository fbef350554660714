"""Changing organizations."""

import re
import uuid
from typing import Any
from uuid import UUID

from boreal.core import organizations as book
from boreal.core.organizations import Organization, OrganizationStatus
from boreal.kit.app import App
from boreal.kit.auth import Actor
from boreal.kit.problems import ResourceNotFound
from boreal.rooms.platform.organizations import queries
from boreal.rooms.platform.organizations.schemas import RESERVED_SLUGS, OrganizationUpdate


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
            details=None,
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


async def update(app: App, actor: Actor, *, id: UUID, body: OrganizationUpdate) -> dict[str, Any]:
    """The organization with the members that were sent (platform spec 6.2). Raises `ResourceNotFound`."""
    changes = body.model_dump(mode="json", exclude_unset=True)
    if body.details is not None:
        changes["details"] = body.details.model_dump(mode="json")
    async with app.transaction(id) as tx:
        if await tx.fetchrow(queries.GET, id=id, **actor.binds()) is None:
            raise ResourceNotFound
        before = await tx.lock(Organization, id)
        assert before is not None
        after = book.changed(before, changes, now=tx.now)
        await tx.save(before, after)
        row = await tx.fetchrow(queries.GET, id=id, **actor.binds())
    assert row is not None
    return queries.render(row)
