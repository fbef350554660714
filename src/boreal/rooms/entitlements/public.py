"""The door of the entitlements room: the customer state for the rooms above."""

from boreal.rooms.entitlements.state.queries import state as customer_state
from boreal.rooms.entitlements.state.schemas import CustomerState

__all__ = ["CustomerState", "customer_state"]
