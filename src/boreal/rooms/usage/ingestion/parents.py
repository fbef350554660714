"""Parents: an event may name the one that it is part of, by id or by external id (usage spec 2.1).

A parent may come in the same request, before or after, or be stored already. Every event knows its root: the event at
the top, which has no parent.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from boreal.core.events import key_of
from boreal.kit.db import Connection
from boreal.kit.problems import Fault
from boreal.rooms.usage.ingestion import statements
from boreal.rooms.usage.ingestion.batches import Batch, NewEvent

Stored = Mapping[str, tuple[UUID, UUID]]
"""Ids of event and root, by what a parent is called."""


async def resolve(connection: Connection, organization_id: UUID, batches: Sequence[Batch]) -> None:
    """Gives every event that names a parent the ids of parent and root, or a fault.

    A sibling whose external id is stored already is not new: its children get the stored one as their parent.
    """
    named = [batch for batch in batches if any(event.sent.parent_id is not None for event in batch.events)]
    if not named:
        return
    wanted = {event.sent.parent_id for batch in named for event in batch.events if event.sent.parent_id is not None}
    stored = await _stored(connection, organization_id, wanted)
    for batch in named:
        _resolve(batch, stored)


async def _stored(connection: Connection, organization_id: UUID, wanted: Iterable[str]) -> Stored:
    keys = {key_of(organization_id, text): text for text in wanted}
    rows = await connection.fetch(statements.FIND_KEYS, organization_id=organization_id, keys=list(keys))
    by_key = {row["event_id"]: keys[row["key"]] for row in rows}
    by_id = {id: text for text in keys.values() if (id := _uuid(text)) is not None}
    ids = list({*by_key, *by_id})
    if not ids:
        return {}
    found = await connection.fetch(statements.FIND_EVENTS, organization_id=organization_id, ids=ids)
    stored: dict[str, tuple[UUID, UUID]] = {}
    for row in found:
        for names in (by_id, by_key):  # an external id wins over an id that looks alike
            if row["id"] in names:
                stored[names[row["id"]]] = (row["id"], row["root_id"])
    return stored


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _resolve(batch: Batch, stored: Stored) -> None:
    siblings: dict[str, NewEvent] = {}
    for event in batch.events:
        if event.sent.external_id is not None:
            siblings.setdefault(event.sent.external_id, event)
    done: set[int] = set()
    for index, event in enumerate(batch.events):
        if event.sent.parent_id is None:
            continue
        fault = _settle(event, siblings, stored, done)
        if fault is not None:
            batch.faults.setdefault(
                index, Fault(("body", "events", index, "parent_id"), fault, "parent_id", event.sent.parent_id)
            )


_UNKNOWN = "Parent event not found."
_CIRCLE = "Circular dependency detected in event parent relationships"


def _settle(event: NewEvent, siblings: Mapping[str, NewEvent], stored: Stored, done: set[int]) -> str | None:
    """Climbs to an event whose own parent is settled, and comes down again. Says what is wrong, if anything is.

    Each event is settled once, so that a request costs its length, however deep its events are nested.
    """
    way: list[NewEvent] = []
    on_the_way: set[int] = set()
    at = event
    while id(at) not in done and at.sent.parent_id is not None and at.sent.parent_id not in stored:
        if id(at) in on_the_way:
            return _CIRCLE
        on_the_way.add(id(at))
        way.append(at)
        parent = siblings.get(at.sent.parent_id)
        if parent is None:
            return _UNKNOWN
        at = parent
    if at.sent.parent_id is not None and id(at) not in done:
        at.parent_id, at.root_id = stored[at.sent.parent_id]
    done.add(id(at))
    for child in reversed(way):
        assert child.sent.parent_id is not None
        parent = siblings[child.sent.parent_id]
        parent.id = parent.id or uuid.uuid4()
        child.parent_id, child.root_id = parent.id, parent.root_id or parent.id
        done.add(id(child))
    return None
