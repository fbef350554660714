"""The door of the checkout room, for the surfaces and the composition root."""

from boreal.rooms.checkout.checkouts.buyer import client_confirm, client_update, client_view
from boreal.rooms.checkout.checkouts.fulfilment import hear as hear_processor
from boreal.rooms.checkout.links.commands import create as create_checkout_link

__all__ = ["client_confirm", "client_update", "client_view", "create_checkout_link", "hear_processor"]
