"""Reading customer meters: what is in a window, consumed and credited, in one statement for any number of them.

Usage is in the open row and in the segments since the window began, of both subjects of the customer. In two cases the
events themselves are read, one statement per customer meter: while older events are being filled in, and when an
external id came to a customer whose window had begun before, so that an open row holds more than the window.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.events import subject_of
from boreal.core.metering import AggregationFunction, Credits, Tally, quantity
from boreal.kit.db import Record, Runs
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.usage.events.tables import EventRow
from boreal.rooms.usage.meters.counting import CountedMeter
from boreal.rooms.usage.meters.sql import counted, digest_of, number_of
from boreal.rooms.usage.meters.tables import MeterRow

_TIME = sa.DateTime(timezone=True)


def column(name: str, kind: Any = sa.Text) -> sa.ColumnElement[Any]:
    """A column of `FROM`, such as `used.consumed`."""
    return sa.literal_column(name, type_=kind() if isinstance(kind, type) else kind)


_SUBJECTS = """(
    customers.id,
    encode(substr(sha256(
        uuid_send(customers.organization_id) || convert_to(customers.external_id, 'UTF8')), 1, 16), 'hex')::uuid)"""
FROM = sa.text(
    f"""
    customer_meters
    JOIN customers ON customers.id = customer_meters.customer_id AND customers.deleted_at IS NULL
    JOIN meters ON meters.id = customer_meters.meter_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(part.count), 0) AS count, sum(part.sum) AS sum, min(part.min) AS min, max(part.max) AS max,
            max(part.modified_at) AS modified_at,
            coalesce(bool_or(part.from_seq < customer_meters.window_seq), false) AS is_mixed
        FROM (
            SELECT count, sum, min, max, modified_at, from_seq FROM meter_usage
            WHERE meter_id = customer_meters.meter_id AND count > 0 AND subject IN {_SUBJECTS}
            UNION ALL
            SELECT count, sum, min, max, NULL, NULL FROM meter_segments
            WHERE meter_id = customer_meters.meter_id AND subject IN {_SUBJECTS}
                AND from_seq >= customer_meters.window_seq
        ) AS part
    ) AS parts
    CROSS JOIN LATERAL (
        SELECT CASE meters.aggregation ->> 'func'
            WHEN 'count' THEN parts.count
            WHEN 'sum' THEN coalesce(parts.sum, 0)
            WHEN 'min' THEN coalesce(parts.min, 0)
            WHEN 'max' THEN coalesce(parts.max, 0)
            WHEN 'avg' THEN coalesce(parts.sum / nullif(parts.count, 0), 0)
            ELSE (
                SELECT CASE WHEN count(*) <= 1 THEN coalesce(max(sets.count), 0) ELSE (
                    SELECT count(DISTINCT value) FROM meter_values
                    WHERE meter_id = customer_meters.meter_id AND subject IN {_SUBJECTS}
                        AND from_seq >= customer_meters.window_seq) END
                FROM meter_value_counts AS sets
                WHERE sets.meter_id = customer_meters.meter_id AND sets.subject IN {_SUBJECTS}
                    AND sets.from_seq >= customer_meters.window_seq)
            END AS consumed
    ) AS used
    """  # noqa: S608  # made of constants
)
CONSUMED = column("used.consumed", sa.Numeric)
MODIFIED_AT = column("greatest(customer_meters.modified_at, parts.modified_at)", _TIME)
CREDITED = column("customer_meters.credited_units", sa.BigInteger)
_CUSTOMER = {name: column(f"customers.{name}", item.type) for name, item in CustomerRow.c.items()}
_METER = {name: column(f"meters.{name}", item.type) for name, item in MeterRow.c.items()}

SELECT = sa.select(
    column("customer_meters.id", PgUUID).label("id"),
    column("customer_meters.created_at", _TIME).label("created_at"),
    MODIFIED_AT.label("modified_at"),
    column("customer_meters.customer_id", PgUUID).label("customer_id"),
    column("customer_meters.meter_id", PgUUID).label("meter_id"),
    column("customer_meters.window_seq", sa.BigInteger).label("window_seq"),
    column("customer_meters.reset_at", _TIME).label("reset_at"),
    CONSUMED.label("consumed"),
    CREDITED.label("credited_units"),
    column("customer_meters.plain_units", sa.BigInteger).label("plain_units"),
    column("customer_meters.rollover_units", sa.BigInteger).label("rollover_units"),
    column(
        "(parts.is_mixed OR EXISTS (SELECT FROM meter_fills WHERE meter_fills.meter_id = customer_meters.meter_id))",
        sa.Boolean,
    ).label("is_partial"),
    *(item.label(f"customer_{name}") for name, item in _CUSTOMER.items()),
    *(item.label(f"meter_{name}") for name, item in _METER.items() if name != "id"),
).select_from(FROM)

OF_CUSTOMER = SELECT.where(
    column("customer_meters.customer_id", PgUUID) == sa.bindparam("customer_id", type_=PgUUID)
).order_by(sa.text("customer_meters.created_at, customer_meters.id"))
_OF_METERS = OF_CUSTOMER.where(
    column("customer_meters.meter_id", PgUUID) == sa.func.any(sa.bindparam("meter_ids", type_=ARRAY(PgUUID)))
)
_OF_PAIRS = SELECT.where(
    sa.text(
        """
        (customer_meters.customer_id, customer_meters.meter_id) IN (
            SELECT * FROM unnest(CAST(:customer_ids AS uuid[]), CAST(:meter_ids AS uuid[])))
        """
    )
)


@dataclass(frozen=True, slots=True)
class Balance:
    """A customer meter as it is: its window, what was consumed in it, and its credits."""

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    customer_id: UUID
    meter_id: UUID
    function: AggregationFunction
    window_seq: int
    reset_at: datetime | None
    consumed: Decimal
    credits: Credits

    @property
    def balance(self) -> Decimal:
        """What is left; negative when more was consumed than credited."""
        return self.credits.total - self.consumed


async def balances(runs: Runs, customer_id: UUID, meter_ids: Sequence[UUID] | None = None) -> list[Balance]:
    """The customer meters of a customer, oldest first: all, or those of some meters."""
    if meter_ids is None:
        rows = await runs.fetch(OF_CUSTOMER, customer_id=customer_id)
    else:
        rows = await runs.fetch(_OF_METERS, customer_id=customer_id, meter_ids=list(meter_ids))
    return [await balance_of(runs, row) for row in rows]


async def balances_of(runs: Runs, pairs: Sequence[tuple[UUID, UUID]]) -> list[Balance]:
    """The customer meters of some pairs of customer and meter, as far as they are there."""
    customer_ids, meter_ids = (list(ids) for ids in zip(*pairs, strict=True))
    rows = await runs.fetch(_OF_PAIRS, customer_ids=customer_ids, meter_ids=meter_ids)
    return [await balance_of(runs, row) for row in rows]


async def balance_of(runs: Runs, row: Record) -> Balance:
    """What a row of `SELECT` says."""
    consumed = await _from_events(runs, row) if row["is_partial"] else Decimal(row["consumed"])
    return Balance(
        id=row["id"],
        created_at=row["created_at"],
        modified_at=row["modified_at"],
        customer_id=row["customer_id"],
        meter_id=row["meter_id"],
        function=AggregationFunction(row["meter_aggregation"]["func"]),
        window_seq=row["window_seq"],
        reset_at=row["reset_at"],
        consumed=consumed,
        credits=Credits(row["credited_units"], row["plain_units"], row["rollover_units"]),
    )


def meter_of(row: Record) -> Mapping[str, Any]:
    """The meter in a row of `SELECT`."""
    return {"id": row["meter_id"], **{name: row[f"meter_{name}"] for name in _METER if name != "id"}}


def customer_of(row: Record) -> Mapping[str, Any]:
    """The customer in a row of `SELECT`."""
    return {name: row[f"customer_{name}"] for name in _CUSTOMER}


async def _from_events(runs: Runs, row: Record) -> Decimal:
    """What was consumed in the window, counted from the events; an archived meter stopped when it was."""
    rules = CountedMeter.of(meter_of(row))
    organization_id, external_id = row["customer_organization_id"], row["customer_external_id"]
    subjects = [row["customer_id"], *([subject_of(organization_id, external_id)] if external_id is not None else [])]
    number, digest = number_of(rules.aggregation), digest_of(rules.aggregation)
    e = EventRow.c
    statement = sa.select(
        sa.func.count().label("count"),
        sa.func.sum(number).label("sum"),
        sa.func.min(number).label("min"),
        sa.func.max(number).label("max"),
        sa.func.count(digest.distinct()).label("distinct"),
    ).where(
        e.subject == sa.func.any(sa.literal(subjects, ARRAY(PgUUID))),
        e.organization_id == sa.literal(organization_id, PgUUID),
        e.seq >= sa.literal(row["window_seq"], sa.BigInteger),
        counted(rules.condition, rules.aggregation),
    )
    if row["meter_archived_seq"] is not None:
        statement = statement.where(e.seq < sa.literal(row["meter_archived_seq"], sa.BigInteger))
    found = await runs.fetchrow(statement)
    assert found is not None
    tally = Tally(found["count"], found["sum"], found["min"], found["max"], distinct=found["distinct"])
    return quantity(rules.aggregation.function, tally)
