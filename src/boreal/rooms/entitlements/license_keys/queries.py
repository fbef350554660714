"""Reading license keys with their customers and activations, and how the wire shows them (usage spec 10.1)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.license_keys import display_key
from boreal.kit.auth import owned_by, visible_to
from boreal.kit.db import Record, Row, Runs
from boreal.kit.listing import ListSpec, any_of, exactly
from boreal.kit.schemas import UUID4
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.customers.public import render as render_customer
from boreal.rooms.entitlements.license_keys.tables import LicenseKeyActivationRow, LicenseKeyRow

K = LicenseKeyRow.c
A = LicenseKeyActivationRow.c

_CUSTOMER = tuple(column.label(f"customer_{column.name}") for column in CustomerRow.columns if column.name != "id")
KEYS = sa.select(LicenseKeyRow, *_CUSTOMER).join_from(LicenseKeyRow, CustomerRow, CustomerRow.c.id == K.customer_id)
_OLDEST_FIRST = KEYS.order_by(K.created_at, K.id)
_ID = sa.bindparam("id", type_=PgUUID)

LICENSE_KEYS = ListSpec(
    select=_OLDEST_FIRST,
    visible=visible_to(K.organization_id),
    key=K.id,
    sorts={},
    default=(),
    filters=(any_of("organization_id", K.organization_id, UUID4), any_of("benefit_id", K.benefit_id, UUID4)),
)
OWN_LICENSE_KEYS = ListSpec(
    select=_OLDEST_FIRST,
    visible=owned_by(K.customer_id),
    key=K.id,
    sorts={},
    default=(),
    filters=(exactly("benefit_id", K.benefit_id, UUID4),),
)

GET = KEYS.where(K.id == _ID, visible_to(K.organization_id))
GET_OWN = KEYS.where(K.id == _ID, owned_by(K.customer_id))
BY_KEY = KEYS.where(K.organization_id == sa.bindparam("organization_id"), K.key == sa.bindparam("key"))

_LIVE = sa.select(LicenseKeyActivationRow).where(
    A.license_key_id == sa.bindparam("license_key_id", type_=PgUUID), A.deleted_at.is_(None)
)
_ACTIVATIONS = _LIVE.order_by(A.created_at, A.id)
_ACTIVATION = _LIVE.where(A.id == _ID)


async def activations(runs: Runs, license_key_id: UUID) -> list[Record]:
    """The activations of a key, the oldest first."""
    return await runs.fetch(_ACTIVATIONS, license_key_id=license_key_id)


async def activation(runs: Runs, license_key_id: UUID, id: UUID) -> Record | None:
    """One activation of a key, unless it was deactivated."""
    return await runs.fetchrow(_ACTIVATION, license_key_id=license_key_id, id=id)


_AS_STORED = (
    "id",
    "created_at",
    "modified_at",
    "organization_id",
    "customer_id",
    "benefit_id",
    "key",
    "status",
    "limit_activations",
    "usage",
    "limit_usage",
    "validations",
    "last_validated_at",
    "expires_at",
)


def render(row: Row) -> dict[str, Any]:
    """A key (contract `LicenseKeyRead`)."""
    customer = {name.removeprefix("customer_"): value for name, value in row.items() if name.startswith("customer_")}
    return {
        **{name: row[name] for name in _AS_STORED},
        "display_key": display_key(row["key"]),
        "customer": render_customer({**customer, "id": row["customer_id"]}),
    }


def render_activation(row: Row) -> dict[str, Any]:
    """An activation without its conditions (contract `LicenseKeyActivationBase`)."""
    return {name: row[name] for name in ("id", "license_key_id", "label", "meta", "created_at", "modified_at")}


def render_with_activations(row: Row, activations: Sequence[Row]) -> dict[str, Any]:
    """A key with its activations (contract `LicenseKeyWithActivations`)."""
    return {**render(row), "activations": [render_activation(activation) for activation in activations]}
