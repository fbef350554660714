"""Measuring usage between places in the order of events, for bills: of any number of spans in one statement.

Segments and open rows tell, since whoever bills closed at those places. Where they do not end there, because an
external id came to a customer later than the events that named it, the events themselves are counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.events import subject_of
from boreal.core.metering import Tally
from boreal.kit.db import Record, Runs
from boreal.kit.tx import Tx
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.usage.events.tables import EventRow
from boreal.rooms.usage.meters.counting import CountedMeter
from boreal.rooms.usage.meters.sql import counted, digest_of, number_of
from boreal.rooms.usage.meters.tables import MeterRow

END = 2**62
"""Behind every event that will ever be counted."""

_SENT = """
    unnest(
        CAST(:groups AS int[]), CAST(:meter_ids AS uuid[]), CAST(:customer_ids AS uuid[]),
        CAST(:sinces AS bigint[]), CAST(:untils AS bigint[])
    ) AS sent (number, meter_id, customer_id, since, until)
    JOIN customers ON customers.id = sent.customer_id
    CROSS JOIN LATERAL (
        SELECT customers.id AS subject
        UNION ALL
        SELECT encode(substr(sha256(
            uuid_send(customers.organization_id) || convert_to(customers.external_id, 'UTF8')), 1, 16), 'hex')::uuid
        WHERE customers.external_id IS NOT NULL
    ) AS subjects
"""
_MEASURE = sa.text(
    f"""
    WITH span AS MATERIALIZED (SELECT number, meter_id, subject, since, until FROM {_SENT}), part AS MATERIALIZED (
        SELECT number, meter_id, subject, from_seq, count, sum, min, max,
            from_seq < since OR until_seq > until AS is_cut
        FROM span JOIN meter_segments AS segment USING (meter_id, subject)
        WHERE (billable OR NOT :billable_only) AND from_seq < until AND until_seq > since
        UNION ALL
        SELECT number, meter_id, subject, from_seq, count, sum, min, max, from_seq < since OR until < :end
        FROM span JOIN meter_usage AS usage USING (meter_id, subject)
        WHERE count > 0 AND from_seq < until
    )
    SELECT number, sum(count)::bigint AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max,
        bool_or(is_cut) AS is_cut, (
            SELECT count(DISTINCT value) FROM part AS own JOIN meter_values USING (meter_id, subject, from_seq)
            WHERE own.number = part.number
        ) AS distinct
    FROM part GROUP BY number
    """  # noqa: S608  # made of constants
)


@dataclass(frozen=True, slots=True)
class Span:
    """What a customer used of a meter from one place on and before another; None: until now."""

    meter_id: UUID
    customer_id: UUID
    since: int
    until: int | None = None

    @property
    def end(self) -> int:
        """Before which place."""
        return END if self.until is None else self.until


async def measure(runs: Runs | Tx, groups: Sequence[Sequence[Span]], *, billable_only: bool = True) -> list[Tally]:
    """What the spans of each group come to together; those of one group are of one meter and do not overlap.

    Unless told otherwise, only what may be billed counts: not events older than their meter (usage spec 4.1).
    """
    spans = [(number, span) for number, group in enumerate(groups) for span in group]
    tallies = [Tally()] * len(groups)
    if not spans:
        return tallies
    rows = await runs.fetch(
        _MEASURE,
        groups=[number for number, _ in spans],
        meter_ids=[span.meter_id for _, span in spans],
        customer_ids=[span.customer_id for _, span in spans],
        sinces=[span.since for _, span in spans],
        untils=[span.end for _, span in spans],
        end=END,
        billable_only=billable_only,
    )
    for row in rows:
        if row["is_cut"]:
            tallies[row["number"]] = await _count(runs, groups[row["number"]])
        else:
            tallies[row["number"]] = _tally(row)
    return tallies


def _tally(row: Record) -> Tally:
    return Tally(row["count"], row["sum"], row["min"], row["max"], distinct=row["distinct"])


_METER = sa.select(MeterRow).where(MeterRow.c.id == sa.bindparam("id", type_=PgUUID))
_CUSTOMERS = sa.select(CustomerRow.c.id, CustomerRow.c.external_id).where(
    CustomerRow.c.id == sa.func.any(sa.bindparam("ids", type_=ARRAY(PgUUID)))
)
_E = EventRow.c


async def _count(runs: Runs | Tx, spans: Sequence[Span]) -> Tally:
    """The same from the events."""
    meter = await runs.fetchrow(_METER, id=spans[0].meter_id)
    assert meter is not None
    rules = CountedMeter.of(meter)
    customers = await runs.fetch(_CUSTOMERS, ids=list({span.customer_id for span in spans}))
    external_ids = {row["id"]: row["external_id"] for row in customers}
    number = number_of(rules.aggregation)
    statement = sa.select(
        sa.func.count().label("count"),
        sa.func.sum(number).label("sum"),
        sa.func.min(number).label("min"),
        sa.func.max(number).label("max"),
        sa.func.count(digest_of(rules.aggregation).distinct()).label("distinct"),
    ).where(
        _E.organization_id == sa.literal(meter["organization_id"], PgUUID),
        counted(rules.condition, rules.aggregation),
        sa.or_(*(_is_in(span, external_ids[span.customer_id], meter["organization_id"]) for span in spans)),
    )
    row = await runs.fetchrow(statement)
    assert row is not None
    return _tally(row)


def _is_in(span: Span, external_id: str | None, organization_id: UUID) -> sa.ColumnElement[bool]:
    subjects = [span.customer_id, *([subject_of(organization_id, external_id)] if external_id is not None else [])]
    return sa.and_(
        _E.subject == sa.func.any(sa.literal(subjects, ARRAY(PgUUID))),
        _E.seq >= sa.literal(span.since, sa.BigInteger),
        _E.seq < sa.literal(span.end, sa.BigInteger),
    )
