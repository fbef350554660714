"""Reading usage alerts, and what is told when one is reached."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.auth import visible_to
from boreal.kit.db import Connection, Row
from boreal.kit.listing import ListSpec, any_of
from boreal.kit.schemas import UUID4
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.customers.public import render as render_customer
from boreal.rooms.usage.alerts.tables import UsageAlertFiringRow, UsageAlertRow
from boreal.rooms.usage.customer_meters.tables import CustomerMeterRow
from boreal.rooms.usage.meters.quantities import wire
from boreal.rooms.usage.meters.queries import render as render_meter
from boreal.rooms.usage.meters.tables import MeterRow

A = UsageAlertRow.c
F = UsageAlertFiringRow.c
M = CustomerMeterRow.c

ALERTS = ListSpec(
    select=sa.select(UsageAlertRow),
    visible=visible_to(A.organization_id),
    key=A.id,
    sorts={"created_at": A.created_at, "name": A.name, "threshold": A.threshold},
    default="-created_at",
    filters=(
        any_of("organization_id", A.organization_id, UUID4),
        any_of("meter_id", A.meter_id, UUID4),
        any_of("customer_id", A.customer_id, UUID4),
    ),
    sort_name="UsageAlertSortProperty",
)

GET = sa.select(UsageAlertRow).where(A.id == sa.bindparam("id"), visible_to(A.organization_id))
LOCK = GET.with_for_update()

_NEWEST = (
    sa.select(UsageAlertFiringRow)
    .where(F.customer_meter_id == sa.bindparam("id", type_=PgUUID))
    .order_by(F.number.desc())
    .limit(1)
)
_ALERT = sa.select(UsageAlertRow).where(A.id == sa.bindparam("id", type_=PgUUID))
_CUSTOMER = (
    sa.select(CustomerRow)
    .join(CustomerMeterRow, M.customer_id == CustomerRow.c.id)
    .where(M.id == sa.bindparam("id", type_=PgUUID))
)
_METER = sa.select(MeterRow).where(MeterRow.c.id == sa.bindparam("id", type_=PgUUID))


def render(row: Row) -> dict[str, Any]:
    """An alert as the API shows it."""
    return {
        **{name: row[name] for name in ("id", "created_at", "modified_at", "organization_id", "meter_id")},
        "customer_id": row["customer_id"],
        "name": row["name"],
        "threshold_type": row["threshold_type"],
        "threshold": wire(row["threshold"]),
        "enabled": row["enabled"],
    }


async def payload(connection: Connection, customer_meter_id: UUID) -> dict[str, Any]:
    """What was told last of a customer meter (`UsageAlertTriggered`)."""
    fired = await connection.fetchrow(_NEWEST, id=customer_meter_id)
    assert fired is not None
    alert = await connection.fetchrow(_ALERT, id=fired["alert_id"])
    customer = await connection.fetchrow(_CUSTOMER, id=customer_meter_id)
    assert alert is not None and customer is not None
    meter = await connection.fetchrow(_METER, id=alert["meter_id"])
    assert meter is not None
    return {
        "id": fired["id"],
        "triggered_at": fired["fired_at"],
        "consumed_units": wire(fired["consumed_units"]),
        "credited_units": fired["credited_units"],
        "balance": wire(fired["credited_units"] - fired["consumed_units"]),
        "customer_meter_id": customer_meter_id,
        "alert": render(alert),
        "customer": render_customer(customer),
        "meter": render_meter(meter),
    }
