"""Counts everything anew from the events and compares it with what ingestion kept (`boreal check`).

One statement per meter, so that both sides are of one moment, also while events come in. Whatever differs is a defect:
sums are exact, nothing is sampled.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.kit.db import Database
from boreal.rooms.usage.events.tables import EventRow
from boreal.rooms.usage.meters.counting import ALL, CountedMeter
from boreal.rooms.usage.meters.sql import counted, digest_of, hour_of, number_of
from boreal.rooms.usage.meters.tables import MeterRow, MeterUsageRow

E, U = EventRow.c, MeterUsageRow.c

_METERS = sa.select(MeterRow).order_by(MeterRow.c.id)
_ORGANIZATIONS = sa.text("SELECT organization_id FROM meter_generations ORDER BY 1")
# What ingestion has not counted: it will be filled in, or came while the meter was archived.
_LEFT_OUT = sa.text(
    """NOT EXISTS (SELECT FROM meter_fills AS fill WHERE fill.meter_id = :meter_id
        AND events.seq > fill.from_seq AND events.seq < fill.until_seq)
    AND NOT EXISTS (SELECT FROM meters WHERE meters.id = :meter_id
        AND meters.archived_at IS NOT NULL AND events.seq > meters.archived_seq)"""
)
_DIFFERENCES = """(
    WITH wanted AS (
        SELECT subject, is_open, count(*) AS count, sum(number) AS sum, min(number) AS min, max(number) AS max
        FROM found WHERE subject IS NOT NULL GROUP BY 1, 2
    ), kept AS (
        SELECT subject, is_open, sum(count) AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max FROM (
            SELECT subject, true AS is_open, count, sum, min, max FROM meter_usage
            WHERE meter_id = :meter_id AND count > 0
            UNION ALL
            SELECT part.subject, part.from_seq >= coalesce(known.from_seq, 0),
                part.count, part.sum, part.min, part.max
            FROM meter_segments AS part
                LEFT JOIN meter_usage AS known ON known.meter_id = part.meter_id AND known.subject = part.subject
            WHERE part.meter_id = :meter_id
        ) AS parts GROUP BY 1, 2
    ), days AS (
        SELECT hour, floor(hour / 24.0)::int AS day, subject, number FROM found
    ), wanted_rollups AS (
        SELECT CAST(:all AS uuid) AS subject, 1 AS hours, hour AS bucket, count(*) AS count, sum(number) AS sum,
            min(number) AS min, max(number) AS max
        FROM days GROUP BY 3
        UNION ALL
        SELECT CAST(:all AS uuid), 24, day, count(*), sum(number), min(number), max(number) FROM days GROUP BY 3
        UNION ALL
        SELECT subject, 24, day, count(*), sum(number), min(number), max(number)
        FROM days WHERE subject IS NOT NULL GROUP BY 1, 3
    ), kept_rollups AS (
        SELECT subject, hours::int AS hours, bucket,
            sum(count) AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max
        FROM meter_rollups WHERE meter_id = :meter_id GROUP BY 1, 2, 3
    ), wanted_values AS (
        SELECT DISTINCT subject, digest FROM found WHERE digest IS NOT NULL
    ), kept_values AS (
        SELECT DISTINCT subject, value AS digest FROM meter_values WHERE meter_id = :meter_id
    )
    SELECT 'usage' AS kind, subject, is_open::int AS hours, NULL::int AS bucket,
        to_jsonb(wanted)::text AS wanted, to_jsonb(kept)::text AS kept
    FROM wanted FULL JOIN kept USING (subject, is_open)
    WHERE (wanted.count, wanted.sum, wanted.min, wanted.max)
        IS DISTINCT FROM (kept.count, kept.sum, kept.min, kept.max)
    UNION ALL
    SELECT 'roll-up', subject, hours, bucket, to_jsonb(wanted_rollups)::text, to_jsonb(kept_rollups)::text
    FROM wanted_rollups FULL JOIN kept_rollups USING (subject, hours, bucket)
    WHERE (wanted_rollups.count, wanted_rollups.sum, wanted_rollups.min, wanted_rollups.max)
        IS DISTINCT FROM (kept_rollups.count, kept_rollups.sum, kept_rollups.min, kept_rollups.max)
    UNION ALL
    SELECT 'value', subject, NULL, NULL, wanted_values.digest::text, kept_values.digest::text
    FROM wanted_values FULL JOIN kept_values USING (subject, digest)
    WHERE wanted_values.digest IS NULL OR kept_values.digest IS NULL
) AS difference"""


async def differences(database: Database) -> list[dict[str, Any]]:
    """Every row that is not what counting anew gives, with both; none if all is well."""
    found: list[dict[str, Any]] = []
    for meter in await database.fetch(_METERS):
        rules = CountedMeter.of(meter)
        condition = sa.and_(
            E.organization_id == sa.literal(meter["organization_id"], PgUUID),
            counted(rules.condition, rules.aggregation),
            _LEFT_OUT,
        )
        events = _events(rules.id, condition, number_of(rules.aggregation), digest_of(rules.aggregation))
        found += await _compared(database, rules.id, events)
    for row in await database.fetch(_ORGANIZATIONS):
        id = row["organization_id"]
        of_organization = E.organization_id == sa.literal(id, PgUUID)
        nothing = (sa.cast(sa.null(), sa.Numeric), sa.cast(sa.null(), PgUUID))
        found += await _compared(database, id, _events(id, of_organization, *nothing))
    return found


def _events(
    meter_id: Any, condition: sa.ColumnElement[bool], number: sa.ColumnElement[Any], digest: sa.ColumnElement[Any]
) -> sa.CTE:
    """The events that a meter counts: whose, since the last closing or before, when, and what they add."""
    is_its_row = sa.and_(U.meter_id == sa.literal(meter_id, PgUUID), U.subject == E.subject)
    return (
        sa.select(
            E.subject.label("subject"),
            (E.seq >= sa.func.coalesce(U.from_seq, 0)).label("is_open"),
            hour_of(E.timestamp).label("hour"),
            number.label("number"),
            digest.label("digest"),
        )
        .select_from(sa.outerjoin(EventRow, MeterUsageRow, is_its_row))
        .where(condition)
        .cte("found")
    )


async def _compared(database: Database, meter_id: Any, events: sa.CTE) -> list[dict[str, Any]]:
    statement: sa.Select[Any] = (
        sa.select(sa.literal_column("difference.*")).select_from(sa.text(_DIFFERENCES)).add_cte(events)
    )
    rows = await database.fetch(statement, meter_id=meter_id, all=ALL)
    return [{"meter_id": meter_id, **row} for row in rows]
