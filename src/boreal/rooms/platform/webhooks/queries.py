"""Reading webhook endpoints, and the attempts to deliver their events."""

from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from boreal.core.webhooks import OwnEventType, WebhookEventType, WebhookFormat
from boreal.kit.auth import Actor, read_visible, visible_to
from boreal.kit.db import Record, Runs
from boreal.kit.facts import FactRow
from boreal.kit.listing import Filter, ListSpec, after, any_of, before, flag, search
from boreal.kit.schemas import UUID4
from boreal.kit.secrets import Keyring
from boreal.rooms.platform.webhooks.tables import WebhookDeliveryRow, WebhookEndpointRow, WebhookEventRow

P = WebhookEndpointRow.c
E = WebhookEventRow.c
D = WebhookDeliveryRow.c

ENDPOINTS = ListSpec(
    select=sa.select(WebhookEndpointRow).where(P.deleted_at.is_(None)).order_by(P.created_at.desc()),
    visible=visible_to(P.organization_id),
    key=P.id,
    sorts={},
    default=(),
    filters=(any_of("organization_id", P.organization_id, UUID4),),
)

GET = sa.select(WebhookEndpointRow).where(
    P.id == sa.bindparam("id"), visible_to(P.organization_id), P.deleted_at.is_(None)
)
LOCK = GET.with_for_update(key_share=True)

FIND_EVENT = (
    sa.select(E.id, E.organization_id, E.is_archived)
    .join_from(WebhookEventRow, WebhookEndpointRow, P.id == E.endpoint_id)
    .where(E.id == sa.bindparam("id"), visible_to(E.organization_id), P.deleted_at.is_(None))
)
"""An event that can be sent again; those of deleted endpoints cannot."""


def is_told(organization_id: sa.ColumnElement[Any], subject_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether nothing about a subject waits to be sent to an endpoint that takes raw events.

    True too where nobody subscribes, and for events that were given up.
    """
    undispatched = sa.select(sa.literal(1)).where(FactRow.c.position.is_(None), FactRow.c.subject_id == subject_id)
    pending = (
        sa.select(sa.literal(1))
        .join_from(WebhookEndpointRow, WebhookEventRow, E.endpoint_id == P.id)
        .where(
            P.organization_id == organization_id,
            P.deleted_at.is_(None),
            P.format == WebhookFormat.RAW.value,
            E.subject_id == subject_id,
            E.pending,
        )
    )
    return sa.not_(sa.or_(undispatched.exists(), pending.exists()))


PAYLOAD = sa.case((E.is_archived, None), else_=sa.func.coalesce(E.payload, FactRow.c.payload))
"""The bytes of an event, until it is archived."""

_IS_OWN = sa.or_(*(E.type == event.value for event in OwnEventType))
_ATTEMPTS = (
    sa.select(
        WebhookDeliveryRow,
        E.created_at.label("event_created_at"),
        E.modified_at.label("event_modified_at"),
        E.last_http_code,
        E.succeeded.label("event_succeeded"),
        E.skipped,
        PAYLOAD.label("payload"),
        E.type,
        E.is_archived,
    )
    .join_from(WebhookDeliveryRow, WebhookEventRow, E.id == D.event_id)
    .join(FactRow, FactRow.c.id == E.fact_id)
    .order_by(D.created_at.desc())
)

DELIVERIES = ListSpec(
    select=_ATTEMPTS.where(sa.not_(_IS_OWN)),
    visible=visible_to(D.organization_id),
    key=D.id,
    sorts={},
    default=(),
    filters=(
        any_of("endpoint_id", E.endpoint_id, UUID4),
        after("start_timestamp", D.created_at),
        before("end_timestamp", D.created_at),
        flag("succeeded", D.succeeded),
        search("query", sa.cast(D.id, sa.Text), sa.cast(D.event_id, sa.Text), sa.cast(D.http_code, sa.Text)),
        Filter(
            "http_code_class",
            Literal["2xx", "3xx", "4xx", "5xx"] | None,
            D.http_code // 100 == sa.bindparam("http_code_class", type_=sa.Integer),
            lambda given: int(given[0]),
        ),
        any_of("event_type", E.type, WebhookEventType),
    ),
)
"""Only of events that the contract knows: old clients could not read the others."""

OWN_DELIVERIES = ListSpec(
    select=_ATTEMPTS.where(_IS_OWN),
    visible=visible_to(D.organization_id),
    key=D.id,
    sorts={},
    default=(),
    filters=(any_of("endpoint_id", E.endpoint_id, UUID4), flag("succeeded", D.succeeded)),
)


async def endpoint(runs: Runs, actor: Actor, id: UUID) -> Record:
    """An endpoint that the actor may see; raises `ResourceNotFound`."""
    return await read_visible(runs, GET, actor, id)


def render_own_events(row: Record) -> dict[str, Any]:
    """The events of ours that an endpoint hears of."""
    return {"events": row["own_events"]}


def render_endpoint(row: Record, keyring: Keyring) -> dict[str, Any]:
    """An endpoint with its secret in clear (platform spec 8.1)."""
    return {
        "created_at": row["created_at"],
        "modified_at": row["modified_at"],
        "id": row["id"],
        "url": row["url"],
        "format": row["format"],
        "secret": keyring.decrypt(row["sealed_secret"]),
        "organization_id": row["organization_id"],
        "events": row["events"],
        "enabled": row["enabled"],
    }


def render_delivery(row: Record) -> dict[str, Any]:
    """An attempt with the event that it was about (platform spec 8.2, 8.4)."""
    return {
        "created_at": row["created_at"],
        "modified_at": row["modified_at"],
        "id": row["id"],
        "succeeded": row["succeeded"],
        "http_code": row["http_code"],
        "response": row["response"],
        "webhook_event": {
            "created_at": row["event_created_at"],
            "modified_at": row["event_modified_at"],
            "id": row["event_id"],
            "last_http_code": row["last_http_code"],
            "succeeded": row["event_succeeded"],
            "skipped": row["skipped"],
            "payload": row["payload"],
            "type": row["type"],
            "is_archived": row["is_archived"],
        },
    }
