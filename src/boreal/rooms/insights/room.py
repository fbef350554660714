"""The manifest of the insights room."""

from boreal.kit.room import Room
from boreal.rooms.insights.events.routes import routes as events_routes
from boreal.rooms.insights.metrics.routes import routes as metrics_routes

room = Room(name="insights", routes=(events_routes, metrics_routes))
