"""The manifest of the platform room."""

from boreal.core import organizations as organization_rules
from boreal.core.organizations import Organization
from boreal.kit.room import Room
from boreal.kit.tx import Noun
from boreal.rooms.platform.clocks import commands as clock_commands
from boreal.rooms.platform.clocks import routes as clock_routes
from boreal.rooms.platform.files import routes as file_routes
from boreal.rooms.platform.files.work import KINDS as FILE_KINDS
from boreal.rooms.platform.idempotency import FORGET
from boreal.rooms.platform.invariants import INVARIANTS
from boreal.rooms.platform.organizations import queries as organization_queries
from boreal.rooms.platform.organizations import routes as organization_routes
from boreal.rooms.platform.organizations import schemas as organization_schemas
from boreal.rooms.platform.organizations.tables import OrganizationRow
from boreal.rooms.platform.tokens import queries as token_queries
from boreal.rooms.platform.tokens import routes as token_routes
from boreal.rooms.platform.webhooks import routes as webhook_routes
from boreal.rooms.platform.webhooks.work import KINDS as WEBHOOK_KINDS

ORGANIZATION = Noun("organization", Organization, OrganizationRow, facts=organization_rules.facts)

room = Room(
    name="platform",
    nouns=(ORGANIZATION,),
    routes=(
        organization_routes.routes,
        token_routes.routes,
        webhook_routes.routes,
        file_routes.routes,
        clock_routes.routes,
    ),
    renderers={"organization": organization_queries.payload},
    kinds={**WEBHOOK_KINDS, **FILE_KINDS, **FORGET, **clock_commands.KINDS},
    recurring=("archive_webhooks", "give_up_uploads", *FORGET),
    resolvers={"": token_queries.resolver},
    invariants=INVARIANTS,
    payload_schemas={"organization.updated": organization_schemas.Organization},
)
