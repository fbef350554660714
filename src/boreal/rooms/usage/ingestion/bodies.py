"""Reading what merchants send: a compiled decoder takes the usual event, and what it refuses is read with care.

The decoder is strict and says little about what is wrong, so everything that it refuses is validated again by the
documented shapes. That is slow, tells every fault at its place, and accepts what is unusual but right.
"""

import re
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from boreal.kit.reading import parse_json
from boreal.rooms.usage.ingestion.schemas import (
    MAX_INTEGER,
    MAX_NAME,
    EventCreateCustomer,
    EventCreateExternalCustomer,
    EventsIngest,
)

MAX_FAULTS = 100

_Scalar = (
    Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    | Annotated[int, msgspec.Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
    | float
    | bool
)
_Time = Annotated[datetime, msgspec.Meta(tz=True)]


class SentEvent(msgspec.Struct):
    """An event as it was sent and found right. `source` makes it what filters look at."""

    name: Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
    timestamp: _Time | None = None
    customer_id: UUID | None = None
    external_customer_id: str | None = None
    organization_id: UUID | None = None
    external_id: str | None = None
    parent_id: str | None = None
    metadata: dict[str, _Scalar] = {}

    @property
    def source(self) -> str:
        """Merchants send user events."""
        return "user"


class _Body(msgspec.Struct):
    events: list[SentEvent]


_NULL = re.compile(rb":\s*null")
_BODY = msgspec.json.Decoder(_Body)
_EXACT = msgspec.json.Decoder(float_hook=Decimal)
_EITHER: TypeAdapter[Any] = TypeAdapter(EventCreateCustomer | EventCreateExternalCustomer)


def read(content: bytes, *, now: datetime) -> list[SentEvent]:
    """The events of a body, each with its time. Raises `RequestValidationError` with what is wrong, up to a bound."""
    if b"\\u0000" not in content and (b"null" not in content or _NULL.search(content) is None):
        try:
            events = _BODY.decode(content).events
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return _read_with_care(content, now=now)
        if all(_is_usual(event, now) for event in events):
            return events
    return _read_with_care(content, now=now)


def _is_usual(event: SentEvent, now: datetime) -> bool:
    """Whether nothing is wrong that the decoder does not know of; gives it its time."""
    if event.timestamp is None:
        event.timestamp = now
    elif event.timestamp > now:
        return False
    if event.external_customer_id is not None:
        event.customer_id = None
        return event.organization_id is None
    return event.customer_id is not None and event.customer_id.version == 4 and event.organization_id is None


def _read_with_care(content: bytes, *, now: datetime) -> list[SentEvent]:
    try:
        sent = _EXACT.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        sent = parse_json(content)
    items = sent.get("events") if isinstance(sent, dict) else None
    if not isinstance(items, list):
        _refuse_body(sent)
        raise AssertionError
    events: list[SentEvent] = []
    faults: list[Any] = []
    for index, item in enumerate(items):
        plain = _with_floats(item)
        try:
            events.append(_careful(plain, now=now))
        except ValidationError as wrong:
            faults += [{**error, "loc": ("body", "events", index, *error["loc"])} for error in wrong.errors()]
            if len(faults) >= MAX_FAULTS:
                break
    if faults:
        raise RequestValidationError(faults)
    return events


def _refuse_body(sent: Any) -> None:
    """Raises what is wrong with a body that holds no list of events."""
    try:
        EventsIngest.model_validate(sent)
    except ValidationError as wrong:
        faults = [{**error, "loc": ("body", *error["loc"])} for error in wrong.errors()]
        raise RequestValidationError(faults) from None


def _careful(item: Any, *, now: datetime) -> SentEvent:
    """Raises `ValidationError` with the faults of both kinds of event, if it is neither (usage spec 2.1)."""
    found = _EITHER.validate_python(item, context={"now": now})
    if isinstance(found, EventCreateCustomer) and "external_customer_id" in item:
        with suppress(ValidationError):  # then it is right as the other kind
            found = EventCreateExternalCustomer.model_validate(item, context={"now": now})
    return SentEvent(
        name=found.name,
        timestamp=found.timestamp if found.timestamp is not None else now,
        customer_id=found.customer_id if isinstance(found, EventCreateCustomer) else None,
        external_customer_id=None if isinstance(found, EventCreateCustomer) else found.external_customer_id,
        organization_id=found.organization_id,
        external_id=found.external_id,
        parent_id=found.parent_id,
        metadata=found.metadata,
    )


def _with_floats(item: Any) -> Any:
    """An item with floats, as JSON is read elsewhere; the amount of a cost stays the decimal that was sent."""
    if isinstance(item, Decimal):
        return float(item)
    if isinstance(item, list):
        return [_with_floats(member) for member in item]
    if not isinstance(item, dict):
        return item
    plain = {key: _with_floats(value) for key, value in item.items()}
    metadata = item.get("metadata")
    cost = metadata.get("_cost") if isinstance(metadata, dict) else None
    if isinstance(cost, dict) and isinstance(cost.get("amount"), Decimal):
        plain["metadata"]["_cost"]["amount"] = cost["amount"]
    return plain
