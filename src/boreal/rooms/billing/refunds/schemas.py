"""Wire shapes of refunds (orders spec 15.1)."""

from typing import Annotated

from pydantic import Field

from boreal.core.refunds import RefundReason, RefundStatus
from boreal.kit.schemas import (
    UUID4,
    Boolean,
    Identified,
    MetadataInput,
    MetadataOutputType,
    NumberOnly,
    Schema,
    Timestamped,
)
from boreal.rooms.billing.disputes.schemas import DisputeBase


class RefundDispute(DisputeBase):
    """The dispute that a refund prevented."""


class Refund(Identified, Timestamped):
    """A refund; `amount` is without tax."""

    metadata: MetadataOutputType
    status: RefundStatus
    reason: RefundReason
    amount: int
    tax_amount: int
    currency: str
    organization_id: UUID4
    order_id: UUID4
    subscription_id: UUID4 | None
    customer_id: UUID4
    revoke_benefits: bool
    dispute: RefundDispute | None


class RefundCreate(Schema):
    """A refund to be made; `amount` is without tax, which is added in proportion. `comment` is never returned."""

    metadata: MetadataInput = Field(default_factory=dict)
    order_id: UUID4
    reason: RefundReason
    amount: Annotated[int, Field(gt=0), NumberOnly]
    comment: str | None = None
    revoke_benefits: Boolean = False
