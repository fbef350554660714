"""The door of the platform room: wire shapes that rooms above show inside their own."""

from boreal.rooms.platform.files.schemas import ProductMediaFileRead
from boreal.rooms.platform.organizations.resolution import organization_of
from boreal.rooms.platform.organizations.schemas import CheckoutOrganization, CustomerOrganization
from boreal.rooms.platform.webhooks.schemas import webhook_payload

__all__ = [
    "CheckoutOrganization",
    "CustomerOrganization",
    "ProductMediaFileRead",
    "organization_of",
    "webhook_payload",
]
