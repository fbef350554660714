"""The door of the usage room: meters and usage for the rooms above, tables for joins, and wire shapes to show.

What changes or closes usage takes the caller's transaction:

    await credit(tx, customer_id=…, meter_id=…, units=100, rollover=False)     # or negative units, to take them back
    place = await close(tx, customer_ids=[…], meter_ids=[…])                    # a bill ends here
    (tally,) = await measure(tx, [[Span(meter_id, customer_id, since=last_place, until=place)]])
    resets = await reset(tx, customer_id=…, meter_ids=[…], at=place)            # a new window, with what rolls over
    quantity(Aggregation.parse(meter_row["aggregation"]).function, tally)       # a Decimal, from boreal.core.metering
"""

from boreal.rooms.usage.archive.streaming import stream as stream_events
from boreal.rooms.usage.checks.queue import Checks
from boreal.rooms.usage.customer_meters.balances import balances
from boreal.rooms.usage.customer_meters.commands import credit, reset
from boreal.rooms.usage.customer_meters.own import CUSTOMER_ID as CUSTOMER_METER_CUSTOMER_ID
from boreal.rooms.usage.customer_meters.own import METER_ID as CUSTOMER_METER_METER_ID
from boreal.rooms.usage.customer_meters.own import OwnMeters
from boreal.rooms.usage.customer_meters.queries import active_meters
from boreal.rooms.usage.customer_meters.schemas import CustomerMeterBase
from boreal.rooms.usage.customer_meters.tables import CustomerMeterRow
from boreal.rooms.usage.events.asked import organizations as asked_organizations
from boreal.rooms.usage.events.asked import subjects as asked_subjects
from boreal.rooms.usage.events.tables import EventNameRow, EventRow, EventTypeRow
from boreal.rooms.usage.ingestion.queues import Ingestion
from boreal.rooms.usage.ingestion.schemas import LLMMetadata
from boreal.rooms.usage.meters.closing import close
from boreal.rooms.usage.meters.counting import ALL as ALL_SUBJECTS
from boreal.rooms.usage.meters.holds import meter_names, set_holds
from boreal.rooms.usage.meters.measuring import Span, measure
from boreal.rooms.usage.meters.queries import render as render_meter
from boreal.rooms.usage.meters.schemas import FilterInput, Meter
from boreal.rooms.usage.meters.sql import contributes, passes
from boreal.rooms.usage.meters.tables import MeterRollupRow, MeterRow, MeterUsageRow

__all__ = [
    "ALL_SUBJECTS",
    "CUSTOMER_METER_CUSTOMER_ID",
    "CUSTOMER_METER_METER_ID",
    "Checks",
    "CustomerMeterBase",
    "CustomerMeterRow",
    "EventNameRow",
    "EventRow",
    "EventTypeRow",
    "FilterInput",
    "Ingestion",
    "LLMMetadata",
    "Meter",
    "MeterRollupRow",
    "MeterRow",
    "MeterUsageRow",
    "OwnMeters",
    "Span",
    "active_meters",
    "asked_organizations",
    "asked_subjects",
    "balances",
    "close",
    "contributes",
    "credit",
    "measure",
    "meter_names",
    "passes",
    "render_meter",
    "reset",
    "set_holds",
    "stream_events",
]
