"""The door of the usage room: wire shapes that rooms above show inside their own."""

from boreal.rooms.usage.meters.schemas import Meter

__all__ = ["Meter"]
