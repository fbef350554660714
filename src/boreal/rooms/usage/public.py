"""The door of the usage room: meters for the rooms above, their tables for joins, and wire shapes to show."""

from boreal.rooms.usage.customer_meters.tables import CustomerMeterRow
from boreal.rooms.usage.events.tables import EventKeyRow, EventNameRow, EventRow, EventTypeRow
from boreal.rooms.usage.ingestion.queues import Ingestion
from boreal.rooms.usage.meters.holds import meter_names, set_holds
from boreal.rooms.usage.meters.schemas import Meter
from boreal.rooms.usage.meters.tables import MeterRow

__all__ = [
    "CustomerMeterRow",
    "EventKeyRow",
    "EventNameRow",
    "EventRow",
    "EventTypeRow",
    "Ingestion",
    "Meter",
    "MeterRow",
    "meter_names",
    "set_holds",
]
