"""From facts to events: who listens, and one event for each endpoint that a dispatched fact names."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.webhooks import WebhookFormat
from boreal.kit.db import Connection, Record
from boreal.kit.work import Request, enqueue
from boreal.rooms.platform.organizations.tables import OrganizationRow
from boreal.rooms.platform.webhooks import chat
from boreal.rooms.platform.webhooks.tables import WebhookEndpointRow, WebhookEventRow
from boreal.rooms.platform.webhooks.work import KINDS, turn_key

P = WebhookEndpointRow.c

_LISTENERS = sa.select(P.id, P.events, P.own_events).where(
    P.organization_id == sa.bindparam("organization_id", type_=PgUUID), P.enabled, P.deleted_at.is_(None)
)
_ENDPOINTS = (
    sa.select(P.id, P.format, OrganizationRow.c.name, OrganizationRow.c.avatar_url)
    .join_from(WebhookEndpointRow, OrganizationRow, OrganizationRow.c.id == P.organization_id)
    .where(P.id == sa.func.any(sa.bindparam("ids", type_=ARRAY(PgUUID))), P.deleted_at.is_(None))
)
_GIVEN = "id created_at organization_id endpoint_id fact_id subject_kind subject_id type payload"
_INSERT = WebhookEventRow.insert().values(
    {name: sa.bindparam(name, type_=WebhookEventRow.c[name].type) for name in _GIVEN.split()}
)


async def interest(connection: Connection, organization_id: UUID) -> list[tuple[UUID, frozenset[str]]]:
    """The enabled endpoints of an organization, with the facts that each subscribed to (platform spec 8.2)."""
    rows = await connection.fetch(_LISTENERS, organization_id=organization_id)
    return [(row["id"], frozenset(row["events"]).union(row["own_events"])) for row in rows]


async def fan_out(connection: Connection, facts: Sequence[Record], now: datetime) -> None:
    """Creates the events of dispatched facts, and asks for their delivery, in the dispatcher's transaction.

    An event has the bytes of its fact; an endpoint for chat gets a message made of them, or nothing where the fact is
    not worth one (platform spec 8.8). An endpoint deleted since the fact gets nothing.
    """
    named = {endpoint_id for fact in facts for endpoint_id in fact["endpoint_ids"]}
    if not named:
        return
    endpoints = {row["id"]: row for row in await connection.fetch(_ENDPOINTS, ids=list(named))}
    events: list[dict[str, Any]] = []
    turns: dict[str | None, dict[str, Request]] = {}
    for fact in facts:
        for endpoint in (endpoints[id] for id in fact["endpoint_ids"] if id in endpoints):
            payload = None
            if endpoint["format"] != WebhookFormat.RAW:
                payload = _message(fact, endpoint)
                if payload is None:
                    continue
            events.append(_event(fact, endpoint["id"], payload))
            request = _turn(fact, endpoint["id"])
            turns.setdefault(fact["trace"], {})[str(request.unique_key)] = request
    await connection.execute_many(_INSERT, events)
    for trace, requests in turns.items():
        await enqueue(connection, list(requests.values()), kinds=KINDS, now=now, trace=trace)


def _message(fact: Record, endpoint: Record) -> str | None:
    sender = chat.Sender(name=endpoint["name"], avatar_url=endpoint["avatar_url"])
    data = orjson.loads(fact["payload"])["data"]
    return chat.message(WebhookFormat(endpoint["format"]), fact["name"], data, sender=sender)


def _event(fact: Record, endpoint_id: UUID, payload: str | None) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(),
        "created_at": fact["occurred_at"],
        "organization_id": fact["organization_id"],
        "endpoint_id": endpoint_id,
        "fact_id": fact["id"],
        "subject_kind": fact["subject_kind"],
        "subject_id": fact["subject_id"],
        "type": fact["name"],
        "payload": payload,
    }


def _turn(fact: Record, endpoint_id: UUID) -> Request:
    subject_id: UUID = fact["subject_id"]
    return Request(
        "deliver_webhooks",
        fact["organization_id"],
        {"endpoint_id": str(endpoint_id), "subject_id": str(subject_id)},
        unique_key=turn_key(endpoint_id, subject_id),
    )
