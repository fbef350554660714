"""A check on its way into the database: the event that it would record, what that adds to meters, and the answer."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from boreal.core.events import key_of, subject_of
from boreal.core.metering import SUMMABLE, AggregationFunction, exact
from boreal.kit.problems import Fault, Invalid
from boreal.rooms.usage.checks.schemas import UsageCheck
from boreal.rooms.usage.ingestion.batches import NewEvent
from boreal.rooms.usage.ingestion.bodies import SentEvent
from boreal.rooms.usage.meters.counting import CountedMeter, Counts, Meters
from boreal.rooms.usage.meters.quantities import wire

_KIND = "Only meters that sum or count can be checked; {function} has no units to take from a balance."


@dataclass(slots=True)
class Check:
    """What was asked at a moment. `adds` is what the event adds, by meter; `fault` or `verdict` come in the end."""

    organization_id: UUID
    asked: UsageCheck
    now: datetime
    adds: Mapping[UUID, Decimal] = field(default_factory=dict)
    event: NewEvent | None = None
    customer_id: UUID | None = None
    fault: Fault | None = None
    verdict: Mapping[str, Any] | None = None

    def aim(self, meters: Meters) -> None:
        """Makes the event and finds what it adds to the meters as they are; or what is wrong with it."""
        meter = next((meter for meter in meters.meters if meter.id == self.asked.meter_id), None)
        self.fault = _unfit(self.asked, meter)
        if meter is None or self.fault is not None:
            return
        self.event = _event(self.asked, meter, self.organization_id, self.now)
        self.adds = _added(meters, self.event, self.organization_id)
        if self.adds.get(meter.id) != exact(self.asked.units):
            words = f"The meter would not count this event as {self.asked.units} units."
            self.fault = Fault(("body", "metadata"), words, "value_error", self.asked.metadata)

    def answer(self, *, allowed: bool, balance: Decimal, event_id: UUID | None, duplicate: bool) -> None:
        """Keeps the verdict for who asked."""
        self.verdict = {
            "allowed": allowed,
            "balance": wire(balance),
            "event_id": event_id if allowed else None,
            "duplicate": duplicate,
        }

    @property
    def outcome(self) -> Mapping[str, Any]:
        """The verdict. Raises `Invalid` if the check was refused."""
        if self.fault is not None:
            raise Invalid(self.fault)
        assert self.verdict is not None
        return self.verdict


def _unfit(asked: UsageCheck, meter: CountedMeter | None) -> Fault | None:
    if meter is None:
        return Fault(("body", "meter_id"), "Meter not found.", "meter_id", str(asked.meter_id))
    function = meter.aggregation.function
    if function not in SUMMABLE:
        return Fault(("body", "meter_id"), _KIND.format(function=function.value), "value_error", str(asked.meter_id))
    if function is AggregationFunction.COUNT and asked.units != 1:
        return Fault(("body", "units"), "An event is one unit of a meter that counts.", "value_error", asked.units)
    return None


def _event(asked: UsageCheck, meter: CountedMeter, organization_id: UUID, now: datetime) -> NewEvent:
    property = meter.aggregation.property
    metadata: dict[str, Any] = dict(asked.metadata)
    if property is not None:
        metadata.setdefault(property, asked.units)
    sent = SentEvent(
        name=asked.name,
        timestamp=now,
        customer_id=asked.customer_id,
        external_customer_id=asked.external_customer_id,
        external_id=asked.external_id,
        metadata=metadata,
    )
    external = asked.external_customer_id
    subject = asked.customer_id if external is None else subject_of(organization_id, external)
    assert subject is not None
    key = None if asked.external_id is None else key_of(organization_id, asked.external_id)
    return NewEvent(sent, subject, int(now.timestamp() // 3600), key=key, id=uuid.uuid4())


def _added(meters: Meters, event: NewEvent, organization_id: UUID) -> dict[UUID, Decimal]:
    """What the event adds to each meter that counts it; of meters without units, and of the whole, how many events."""
    counts = Counts(organization_id)
    counts.add(meters, event.sent, event.subject, event.hour)
    sums = {meter.id: meter.aggregation.function is AggregationFunction.SUM for meter in meters.meters}
    return {
        meter_id: exact(cell[1] if sums.get(meter_id) else cell[0]) for (meter_id, _), cell in counts.usage().items()
    }
