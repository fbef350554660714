"""Making, changing and revoking organization access tokens (platform spec 2.4)."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from boreal.kit.app import App
from boreal.kit.auth import REVOKE, Actor, read_visible
from boreal.kit.secrets import new_token
from boreal.rooms.platform.tokens import queries
from boreal.rooms.platform.tokens.tables import OrganizationAccessTokenRow

PREFIX = "polar_oat_"

_INSERT = OrganizationAccessTokenRow.insert().returning(OrganizationAccessTokenRow)
_UPDATE = (
    sa.update(OrganizationAccessTokenRow)
    .where(OrganizationAccessTokenRow.c.id == sa.bindparam("key"))
    .values(comment=sa.bindparam("comment"), scopes=sa.bindparam("scopes"), modified_at=sa.bindparam("now"))
    .returning(OrganizationAccessTokenRow)
)
_DELETE = (
    sa.update(OrganizationAccessTokenRow)
    .where(OrganizationAccessTokenRow.c.id == sa.bindparam("key"))
    .values(deleted_at=sa.bindparam("now"))
)


async def create(
    app: App, *, organization_id: UUID, comment: str, scopes: Sequence[str], expires_in: timedelta | None = None
) -> tuple[dict[str, Any], str]:
    """A new token: how it is shown from now on, and its secret, which is shown only this once."""
    token = new_token(PREFIX)
    async with app.transaction(organization_id) as tx:
        row = await tx.fetchrow(
            _INSERT,
            id=uuid.uuid4(),
            created_at=tx.now,
            modified_at=None,
            deleted_at=None,
            organization_id=organization_id,
            comment=comment,
            scopes=list(dict.fromkeys(scopes)),
            token_hash=app.keyring.hash_token(token),
            expires_at=tx.real_now + expires_in if expires_in else None,
            last_used_at=None,
        )
    assert row is not None
    return queries.render(row), token


async def update(
    app: App, actor: Actor, *, id: UUID, comment: str | None, scopes: Sequence[str] | None
) -> dict[str, Any]:
    """Changes comment and scopes; what is None stays. Raises `ResourceNotFound`."""
    (organization_id, *_) = actor.organization_ids
    async with app.transaction(organization_id) as tx:
        token = await read_visible(tx, queries.LOCK, actor, id)
        row = await tx.fetchrow(
            _UPDATE,
            key=id,
            comment=token["comment"] if comment is None else comment,
            scopes=token["scopes"] if scopes is None else list(dict.fromkeys(scopes)),
            now=tx.now,
        )
        await tx.execute(REVOKE, token_hash=token["token_hash"])
        tx.after_commit(lambda: app.authenticator.forget(token["token_hash"]))
    assert row is not None
    return queries.render(row)


async def delete(app: App, actor: Actor, *, id: UUID) -> None:
    """Revokes a token at once, in every process. Raises `ResourceNotFound`."""
    (organization_id, *_) = actor.organization_ids
    async with app.transaction(organization_id) as tx:
        token = await read_visible(tx, queries.LOCK, actor, id)
        await tx.execute(_DELETE, key=id, now=tx.now)
        await tx.execute(REVOKE, token_hash=token["token_hash"])
        tx.after_commit(lambda: app.authenticator.forget(token["token_hash"]))
