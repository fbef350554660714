"""Wire shapes of event types (usage spec 3)."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from boreal.core.events import EventSource
from boreal.kit.schemas import UUID4, Identified, Schema, Timestamped, empty_to_none


class EventType(Identified, Timestamped):
    """What events of one name are called: by a label or, if they have it, by a value of theirs."""

    name: str
    label: str
    label_property_selector: str | None
    organization_id: UUID4


class EventTypeWithStats(EventType):
    """An event type, how often it occurred, and when first and last."""

    source: EventSource
    occurrences: int
    first_seen: datetime
    last_seen: datetime


def _trimmed(label: str) -> str:
    label = label.strip()
    if not label:
        raise ValueError("Label cannot be empty or only whitespace")
    return label


class EventTypeUpdate(Schema):
    """How to call events; a selector that is left out is cleared."""

    label: Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_trimmed)]
    label_property_selector: Annotated[
        Annotated[str, Field(min_length=1, max_length=256)] | None, BeforeValidator(empty_to_none)
    ] = None
