"""Wire shapes of customers (usage spec 12)."""

from datetime import datetime

from pydantic import Field

from boreal.core.customers import CustomerType
from boreal.core.tax_ids import TaxIDFormat
from boreal.kit.schemas import (
    UUID4,
    Email,
    EmptyToNone,
    Identified,
    MetadataInput,
    MetadataOutputType,
    Name,
    Schema,
    Timestamped,
)
from boreal.rooms.customers.customers.addresses import Address, AddressInput
from boreal.rooms.customers.members.schemas import Member

TaxID = tuple[str, TaxIDFormat]
"""Number and format, `["FR61954506077", "eu_vat"]`; the number is not validated here (usage spec 12.1)."""


class CustomerBase(Identified, Timestamped):
    """What every view of a customer tells a merchant."""

    metadata: MetadataOutputType
    external_id: str | None
    email: str
    email_verified: bool
    type: CustomerType | None
    name: str | None
    billing_address: Address | None
    tax_id: TaxID | None
    organization_id: UUID4
    deleted_at: datetime | None
    avatar_url: str


class Customer(CustomerBase):
    """A customer."""


class CustomerWithMembers(CustomerBase):
    """A customer with its members, where they were asked for; else the list is empty."""

    members: list[Member]


class OwnerCreate(Schema):
    """The owner member of a new customer; what is missing is taken from the customer (usage spec 14)."""

    email: Email | None = None
    name: Name = None
    external_id: EmptyToNone = None


class CustomerSettable(Schema):
    """What a merchant may set on a customer at any time."""

    metadata: MetadataInput = Field(default_factory=dict)
    name: Name = None
    billing_address: AddressInput | None = None
    tax_id: TaxID | None = None


class CustomerCreate(CustomerSettable):
    """A new customer; e-mail and external id are unique in the organization."""

    external_id: EmptyToNone = None
    email: Email
    type: CustomerType | None = None
    organization_id: UUID4 | None = None
    owner: OwnerCreate | None = None


class CustomerUpdateExternalID(CustomerSettable):
    """Changes of a customer that was addressed by its external id, which therefore stays."""

    email: Email | None = None


class CustomerUpdate(CustomerUpdateExternalID):
    """Changes of a customer. The external id can be given once; a null type or e-mail leaves what is there."""

    external_id: EmptyToNone = None
    type: CustomerType | None = None
