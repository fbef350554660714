"""Reading organization access tokens, and finding the organization of one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.auth import Actor, Resolver, Subject, visible_to
from boreal.kit.db import Database, Row
from boreal.kit.listing import ListSpec, any_of
from boreal.kit.schemas import UUID4
from boreal.rooms.platform.organizations.tables import VISIBLE, OrganizationRow
from boreal.rooms.platform.tokens.tables import OrganizationAccessTokenRow

T = OrganizationAccessTokenRow.c

TOKENS = ListSpec(
    select=sa.select(OrganizationAccessTokenRow).where(T.deleted_at.is_(None)),
    visible=visible_to(T.organization_id),
    key=T.id,
    sorts={
        "created_at": T.created_at,
        "comment": T.comment,
        "last_used_at": T.last_used_at,
        "organization_id": T.organization_id,
    },
    default="created_at",
    filters=(any_of("organization_id", T.organization_id, UUID4),),
    sort_name="OrganizationAccessTokenSortProperty",
)

LOCK = (
    sa.select(OrganizationAccessTokenRow)
    .where(T.id == sa.bindparam("id"), visible_to(T.organization_id), T.deleted_at.is_(None))
    .with_for_update()
)

_OWNER = (
    sa.select(T.id, T.organization_id, T.scopes, T.expires_at)
    .join_from(OrganizationAccessTokenRow, OrganizationRow, OrganizationRow.c.id == T.organization_id)
    .where(T.token_hash == sa.bindparam("token_hash"), T.deleted_at.is_(None), VISIBLE)
)

_USED = sa.text(
    """
    UPDATE organization_access_tokens AS token SET last_used_at = used.at
    FROM unnest(:ids, :times) AS used (id, at) WHERE token.id = used.id
    """
).bindparams(sa.bindparam("ids", type_=ARRAY(PgUUID)), sa.bindparam("times", type_=ARRAY(sa.DateTime(timezone=True))))


def resolver(database: Database) -> Resolver:
    """Finds the organization of a token by its hash: unknown, revoked, or of an invisible organization is None."""

    async def resolve(token_hash: str) -> Actor | None:
        row = await database.fetchrow(_OWNER, token_hash=token_hash)
        if row is None:
            return None
        return Actor(
            Subject.organization,
            scopes=frozenset(row["scopes"]),
            organization_ids=(row["organization_id"],),
            token_id=row["id"],
            expires_at=row["expires_at"],
        )

    return resolve


async def remember_use(database: Database, used: Mapping[UUID, datetime]) -> None:
    """Stores when tokens were last used, many in one statement."""
    if used:
        await database.execute(_USED, ids=list(used), times=list(used.values()))


def render(row: Row) -> dict[str, Any]:
    """A token without its secret (platform spec 2.4)."""
    return {
        name: row[name]
        for name in (
            "created_at",
            "modified_at",
            "id",
            "scopes",
            "expires_at",
            "comment",
            "last_used_at",
            "organization_id",
        )
    }
