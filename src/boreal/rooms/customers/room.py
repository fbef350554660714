"""The manifest of the customers room."""

from boreal.core import customers as customer_rules
from boreal.core import system_events
from boreal.core.customers import Customer
from boreal.kit.room import Room
from boreal.kit.tx import Noun
from boreal.rooms.customers.customers import exports
from boreal.rooms.customers.customers import portal as customer_portal
from boreal.rooms.customers.customers import queries as customer_queries
from boreal.rooms.customers.customers import routes as customer_routes
from boreal.rooms.customers.customers.schemas import Customer as CustomerSchema
from boreal.rooms.customers.customers.tables import CustomerRow
from boreal.rooms.customers.invariants import INVARIANTS
from boreal.rooms.customers.sessions import portal as session_portal
from boreal.rooms.customers.sessions import queries as session_queries
from boreal.rooms.customers.sessions import routes as session_routes
from boreal.rooms.customers.sessions.commands import PREFIX

CUSTOMER = Noun("customer", Customer, CustomerRow, facts=customer_rules.facts, notes=system_events.of_customer)

room = Room(
    name="customers",
    nouns=(CUSTOMER,),
    routes=(
        customer_routes.routes,
        exports.routes,
        session_routes.routes,
        session_portal.portal,
        customer_portal.portal,
    ),
    renderers={"customer": customer_queries.payload},
    resolvers={PREFIX: session_queries.resolver},
    invariants=INVARIANTS,
    payload_schemas={f"customer.{fact}": CustomerSchema for fact in ("created", "updated", "deleted")},
)
