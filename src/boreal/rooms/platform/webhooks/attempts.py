"""One attempt to deliver an event: sent without holding a connection, then recorded with what it means.

A process that dies in between leaves no record, and the event is sent again with the same id: at least once.
Whoever may have to switch an endpoint off locks the endpoint first, its events after it.
"""

import random
import uuid
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core import webhooks as rules
from boreal.core.webhooks import Progress
from boreal.kit.app import App
from boreal.kit.db import Record
from boreal.kit.facts import FactRow
from boreal.kit.fetch import Fetch, FetchFailed
from boreal.kit.tx import Tx
from boreal.rooms.platform.webhooks import signature
from boreal.rooms.platform.webhooks.queries import PAYLOAD
from boreal.rooms.platform.webhooks.tables import WebhookDeliveryRow, WebhookEndpointRow, WebhookEventRow

TIMEOUT_S = 10.0

_log = structlog.get_logger("boreal.webhooks")

P = WebhookEndpointRow.c
E = WebhookEventRow.c

_EVENTS = (
    sa.select(
        E.id,
        E.organization_id,
        E.endpoint_id,
        E.subject_id,
        PAYLOAD.label("payload"),
        P.url,
        P.sealed_secret,
        P.enabled,
        P.deleted_at,
        FactRow.c.trace,
    )
    .join_from(WebhookEventRow, WebhookEndpointRow, P.id == E.endpoint_id)
    .join(FactRow, FactRow.c.id == E.fact_id)
)
BY_ID = _EVENTS.where(E.id == sa.bindparam("id"))
"""An event with all that is needed to send it."""

NEXT = (
    _EVENTS.where(E.endpoint_id == sa.bindparam("endpoint_id"), E.subject_id == sa.bindparam("subject_id"), E.pending)
    .order_by(E.fact_id)
    .limit(1)
)
"""The oldest pending event of an endpoint and subject, with all that is needed to send it."""

_LOCK_ENDPOINT = sa.select(P.enabled, P.deleted_at).where(P.id == sa.bindparam("id")).with_for_update(key_share=True)
_LOCK_EVENT = (
    sa.select(E.pending, E.succeeded, E.skipped, E.attempts)
    .where(E.id == sa.bindparam("id"))
    .with_for_update(key_share=True)
)
_RECORD = WebhookDeliveryRow.insert()
_PROGRESS = (
    sa.update(WebhookEventRow)
    .where(E.id == sa.bindparam("key"))
    .values(
        pending=sa.bindparam("pending"),
        succeeded=sa.bindparam("succeeded"),
        skipped=sa.bindparam("skipped"),
        attempts=sa.bindparam("attempts"),
        last_http_code=sa.bindparam("http_code"),
        modified_at=sa.bindparam("now"),
    )
)
_SKIP = sa.update(WebhookEventRow).values(pending=False, skipped=True, modified_at=sa.bindparam("now"))
_SKIP_ALL = _SKIP.where(E.endpoint_id == sa.bindparam("key"), E.pending)
_SKIP_SUBJECT = _SKIP_ALL.where(E.subject_id == sa.bindparam("subject"))
_SKIP_ONE = _SKIP.where(E.id == sa.bindparam("key"))
_LATEST = (
    sa.select(E.succeeded)
    .where(E.endpoint_id == sa.bindparam("endpoint_id", type_=PgUUID), E.succeeded.is_not(None))
    .order_by(E.fact_id.desc())
    .limit(rules.STREAK)
)
_DISABLE = (
    sa.update(WebhookEndpointRow)
    .where(P.id == sa.bindparam("key"))
    .values(enabled=False, modified_at=sa.bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt went. `response` is the beginning of the reply, or the reason why there is none."""

    delivered: bool
    http_code: int | None
    response: str


async def send(app: App, event: Record) -> Attempt:
    """Signs the bytes of an event and posts them, now (platform spec 8.3, 8.4). Never raises for what the host does."""
    secret = app.keyring.decrypt(event["sealed_secret"])
    body: str = event["payload"]
    headers = signature.headers(secret, id=event["id"], at=app.clock.now(), body=body)
    try:
        reply = await app.get(Fetch).post(event["url"], body=body.encode(), headers=headers, timeout_s=TIMEOUT_S)
        attempt = Attempt(rules.is_delivered(reply.status), reply.status, reply.text)
    except FetchFailed as failure:
        attempt = Attempt(False, None, failure.reason)
    outcome = "delivered" if attempt.delivered else "refused" if attempt.http_code else "failed"
    app.metrics.delivery(outcome)
    log = _log.bind(trace=event["trace"])  # the fact's: one row of work sends those of several requests
    log.info("webhook_sent", event_id=str(event["id"]), outcome=outcome, http_code=attempt.http_code)
    return attempt


async def record(app: App, event: Record, attempt: Attempt) -> float | None:
    """Records an attempt in the event's turn; returns the seconds to wait before the next, or None if it is decided."""
    async with app.transaction(event["organization_id"]) as tx:
        before = await _lock(tx, event, attempt)
        after = rules.after_attempt(before, delivered=attempt.delivered)
        await _store(tx, event, attempt, before, after)
    return rules.retry_delay_s(after.attempts, draw=random.random()) if after.pending else None


async def record_redelivery(app: App, event: Record, attempt: Attempt, *, attempts: int) -> float | None:
    """Records the n-th attempt of a redelivery; returns the seconds to wait before the next, or None when done."""
    async with app.transaction(event["organization_id"]) as tx:
        before = await _lock(tx, event, attempt)
        after = rules.after_redelivery(before, delivered=attempt.delivered, attempts=attempts)
        await _store(tx, event, attempt, before, after)
    return None if attempt.delivered else rules.retry_delay_s(attempts, draw=random.random())


async def skip(app: App, event: Record) -> None:
    """Marks one event as not sent because its endpoint is off (platform spec 8.4)."""
    async with app.transaction(event["organization_id"]) as tx:
        await tx.execute(_SKIP_ONE, key=event["id"], now=tx.now)


async def skip_subject(app: App, event: Record) -> None:
    """Marks every pending event of an endpoint and subject as not sent, if the endpoint is still off or deleted."""
    async with app.transaction(event["organization_id"]) as tx:
        endpoint = await tx.fetchrow(_LOCK_ENDPOINT, id=event["endpoint_id"])
        if endpoint is not None and not _is_on(endpoint):
            await tx.execute(_SKIP_SUBJECT, key=event["endpoint_id"], subject=event["subject_id"], now=tx.now)


async def skip_all(tx: Tx, endpoint_id: UUID) -> None:
    """Marks every pending event of an endpoint, which the caller has locked, as not sent."""
    await tx.execute(_SKIP_ALL, key=endpoint_id, now=tx.now)


def _is_on(endpoint: Record) -> bool:
    return endpoint["enabled"] and endpoint["deleted_at"] is None


async def _lock(tx: Tx, event: Record, attempt: Attempt) -> Progress:
    if not attempt.delivered:
        await tx.fetchrow(_LOCK_ENDPOINT, id=event["endpoint_id"])
    row = await tx.fetchrow(_LOCK_EVENT, id=event["id"])
    assert row is not None
    return Progress(**dict(row))


async def _store(tx: Tx, event: Record, attempt: Attempt, before: Progress, after: Progress) -> None:
    await tx.execute(
        _RECORD,
        id=uuid.uuid4(),
        created_at=tx.now,
        modified_at=None,
        organization_id=event["organization_id"],
        event_id=event["id"],
        succeeded=attempt.delivered,
        http_code=attempt.http_code,
        response=attempt.response,
    )
    values: dict[str, Any] = asdict(after)
    await tx.execute(_PROGRESS, key=event["id"], http_code=attempt.http_code, now=tx.now, **values)
    if after.succeeded is False and before.succeeded is not False:
        await _disable_if_failing(tx, event["endpoint_id"])


async def _disable_if_failing(tx: Tx, endpoint_id: UUID) -> None:
    """Switches an endpoint off after ten failed events in a row (platform spec 8.5).

    The spec also wants a mail to every member of the organization; that needs users, which do not exist yet.
    """
    endpoint = await tx.fetchrow(_LOCK_ENDPOINT, id=endpoint_id)
    latest = await tx.fetch(_LATEST, endpoint_id=endpoint_id)
    if endpoint is not None and _is_on(endpoint) and rules.must_disable([row["succeeded"] for row in latest]):
        await tx.execute(_DISABLE, key=endpoint_id, now=tx.now)
        await skip_all(tx, endpoint_id)
