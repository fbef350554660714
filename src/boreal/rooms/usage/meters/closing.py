"""Closing what a customer used of meters so far: for a bill, or because the window of a meter begins anew.

What was used since the last closing becomes a segment, a range of the order of events; ingestion goes on counting in
a new one. The rows of all subjects of the customer are closed at the same place.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import sqlalchemy as sa

from boreal.core.events import subject_of
from boreal.core.metering import Tally
from boreal.kit.tx import Tx
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.usage.meters.generations import NEXT_PLACE

_LOCK_METERS = sa.text("SELECT id FROM meters WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR SHARE")
_BEGIN = sa.text(
    """
    INSERT INTO meter_usage (meter_id, subject, from_seq, modified_at, count)
    SELECT meter_id, subject, 0, CAST(:now AS timestamptz), 0
    FROM unnest(CAST(:ids AS uuid[])) AS meter_id, unnest(CAST(:subjects AS uuid[])) AS subject
    ORDER BY 1, 2 ON CONFLICT (meter_id, subject) DO NOTHING
    """
)
_LOCK = sa.text(
    """
    SELECT FROM meter_usage WHERE meter_id = ANY(CAST(:ids AS uuid[])) AND subject = ANY(CAST(:subjects AS uuid[]))
    ORDER BY meter_id, subject FOR UPDATE
    """
)
_KEEP = sa.text(
    """
    INSERT INTO meter_segments (meter_id, subject, from_seq, until_seq, billable, count, sum, min, max)
    SELECT meter_id, subject, from_seq, :place, true, count, sum, min, max
    FROM meter_usage
    WHERE meter_id = ANY(CAST(:ids AS uuid[])) AND subject = ANY(CAST(:subjects AS uuid[])) AND count > 0
    """
)
_ANEW = sa.text(
    """
    UPDATE meter_usage SET from_seq = :place, count = 0, sum = NULL, min = NULL, max = NULL
    WHERE meter_id = ANY(CAST(:ids AS uuid[])) AND subject = ANY(CAST(:subjects AS uuid[]))
    """
)
_EXTERNAL_ID = sa.select(CustomerRow.c.external_id).where(CustomerRow.c.id == sa.bindparam("id"))


async def subjects_of(tx: Tx, customer_id: UUID) -> list[UUID]:
    """The subjects under which events of a customer are counted: its id and, if it has one, its external id."""
    external_id = await tx.fetchval(_EXTERNAL_ID, id=customer_id)
    return [customer_id, *([subject_of(tx.organization_id, external_id)] if external_id is not None else [])]


async def close(tx: Tx, *, customer_id: UUID, meter_ids: Iterable[UUID]) -> int:
    """What the customer used of the meters so far is a segment now, until the returned place in the order of events.

    What is ingested from here on waits for the end of the transaction, and comes behind that place. To keep the order
    of locks, close all meters of a customer with one call.
    """
    ids = sorted(set(meter_ids))
    await tx.execute(_LOCK_METERS, ids=ids)
    return await _close(tx, await subjects_of(tx, customer_id), ids)


async def _close(tx: Tx, subjects: Sequence[UUID], ids: Sequence[UUID]) -> int:
    rows = {"ids": ids, "subjects": subjects}
    # The row that counts all events of the subject too, because system events may follow in this transaction.
    locked = {"ids": sorted({*ids, tx.organization_id}), "subjects": subjects}
    await tx.execute(_BEGIN, **locked, now=tx.now)
    await tx.execute(_LOCK, **locked)
    place: int = await tx.fetchval(NEXT_PLACE)
    await tx.execute(_KEEP, **rows, place=place)
    await tx.execute(_ANEW, **rows, place=place)
    return place


_USED = sa.text(
    """
    SELECT meter_id, sum(count)::bigint AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max, (
        SELECT count(DISTINCT value) FROM meter_values
        WHERE meter_values.meter_id = part.meter_id AND subject = ANY(CAST(:subjects AS uuid[]))
            AND from_seq = ANY(array_agg(part.from_seq))) AS distinct
    FROM (
        SELECT meter_id, from_seq, count, sum, min, max FROM meter_segments
        WHERE meter_id = ANY(CAST(:ids AS uuid[])) AND subject = ANY(CAST(:subjects AS uuid[]))
            AND billable AND from_seq >= :since
        UNION ALL
        SELECT meter_id, from_seq, count, sum, min, max FROM meter_usage
        WHERE meter_id = ANY(CAST(:ids AS uuid[])) AND subject = ANY(CAST(:subjects AS uuid[])) AND count > 0
            AND from_seq >= :since
    ) AS part
    WHERE part.from_seq < :until
    GROUP BY meter_id
    """
)
END = 2**62
"""Behind every event that will ever be counted."""


async def used(
    tx: Tx, *, customer_id: UUID, meter_ids: Iterable[UUID], since: int = -1, until: int = END
) -> dict[UUID, Tally]:
    """What the customer used of the meters between two places that `close` returned, by meter; what it did not use is
    left out. Without `until`: so far, which is what a bill would say now.

    Only what may be billed counts: not events that are older than their meter (usage spec 4.1).
    """
    subjects = await subjects_of(tx, customer_id)
    rows = await tx.fetch(_USED, subjects=subjects, ids=sorted(set(meter_ids)), since=since, until=until)
    return {
        row["meter_id"]: Tally(row["count"], row["sum"], row["min"], row["max"], distinct=row["distinct"])
        for row in rows
    }
