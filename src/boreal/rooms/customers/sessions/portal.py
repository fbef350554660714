"""`/v1/customer-portal/customer-session`: whom a session belongs to, and until when it lasts (usage spec 16)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.app import App
from boreal.kit.auth import PORTAL, Actor, Subject, owned_by
from boreal.kit.problems import Unauthorized
from boreal.kit.routing import Routes
from boreal.rooms.customers.customers.tables import ALIVE, CustomerRow
from boreal.rooms.customers.sessions.schemas import CustomerCustomerSession, PortalAuthenticatedUser
from boreal.rooms.customers.sessions.tables import CustomerSessionRow

portal = Routes("/v1/customer-portal/customer-session", tags=("customer_portal", "customer-session"))

READ = ("customer_portal:read", "customer_portal:write")

S = CustomerSessionRow.c
_SESSION = sa.select(S.expires_at, S.return_url).where(
    S.id == sa.bindparam("id", type_=PgUUID), owned_by(S.customer_id)
)
_CUSTOMER = sa.select(CustomerRow.c.id, CustomerRow.c.name, CustomerRow.c.email).where(
    owned_by(CustomerRow.c.id), ALIVE
)


@portal.get("/introspect", audience=PORTAL, scopes=READ, returns=CustomerCustomerSession, name="introspect")
async def introspect(app: App, actor: Actor) -> dict[str, Any]:
    """Says until when the session lasts, and where it came from."""
    row = await app.database.fetchrow(_SESSION, id=actor.token_id, **actor.binds())
    if row is None:
        raise Unauthorized
    return dict(row)


@portal.get("/user", audience=PORTAL, scopes=READ, returns=PortalAuthenticatedUser, name="get_authenticated_user")
async def user(app: App, actor: Actor) -> dict[str, Any]:
    """Says who is signed in."""
    row = await app.database.fetchrow(_CUSTOMER, **actor.binds())
    if row is None:
        raise Unauthorized
    return {
        "type": "member" if actor.kind is Subject.member else "customer",
        "name": row["name"],
        "email": row["email"],
        "customer_id": row["id"],
        "role": actor.member_role,
    }
