"""What is done a little later: telling that a customer used something, and recording what Boreal noted.

Facts carry notes of system events (`boreal.kit.tx.Tx.note`). They are taken off the facts and stored as events in one
transaction, so each is recorded once, however often the work is done.
"""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.customers import ANONYMOUS
from boreal.kit.app import App
from boreal.kit.facts import FactRow
from boreal.kit.work import Work
from boreal.rooms.usage.ingestion.system import RECORDING, SystemEvent, note

F = FactRow.c

BATCH = 500
"""How many facts at most are taken in one transaction."""

_NOTED = (
    sa.select(F.id, F.occurred_at, F.notes)
    .where(F.organization_id == sa.bindparam("organization_id", type_=PgUUID), F.notes.is_not(None))
    .order_by(F.id)
    .limit(BATCH)
    .with_for_update()
    .subquery("noted")
)
_TAKE = (
    sa.update(FactRow)
    .where(F.id == _NOTED.c.id)
    .values(notes=sa.null())
    .returning(_NOTED.c.id, _NOTED.c.occurred_at, _NOTED.c.notes)
)
_FORGET = sa.text(
    """
    UPDATE events SET metadata = metadata
        || jsonb_build_object('customer_email', CAST(:email AS text), 'customer_name', NULL)
        || CASE WHEN metadata ? 'updated_fields' THEN '{"updated_fields": {}}'::jsonb ELSE '{}'::jsonb END
    WHERE subject = :customer_id AND source = 'system'
        AND name IN ('customer.created', 'customer.updated', 'customer.deleted')
    """
).bindparams(sa.bindparam("customer_id", type_=PgUUID))
"""Takes what was known of a person out of the events that told of it (usage spec 12.3)."""


async def record_events(app: App, work: Work) -> None:
    """Kind of work `record_events`: what facts of an organization carry becomes system events (usage spec 2.5)."""
    taken = BATCH
    while taken == BATCH:
        async with app.transaction(work.organization_id) as tx:
            rows = await tx.fetch(_TAKE, organization_id=work.organization_id)
            taken = len(rows)
            events = [
                SystemEvent(name, UUID(customer_id) if customer_id else None, metadata, row["occurred_at"])
                for row in sorted(rows, key=lambda row: int(row["id"]))
                for name, customer_id, metadata in row["notes"]
            ]
            await note(tx, events, slot=RECORDING)
            for event in events:
                if event.name == "customer.deleted" and event.metadata["customer_email"].endswith(ANONYMOUS):
                    await tx.execute(_FORGET, customer_id=event.customer_id, email=event.metadata["customer_email"])
