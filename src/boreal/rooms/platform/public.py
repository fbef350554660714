"""The door of the platform room: organizations for the rooms above, wire shapes to show, who hears of facts."""

from boreal.rooms.platform.clocks.commands import advance as advance_test_clock
from boreal.rooms.platform.clocks.commands import create as create_test_clock
from boreal.rooms.platform.clocks.commands import delete as delete_test_clock
from boreal.rooms.platform.clocks.queries import of_organization as test_clock_of
from boreal.rooms.platform.files.commands import move_addresses as move_file_addresses
from boreal.rooms.platform.files.queries import public_file, uploaded_files
from boreal.rooms.platform.files.queries import render as render_file
from boreal.rooms.platform.files.queries import render_new as render_new_file
from boreal.rooms.platform.files.schemas import FileBase, FileRead, ProductMediaFileRead
from boreal.rooms.platform.files.tables import FileRow
from boreal.rooms.platform.organizations.commands import create as create_organization
from boreal.rooms.platform.organizations.queries import by_id as organization_by_id
from boreal.rooms.platform.organizations.queries import by_ids as read_organizations
from boreal.rooms.platform.organizations.queries import by_slug as organization_by_slug
from boreal.rooms.platform.organizations.queries import render as render_organization
from boreal.rooms.platform.organizations.queries import render_reference as render_organization_reference
from boreal.rooms.platform.organizations.resolution import organization_of
from boreal.rooms.platform.organizations.schemas import CheckoutOrganization, CustomerOrganization
from boreal.rooms.platform.organizations.tables import VISIBLE as VISIBLE_ORGANIZATION
from boreal.rooms.platform.organizations.tables import OrganizationRow
from boreal.rooms.platform.tokens.commands import create as create_token
from boreal.rooms.platform.tokens.queries import remember_use as remember_token_use
from boreal.rooms.platform.webhooks.fanout import fan_out, interest
from boreal.rooms.platform.webhooks.queries import is_told
from boreal.rooms.platform.webhooks.schemas import webhook_payload

__all__ = [
    "VISIBLE_ORGANIZATION",
    "CheckoutOrganization",
    "CustomerOrganization",
    "FileBase",
    "FileRead",
    "FileRow",
    "OrganizationRow",
    "ProductMediaFileRead",
    "advance_test_clock",
    "create_organization",
    "create_test_clock",
    "create_token",
    "delete_test_clock",
    "fan_out",
    "interest",
    "is_told",
    "move_file_addresses",
    "organization_by_id",
    "organization_by_slug",
    "organization_of",
    "public_file",
    "read_organizations",
    "remember_token_use",
    "render_file",
    "render_new_file",
    "render_organization",
    "render_organization_reference",
    "test_clock_of",
    "uploaded_files",
    "webhook_payload",
]
