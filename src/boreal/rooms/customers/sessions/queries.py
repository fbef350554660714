"""Finding the customer of a session token."""

import sqlalchemy as sa

from boreal.kit.auth import Actor, Resolver, Subject
from boreal.kit.db import Database
from boreal.rooms.customers.customers.tables import ALIVE, CustomerRow
from boreal.rooms.customers.sessions.tables import CustomerSessionRow
from boreal.rooms.platform.public import VISIBLE_ORGANIZATION, OrganizationRow

S = CustomerSessionRow.c

SCOPES = frozenset({"customer_portal:write"})
"""What every session may do, and nothing else (platform spec 2.2)."""

_OWNER = (
    sa.select(S.id, S.customer_id, S.organization_id, S.expires_at)
    .join_from(CustomerSessionRow, CustomerRow, CustomerRow.c.id == S.customer_id)
    .join(OrganizationRow, OrganizationRow.c.id == S.organization_id)
    .where(S.token_hash == sa.bindparam("token_hash", type_=sa.Text), ALIVE, VISIBLE_ORGANIZATION)
)


def resolver(database: Database) -> Resolver:
    """Finds the customer of a token by its hash: unknown, of a deleted customer or invisible organization is None."""

    async def resolve(token_hash: str) -> Actor | None:
        row = await database.fetchrow(_OWNER, token_hash=token_hash)
        if row is None:
            return None
        return Actor(
            Subject.customer,
            scopes=SCOPES,
            organization_ids=(row["organization_id"],),
            token_id=row["id"],
            customer_id=row["customer_id"],
            expires_at=row["expires_at"],
        )

    return resolve
