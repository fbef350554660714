"""The door of the entitlements room: wire shapes that rooms above show inside their own."""

from boreal.rooms.entitlements.state.schemas import CustomerState

__all__ = ["CustomerState"]
