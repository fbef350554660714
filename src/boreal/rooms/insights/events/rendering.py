"""Events as the wire has them (usage spec 2.2)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.events import EventSource
from boreal.kit.auth import Actor, visible_to
from boreal.kit.db import Record, Runs
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.customers.public import render as render_customer
from boreal.rooms.insights.events import trees
from boreal.rooms.usage.public import EventTypeRow

C = CustomerRow.c
T = EventTypeRow.c

_SYSTEM, _USER = EventSource.SYSTEM.value, EventSource.USER.value

UNLABELLED = frozenset({"subscription.billing_period_updated", "balance.refund_reversal"})
"""The system events that go by their name; the others by its words (usage spec 2.5)."""

_CUSTOMERS = sa.select(CustomerRow).where(
    visible_to(C.organization_id),
    sa.or_(
        C.id == sa.func.any(sa.bindparam("ids", type_=ARRAY(PgUUID))),
        sa.and_(
            C.external_id == sa.func.any(sa.bindparam("external_ids", type_=ARRAY(sa.Text))), C.deleted_at.is_(None)
        ),
    ),
)
_TYPES = sa.select(T.organization_id, T.name, T.label, T.label_property_selector).where(
    visible_to(T.organization_id), T.name == sa.func.any(sa.bindparam("names", type_=ARRAY(sa.Text)))
)


async def render(
    runs: Runs, actor: Actor, events: Sequence[Record], *, fields: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Events with their customers and labels, in one statement each, however many events there are.

    `fields` are dotted names of numbers in the metadata, each shown as the sum over an event and everything below it.
    """
    if not events:
        return []
    customers = await _customers(runs, actor, events)
    types = await _types(runs, actor, events)
    below = await trees.count_below(runs, events)
    metadata = {event["id"]: event["metadata"] for event in events}
    for path in trees.paths(fields):
        sums = await trees.sums(runs, events, path)
        metadata = {id: trees.with_sum(known, path, sums.get(id)) for id, known in metadata.items()}
    return [
        {
            "id": event["id"],
            "timestamp": event["timestamp"],
            "organization_id": event["organization_id"],
            "customer_id": event["customer_id"],
            "customer": customers.get(event["subject"]),
            "external_customer_id": event["external_customer_id"],
            "child_count": below.get(event["id"], 0),
            "parent_id": event["parent_id"],
            "label": _label(event, types),
            "name": event["name"],
            "source": event["source"],
            "metadata": metadata[event["id"]],
        }
        for event in events
    ]


async def _customers(runs: Runs, actor: Actor, events: Sequence[Record]) -> Mapping[UUID, Any]:
    """By the subject of the event: customers by their id, or the living one with the external id."""
    about = {(event["organization_id"], event["external_customer_id"]): event["subject"] for event in events}
    ids = list({event["customer_id"] for event in events if event["customer_id"] is not None})
    external_ids = list({text for _, text in about if text is not None})
    if not ids and not external_ids:
        return {}
    rows = await runs.fetch(_CUSTOMERS, ids=ids, external_ids=external_ids, **actor.binds())
    found: dict[UUID, Any] = {}
    for row in rows:
        found[row["id"]] = shown = render_customer(row)
        subject = about.get((row["organization_id"], row["external_id"])) if row["external_id"] is not None else None
        if subject is not None:
            found[subject] = shown
    return found


Types = Mapping[tuple[UUID, str], Record]


async def _types(runs: Runs, actor: Actor, events: Sequence[Record]) -> Types:
    names = list({event["name"] for event in events if event["source"] == _USER})
    rows = await runs.fetch(_TYPES, names=names, **actor.binds()) if names else []
    return {(row["organization_id"], row["name"]): row for row in rows}


def _label(event: Record, types: Types) -> str:
    name: str = event["name"]
    if event["source"] == _SYSTEM:
        return name if name in UNLABELLED else name.replace(".", " ").replace("_", " ").title()
    known = types.get((event["organization_id"], name))
    if known is None:
        return name
    return _chosen(event["metadata"], known["label_property_selector"]) or str(known["label"])


def _chosen(metadata: Mapping[str, Any], selector: str | None) -> str | None:
    """The value at a dotted path as text; None where there is none, or an empty one."""
    value: Any = metadata
    for name in selector.split(".") if selector else ():
        value = value.get(name) if isinstance(value, Mapping) else None
    if not selector or value is None or isinstance(value, Mapping):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
