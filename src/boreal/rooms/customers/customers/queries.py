"""Reading customers."""

from dataclasses import fields
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.customers import Customer, CustomerType, avatar_url
from boreal.kit.auth import Actor, visible_to
from boreal.kit.db import Connection, Record, Row, Runs
from boreal.kit.listing import ListSpec, any_of, exactly_ignoring_case, search
from boreal.kit.problems import ResourceNotFound
from boreal.kit.schemas import UUID4
from boreal.rooms.customers.customers.tables import ALIVE, CustomerRow

C = CustomerRow.c

CUSTOMERS = ListSpec(
    select=sa.select(CustomerRow).where(ALIVE),
    visible=visible_to(C.organization_id),
    key=C.id,
    sorts={"created_at": C.created_at, "email": C.email, "name": C.name},
    default="-created_at",
    filters=(
        any_of("organization_id", C.organization_id, UUID4),
        exactly_ignoring_case("email", C.email),
        search("query", C.email, C.name, prefix_of=C.external_id),
    ),
    metadata=C.metadata,
    sort_name="CustomerSortProperty",
)

_ID = sa.bindparam("id", type_=PgUUID)
_ORGANIZATION_ID = sa.bindparam("organization_id", type_=PgUUID)
_EXTERNAL_ID = sa.bindparam("external_id", type_=sa.Text)
_SAME_EMAIL = sa.func.lower(C.email) == sa.func.lower(sa.bindparam("email", type_=sa.Text))
_SAME_EXTERNAL_ID = C.external_id == _EXTERNAL_ID

_BY_ID = sa.select(CustomerRow).where(C.id == _ID)
_FIND = sa.select(CustomerRow).where(
    C.organization_id == _ORGANIZATION_ID, ALIVE, sa.or_(C.id == _ID, _SAME_EXTERNAL_ID)
)
_GET = sa.select(CustomerRow).where(C.id == _ID, visible_to(C.organization_id), ALIVE)
_GET_EXTERNAL = (
    sa.select(CustomerRow)
    .where(_SAME_EXTERNAL_ID, visible_to(C.organization_id), ALIVE)
    .order_by(C.created_at, C.id)
    .limit(1)
)

_FALSE: sa.ColumnElement[bool] = sa.literal_column("false", sa.Boolean)

LOCK_BUYER = (
    sa.select(CustomerRow)
    .where(C.organization_id == _ORGANIZATION_ID, ALIVE, sa.or_(C.id == _ID, _SAME_EMAIL, _SAME_EXTERNAL_ID))
    .order_by(sa.func.coalesce(C.id == _ID, _FALSE).desc(), _SAME_EMAIL.desc())
    .limit(1)
    .with_for_update()
)
"""The customer of a purchase, locked: the linked one, else the one with the e-mail, else the one with the external id.

One whose e-mail changed while the lock was awaited is not taken.
"""

TAKEN = sa.select(
    sa.func.coalesce(sa.func.bool_or(_SAME_EMAIL), _FALSE).label("email"),
    sa.func.coalesce(sa.func.bool_or(_SAME_EXTERNAL_ID), _FALSE).label("external_id"),
).where(C.organization_id == _ORGANIZATION_ID, ALIVE, C.id != _ID, sa.or_(_SAME_EMAIL, _SAME_EXTERNAL_ID))
"""Whether customers other than `id` have the e-mail and the external id."""

_FIELDS = tuple(item.name for item in fields(Customer))


def load(row: Row) -> Customer:
    """The record of a row."""
    values = {name: row[name] for name in _FIELDS}
    values["type"] = CustomerType(values["type"]) if values["type"] is not None else None
    return Customer(**values)


async def read(runs: Runs, id: UUID) -> Customer | None:
    """The customer with this id, also a deleted one, whoever asks."""
    row = await runs.fetchrow(_BY_ID, id=id)
    return load(row) if row else None


async def find(
    runs: Runs, *, organization_id: UUID, id: UUID | None = None, external_id: str | None = None
) -> Customer | None:
    """The customer of an organization that has this id or external id (give one) and is not deleted."""
    row = await runs.fetchrow(_FIND, organization_id=organization_id, id=id, external_id=external_id)
    return load(row) if row else None


async def get(runs: Runs, actor: Actor, *, id: UUID | None = None, external_id: str | None = None) -> Record:
    """The row that the actor means by id or external id (give one); raises `ResourceNotFound`."""
    if id is not None:
        row = await runs.fetchrow(_GET, id=id, **actor.binds())
    else:
        row = await runs.fetchrow(_GET_EXTERNAL, external_id=external_id, **actor.binds())
    if row is None:
        raise ResourceNotFound
    return row


_AS_STORED = (
    "id",
    "created_at",
    "modified_at",
    "deleted_at",
    "organization_id",
    "external_id",
    "email",
    "email_verified",
    "type",
    "name",
    "billing_address",
    "tax_id",
    "metadata",
)


def render(customer: Customer | Row) -> dict[str, Any]:
    """A customer, record or row, as the wire has it (contract `Customer`)."""
    if isinstance(customer, Customer):
        shown = {name: getattr(customer, name) for name in _AS_STORED}
    else:
        shown = {name: customer[name] for name in _AS_STORED}
    shown["avatar_url"] = avatar_url(shown["email"])
    return shown


def render_with_members(customer: Customer | Row) -> dict[str, Any]:
    """A customer with its members: none yet, as this room has no members so far (contract `CustomerWithMembers`)."""
    return {**render(customer), "members": []}


async def payload(connection: Connection, id: UUID) -> dict[str, Any]:
    """The `data` of the customer events, also of a deleted customer."""
    row = await connection.fetchrow(_BY_ID, id=id)
    assert row is not None
    return render(row)
