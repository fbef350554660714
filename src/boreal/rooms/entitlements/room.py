"""The manifest of the entitlements room."""

from boreal.kit.room import Room
from boreal.kit.work import Kind
from boreal.rooms.entitlements.invariants import INVARIANTS
from boreal.rooms.entitlements.state import queries, routes
from boreal.rooms.entitlements.state.schemas import CustomerState
from boreal.rooms.entitlements.state.work import CHANGES_STATE, announce_customer_state

room = Room(
    name="entitlements",
    routes=(routes.routes,),
    renderers={"customer.state_changed": queries.payload},
    kinds={"announce_customer_state": Kind(announce_customer_state)},
    reactions=dict.fromkeys(CHANGES_STATE, ("announce_customer_state",)),
    invariants=INVARIANTS,
    payload_schemas={"customer.state_changed": CustomerState},
)
