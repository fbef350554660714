"""Starting and ending customer sessions (usage spec 15, platform spec 2.6).

A session lasts an hour and does not slide. Nothing runs to clear up: each new session of an organization takes a few
of its expired ones away, so that the table holds little more than what is in use.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.app import App
from boreal.kit.auth import Actor
from boreal.kit.db import Record
from boreal.kit.problems import Fault, Invalid, ResourceNotFound
from boreal.kit.secrets import Keyring, new_token
from boreal.kit.settings import Settings
from boreal.kit.tx import Tx
from boreal.rooms.customers.customers import queries as customers
from boreal.rooms.customers.sessions.tables import CustomerSessionRow
from boreal.rooms.platform.public import organization_by_id

PREFIX = "polar_cst_"
LIFETIME = timedelta(hours=1)
CLEARED_AT_ONCE = 10

S = CustomerSessionRow.c

_CLEAR = sa.delete(CustomerSessionRow).where(
    S.id.in_(
        sa.select(S.id)
        .where(
            S.organization_id == sa.bindparam("of_organization", type_=PgUUID),
            S.expires_at <= sa.bindparam("now", type_=sa.DateTime(timezone=True)),
        )
        .order_by(S.expires_at)
        .limit(CLEARED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
)
# Each new session clears away some that are over, in the same statement.
_INSERT = (
    CustomerSessionRow.insert()
    .values({column.name: sa.bindparam(column.name, type_=column.type) for column in S})
    .returning(CustomerSessionRow)
    .add_cte(_CLEAR.cte("cleared"))
)


async def start(
    app: App,
    actor: Actor,
    *,
    customer_id: UUID | None = None,
    external_customer_id: str | None = None,
    return_url: str | None = None,
) -> dict[str, Any]:
    """A new session as a merchant gets it, for the customer meant by id or external id (give one).

    Raises `Invalid` at that field when the actor sees no such customer.
    """
    try:
        customer = await customers.get(app.database, actor, id=customer_id, external_id=external_customer_id)
    except ResourceNotFound:
        name, given = (
            ("customer_id", str(customer_id)) if customer_id else ("external_customer_id", external_customer_id)
        )
        raise Invalid(Fault(("body", name), "Customer does not exist.", "value_error", given)) from None
    organization_id = customer["organization_id"]
    async with app.transaction(organization_id) as tx:
        token, row = await create_session(
            tx,
            keyring=app.keyring,
            customer_id=customer["id"],
            organization_id=organization_id,
            return_url=return_url,
        )
        organization = await organization_by_id(tx, organization_id)
    assert organization is not None
    return {
        "id": row["id"],
        "created_at": row["created_at"],
        "modified_at": row["modified_at"],
        "token": token,
        "expires_at": row["expires_at"],
        "return_url": row["return_url"],
        "customer_portal_url": portal_url(
            app.settings, slug=organization["slug"], token=token, email=customer["email"]
        ),
        "customer_id": customer["id"],
        "customer": customers.render(customer),
    }


async def create_session(
    tx: Tx, *, keyring: Keyring, customer_id: UUID, organization_id: UUID, return_url: str | None = None
) -> tuple[str, Record]:
    """A new session of a customer: its token, which is stored nowhere, and its row."""
    token = new_token(PREFIX)
    row = await tx.fetchrow(
        _INSERT,
        of_organization=organization_id,
        now=tx.real_now,
        id=uuid.uuid4(),
        created_at=tx.real_now,
        modified_at=None,
        organization_id=organization_id,
        customer_id=customer_id,
        token_hash=keyring.hash_token(token),
        expires_at=tx.real_now + LIFETIME,
        return_url=return_url,
    )
    assert row is not None
    return token, row


async def new_session(
    tx: Tx, *, keyring: Keyring, customer_id: UUID, organization_id: UUID, return_url: str | None = None
) -> tuple[str, datetime]:
    """A new session of a customer: its token and when it expires. For links in checkouts and mail."""
    token, row = await create_session(
        tx, keyring=keyring, customer_id=customer_id, organization_id=organization_id, return_url=return_url
    )
    return token, row["expires_at"]


def portal_url(settings: Settings, *, slug: str, token: str, email: str) -> str:
    """Where a customer with this session token enters the portal of the organization with this slug."""
    query = urlencode({"customer_session_token": token, "email": email})
    return f"{settings.url}/{slug}/portal?{query}"
