"""Wire shapes of checks. The reference has none, so that they are ours (docs/decisions/0017)."""

from typing import Annotated

from pydantic import AllowInfNan, Field, model_validator
from pydantic_core import PydanticCustomError

from boreal.kit.schemas import UUID4, Boolean, NumberOnly, Schema
from boreal.rooms.usage.ingestion.schemas import EventName, SentMetadata

Units = Annotated[int | Annotated[float, AllowInfNan(False)], Field(gt=0, le=1e15), NumberOnly]


class UsageCheck(Schema):
    """Usage that is about to happen: so many units of a meter, by a customer, and the event that will tell of it."""

    meter_id: UUID4 = Field(description="A meter that sums a property or counts events.")
    customer_id: UUID4 | None = None
    external_customer_id: str | None = None
    units: Units = Field(
        default=1,
        description="How many units. A meter that sums finds them in the event; one that counts takes 1 at a time.",
    )
    name: EventName
    metadata: SentMetadata = Field(default_factory=dict)
    external_id: str | None = Field(
        default=None,
        description="Your id: once an event with it is recorded, the answer is yes and nothing is deducted.",
    )
    organization_id: UUID4 | None = Field(default=None, description="Only with a token that is not the organization's.")
    overage: Boolean = Field(default=False, description="Record the event even if the balance falls below zero.")

    @model_validator(mode="after")
    def names_one_customer(self) -> "UsageCheck":
        """Refuses none and both."""
        if (self.customer_id is None) == (self.external_customer_id is None):
            raise PydanticCustomError("value_error", "Name either customer_id or external_customer_id.", {"error": {}})
        return self


class UsageVerdict(Schema):
    """Whether the usage may happen. If so, its event is recorded and counted, and the balance is what is left."""

    allowed: bool
    balance: float
    event_id: UUID4 | None = Field(description="The event that is recorded; null if the usage was not allowed.")
    duplicate: bool = Field(description="Whether the event was recorded before: nothing was deducted this time.")
