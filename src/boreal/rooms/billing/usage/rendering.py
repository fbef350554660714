"""The `meters` of subscriptions on the wire (usage spec 5.6)."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.prices import Price
from boreal.kit.db import Record, Row, Runs
from boreal.rooms.billing.usage.reading import Usage, read_usage
from boreal.rooms.usage.public import MeterRow, render_meter

_METERS = sa.select(MeterRow).where(MeterRow.c.id == sa.func.any(sa.bindparam("ids", type_=ARRAY(PgUUID))))

Meters = dict[UUID, list[dict[str, Any]]]


async def subscription_meters(
    runs: Runs, subscriptions: Sequence[Row], prices: Mapping[UUID, Sequence[Price]]
) -> Meters:
    """By subscription, the usage that waits to be billed, for each price of it that is metered; without the meters.

    `prices` are those by which each subscription is billed. Where none is metered, nothing is asked.
    """
    metered = {id: listed for id, listed in prices.items() if any(price.meter_id is not None for price in listed)}
    usages = await read_usage(runs, metered) if metered else {}
    created = {row["id"]: row["created_at"] for row in subscriptions}
    return {
        id: [
            {"created_at": created[id], "modified_at": None, **_figures(id, price.meter_id, usages[id])}
            for price in listed
            if price.meter_id is not None
        ]
        for id, listed in prices.items()
    }


async def with_meters(runs: Runs, meters: Meters, render: Callable[[Record], dict[str, Any]] = render_meter) -> Meters:
    """The same with the meters themselves."""
    ids = {meter["meter_id"] for listed in meters.values() for meter in listed}
    rows = await runs.fetch(_METERS, ids=list(ids)) if ids else []
    rendered = {row["id"]: render(row) for row in rows}
    return {id: [{**meter, "meter": rendered[meter["meter_id"]]} for meter in listed] for id, listed in meters.items()}


def render_meter_name(row: Record) -> dict[str, Any]:
    """A meter as the portal shows it."""
    return {name: row[name] for name in ("id", "created_at", "modified_at", "name")}


def _figures(subscription_id: UUID, meter_id: UUID, usage: Usage) -> dict[str, Any]:
    lines = [line for line in usage.lines if line.price.meter_id == meter_id]
    return {
        # It is the same whenever it is read, and kept nowhere.
        "id": UUID(bytes=sha256(subscription_id.bytes + meter_id.bytes).digest()[:16], version=4),
        "meter_id": meter_id,
        "consumed_units": float(sum((line.share.consumed for line in lines), Decimal(0))),
        "credited_units": int(usage.credits.get(meter_id, 0)),
        "amount": sum(line.amount for line in lines),
    }
