"""The statements of ingestion. Rows are locked in one order by all of them: keys, usage, roll-ups, names, values.

Where a row of `meter_usage` is locked by who closes it, ingestion waits; the places in the order of events are taken
after that, so that what is in a segment is exactly a range of them.
"""

import sqlalchemy as sa

TAKE_KEYS = sa.text(
    """
    INSERT INTO event_keys (organization_id, key, event_id)
    SELECT CAST(:organization_id AS uuid), sent.key, sent.event_id
    FROM unnest(CAST(:keys AS uuid[]), CAST(:event_ids AS uuid[])) AS sent (key, event_id) ORDER BY sent.key
    ON CONFLICT DO NOTHING RETURNING key
    """
)
"""Takes the keys that are free; a key that another transaction is taking is waited for."""

FIND_KEYS = sa.text(
    "SELECT key, event_id FROM event_keys WHERE organization_id = :organization_id AND key = ANY(:keys)"
)

FIND_EVENTS = sa.text(
    """
    SELECT id, coalesce(root_id, id) AS root_id FROM events
    WHERE organization_id = :organization_id AND id = ANY(:ids)
    """
)

FIND_CUSTOMERS = sa.text(
    "SELECT id FROM customers WHERE id = ANY(:ids) AND organization_id = :organization_id AND deleted_at IS NULL"
)

COUNT = sa.text(
    """
    WITH current AS MATERIALIZED (
        SELECT FROM meter_generations
        WHERE organization_id = :organization_id AND generation = :generation FOR SHARE
    ), used AS (
        INSERT INTO meter_usage AS known (meter_id, subject, from_seq, modified_at, count, sum, min, max)
        SELECT sent.meter_id, sent.subject, 0, CAST(:now AS timestamptz), sent.count,
            sent.sum::numeric, sent.min::numeric, sent.max::numeric
        FROM current, unnest(
            CAST(CAST(:meter_ids AS text) AS uuid[]), CAST(CAST(:subjects AS text) AS uuid[]),
            CAST(CAST(:counts AS text) AS bigint[]), CAST(CAST(:sums AS text) AS text[]),
            CAST(CAST(:mins AS text) AS text[]), CAST(CAST(:maxs AS text) AS text[])
        ) AS sent (meter_id, subject, count, sum, min, max)
        ORDER BY sent.meter_id, sent.subject
        ON CONFLICT (meter_id, subject) DO UPDATE SET
            modified_at = greatest(known.modified_at, excluded.modified_at),
            count = known.count + excluded.count,
            sum = CASE WHEN known.sum IS NULL THEN excluded.sum ELSE known.sum + coalesce(excluded.sum, 0) END,
            min = least(known.min, excluded.min), max = greatest(known.max, excluded.max)
        RETURNING meter_id, subject, from_seq
    ), locked AS MATERIALIZED (SELECT count(*) AS rows FROM used
    ), rolled AS (
        INSERT INTO meter_rollups AS known (meter_id, subject, hours, bucket, slot, count, sum, min, max)
        SELECT sent.meter_id, sent.subject, sent.hours, sent.bucket, sent.slot,
            sent.count, sent.sum::numeric, sent.min::numeric, sent.max::numeric
        FROM current, locked, unnest(
            CAST(CAST(:r_meter_ids AS text) AS uuid[]), CAST(CAST(:r_subjects AS text) AS uuid[]),
            CAST(CAST(:r_hours AS text) AS int[]),
            CAST(CAST(:r_buckets AS text) AS int[]), CAST(CAST(:r_slots AS text) AS int[]),
            CAST(CAST(:r_counts AS text) AS bigint[]), CAST(CAST(:r_sums AS text) AS text[]),
            CAST(CAST(:r_mins AS text) AS text[]), CAST(CAST(:r_maxs AS text) AS text[])
        ) AS sent (meter_id, subject, hours, bucket, slot, count, sum, min, max)
        WHERE locked.rows >= 0
        ORDER BY sent.meter_id, sent.subject, sent.hours, sent.bucket, sent.slot
        ON CONFLICT (meter_id, subject, hours, bucket, slot) DO UPDATE SET
            count = known.count + excluded.count,
            sum = CASE WHEN known.sum IS NULL THEN excluded.sum ELSE known.sum + coalesce(excluded.sum, 0) END,
            min = least(known.min, excluded.min), max = greatest(known.max, excluded.max)
    ), named AS (
        INSERT INTO event_names AS known
            (organization_id, name, source, slot, occurrences, root_occurrences, first_seen, last_seen)
        SELECT CAST(:organization_id AS uuid), sent.name, sent.source, CAST(:slot AS int),
            sent.occurrences, sent.roots, sent.first, sent.last
        FROM current, locked, unnest(
            CAST(:n_names AS text[]), CAST(:n_sources AS text[]), CAST(:n_occurrences AS bigint[]),
            CAST(:n_roots AS bigint[]), CAST(:n_firsts AS timestamptz[]), CAST(:n_lasts AS timestamptz[])
        ) AS sent (name, source, occurrences, roots, first, last)
        WHERE locked.rows >= 0
        ORDER BY sent.name, sent.source
        ON CONFLICT (organization_id, name, source, slot) DO UPDATE SET
            occurrences = known.occurrences + excluded.occurrences,
            root_occurrences = known.root_occurrences + excluded.root_occurrences,
            first_seen = least(known.first_seen, excluded.first_seen),
            last_seen = greatest(known.last_seen, excluded.last_seen)
    ), stored AS (
        INSERT INTO events (
            seq, ingested_at, timestamp, id, organization_id, subject, customer_id, parent_id, root_id, source, name,
            external_customer_id, external_id, metadata)
        SELECT nextval('events_seq'), now(), sent.timestamp,
            coalesce(sent.id, gen_random_uuid()), CAST(:organization_id AS uuid), sent.subject, sent.customer_id,
            sent.parent_id, sent.root_id, sent.source, sent.name, sent.external_customer_id, sent.external_id,
            sent.metadata::jsonb
        FROM current, locked, unnest(
            CAST(:ids AS uuid[]), CAST(:timestamps AS timestamptz[]), CAST(:e_subjects AS uuid[]),
            CAST(:customer_ids AS uuid[]), CAST(:parent_ids AS uuid[]), CAST(:root_ids AS uuid[]),
            CAST(:sources AS text[]), CAST(:names AS text[]), CAST(:external_customer_ids AS text[]),
            CAST(:external_ids AS text[]), CAST(:metadata AS text[])
        ) AS sent (id, timestamp, subject, customer_id, parent_id, root_id, source, name, external_customer_id,
            external_id, metadata)
        WHERE locked.rows >= 0
    )
    SELECT used.meter_id, used.subject, used.from_seq
    FROM current LEFT JOIN used ON used.meter_id = ANY(:unique_meter_ids)
    """
)
"""Stores events and adds what they come to. No row: the meters are of another generation, and nothing was written.

Otherwise a row for each subject of the `unique` meters named, with the segment that its values belong to.
"""

ADD_VALUES = sa.text(
    """
    WITH added AS (
        INSERT INTO meter_values (meter_id, subject, from_seq, value)
        SELECT * FROM unnest(
            CAST(:meter_ids AS uuid[]), CAST(:subjects AS uuid[]), CAST(:from_seqs AS bigint[]), CAST(:values AS uuid[])
        ) AS sent (meter_id, subject, from_seq, value)
        ORDER BY 1, 2, 3, 4
        ON CONFLICT DO NOTHING RETURNING meter_id, subject, from_seq
    )
    INSERT INTO meter_value_counts AS known (meter_id, subject, from_seq, count)
    SELECT meter_id, subject, from_seq, count(*) FROM added GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (meter_id, subject, from_seq) DO UPDATE SET count = known.count + excluded.count
    """
)

NAME_TYPES = sa.text(
    """
    INSERT INTO event_types (id, created_at, organization_id, name, label)
    SELECT gen_random_uuid(), CAST(:now AS timestamptz), CAST(:organization_id AS uuid), sent.name, sent.name
    FROM unnest(CAST(:names AS text[])) AS sent (name) ORDER BY sent.name
    ON CONFLICT (organization_id, name) DO NOTHING
    """
)

APPEAR = sa.text(
    """
    INSERT INTO customer_meters (
        id, created_at, organization_id, customer_id, meter_id, window_seq, credited_units, plain_units, rollover_units)
    SELECT gen_random_uuid(), CAST(:now AS timestamptz), customer.organization_id, customer.id, meter.id, -1, 0, 0, 0
    FROM customers AS customer JOIN meters AS meter ON meter.organization_id = customer.organization_id
    WHERE customer.organization_id = :organization_id AND customer.deleted_at IS NULL AND meter.archived_at IS NULL
        AND (customer.id = ANY(:customer_ids) OR customer.external_id = ANY(:external_ids))
    ORDER BY customer.id, meter.id
    ON CONFLICT (customer_id, meter_id) DO NOTHING
    """
)
"""Gives customers, once something is known of them, a customer meter for each meter (usage spec 5.2)."""
