"""Wire shapes of seats (orders spec 14)."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, model_validator

from boreal.core.seats import SeatStatus, metadata_fault
from boreal.kit.schemas import Boolean, Email, Schema


def _small(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if fault := metadata_fault(value):
        raise ValueError(fault)
    return value


class SeatAssign(Schema):
    """A seat of one container for one person."""

    subscription_id: UUID | None = None
    checkout_id: UUID | None = None
    order_id: UUID | None = None
    email: Email | None = None
    external_customer_id: str | None = None
    customer_id: UUID | None = None
    metadata: Annotated[dict[str, Any] | None, AfterValidator(_small)] = None
    immediate_claim: Boolean = False

    @model_validator(mode="after")
    def names_one_container_and_one_holder(self) -> "SeatAssign":
        """Refuses none and several (orders spec 14.3)."""
        if sum(value is not None for value in (self.subscription_id, self.checkout_id, self.order_id)) != 1:
            raise ValueError("Exactly one of subscription_id, checkout_id, or order_id must be provided")
        if sum(value is not None for value in (self.email, self.external_customer_id, self.customer_id)) != 1:
            raise ValueError("Exactly one of email, external_customer_id, or customer_id must be provided")
        return self


class SeatClaim(Schema):
    """The token of an invitation."""

    invitation_token: str


class CustomerSeat(Schema):
    """A seat. The token of its invitation is never shown."""

    created_at: datetime
    modified_at: datetime | None
    id: UUID
    subscription_id: UUID | None
    order_id: UUID | None
    status: SeatStatus
    customer_id: UUID | None
    member_id: UUID | None
    email: str | None
    customer_email: str | None
    invitation_token_expires_at: datetime | None
    claimed_at: datetime | None
    revoked_at: datetime | None
    seat_metadata: dict[str, Any] | None


class SeatsList(Schema):
    """All seats of a container, revoked ones too."""

    seats: list[CustomerSeat]
    available_seats: int
    total_seats: int


class SeatClaimInfo(Schema):
    """What an invitation is for."""

    product_name: str
    product_id: UUID
    organization_name: str
    organization_slug: str
    customer_email: str
    can_claim: bool


class CustomerSeatClaimResponse(Schema):
    """The claimed seat, and a session of its holder in the portal."""

    seat: CustomerSeat
    customer_session_token: str
