"""The manifest of the entitlements room."""

from boreal.core import grants as grant_rules
from boreal.core.grants import Grant
from boreal.kit.room import Room
from boreal.kit.tx import Noun
from boreal.kit.work import Kind
from boreal.rooms.entitlements.downloadables import portal as downloadables
from boreal.rooms.entitlements.grants import queries as grant_queries
from boreal.rooms.entitlements.grants import routes as grant_routes
from boreal.rooms.entitlements.grants.schemas import BenefitGrantWebhook
from boreal.rooms.entitlements.grants.tables import BenefitGrantRow
from boreal.rooms.entitlements.grants.work import KINDS, REACTIONS
from boreal.rooms.entitlements.invariants import INVARIANTS
from boreal.rooms.entitlements.license_keys import routes as license_keys
from boreal.rooms.entitlements.meters import portal as meters
from boreal.rooms.entitlements.state import queries, routes
from boreal.rooms.entitlements.state.schemas import CustomerState
from boreal.rooms.entitlements.state.work import CHANGES_STATE, GRANT_FACTS, announce_customer_state

GRANT = Noun("benefit_grant", Grant, BenefitGrantRow, facts=grant_rules.facts, transitions=grant_rules.TRANSITIONS)

_STATE = dict.fromkeys(CHANGES_STATE, ("announce_customer_state",))

room = Room(
    name="entitlements",
    nouns=(GRANT,),
    routes=(
        routes.routes,
        grant_routes.routes,
        grant_routes.of_benefits,
        downloadables.routes,
        license_keys.routes,
        license_keys.portal,
        meters.routes,
    ),
    renderers={"customer.state_changed": queries.payload, "benefit_grant": grant_queries.payload},
    kinds={"announce_customer_state": Kind(announce_customer_state), **KINDS},
    reactions={
        fact: (*REACTIONS.get(fact, ()), *_STATE.get(fact, ())) for fact in dict.fromkeys([*REACTIONS, *_STATE])
    },
    invariants=INVARIANTS,
    payload_schemas={
        "customer.state_changed": CustomerState,
        **dict.fromkeys(GRANT_FACTS, BenefitGrantWebhook),
    },
)
