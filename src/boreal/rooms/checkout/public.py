"""The door of the checkout room, for insights, the surfaces and the composition root."""

from boreal.rooms.checkout.checkouts.buyer import (
    client_confirm,
    client_hearing,
    client_update,
    client_view,
    client_view_by_id,
)
from boreal.rooms.checkout.checkouts.fulfilment import hear as hear_processor
from boreal.rooms.checkout.checkouts.openings import remember_opening
from boreal.rooms.checkout.checkouts.streams import CheckoutStreams
from boreal.rooms.checkout.checkouts.tables import CheckoutRow
from boreal.rooms.checkout.links.commands import make as create_checkout_link
from boreal.rooms.checkout.links.queries import newest as newest_checkout_link
from boreal.rooms.checkout.processor_events.inbox import receive as receive_processor_event

__all__ = [
    "CheckoutRow",
    "CheckoutStreams",
    "client_confirm",
    "client_hearing",
    "client_update",
    "client_view",
    "client_view_by_id",
    "create_checkout_link",
    "hear_processor",
    "newest_checkout_link",
    "receive_processor_event",
    "remember_opening",
]
