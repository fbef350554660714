"""Wire shapes of customer sessions, which let a customer into the portal (usage spec 15)."""

from datetime import datetime
from typing import Annotated

from pydantic import AliasChoices, Field

from boreal.kit.schemas import UUID4, HttpUrlString, Identified, Schema, Timestamped
from boreal.rooms.customers.customers.schemas import Customer


class CustomerSession(Identified, Timestamped):
    """A new session with its token, which is shown this once."""

    token: str
    expires_at: datetime
    return_url: str | None
    customer_portal_url: str
    customer_id: UUID4
    customer: Customer


class CustomerCustomerSession(Schema):
    """A session, as its own customer sees it."""

    expires_at: datetime
    return_url: str | None


class PortalAuthenticatedUser(Schema):
    """Who is signed in to the portal: a customer itself, or a member of it with a role."""

    type: str
    name: str | None
    email: str
    customer_id: UUID4
    role: str | None = Field(default_factory=lambda: None)


class CustomerSessionCreateBase(Schema):
    """What a session can have besides its customer: where the portal's back button leads."""

    return_url: HttpUrlString | None = None


class CustomerSessionCustomerIDCreate(CustomerSessionCreateBase):
    """A session for the customer with this id."""

    customer_id: UUID4


class CustomerSessionCustomerExternalIDCreate(CustomerSessionCreateBase):
    """A session for the customer with this external id; `customer_external_id` is its former name."""

    external_customer_id: Annotated[
        str, Field(validation_alias=AliasChoices("external_customer_id", "customer_external_id"))
    ]


CustomerSessionCreate = CustomerSessionCustomerIDCreate | CustomerSessionCustomerExternalIDCreate
