"""The work that webhooks are: deliveries in their turn, redeliveries, and forgetting old payloads.

Deliveries are one row of work per endpoint and subject. It sends the oldest pending event, then the next, until none is
left; while one waits to be tried again the row waits with it. So the events of a subject arrive in order, and nothing
else is held back.
"""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from boreal.core import webhooks as rules
from boreal.kit.app import App
from boreal.kit.work import Kind, Later, Work
from boreal.rooms.platform.webhooks import attempts

QUEUE = "webhooks"
BUDGET_S = 15.0
"""A run begins no attempt after so many seconds, so that the attempt ends well within the lease."""

_ARCHIVE = sa.text(
    """
    WITH old AS (
        SELECT DISTINCT fact_id FROM webhook_events
        WHERE NOT is_archived AND created_at < :before ORDER BY fact_id LIMIT :batch_size
    ), emptied AS (
        UPDATE facts SET payload = NULL FROM old WHERE facts.id = old.fact_id
    )
    UPDATE webhook_events AS event SET
        is_archived = true, payload = NULL, modified_at = :now,
        skipped = event.skipped OR event.pending, pending = false
    FROM old WHERE event.fact_id = old.fact_id
    """
).bindparams(
    sa.bindparam("before", type_=sa.DateTime(timezone=True)),
    sa.bindparam("now", type_=sa.DateTime(timezone=True)),
    sa.bindparam("batch_size", type_=sa.Integer),
)


def turn_key(endpoint_id: UUID, subject_id: UUID) -> str:
    """The unique key of the deliveries of one endpoint and subject."""
    return f"{endpoint_id}:{subject_id}"


async def deliver_webhooks(app: App, work: Work) -> None:
    """Sends what is pending for an endpoint and subject, in order (platform spec 8.4).

    Waiting does not count as an attempt of the work: retries are counted at the event, and end there.
    """
    turn = {name: UUID(work.payload[name]) for name in ("endpoint_id", "subject_id")}
    started = app.clock.monotonic_s()
    while (event := await app.database.fetchrow(attempts.NEXT, **turn)) is not None:
        if not event["enabled"] or event["deleted_at"] is not None:
            await attempts.skip_subject(app, event)
            continue
        if app.clock.monotonic_s() - started > BUDGET_S:
            raise Later(app.clock.now(), counts=False)
        pause_s = await attempts.record(app, event, await attempts.send(app, event))
        if pause_s is not None:
            raise Later(app.clock.now() + timedelta(seconds=pause_s), counts=False)


async def redeliver_webhook(app: App, work: Work) -> None:
    """Sends one event again, whatever became of it, without waiting for others (platform spec 8.6)."""
    event = await app.database.fetchrow(attempts.BY_ID, id=UUID(work.payload["event_id"]))
    if event is None or event["payload"] is None or event["deleted_at"] is not None:
        return
    if not event["enabled"]:
        await attempts.skip(app, event)
        return
    attempt = await attempts.send(app, event)
    pause_s = await attempts.record_redelivery(app, event, attempt, attempts=work.attempts)
    if pause_s is not None:
        raise Later(app.clock.now() + timedelta(seconds=pause_s))


async def archive_webhooks(app: App, work: Work) -> None:
    """Forgets the payloads of old events, a batch at a time, and comes back the next night (platform spec 8.6)."""
    now = app.clock.now()
    done = await app.database.execute(_ARCHIVE, before=now - rules.KEPT, now=now, batch_size=1000)
    raise Later(rules.next_night(now) if done == "UPDATE 0" else now, counts=False)


KINDS = {
    "deliver_webhooks": Kind(deliver_webhooks, queue=QUEUE, real_time=True),
    "redeliver_webhook": Kind(redeliver_webhook, queue=QUEUE, real_time=True),
    "archive_webhooks": Kind(archive_webhooks),
}
