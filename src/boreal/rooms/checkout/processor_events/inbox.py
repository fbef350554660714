"""Receiving events of the processor: written down with the work that hears them, answered at once.

An event only says what changed, and whoever hears it asks the processor how things stand. So events may come twice, in
any order or never: its id keeps one from being heard again, and whatever waits for one asks by itself in the end.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from boreal.kit.app import App
from boreal.kit.work import NOBODY, Later, Work
from boreal.providers.ports import PaymentProcessor, ProcessorEvent
from boreal.rooms.checkout.checkouts import fulfilment
from boreal.rooms.checkout.processor_events.tables import ProcessorEventRow

KEPT_FOR = timedelta(days=40)
"""Longer than a processor sends an event again, or keeps it."""
_DAILY = timedelta(days=1)

E = ProcessorEventRow.c
_INSERT = (
    insert(ProcessorEventRow)
    .values({column.name: sa.bindparam(column.name, type_=column.type) for column in E})
    .on_conflict_do_nothing()
)
_FORGET = sa.text(
    """
    DELETE FROM processor_events WHERE (processor, id) IN (
        SELECT processor, id FROM processor_events WHERE received_at < :before ORDER BY received_at LIMIT 1000)
    """
).bindparams(sa.bindparam("before", type_=E.received_at.type))


async def receive(app: App, event: ProcessorEvent) -> bool:
    """The event is written down and will be heard; False if it had been before."""
    processor = app.get(PaymentProcessor).name
    async with app.transaction(NOBODY) as tx:
        inserted = await tx.execute(
            _INSERT,
            processor=processor,
            id=event.id,
            kind=event.kind,
            object_id=event.object_id,
            happened_at=event.happened_at,
            received_at=tx.now,
        )
        if inserted != "INSERT 0 1":
            return False
        payload = {
            "id": event.id,
            "kind": event.kind,
            "object_id": event.object_id,
            "happened_at": event.happened_at.isoformat(),
        }
        tx.enqueue("hear_processor_event", payload=payload, unique_key=f"{processor}:{event.id}")
    return True


async def hear(app: App, work: Work) -> None:
    """Kind of work `hear_processor_event`: tells whoever waits for what the event is about. Safe to run again."""
    told = work.payload
    await fulfilment.hear(
        app,
        ProcessorEvent(
            id=told["id"],
            kind=told["kind"],
            object_id=told["object_id"],
            happened_at=datetime.fromisoformat(told["happened_at"]),
        ),
    )


async def forget(app: App, _work: Work) -> None:
    """Kind of work `forget_processor_events`: old ids, a thousand at a time, once a day."""
    before = app.clock.now() - KEPT_FOR
    while await app.database.execute(_FORGET, before=before) == "DELETE 1000":
        pass
    raise Later(app.clock.now() + _DAILY, counts=False)
