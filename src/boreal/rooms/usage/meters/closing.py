"""Closing what customers used of meters so far: for a bill, or because the window of a meter begins anew.

What was used since the last closing becomes a segment, a range of the order of events; ingestion goes on counting in
a new one. The rows of all subjects of the customers are closed at the same place.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.events import subject_of
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
_SUBJECTS = sa.select(CustomerRow.c.id, CustomerRow.c.external_id).where(
    CustomerRow.c.id == sa.func.any(sa.bindparam("ids", type_=ARRAY(PgUUID)))
)


async def close(tx: Tx, *, customer_ids: Iterable[UUID], meter_ids: Iterable[UUID]) -> int:
    """What the customers used of the meters so far is in segments now, until the returned place in the order of events.

    What is ingested from here on waits for the end of the transaction, and comes behind that place. To keep the order
    of locks, close all with one call.
    """
    ids = sorted(set(meter_ids))
    await tx.execute(_LOCK_METERS, ids=ids)
    subjects = await _subjects(tx, set(customer_ids))
    rows = {"ids": ids, "subjects": subjects}
    # The row that counts all events of the subject too, because system events may follow in this transaction.
    locked = {"ids": sorted({*ids, tx.organization_id}), "subjects": subjects}
    await tx.execute(_BEGIN, **locked, now=tx.now)
    await tx.execute(_LOCK, **locked)
    place: int = await tx.fetchval(NEXT_PLACE)
    await tx.execute(_KEEP, **rows, place=place)
    await tx.execute(_ANEW, **rows, place=place)
    return place


async def _subjects(tx: Tx, customer_ids: Collection[UUID]) -> list[UUID]:
    """The subjects under which events of customers are counted: their ids, and external ids where they have one."""
    found = await tx.fetch(_SUBJECTS, ids=list(customer_ids))
    external = [subject_of(tx.organization_id, row["external_id"]) for row in found if row["external_id"] is not None]
    return [*customer_ids, *external]
