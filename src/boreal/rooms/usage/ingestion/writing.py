"""One transaction that takes events in: those of one request, or of several that came at the same time.

Either all events of a request are taken in, or none (usage spec 2.1). A request that is refused does not concern the
others. `write` may find that the meters have changed meanwhile; then nothing was written and it begins anew.
"""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from asyncpg import DeadlockDetectedError

from boreal.core.events import EventSource
from boreal.kit.app import App
from boreal.kit.db import Connection
from boreal.kit.idempotency import mark_effect
from boreal.kit.problems import Fault
from boreal.kit.telemetry import current_trace
from boreal.kit.work import Request as WorkRequest
from boreal.kit.work import enqueue
from boreal.rooms.usage.ingestion import parents, statements
from boreal.rooms.usage.ingestion.batches import Batch, NewEvent
from boreal.rooms.usage.ingestion.columns import names_of, rollups_of, usage_of
from boreal.rooms.usage.meters.counting import Counts, Meters
from boreal.rooms.usage.meters.generations import read_meters

QUIET = timedelta(seconds=15)
"""How long usage is collected before a customer's state is announced (usage spec 5.3)."""

SURE_TO_COME = QUIET - timedelta(seconds=5)
"""How long an announcement that was asked for is sure to see what is written meanwhile, however slow a commit is."""

REMEMBERED = 200_000


@dataclass
class Memory:
    """What a process need not do again: the newest meters, names and values that are stored, and what is under way."""

    meters: dict[UUID, Meters] = field(default_factory=dict)
    names: set[tuple[UUID, str]] = field(default_factory=set)
    values: set[tuple[UUID, UUID, int, UUID]] = field(default_factory=set)
    subjects: dict[UUID, int] = field(default_factory=dict)
    announced: dict[UUID, datetime] = field(default_factory=dict)
    slot: int = field(default_factory=lambda: random.randrange(1, 32_000))

    def trim(self) -> None:
        """Forgets everything rather than growing without bound."""
        for remembered in (self.meters, self.names, self.values, self.subjects, self.announced):
            if len(remembered) > REMEMBERED:
                remembered.clear()


class MetersChanged(Exception):
    """Nothing was written: the meters are not those that were counted by."""


class _Refused(Exception):
    """Nothing was written: a batch has faults that were found after its keys had been taken."""


async def meters_of(app: App, memory: Memory, organization_id: UUID) -> Meters:
    """The meters as this process knows them. Whether they are the newest is found when counting by them is stored."""
    meters = memory.meters.get(organization_id)
    if meters is None:
        meters = memory.meters[organization_id] = await read_meters(app.database, organization_id)
    return meters


async def write(app: App, memory: Memory, organization_id: UUID, batches: Sequence[Batch]) -> None:
    """Takes in the events of the batches, or finds the faults of those that name what does not exist.

    Once it returns, what was taken in is stored for good and every read sees it.
    """
    left = batches
    while left:
        meters = await meters_of(app, memory, organization_id)
        try:
            await _write(app, memory, meters, organization_id, left)
            return
        except MetersChanged:
            memory.meters.pop(organization_id, None)
        except (_Refused, DeadlockDetectedError):
            pass
        left = [batch for batch in left if not batch.faults]


async def _write(app: App, memory: Memory, meters: Meters, organization_id: UUID, batches: Sequence[Batch]) -> None:
    now = await app.times.now(organization_id)
    async with app.database.transaction() as connection:
        await _find_customers(connection, organization_id, batches)
        right = [batch for batch in batches if not batch.faults]
        await _take_keys(connection, organization_id, right)
        await parents.resolve(connection, organization_id, batches)
        if any(batch.faults for batch in right):
            raise _Refused  # which gives back the keys that it took
        events = [event for batch in right for event in batch.events if not event.duplicate]
        learned = Learned()
        if events:
            await store(connection, memory, meters, organization_id, events, now=now, learned=learned)
            await follow(app, connection, memory, meters, organization_id, events, now=now, learned=learned)
        await mark_effect(connection, now=now)
    learned.keep(memory, generation=meters.generation)


@dataclass
class Learned:
    """What may be remembered once the transaction is committed."""

    names: set[tuple[UUID, str]] = field(default_factory=set)
    values: set[tuple[UUID, UUID, int, UUID]] = field(default_factory=set)
    subjects: set[UUID] = field(default_factory=set)
    announced: dict[UUID, datetime] = field(default_factory=dict)

    def keep(self, memory: Memory, *, generation: int) -> None:
        memory.trim()
        memory.names |= self.names
        memory.values |= self.values
        memory.subjects.update(dict.fromkeys(self.subjects, generation))
        memory.announced.update(self.announced)


async def _find_customers(connection: Connection, organization_id: UUID, batches: Sequence[Batch]) -> None:
    ids = {event.sent.customer_id for batch in batches for event in batch.events if event.sent.customer_id is not None}
    if not ids:
        return
    rows = await connection.fetch(statements.FIND_CUSTOMERS, organization_id=organization_id, ids=list(ids))
    unknown = ids - {row["id"] for row in rows}
    for batch in batches if unknown else ():
        for index, event in enumerate(batch.events):
            if event.sent.customer_id in unknown:
                place = ("body", "events", index, "customer_id")
                fault = Fault(place, "Customer not found.", "customer_id", str(event.sent.customer_id))
                batch.faults.setdefault(index, fault)


async def _take_keys(connection: Connection, organization_id: UUID, batches: Sequence[Batch]) -> None:
    """Marks the duplicates: who comes first with a key has it, within a request, among requests, and for ever."""
    first: dict[UUID, NewEvent] = {}
    for batch in batches:
        for event in batch.events:
            event.duplicate = False
            if event.key is not None and first.setdefault(event.key, event) is not event:
                event.duplicate = True
    if not first:
        return
    for event in first.values():
        event.id = event.id or uuid.uuid4()
    keys = sorted(first)
    ids = [first[key].id for key in keys]
    rows = await connection.fetch(statements.TAKE_KEYS, organization_id=organization_id, keys=keys, event_ids=ids)
    taken = {row["key"] for row in rows}
    for key, event in first.items():
        event.duplicate = key not in taken


async def store(
    connection: Connection,
    memory: Memory,
    meters: Meters,
    organization_id: UUID,
    events: Sequence[NewEvent],
    *,
    now: datetime,
    learned: Learned,
) -> None:
    """Stores events and counts them by the meters. Raises `MetersChanged` if those are not the newest."""
    counts = Counts(organization_id)
    names: dict[str, list[Any]] = {}
    for event in events:
        counts.add(meters, event.sent, event.subject, event.hour)
        _name(names, event)
    rows = await connection.fetch(
        statements.COUNT,
        organization_id=organization_id,
        generation=meters.generation,
        now=now,
        slot=memory.slot,
        unique_meter_ids=list({meter_id for meter_id, _ in counts.values}),
        **usage_of(counts),
        **rollups_of(counts, memory.slot),
        **names_of(names, EventSource.USER),
        **_events(events),
    )
    if not rows:
        raise MetersChanged
    values = [
        (row["meter_id"], row["subject"], row["from_seq"], value)
        for row in rows
        if row["meter_id"] is not None
        for value in counts.values.get((row["meter_id"], row["subject"]), ())
    ]
    learned.values.update(value for value in values if value not in memory.values)
    if learned.values:
        columns = list(zip(*learned.values, strict=True))
        named = dict(zip(("meter_ids", "subjects", "from_seqs", "values"), map(list, columns), strict=True))
        await connection.execute(statements.ADD_VALUES, **named)


def _name(names: dict[str, list[Any]], event: NewEvent) -> None:
    at = event.sent.timestamp
    known = names.get(event.sent.name)
    if known is None:
        names[event.sent.name] = [1, event.parent_id is None, at, at]
        return
    known[0] += 1
    known[1] += event.parent_id is None
    if at < known[2]:
        known[2] = at
    elif at > known[3]:
        known[3] = at


def _events(events: Sequence[NewEvent]) -> dict[str, list[Any]]:
    sent = [event.sent for event in events]
    return {
        "ids": [event.id for event in events],
        "timestamps": [event.timestamp for event in sent],
        "e_subjects": [event.subject for event in events],
        "customer_ids": [event.customer_id for event in sent],
        "parent_ids": [event.parent_id for event in events],
        "root_ids": [event.root_id for event in events],
        "sources": [EventSource.USER.value] * len(events),
        "names": [event.name for event in sent],
        "external_customer_ids": [event.external_customer_id for event in sent],
        "external_ids": [event.external_id for event in sent],
        "metadata": [orjson.dumps(event.metadata).decode() for event in sent],
    }


async def follow(
    app: App,
    connection: Connection,
    memory: Memory,
    meters: Meters,
    organization_id: UUID,
    events: Sequence[NewEvent],
    *,
    now: datetime,
    learned: Learned,
) -> None:
    """Writes what has to be there beside the events, for names and customers that are not yet known for it."""
    generation = meters.generation
    learned.names = {(organization_id, event.sent.name) for event in events} - memory.names
    if learned.names:
        names = sorted(name for _, name in learned.names)
        await connection.execute(statements.NAME_TYPES, organization_id=organization_id, now=now, names=names)
    new = {event.subject: event.sent for event in events if memory.subjects.get(event.subject) != generation}
    if new:
        learned.subjects = set(new)
        await connection.execute(
            statements.APPEAR,
            organization_id=organization_id,
            now=now,
            customer_ids=[sent.customer_id for sent in new.values() if sent.customer_id is not None],
            external_ids=[s.external_customer_id for s in new.values() if s.external_customer_id is not None],
        )
    real = app.clock.now()
    learned.announced = {
        event.subject: real + SURE_TO_COME for event in events if not real < memory.announced.get(event.subject, real)
    }
    if learned.announced:
        by_subject = {event.subject: event.sent for event in events}
        requests = [
            WorkRequest(
                "announce_usage",
                organization_id,
                {"customer_id": by_subject[id].customer_id, "external_id": by_subject[id].external_customer_id},
                real + QUIET,
                str(id),
            )
            for id in sorted(learned.announced)
        ]
        await enqueue(connection, requests, kinds=app.kinds, now=real, trace=current_trace())
