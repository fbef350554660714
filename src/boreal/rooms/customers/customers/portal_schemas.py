"""Wire shapes of a customer in the portal (usage spec 16)."""

from pydantic import Field

from boreal.core.tax_ids import TaxIDFormat
from boreal.kit.schemas import UUID4, EmptyToNone, Identified, Schema, Timestamped
from boreal.rooms.customers.customers.addresses import Address, AddressInput


class CustomerPortalOAuthAccount(Schema):
    """An account elsewhere that the customer connected."""

    account_id: str
    account_username: str | None


class CustomerPortalCustomer(Identified, Timestamped):
    """A customer, as it sees itself. `oauth_accounts` are by `platform:id`."""

    email: str
    email_verified: bool
    name: str | None
    billing_name: str | None
    billing_address: Address | None
    tax_id: tuple[str, TaxIDFormat] | None
    oauth_accounts: dict[str, CustomerPortalOAuthAccount]
    default_payment_method_id: UUID4 | None = Field(default_factory=lambda: None)


class CustomerPortalCustomerUpdate(Schema):
    """What a customer may change of itself; null and blank leave what is there."""

    billing_name: EmptyToNone = Field(default_factory=lambda: None)
    billing_address: AddressInput | None = Field(default_factory=lambda: None)
    tax_id: EmptyToNone = Field(default_factory=lambda: None)
