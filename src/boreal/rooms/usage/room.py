"""The manifest of the usage room."""

from boreal.kit.room import Room
from boreal.kit.work import Kind
from boreal.rooms.usage.customer_meters import tables as _customer_meters
from boreal.rooms.usage.event_types import routes as event_type_routes
from boreal.rooms.usage.ingestion import routes as event_routes
from boreal.rooms.usage.ingestion.work import announce_usage
from boreal.rooms.usage.meters import routes as meter_routes
from boreal.rooms.usage.meters.filling import fill_meter

room = Room(
    name="usage",
    routes=(event_routes.routes, event_type_routes.routes, meter_routes.routes),
    kinds={
        "announce_usage": Kind(announce_usage),
        "fill_meter": Kind(fill_meter, lease_s=3600.0),
    },
)

TABLES = (_customer_meters,)
