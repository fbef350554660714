"""What a meter counted, interval by interval (usage spec 4.4): from roll-ups, which do not grow with the events.

Where roll-ups do not tell (metadata, the values of `unique`, the hours of one customer, a meter that is archived or
being filled), the events of the range are read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.calendar import TimeInterval
from boreal.core.metering import AggregationFunction, Tally, put_together, quantity
from boreal.core.quantities import bucket_of, combined, is_too_long, labels, next_of, total
from boreal.kit.db import Record, Runs
from boreal.kit.problems import Fault, Invalid
from boreal.rooms.usage.events.asked import subjects_of
from boreal.rooms.usage.events.tables import EventRow
from boreal.rooms.usage.meters.counting import ALL, CountedMeter
from boreal.rooms.usage.meters.queries import is_filling
from boreal.rooms.usage.meters.sql import counted, digest_of, number_of

E = EventRow.c

ROLLED = sa.text(
    """
    SELECT bucket, CASE WHEN :apart THEN subject END AS subject,
        sum(count)::bigint AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max
    FROM meter_rollups
    WHERE meter_id = :meter_id AND subject = ANY(CAST(:subjects AS uuid[])) AND hours = :hours
        AND bucket >= :first AND bucket < :last
    GROUP BY 1, 2
    """
).bindparams(sa.bindparam("apart", type_=sa.Boolean))
_ROLLED_APART = sa.text(
    """
    SELECT bucket, subject, sum(count)::bigint AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max
    FROM meter_rollups
    WHERE meter_id = :meter_id AND subject <> :all AND hours = 24 AND bucket >= :first AND bucket < :last
    GROUP BY 1, 2
    """
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted of a meter. `per_customer`: each customer by itself, and then this of their values."""

    start: datetime
    end: datetime
    interval: TimeInterval
    customer_ids: tuple[UUID, ...] = ()
    external_ids: tuple[str, ...] = ()
    metadata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    per_customer: AggregationFunction | None = None


@dataclass(frozen=True, slots=True)
class _Range:
    """The calendar intervals from the first label's to the last one's."""

    first: datetime
    last: datetime

    @property
    def hours(self) -> tuple[int, int]:
        return int(self.first.timestamp() // 3600), int(self.last.timestamp() // 3600)


Tallies = dict[tuple[datetime, UUID | None], Tally]
"""By bucket and, if they are wanted apart, by subject."""


async def read(runs: Runs, meter: Record, asked: Asked) -> dict[str, Any]:
    """The quantities of a meter (contract `MeterQuantities`). Raises `Invalid` if there are too many intervals."""
    if is_too_long(asked.start, asked.end, asked.interval):
        words = "The interval is too big. Try to change the interval or reduce the date range."
        raise Invalid(Fault(("query",), words))
    grid = labels(asked.start, asked.end, asked.interval)
    if not grid:
        return {"quantities": [], "total": 0.0}
    rules = CountedMeter.of(meter)
    function = rules.aggregation.function
    span = _Range(
        bucket_of(grid[0], asked.interval),
        next_of(bucket_of(grid[-1], asked.interval), asked.interval),
    )
    subjects = await subjects_of(
        runs, [meter["organization_id"]], ids=asked.customer_ids, external_ids=asked.external_ids
    )
    tallies = await _tallies(runs, meter, rules, asked, span, subjects)
    values = _values(function, asked.per_customer, tallies)
    wanted = [bucket_of(label, asked.interval) for label in grid]
    if function is AggregationFunction.UNIQUE:
        whole = await _from_events(runs, meter, rules, asked, span, subjects, whole=True)
        all_of_it = _values(function, asked.per_customer, whole).get(span.first, Decimal(0))
    else:
        all_of_it = total(function, [values[bucket] for bucket in wanted if bucket in values])
    return {
        "quantities": [
            {"timestamp": label, "quantity": wire(values.get(bucket, Decimal(0)))}
            for label, bucket in zip(grid, wanted, strict=True)
        ],
        "total": wire(all_of_it),
    }


def wire(number: Decimal) -> float:
    """A number as JSON has it; one beyond all floats is the greatest of them."""
    return max(-_GREATEST, min(float(number), _GREATEST))


_GREATEST = 1.7976931348623157e308


async def _tallies(
    runs: Runs, meter: Record, rules: CountedMeter, asked: Asked, span: _Range, subjects: list[UUID] | None
) -> Tallies:
    by_customer = subjects is not None or asked.per_customer is not None
    by_hour = asked.interval is TimeInterval.HOUR
    is_unique = rules.aggregation.function is AggregationFunction.UNIQUE
    is_partial = meter["archived_at"] is not None or await is_filling(runs, meter["id"])
    if asked.metadata or is_unique or (by_hour and by_customer) or is_partial:
        return await _from_events(runs, meter, rules, asked, span, subjects)
    hours = 1 if by_hour else 24
    first, last = (hour // hours for hour in span.hours)
    where = {"meter_id": rules.id, "first": first, "last": last}
    if subjects is None and asked.per_customer is not None:
        rows = await runs.fetch(_ROLLED_APART, **where, all=ALL)
    else:
        wanted = [ALL] if subjects is None else subjects
        apart = asked.per_customer is not None
        rows = await runs.fetch(ROLLED, **where, subjects=wanted, hours=hours, apart=apart)
    found: dict[tuple[datetime, UUID | None], list[Tally]] = {}
    for row in rows:
        moment = datetime.fromtimestamp(row["bucket"] * hours * 3600, UTC)
        found.setdefault((bucket_of(moment, asked.interval), row["subject"]), []).append(_tally(row))
    return {key: put_together(parts) for key, parts in found.items()}


def _tally(row: Record) -> Tally:
    return Tally(row["count"], row["sum"], row["min"], row["max"])


async def _from_events(
    runs: Runs,
    meter: Record,
    rules: CountedMeter,
    asked: Asked,
    span: _Range,
    subjects: list[UUID] | None,
    *,
    whole: bool = False,
) -> Tallies:
    """From the events of the range; `whole`: in one bucket, at its beginning."""
    number, digest = number_of(rules.aggregation), digest_of(rules.aggregation)
    truncated = sa.func.date_trunc(asked.interval.value, sa.func.timezone("UTC", E.timestamp))
    bucket = sa.literal(span.first.replace(tzinfo=None), sa.DateTime) if whole else truncated
    subject = E.subject if asked.per_customer is not None else sa.cast(sa.null(), PgUUID)
    statement = (
        sa.select(
            bucket.label("bucket"),
            subject.label("subject"),
            sa.func.count().label("count"),
            sa.func.sum(number).label("sum"),
            sa.func.min(number).label("min"),
            sa.func.max(number).label("max"),
            sa.func.count(digest.distinct()).label("distinct"),
        )
        .where(
            E.organization_id == sa.literal(meter["organization_id"], PgUUID),
            E.timestamp >= sa.literal(span.first, sa.DateTime(timezone=True)),
            E.timestamp < sa.literal(span.last, sa.DateTime(timezone=True)),
            counted(rules.condition, rules.aggregation),
        )
        .group_by(sa.text("1, 2"))
    )
    if subjects is not None:
        statement = statement.where(E.subject == sa.func.any(sa.literal(subjects, ARRAY(PgUUID))))
    for key, values in asked.metadata.items():
        text = E.metadata.op("->>")(sa.literal(key, sa.Text))
        statement = statement.where(text == sa.func.any(sa.literal(list(values), ARRAY(sa.Text))))
    return {
        (row["bucket"].replace(tzinfo=UTC), row["subject"]): Tally(
            row["count"], row["sum"], row["min"], row["max"], distinct=row["distinct"]
        )
        for row in await runs.fetch(statement)
    }


def _values(
    function: AggregationFunction, per_customer: AggregationFunction | None, tallies: Tallies
) -> dict[datetime, Decimal]:
    """The number of each bucket that had events."""
    if per_customer is None:
        return {bucket: quantity(function, tally) for (bucket, _), tally in tallies.items()}
    apart: dict[datetime, list[Decimal]] = {}
    for (bucket, _), tally in tallies.items():
        apart.setdefault(bucket, []).append(quantity(function, tally))
    return {bucket: combined(per_customer, values) for bucket, values in apart.items()}
