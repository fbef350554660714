"""Reading grants: the merchant's lists, those of a customer's state, and how the wire shows them (usage spec 9.1)."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.benefits import Benefit, BenefitType
from boreal.core.grants import GrantStatus
from boreal.kit.auth import visible_to
from boreal.kit.db import Connection, Record, Row, Runs
from boreal.kit.listing import ListSpec, any_of, flag
from boreal.kit.schemas import UUID4
from boreal.rooms.catalog.public import BenefitRow, read_benefits, render_benefit
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.customers.public import render as render_customer
from boreal.rooms.entitlements.grants.tables import BenefitGrantRow

G = BenefitGrantRow.c
C = CustomerRow.c

_CUSTOMER = tuple(column.label(f"customer_{column.name}") for column in CustomerRow.columns if column.name != "id")
_GRANTS = sa.select(BenefitGrantRow, *_CUSTOMER).join_from(BenefitGrantRow, CustomerRow, C.id == G.customer_id)
_IS_GRANTED = flag("is_granted", G.status == GrantStatus.GRANTED.value)

GRANTS = ListSpec(
    select=_GRANTS,
    visible=visible_to(G.organization_id),
    key=G.id,
    sorts={"created_at": G.created_at, "granted_at": G.granted_at, "revoked_at": G.revoked_at},
    default="-created_at",
    filters=(
        any_of("organization_id", G.organization_id, UUID4),
        any_of("customer_id", G.customer_id, UUID4),
        any_of("external_customer_id", C.external_id, str),
        _IS_GRANTED,
    ),
    sort_name="BenefitGrantSortProperty",
)

OF_BENEFIT = ListSpec(
    select=_GRANTS.where(G.benefit_id == sa.bindparam("benefit_id", type_=PgUUID)).order_by(G.created_at.desc()),
    visible=visible_to(G.organization_id),
    key=G.id,
    sorts={},
    default=(),
    filters=(_IS_GRANTED, any_of("customer_id", G.customer_id, UUID4), any_of("member_id", G.member_id, UUID4)),
)

_BY_ID = _GRANTS.where(G.id == sa.bindparam("id", type_=PgUUID))
_GRANTED = (
    sa.select(
        G.id,
        G.created_at,
        G.modified_at,
        G.granted_at,
        G.benefit_id,
        G.properties,
        BenefitRow.c.type,
        BenefitRow.c.metadata,
    )
    .join_from(BenefitGrantRow, BenefitRow, BenefitRow.c.id == G.benefit_id)
    .where(G.customer_id == sa.bindparam("customer_id", type_=PgUUID), G.status == GrantStatus.GRANTED.value)
    .order_by(G.created_at, G.id)
)
CUSTOMER_OF = sa.select(G.customer_id).where(G.id == sa.bindparam("id", type_=PgUUID))

_AS_STORED = (
    "id",
    "created_at",
    "modified_at",
    "granted_at",
    "revoked_at",
    "subscription_id",
    "order_id",
    "customer_id",
    "member_id",
    "benefit_id",
)


def shown_properties(type: BenefitType | str, properties: dict[str, Any] | None) -> dict[str, Any] | None:
    """Properties as the wire has them; those of credits are internal (correction 6)."""
    return {} if type == BenefitType.METER_CREDIT and properties is not None else properties


def render_base(row: Row) -> dict[str, Any]:
    """What every view of a grant tells."""
    return {
        **{name: row[name] for name in _AS_STORED},
        "is_granted": row["status"] == GrantStatus.GRANTED,
        "is_revoked": row["status"] == GrantStatus.REVOKED,
    }


def render(row: Record, benefit: Benefit) -> dict[str, Any]:
    """A grant as its merchant sees it (contract `BenefitGrant`)."""
    customer = {name.removeprefix("customer_"): value for name, value in row.items() if name.startswith("customer_")}
    return {
        **render_base(row),
        "error": row["error"],
        "customer": render_customer({**customer, "id": row["customer_id"]}),
        "benefit": render_benefit(benefit),
        "properties": shown_properties(benefit.type, row["properties"]),
    }


async def render_all(runs: Runs, rows: list[Record]) -> list[dict[str, Any]]:
    """Some grants with their benefits, deleted ones too, which are read once."""
    benefits = await read_benefits(runs, list({row["benefit_id"] for row in rows})) if rows else {}
    return [render(row, benefits[row["benefit_id"]]) for row in rows]


async def granted(runs: Runs, customer_id: UUID) -> list[dict[str, Any]]:
    """What a customer has now, the oldest first (contract `CustomerStateBenefitGrant`)."""
    return [
        {
            **{name: row[name] for name in ("id", "created_at", "modified_at", "granted_at", "benefit_id")},
            "benefit_type": row["type"],
            "benefit_metadata": row["metadata"],
            "properties": shown_properties(row["type"], row["properties"]),
        }
        for row in await runs.fetch(_GRANTED, customer_id=customer_id)
    ]


async def payload(connection: Connection, id: UUID) -> dict[str, Any]:
    """The `data` of the grant events."""
    row = await connection.fetchrow(_BY_ID, id=id)
    assert row is not None
    benefit = (await read_benefits(connection, [row["benefit_id"]]))[row["benefit_id"]]
    previous = shown_properties(benefit.type, row["previous_properties"])
    return {**render(row, benefit), "member": None, "previous_properties": previous}
