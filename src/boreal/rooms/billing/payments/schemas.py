"""Wire shapes of payments (orders spec 4.1)."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, create_model
from typing_extensions import TypeAliasType

from boreal.core.payments import PaymentStatus
from boreal.kit.schemas import UUID4, Identified, ListResource, Schema, Timestamped


class PaymentProcessor(StrEnum):
    """The company that moved the money, as far as the contract knows any."""

    STRIPE = "stripe"


class CardPaymentMetadata(Schema):
    """What may be known of the card that paid."""

    brand: str
    last4: str


class PaymentBase(Identified, Timestamped):
    """What every view of a payment tells. The only processor that the contract knows is `stripe`, whoever it was."""

    processor: PaymentProcessor
    status: PaymentStatus
    amount: int
    currency: str
    method: str
    decline_reason: str | None
    decline_message: str | None
    organization_id: UUID4
    checkout_id: UUID4 | None
    order_id: UUID4 | None
    processor_metadata: dict[str, Any] = Field(default_factory=dict)


class CardPayment(PaymentBase):
    """A payment by card."""

    method: Literal["card"]
    method_metadata: CardPaymentMetadata


class GenericPayment(PaymentBase):
    """A payment by anything else."""


Payment = TypeAliasType("Payment", CardPayment | GenericPayment)

PaymentPage = create_model("ListResource__", __base__=ListResource[Payment])
"""One page of payments; the contract gives this one page a name of its own."""
