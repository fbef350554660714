"""Lists of customer meters, and how the wire shows them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.auth import Actor, read_visible, visible_to
from boreal.kit.db import Record, Runs
from boreal.kit.listing import ListQuery, ListSpec, any_of
from boreal.kit.schemas import UUID4
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.customers.public import render as render_customer
from boreal.rooms.usage.customer_meters.balances import (
    CONSUMED,
    CREDITED,
    MODIFIED_AT,
    SELECT,
    Balance,
    balance_of,
    balances,
    column,
    customer_of,
    meter_of,
)
from boreal.rooms.usage.meters.quantities import wire
from boreal.rooms.usage.meters.queries import render as render_meter

_ORGANIZATION_ID = column("customer_meters.organization_id", PgUUID)
_CUSTOMER_ID = column("customer_meters.customer_id", PgUUID)
_METER_ID = column("customer_meters.meter_id", PgUUID)
IS_LIVE = column("meters.archived_at", sa.DateTime(timezone=True)).is_(None)

MEASURES: Mapping[str, sa.ColumnElement[Any]] = {
    "created_at": column("customer_meters.created_at"),
    "modified_at": MODIFIED_AT,
    "meter_id": column("customer_meters.meter_id"),
    "meter_name": column("meters.name"),
    "consumed_units": CONSUMED,
    "credited_units": CREDITED,
    "balance": CREDITED - CONSUMED,
}
"""What every list of customer meters sorts by."""


C = CustomerRow.c
_EXTERNAL_ID = any_of("external_customer_id", C.external_id, str)
# The ids are found first, and then a handful of rows by them, however many customers have meters.
_IDS = sa.func.array(sa.select(C.id).where(visible_to(C.organization_id), _EXTERNAL_ID.predicate).scalar_subquery())
_BY_EXTERNAL_ID = replace(_EXTERNAL_ID, predicate=_CUSTOMER_ID.bool_op("=")(sa.func.any(_IDS)))


def _spec(select: sa.Select[Any]) -> ListSpec:
    return ListSpec(
        select=select,
        visible=visible_to(_ORGANIZATION_ID),
        key=column("customer_meters.id", PgUUID),
        sorts={
            **MEASURES,
            "customer_id": column("customer_meters.customer_id"),
            "customer_name": column("customers.name"),
        },
        default="-modified_at",
        filters=(
            any_of("organization_id", _ORGANIZATION_ID, UUID4),
            any_of("customer_id", _CUSTOMER_ID, UUID4),
            _BY_EXTERNAL_ID,
            any_of("meter_id", _METER_ID, UUID4),
        ),
        sort_name="CustomerMeterSortProperty",
    )


CUSTOMER_METERS = _spec(SELECT.where(IS_LIVE))
"""Archived meters are left out, unless they are asked for by id (usage spec 5.4)."""
_ARCHIVED_TOO = _spec(SELECT)
_GET = SELECT.where(column("customer_meters.id", PgUUID) == sa.bindparam("id", type_=PgUUID))
_VISIBLE = _GET.where(visible_to(_ORGANIZATION_ID))


async def listed(runs: Runs, actor: Actor, query: ListQuery) -> dict[str, Any]:
    """The list that was asked for (contract `ListResource[CustomerMeter]`)."""
    spec = _ARCHIVED_TOO if "meter_id" in query.given else CUSTOMER_METERS
    page = await spec.fetch(runs, actor, query)
    shown: dict[UUID, dict[str, Any]] = {}
    return page.envelope([await _render(runs, row, shown) for row in page.rows])


async def get(runs: Runs, actor: Actor, id: UUID) -> dict[str, Any]:
    """A customer meter that the actor may see; raises `ResourceNotFound`."""
    row = await read_visible(runs, _VISIBLE, actor, id)
    return await _render(runs, row, {})


async def _render(runs: Runs, row: Record, shown: dict[UUID, dict[str, Any]]) -> dict[str, Any]:
    """`shown` are the customers and meters that were rendered so far, each of which may come many times."""
    customer_id, meter_id = row["customer_id"], row["meter_id"]
    if customer_id not in shown:
        shown[customer_id] = render_customer(customer_of(row))
    if meter_id not in shown:
        shown[meter_id] = render_meter(meter_of(row))
    return {
        **render_balance(await balance_of(runs, row)),
        "customer_id": customer_id,
        "customer": shown[customer_id],
        "meter": shown[meter_id],
    }


def render_balance(found: Balance) -> dict[str, Any]:
    """What a customer consumed of a meter, was credited and has left (contract `CustomerStateMeter`)."""
    return {
        "id": found.id,
        "created_at": found.created_at,
        "modified_at": found.modified_at,
        "meter_id": found.meter_id,
        "consumed_units": wire(found.consumed),
        "credited_units": found.credits.total,
        "balance": wire(found.balance),
    }


async def active_meters(runs: Runs, customer_id: UUID) -> list[dict[str, Any]]:
    """The meters of a customer, oldest first, for its state (usage spec 13)."""
    return [render_balance(found) for found in await balances(runs, customer_id)]
