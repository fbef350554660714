"""Reading organizations."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.auth import visible_to
from boreal.kit.db import Connection, Row, Runs
from boreal.kit.listing import ListSpec, exactly_ignoring_case
from boreal.rooms.platform.organizations.tables import VISIBLE, OrganizationRow

O = OrganizationRow.c  # noqa: E741

ORGANIZATIONS = ListSpec(
    select=sa.select(OrganizationRow).where(VISIBLE),
    visible=visible_to(O.id),
    key=O.id,
    sorts={
        "created_at": O.created_at,
        "slug": O.slug,
        "name": O.name,
        "next_review_threshold": sa.literal(0),
        "days_in_status": sa.func.now() - O.status_updated_at,
    },
    default="created_at",
    filters=(exactly_ignoring_case("slug", O.slug),),
    sort_name="OrganizationSortProperty",
)

GET = sa.select(OrganizationRow).where(O.id == sa.bindparam("id"), visible_to(O.id), VISIBLE)
_BY_ID = sa.select(OrganizationRow).where(O.id == sa.bindparam("id"))
_BY_IDS = sa.select(OrganizationRow).where(O.id == sa.func.any(sa.bindparam("ids", type_=ARRAY(PgUUID))))
_BY_SLUG = sa.select(OrganizationRow).where(sa.func.lower(O.slug) == sa.func.lower(sa.bindparam("slug")), VISIBLE)


async def by_id(database: Runs, id: UUID) -> Row | None:
    """The row of an organization, whoever asks."""
    return await database.fetchrow(_BY_ID, id=id)


async def by_ids(database: Runs, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """The rows of organizations by their ids, whoever asks."""
    return {row["id"]: row for row in await database.fetch(_BY_IDS, ids=list(ids))}


async def by_slug(database: Runs, slug: str) -> Row | None:
    """The row of a visible organization by its slug, in any case of letters."""
    return await database.fetchrow(_BY_SLUG, slug=slug)


def render_reference(row: Row) -> dict[str, Any]:
    """The members that strangers see, in checkout and portal (contract `CheckoutOrganization`)."""
    return {
        "created_at": row["created_at"],
        "modified_at": row["modified_at"],
        "id": row["id"],
        "name": row["name"],
        "slug": row["slug"],
        "avatar_url": row["avatar_url"],
        "proration_behavior": row["subscription_settings"]["proration_behavior"],
        "allow_customer_updates": row["customer_portal_settings"]["subscription"]["update_plan"],
    }


def render(row: Row) -> dict[str, Any]:
    """An organization as its own members see it (platform spec 6.1), legacy members included."""
    return {
        **render_reference(row),
        "email": row["email"],
        "website": row["website"],
        "socials": row["socials"],
        "status": row["status"],
        "details_submitted_at": row["details_submitted_at"],
        "feature_settings": row["feature_settings"],
        "subscription_settings": row["subscription_settings"],
        "notification_settings": row["notification_settings"],
        "customer_email_settings": row["customer_email_settings"],
        "customer_portal_settings": row["customer_portal_settings"],
        **_LEGACY,
    }


_LEGACY: dict[str, Any] = {
    "bio": None,
    "company": None,
    "blog": None,
    "location": None,
    "twitter_username": None,
    "pledge_minimum_amount": 0,
    "pledge_badge_show_amount": False,
    "default_upfront_split_to_contributors": None,
    "profile_settings": {
        "enabled": None,
        "description": None,
        "featured_projects": None,
        "featured_organizations": None,
    },
}


async def payload(connection: Connection, id: UUID) -> dict[str, Any]:
    """The `data` of `organization.updated`."""
    row = await connection.fetchrow(_BY_ID, id=id)
    assert row is not None
    return render(row)
