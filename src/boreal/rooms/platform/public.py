"""The door of the platform room: organizations for the rooms above, and wire shapes to show."""

from boreal.rooms.platform.files.schemas import ProductMediaFileRead
from boreal.rooms.platform.organizations.queries import by_id as organization_by_id
from boreal.rooms.platform.organizations.queries import render as render_organization
from boreal.rooms.platform.organizations.queries import render_reference as render_organization_reference
from boreal.rooms.platform.organizations.resolution import organization_of
from boreal.rooms.platform.organizations.schemas import CheckoutOrganization, CustomerOrganization
from boreal.rooms.platform.organizations.tables import VISIBLE as VISIBLE_ORGANIZATION
from boreal.rooms.platform.organizations.tables import OrganizationRow
from boreal.rooms.platform.webhooks.schemas import webhook_payload

__all__ = [
    "VISIBLE_ORGANIZATION",
    "CheckoutOrganization",
    "CustomerOrganization",
    "OrganizationRow",
    "ProductMediaFileRead",
    "organization_by_id",
    "organization_of",
    "render_organization",
    "render_organization_reference",
    "webhook_payload",
]
