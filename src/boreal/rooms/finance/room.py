"""The manifest of the finance room."""

from boreal.kit.room import Room
from boreal.rooms.finance.invariants import INVARIANTS

room = Room(name="finance", invariants=INVARIANTS)
