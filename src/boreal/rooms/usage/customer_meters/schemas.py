"""Wire shapes of customer meters (usage spec 5.1)."""

from boreal.kit.schemas import UUID4, Identified, Timestamped
from boreal.rooms.customers.public import Customer
from boreal.rooms.usage.meters.schemas import Meter


class CustomerMeterBase(Identified, Timestamped):
    """What a customer consumed of a meter, was credited, and has left; the balance may be negative."""

    customer_id: UUID4
    meter_id: UUID4
    consumed_units: float
    credited_units: int
    balance: float


class CustomerMeter(CustomerMeterBase):
    """What a customer consumed of a meter, with both."""

    customer: Customer
    meter: Meter
