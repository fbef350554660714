"""Receiving events of the processor: written down with the work that hears them, answered at once.

An event only says what changed, and whoever hears it asks the processor how things stand. So events may come twice, in
any order or never: its id keeps one from being heard again, and what never came is found in the processor's own list.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from boreal.kit.app import App
from boreal.kit.work import NOBODY, Later, Work
from boreal.providers.ports import EventReader, PaymentProcessor, ProcessorEvent, ProcessorUnavailable
from boreal.rooms.billing.public import after_silence
from boreal.rooms.checkout.checkouts import fulfilment
from boreal.rooms.checkout.processor_events.tables import ProcessorCursorRow, ProcessorEventRow

KEPT_FOR = timedelta(days=40)
"""Longer than a processor sends an event again, or keeps it."""
_DAILY = timedelta(days=1)
CATCH_UP_EVERY = timedelta(minutes=10)
"""How late an event is heard at most that was not delivered."""
_PAGES = 20

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

_CURSOR = sa.select(ProcessorCursorRow).where(ProcessorCursorRow.c.processor == sa.bindparam("processor"))
_KEEP_CURSOR = sa.text(
    """
    INSERT INTO processor_cursors (processor, cursor) VALUES (:processor, :cursor)
    ON CONFLICT (processor) DO UPDATE SET cursor = excluded.cursor
    """
).bindparams(sa.bindparam("cursor", type_=sa.Text))


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
    event = ProcessorEvent(
        id=told["id"],
        kind=told["kind"],
        object_id=told["object_id"],
        happened_at=datetime.fromisoformat(told["happened_at"]),
    )
    try:
        await fulfilment.hear(app, event)
    except ProcessorUnavailable as silence:
        raise after_silence(app, work, silence, now=app.clock.now()) from None


async def catch_up(app: App, work: Work) -> None:
    """Kind of work `catch_up_with_processor`: receives what a processor elsewhere told us of and we did not hear.

    Its first time it only remembers where the list ends, since what happened before is none of our business.
    """
    if EventReader not in app.adapters:
        raise Later(app.clock.now() + _DAILY, counts=False)
    processor = app.get(PaymentProcessor)
    known = await app.database.fetchrow(_CURSOR, processor=processor.name)
    try:
        cursor = known["cursor"] if known is not None else await processor.newest_cursor()
        for _ in range(_PAGES if known is not None else 0):
            page = await processor.events_since(cursor)
            for event in page.events:
                await receive(app, event)
            if page.cursor == cursor:
                break
            cursor = page.cursor
            await app.database.execute(_KEEP_CURSOR, processor=processor.name, cursor=cursor)
    except ProcessorUnavailable as silence:
        raise after_silence(app, work, silence, now=app.clock.now()) from None
    await app.database.execute(_KEEP_CURSOR, processor=processor.name, cursor=cursor)
    raise Later(app.clock.now() + CATCH_UP_EVERY, counts=False)


async def forget(app: App, _work: Work) -> None:
    """Kind of work `forget_processor_events`: old ids, a thousand at a time, once a day."""
    before = app.clock.now() - KEPT_FOR
    while await app.database.execute(_FORGET, before=before) == "DELETE 1000":
        pass
    raise Later(app.clock.now() + _DAILY, counts=False)
