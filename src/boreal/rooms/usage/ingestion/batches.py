"""The events of one request on their way into the database, and what becomes of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from boreal.core.events import key_of, subject_of
from boreal.kit.db import Id
from boreal.kit.problems import Fault, Invalid
from boreal.rooms.usage.ingestion.bodies import MAX_FAULTS, SentEvent


@dataclass(slots=True)
class NewEvent:
    """An event, whom it is about, and in which hour since 1970 it happened."""

    sent: SentEvent
    subject: UUID
    hour: int
    key: UUID | None = None
    id: UUID | None = None
    parent_id: UUID | None = None
    root_id: UUID | None = None
    duplicate: bool = False


@dataclass(slots=True)
class Batch:
    """The events of one request, which are taken in together or not at all. `faults` are by index."""

    events: list[NewEvent]
    faults: dict[int, Fault] = field(default_factory=dict)

    @classmethod
    def of(cls, organization_id: UUID, events: Iterable[SentEvent]) -> "Batch":
        """The events of an organization."""
        batch: list[NewEvent] = []
        subjects: dict[str, UUID] = {}
        at, hour = None, 0
        for sent in events:
            external = sent.external_customer_id
            subject = sent.customer_id if external is None else subjects.get(external)
            if subject is None:
                assert external is not None
                subject = subjects[external] = Id(str(subject_of(organization_id, external)))
            assert sent.timestamp is not None
            if sent.timestamp is not at:  # events without a time share one
                at, hour = sent.timestamp, int(sent.timestamp.timestamp() // 3600)
            new = NewEvent(sent, subject, hour)
            if sent.external_id is not None:
                new.key = key_of(organization_id, sent.external_id)
            batch.append(new)
        return cls(batch)

    @property
    def verdict(self) -> dict[str, int]:
        """How many events were new, and how many were known. Raises `Invalid` if the batch was refused."""
        if self.faults:
            raise Invalid(*[self.faults[index] for index in sorted(self.faults)][:MAX_FAULTS])
        duplicates = sum(event.duplicate for event in self.events)
        return {"inserted": len(self.events) - duplicates, "duplicates": duplicates}
