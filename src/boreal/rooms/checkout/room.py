"""The manifest of the checkout room."""

from boreal.kit.room import Room
from boreal.kit.work import Kind
from boreal.rooms.checkout.checkouts import client_routes, confirmation, expiry, fulfilment, queries
from boreal.rooms.checkout.checkouts import routes as checkout_routes
from boreal.rooms.checkout.checkouts.schemas import Checkout
from boreal.rooms.checkout.invariants import INVARIANTS
from boreal.rooms.checkout.links import routes as link_routes
from boreal.rooms.checkout.links.commands import take_archived_off
from boreal.rooms.checkout.processor_events import inbox

room = Room(
    name="checkout",
    nouns=(queries.CHECKOUT,),
    routes=(
        checkout_routes.routes,
        client_routes.routes,
        checkout_routes.legacy_routes,
        client_routes.legacy_routes,
        link_routes.routes,
    ),
    renderers_with=lambda settings: {"checkout": queries.payload(settings)},
    kinds={
        "settle_attempt": Kind(confirmation.settle_attempt, queue="payments", lease_s=60, real_time=True),
        "complete_checkout": Kind(fulfilment.complete, queue="payments", lease_s=60, real_time=True),
        "hear_processor_event": Kind(inbox.hear, queue="payments", lease_s=60),
        "expire_checkouts": Kind(expiry.sweep),
        "catch_up_with_processor": Kind(inbox.catch_up, queue="payments", lease_s=300),
        "forget_processor_events": Kind(inbox.forget),
        "clean_checkout_links": Kind(take_archived_off),
    },
    reactions={"product.updated": ("clean_checkout_links",)},
    recurring=("expire_checkouts", "forget_processor_events", "catch_up_with_processor"),
    invariants=INVARIANTS,
    payload_schemas={"checkout.created": Checkout, "checkout.updated": Checkout},
)
