"""The manifest of the insights room."""

from boreal.kit.room import Room
from boreal.rooms.insights.events.routes import routes as events_routes
from boreal.rooms.insights.metrics.routes import routes as metrics_routes
from boreal.rooms.insights.metrics.verification import differences

room = Room(
    name="insights",
    routes=(events_routes, metrics_routes),
    verifications={"kept periods of reports are what counting anew gives": differences},
)
