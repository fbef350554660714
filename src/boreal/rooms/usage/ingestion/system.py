"""System events: what Boreal itself notes (usage spec 2.5).

Meters do not count them. The slot of the counters is one per transaction, so that transactions rarely wait for one
another.
"""

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from boreal.core.events import EventSource
from boreal.kit.tx import Tx
from boreal.rooms.usage.ingestion import statements
from boreal.rooms.usage.ingestion.columns import names_of, rollups_of, usage_of
from boreal.rooms.usage.meters.counting import Counts, Meters
from boreal.rooms.usage.meters.generations import read_generation

SLOTS = range(32_000, 32_032)
RECORDING = 32_032
"""The slot of events that are recorded after the fact, which happens to one organization once at a time."""


@dataclass(frozen=True, slots=True)
class SystemEvent:
    """Something to note; ids and times in `metadata` are texts. `timestamp` None: now."""

    name: str
    customer_id: UUID | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    timestamp: datetime | None = None


async def note(tx: Tx, events: Sequence[SystemEvent], *, slot: int | None = None) -> None:
    """Stores system events of the organization of the transaction, in their order."""
    if not events:
        return
    slot = slot or random.Random(id(tx)).choice(SLOTS)
    counts = Counts(tx.organization_id)
    names: dict[str, list[Any]] = {}
    nothing = Meters(0, ())
    times = [event.timestamp or tx.now for event in events]
    for event, at in zip(events, times, strict=True):
        counts.add(nothing, _Seen(event.name), event.customer_id, int(at.timestamp() // 3600))
        known = names.setdefault(event.name, [0, 0, at, at])
        names[event.name] = [known[0] + 1, known[1] + 1, min(known[2], at), max(known[3], at)]
    generation = await read_generation(tx, tx.organization_id)
    count = len(events)
    rows = await tx.fetch(
        statements.COUNT,
        organization_id=tx.organization_id,
        generation=generation,
        now=tx.now,
        slot=slot,
        unique_meter_ids=[],
        **usage_of(counts),
        **rollups_of(counts, slot),
        **names_of(names, EventSource.SYSTEM),
        ids=[uuid.uuid4() for _ in events],
        timestamps=times,
        e_subjects=[event.customer_id for event in events],
        customer_ids=[event.customer_id for event in events],
        parent_ids=[None] * count,
        root_ids=[None] * count,
        sources=[EventSource.SYSTEM.value] * count,
        names=[event.name for event in events],
        external_customer_ids=[None] * count,
        external_ids=[None] * count,
        metadata=[orjson.dumps(event.metadata, default=str).decode() for event in events],
    )
    assert rows, "the generation of meters is locked"


@dataclass(frozen=True, slots=True)
class _Seen:
    name: str
    source: str = EventSource.SYSTEM.value
