"""Counting events afterwards: those that are older than their meter, or came while it was archived (usage spec 4.1).

What is counted here goes into segments of its own, which are never billed, so that ingestion is not held up. Until it
is done, `meter_fills` says so, and reads look at the events themselves.
"""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.dialects.postgresql import insert

from boreal.core.metering import AggregationFunction
from boreal.kit.app import App
from boreal.kit.db import Record
from boreal.kit.tx import Tx
from boreal.kit.work import Work
from boreal.rooms.usage.events.tables import EventRow
from boreal.rooms.usage.meters.counting import ALL, CountedMeter
from boreal.rooms.usage.meters.generations import NEXT_PLACE
from boreal.rooms.usage.meters.sql import counted, digest_of, hour_of, number_of
from boreal.rooms.usage.meters.tables import (
    MeterFillRow,
    MeterRollupRow,
    MeterRow,
    MeterSegmentRow,
    MeterUsageRow,
    MeterValueRow,
)

E, U = EventRow.c, MeterUsageRow.c
FILLED = -1
"""The slot of roll-ups that were counted here."""

_ID = sa.bindparam("id", type_=PgUUID)
_METER = sa.select(MeterRow).where(MeterRow.c.id == _ID).with_for_update()
_FILLS = sa.select(MeterFillRow).where(MeterFillRow.c.meter_id == _ID).order_by(MeterFillRow.c.from_seq)
_DONE = sa.text("DELETE FROM meter_fills WHERE meter_id = :meter_id AND from_seq = :from_seq")
_APPEAR = sa.text(
    """
    INSERT INTO customer_meters (
        id, created_at, organization_id, customer_id, meter_id, window_seq, credited_units, plain_units, rollover_units)
    SELECT gen_random_uuid(), CAST(:now AS timestamptz), customer.organization_id, customer.id,
        CAST(:meter_id AS uuid), -1, 0, 0, 0
    FROM customers AS customer
    WHERE customer.organization_id = :organization_id AND customer.deleted_at IS NULL AND (
        customer.external_id IS NOT NULL
        OR EXISTS (SELECT FROM customer_meters AS other WHERE other.customer_id = customer.id)
        OR EXISTS (SELECT FROM meter_usage AS known
            WHERE known.meter_id = customer.organization_id AND known.subject = customer.id))
    ORDER BY customer.id
    ON CONFLICT (customer_id, meter_id) DO NOTHING
    """
)


async def fill_meter(app: App, work: Work) -> None:
    """Counts what `meter_fills` names and gives known customers their customer meter. The second time nothing is left.

    Nothing resets the meter meanwhile: its row is locked.
    """
    async with app.transaction(work.organization_id) as tx:
        meter = await tx.fetchrow(_METER, id=UUID(work.payload["meter_id"]))
        assert meter is not None
        for fill in await tx.fetch(_FILLS, id=meter["id"]):
            await _fill(tx, meter, fill)
            await tx.execute(_DONE, meter_id=meter["id"], from_seq=fill["from_seq"])
        if meter["archived_at"] is None:
            await appear(tx, meter["id"])


async def appear(tx: Tx, meter_id: UUID) -> None:
    """Gives every customer of whom usage may be known a customer meter of this meter (usage spec 5.2)."""
    await tx.execute(_APPEAR, meter_id=meter_id, organization_id=tx.organization_id, now=tx.now)


async def _fill(tx: Tx, meter: Record, fill: Record) -> None:
    rules = CountedMeter.of(meter)
    place = await tx.fetchval(NEXT_PLACE)
    # Events after the last closing of a subject's row belong to its window as it is now, so their segment is labelled
    # with this place; those before it to an earlier one.
    label = sa.case(
        (E.seq >= sa.func.coalesce(U.from_seq, 0), sa.literal(place, sa.BigInteger)),
        else_=sa.literal(fill["from_seq"], sa.BigInteger),
    )
    is_its_row = sa.and_(U.meter_id == sa.literal(meter["id"], PgUUID), U.subject == E.subject)
    events = (
        sa.select(E.subject, label.label("label"), hour_of(E.timestamp).label("hour"))
        .select_from(sa.outerjoin(EventRow, MeterUsageRow, is_its_row))
        .where(
            E.organization_id == sa.literal(meter["organization_id"], PgUUID),
            E.seq > sa.literal(fill["from_seq"], sa.BigInteger),
            E.seq < sa.literal(fill["until_seq"], sa.BigInteger),
            counted(rules.condition, rules.aggregation),
        )
    )
    await tx.execute(_add_segments(events, rules, until_seq=fill["until_seq"]))
    if rules.aggregation.function is AggregationFunction.UNIQUE:
        await tx.execute(_add_values(events, rules))
        await tx.execute(_COUNT_VALUES, id=rules.id, place=place, before=fill["from_seq"])


def _add_segments(events: sa.Select[Any], rules: CountedMeter, *, until_seq: int) -> sa.sql.base.Executable:
    """One statement for segments and roll-ups, so that events are read once."""
    number = number_of(rules.aggregation)
    numbers = (sa.func.count().label("count"), sa.func.sum(number).label("sum"), sa.func.min(number).label("min"))
    measured = events.add_columns(*numbers, sa.func.max(number).label("max")).group_by(sa.text("1, 2, 3"))
    cells = measured.cte("cells")
    meter_id = sa.literal(rules.id, PgUUID)
    totals = (sa.func.sum(cells.c.count), sa.func.sum(cells.c.sum), sa.func.min(cells.c.min), sa.func.max(cells.c.max))
    segments = (
        insert(MeterSegmentRow)
        .from_select(
            ["meter_id", "subject", "from_seq", "until_seq", "billable", "count", "sum", "min", "max"],
            sa.select(
                meter_id,
                cells.c.subject,
                cells.c.label,
                sa.literal(until_seq, sa.BigInteger),
                sa.false(),
                *totals,
            ).group_by(cells.c.subject, cells.c.label),
        )
        .returning(sa.literal(1).label("one"))
        .cte("segments")
    )
    every, day = sa.literal(ALL, PgUUID), sa.cast(sa.func.floor(cells.c.hour / sa.literal(24.0)), sa.Integer)
    buckets = [(every, 1, cells.c.hour), (every, 24, day), (cells.c.subject, 24, day)]
    parts = sa.union_all(
        *(
            sa.select(
                meter_id,
                subject.label("subject"),
                sa.literal(hours, sa.SmallInteger).label("hours"),
                bucket.label("bucket"),
                sa.literal(FILLED, sa.SmallInteger),
                *totals,
            ).group_by(sa.text("2, 4"))
            for subject, hours, bucket in buckets
        )
    )
    rolled = insert(MeterRollupRow).from_select(
        ["meter_id", "subject", "hours", "bucket", "slot", "count", "sum", "min", "max"], parts
    )
    known, new = MeterRollupRow.c, rolled.excluded
    return rolled.on_conflict_do_update(
        index_elements=["meter_id", "subject", "hours", "bucket", "slot"],
        set_={
            "count": known.count + new["count"],
            "sum": sa.func.coalesce(known.sum + new["sum"], known.sum, new["sum"]),
            "min": sa.func.least(known.min, new["min"]),
            "max": sa.func.greatest(known.max, new["max"]),
        },
    ).add_cte(segments)


def _add_values(events: sa.Select[Any], rules: CountedMeter) -> sa.sql.base.Executable:
    value = digest_of(rules.aggregation)
    found = (
        events.with_only_columns(
            sa.literal(rules.id, PgUUID), E.subject, events.selected_columns.label, value, maintain_column_froms=True
        )
        .where(value.is_not(None))
        .distinct()
    )
    return insert(MeterValueRow).from_select(["meter_id", "subject", "from_seq", "value"], found)


_COUNT_VALUES = sa.text(
    """
    INSERT INTO meter_value_counts (meter_id, subject, from_seq, count)
    SELECT meter_id, subject, from_seq, count(*) FROM meter_values
    WHERE meter_id = :id AND from_seq IN (:place, :before) GROUP BY 1, 2, 3
    ON CONFLICT (meter_id, subject, from_seq) DO UPDATE SET count = excluded.count
    """
)
