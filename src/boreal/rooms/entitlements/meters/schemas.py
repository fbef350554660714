"""Wire shapes of meters in the portal (usage spec 16)."""

from boreal.kit.schemas import Identified, Timestamped
from boreal.rooms.usage.public import CustomerMeterBase


class CustomerCustomerMeterMeter(Identified, Timestamped):
    """A meter, as far as customers see it."""

    name: str


class CustomerCustomerMeter(CustomerMeterBase):
    """What the customer used of a meter, was credited, and has left."""

    meter: CustomerCustomerMeterMeter
