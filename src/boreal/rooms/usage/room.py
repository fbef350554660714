"""The manifest of the usage room."""

from boreal.kit.room import Room
from boreal.rooms.usage.customer_meters import tables as _customer_meters
from boreal.rooms.usage.events import tables as _events
from boreal.rooms.usage.meters import tables as _meters

room = Room(name="usage")

TABLES = (_events, _meters, _customer_meters)
"""Imported so that the schema has them, also where nothing uses them yet."""
