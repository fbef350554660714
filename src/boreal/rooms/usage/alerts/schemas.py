"""Wire shapes of usage alerts. The reference has none, so that they are ours (docs/decisions/0019)."""

from datetime import datetime
from typing import Annotated

from pydantic import AllowInfNan, Field

from boreal.core.usage_alerts import ThresholdType
from boreal.kit.schemas import UUID4, Boolean, Identified, NumberOnly, Schema, Timestamped
from boreal.rooms.customers.public import Customer
from boreal.rooms.usage.meters.schemas import Meter

AlertName = Annotated[str, Field(max_length=256)]
AlertThreshold = Annotated[
    int | Annotated[float, AllowInfNan(False)],
    Field(gt=0, le=1e15, description="Units, or a percentage such as 80."),
    NumberOnly,
]


class UsageAlert(Identified, Timestamped):
    """A threshold of a meter, for one customer or for each of them."""

    organization_id: UUID4
    meter_id: UUID4
    customer_id: UUID4 | None
    name: str
    threshold_type: ThresholdType
    threshold: float
    enabled: bool


class UsageAlertCreate(Schema):
    """A new alert. Who is past the threshold already is told of with the next event in the window."""

    organization_id: UUID4 | None = None
    meter_id: UUID4
    customer_id: UUID4 | None = None
    name: AlertName = ""
    threshold_type: ThresholdType
    threshold: AlertThreshold


class UsageAlertUpdate(Schema):
    """Changes of an alert; what is null stays. Another threshold is told anew, also in windows that run."""

    name: AlertName | None = None
    threshold: AlertThreshold | None = None
    enabled: Boolean | None = None


class UsageAlertTriggered(Identified):
    """An alert was reached: by whom, and what the customer had used and been credited then, in its window."""

    triggered_at: datetime
    consumed_units: float
    credited_units: int
    balance: float
    customer_meter_id: UUID4
    alert: UsageAlert
    customer: Customer
    meter: Meter
