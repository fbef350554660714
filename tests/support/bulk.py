"""Many events of an organization at once, with what ingestion would have counted of them; checks hold both together.

The indexes of the events are made anew afterwards, which is much faster than keeping them while rows come.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from boreal.core.events import subject_of
from boreal.kit.db import Connection, compile_statement
from boreal.rooms.usage.events.tables import EventRow
from tests.support.shop import Shop

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
VALUES = 5
HOURS = 700

_GENERATED = sa.text(
    f"""
    CREATE TEMP TABLE filled ON COMMIT DROP AS
    SELECT number % {VALUES} AS value, CAST(:now AS timestamptz) AS timestamp, subject, external_id
    FROM generate_series(1, 0) AS number, unnest(CAST(:subjects AS uuid[]), CAST(:external_ids AS text[]))
        AS customer (subject, external_id)
    """  # made of constants; empty, for its columns
)
_GENERATE = sa.text(
    f"""
    INSERT INTO filled
    SELECT number % {VALUES}, CAST(:now AS timestamptz) - random() * make_interval(hours => {HOURS}),
        (CAST(:subjects AS uuid[]))[1 + number % :customers], (CAST(:external_ids AS text[]))[1 + number % :customers]
    FROM generate_series(1, :events) AS number
    """
)
_STORE = sa.text(
    """
    INSERT INTO events (seq, ingested_at, timestamp, id, organization_id, subject, source, name, external_customer_id,
        metadata)
    SELECT nextval('events_seq'), now(), timestamp, gen_random_uuid(), CAST(:organization_id AS uuid), subject, 'user',
        'call', external_id, jsonb_build_object('v', value) FROM filled
    """
)
_PARTS = """
    FROM (SELECT *, floor(extract(epoch FROM timestamp) / 3600)::int AS bucket FROM filled) AS filled,
        unnest(CAST(:meter_ids AS uuid[]), CAST(:adds AS boolean[])) AS meter (id, adds)
"""
_CELL = "count(*), sum(value) FILTER (WHERE adds), min(value) FILTER (WHERE adds), max(value) FILTER (WHERE adds)"
_ADD = """
    count = known.count + excluded.count, sum = known.sum + excluded.sum,
    min = least(known.min, excluded.min), max = greatest(known.max, excluded.max)
"""
_COUNT = (
    sa.text(
        f"""
        INSERT INTO meter_usage AS known
        SELECT meter.id, subject, 0, CAST(:now AS timestamptz), {_CELL} {_PARTS} GROUP BY 1, 2
        ON CONFLICT (meter_id, subject) DO UPDATE SET {_ADD}
        """
    ),
    sa.text(
        f"""
        INSERT INTO meter_rollups AS known
        SELECT meter.id, CAST(:all AS uuid), 1, bucket, 1, {_CELL} {_PARTS} GROUP BY 1, 4
        UNION ALL SELECT meter.id, CAST(:all AS uuid), 24, bucket / 24, 1, {_CELL} {_PARTS} GROUP BY 1, 4
        UNION ALL SELECT meter.id, subject, 24, bucket / 24, 0, {_CELL} {_PARTS} GROUP BY 1, 2, 4
        ON CONFLICT (meter_id, subject, hours, bucket, slot) DO UPDATE SET {_ADD}
        """
    ),
    sa.text(
        """
        INSERT INTO event_names AS known
        SELECT CAST(:organization_id AS uuid), 'call', 'user', 1, count(*), count(*),
            min(timestamp), max(timestamp)
        FROM filled
        ON CONFLICT (organization_id, name, source, slot) DO UPDATE SET
            occurrences = known.occurrences + excluded.occurrences,
            root_occurrences = known.root_occurrences + excluded.root_occurrences,
            first_seen = least(known.first_seen, excluded.first_seen),
            last_seen = greatest(known.last_seen, excluded.last_seen)
        """
    ),
)


async def fill(shop: Shop, events: int, *, external_ids: Sequence[str], adding: UUID, counting: UUID) -> None:
    """Stores events named `call` of the last 700 hours, spread over customers, with a number `v` from 0 to 4.

    `adding` is a meter that adds up `v`, `counting` one that counts; the organization has no others.
    """
    id = shop.organization_id
    binds: dict[str, Any] = {
        "now": shop.clock.now(),
        "events": events,
        "customers": len(external_ids),
        "organization_id": id,
        "subjects": [subject_of(id, external_id) for external_id in external_ids],
        "external_ids": list(external_ids),
        "meter_ids": [id, adding, counting],
        "adds": [False, True, False],
        "all": UUID(int=0),
    }
    async with shop.app.database.transaction() as connection:
        for index in EventRow.indexes:
            await connection.execute(sa.text(f"DROP INDEX {index.name}"))
        for statement in (_GENERATED, _GENERATE, _STORE, *_COUNT):
            await _execute(connection, statement, binds)
        for index in EventRow.indexes:
            await connection.execute(sa.text(str(sa.schema.CreateIndex(index).compile(dialect=_DIALECT))))
    await shop.app.database.pool.execute("VACUUM ANALYZE events, meter_usage, meter_rollups, event_names")


async def _execute(connection: Connection, statement: sa.TextClause, binds: dict[str, Any]) -> None:
    names = compile_statement(statement).names
    await connection.execute(statement, **{name: binds[name] for name in names})
