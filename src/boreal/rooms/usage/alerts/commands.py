"""Making, changing and removing usage alerts."""

import uuid
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.metering import exact
from boreal.kit.app import App
from boreal.kit.auth import Actor, read_visible
from boreal.kit.db import Record
from boreal.kit.problems import Fault, Invalid
from boreal.kit.tx import Tx
from boreal.rooms.customers.public import find as find_customer
from boreal.rooms.platform.public import organization_of
from boreal.rooms.usage.alerts import queries
from boreal.rooms.usage.alerts.schemas import UsageAlertCreate, UsageAlertUpdate
from boreal.rooms.usage.alerts.tables import UsageAlertFiringRow, UsageAlertRow
from boreal.rooms.usage.meters.holds import meter_names

A = UsageAlertRow.c

MAX_ALERTS = 100
"""How many alerts a meter may have for all customers, and how many more for any one of them."""

_COUNT = sa.select(sa.func.count()).where(
    A.meter_id == sa.bindparam("meter_id", type_=PgUUID),
    A.customer_id.is_not_distinct_from(sa.bindparam("customer_id", type_=PgUUID)),
)
_INSERT = UsageAlertRow.insert().returning(UsageAlertRow)
_CHANGEABLE = ("name", "threshold", "enabled")
_UPDATE = (
    sa.update(UsageAlertRow)
    .where(A.id == sa.bindparam("key"))
    .values({name: sa.bindparam(name, type_=A[name].type) for name in (*_CHANGEABLE, "modified_at")})
    .returning(UsageAlertRow)
)
_FORGET_FIRINGS = sa.delete(UsageAlertFiringRow).where(UsageAlertFiringRow.c.alert_id == sa.bindparam("id"))
_DELETE = sa.delete(UsageAlertRow).where(A.id == sa.bindparam("id"))


async def create(app: App, actor: Actor, body: UsageAlertCreate) -> Record:
    """A new alert, enabled. Raises `Invalid` for a meter or customer that is not there, or for one alert too many."""
    organization_id = organization_of(actor, body.organization_id)
    async with app.transaction(organization_id) as tx:
        faults = await _faults(tx, body)
        if faults:
            raise Invalid(*faults)
        row = await tx.fetchrow(
            _INSERT,
            id=uuid.uuid4(),
            created_at=tx.now,
            modified_at=None,
            organization_id=organization_id,
            meter_id=body.meter_id,
            customer_id=body.customer_id,
            name=body.name,
            threshold_type=body.threshold_type.value,
            threshold=exact(body.threshold),
            enabled=True,
        )
    assert row is not None
    return row


async def _faults(tx: Tx, body: UsageAlertCreate) -> list[Fault]:
    faults = []
    if not await meter_names(tx, tx.organization_id, [body.meter_id]):
        faults.append(Fault(("body", "meter_id"), "Meter not found.", "value_error", str(body.meter_id)))
    elif await tx.fetchval(_COUNT, meter_id=body.meter_id, customer_id=body.customer_id) >= MAX_ALERTS:
        faults.append(Fault(("body", "meter_id"), f"A meter has at most {MAX_ALERTS} alerts.", "value_error"))
    if body.customer_id is not None:
        customer = await find_customer(tx, organization_id=tx.organization_id, id=body.customer_id, external_id=None)
        if customer is None:
            faults.append(Fault(("body", "customer_id"), "Customer not found.", "value_error", str(body.customer_id)))
    return faults


async def update(app: App, actor: Actor, *, id: UUID, body: UsageAlertUpdate) -> Record:
    """Changes what the body names; a threshold that changed may be told anew. Raises `ResourceNotFound`."""
    async with app.transaction(await _organization_of(app, actor, id)) as tx:
        before = await _lock(tx, actor, id)
        threshold: Decimal = before["threshold"] if body.threshold is None else exact(body.threshold)
        values: dict[str, Any] = {
            "name": before["name"] if body.name is None else body.name,
            "threshold": threshold,
            "enabled": before["enabled"] if body.enabled is None else body.enabled,
        }
        if threshold != before["threshold"]:
            await tx.execute(_FORGET_FIRINGS, id=id)
        row = await tx.fetchrow(_UPDATE, key=id, modified_at=tx.now, **values)
    assert row is not None
    return row


async def delete(app: App, actor: Actor, *, id: UUID) -> None:
    """Removes an alert; nothing is told of it any more. Raises `ResourceNotFound`."""
    async with app.transaction(await _organization_of(app, actor, id)) as tx:
        await _lock(tx, actor, id)
        await tx.execute(_DELETE, id=id)


async def _organization_of(app: App, actor: Actor, id: UUID) -> UUID:
    row = await read_visible(app.database, queries.GET, actor, id)
    organization_id: UUID = row["organization_id"]
    return organization_id


async def _lock(tx: Tx, actor: Actor, id: UUID) -> Record:
    return await read_visible(tx, queries.LOCK, actor, id)
