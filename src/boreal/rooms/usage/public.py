"""The door of the usage room: meters for the rooms above, their tables for joins, and wire shapes to show."""

from boreal.rooms.usage.customer_meters.tables import CustomerMeterRow
from boreal.rooms.usage.events.asked import organizations as asked_organizations
from boreal.rooms.usage.events.asked import subjects as asked_subjects
from boreal.rooms.usage.events.tables import EventKeyRow, EventNameRow, EventRow, EventTypeRow
from boreal.rooms.usage.ingestion.queues import Ingestion
from boreal.rooms.usage.ingestion.schemas import LLMMetadata
from boreal.rooms.usage.meters.holds import meter_names, set_holds
from boreal.rooms.usage.meters.schemas import FilterInput, Meter
from boreal.rooms.usage.meters.sql import contributes, passes
from boreal.rooms.usage.meters.tables import MeterRow, MeterUsageRow

__all__ = [
    "CustomerMeterRow",
    "EventKeyRow",
    "EventNameRow",
    "EventRow",
    "EventTypeRow",
    "FilterInput",
    "Ingestion",
    "LLMMetadata",
    "Meter",
    "MeterRow",
    "MeterUsageRow",
    "asked_organizations",
    "asked_subjects",
    "contributes",
    "meter_names",
    "passes",
    "set_holds",
]
