"""The manifest of the usage room."""

from boreal.kit.room import Room
from boreal.kit.work import Kind
from boreal.rooms.usage.alerts import queries as alert_queries
from boreal.rooms.usage.alerts import routes as alert_routes
from boreal.rooms.usage.alerts.schemas import UsageAlertTriggered
from boreal.rooms.usage.alerts.work import announce_usage, tell_usage_alerts
from boreal.rooms.usage.checks import routes as check_routes
from boreal.rooms.usage.customer_meters import routes as customer_meter_routes
from boreal.rooms.usage.customer_meters.work import show_customer_meters
from boreal.rooms.usage.event_types import routes as event_type_routes
from boreal.rooms.usage.events.partitions import LEASE_S, part_events
from boreal.rooms.usage.ingestion import routes as event_routes
from boreal.rooms.usage.ingestion.work import record_events
from boreal.rooms.usage.invariants import INVARIANTS
from boreal.rooms.usage.meters import routes as meter_routes
from boreal.rooms.usage.meters.filling import fill_meter
from boreal.rooms.usage.meters.verification import differences

room = Room(
    name="usage",
    routes=(
        event_routes.routes,
        event_type_routes.routes,
        meter_routes.routes,
        customer_meter_routes.routes,
        check_routes.routes,
        alert_routes.routes,
    ),
    renderers={"usage_alert": alert_queries.payload},
    kinds={
        "announce_usage": Kind(announce_usage, real_time=True),
        "record_events": Kind(record_events, queue="records", pace_s=1.0),
        "part_events": Kind(part_events, lease_s=LEASE_S, real_time=True),
        "fill_meter": Kind(fill_meter, lease_s=3600.0, real_time=True),
        "tell_usage_alerts": Kind(tell_usage_alerts),
        "show_customer_meters": Kind(show_customer_meters),
    },
    payload_schemas={"usage_alert.triggered": UsageAlertTriggered},
    recurring=("part_events",),
    invariants=INVARIANTS,
    verifications={"what meters keep is what counting all events anew gives": differences},
    recorders=("record_events",),
    reactions={
        "customer.created": ("show_customer_meters",),
        "customer.updated": ("show_customer_meters",),
    },
)
