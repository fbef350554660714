"""Wire shapes of payment methods (orders spec 4.5)."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypeAliasType

from boreal.kit.schemas import UUID4, Boolean, Identified, Schema, Timestamped
from boreal.rooms.billing.payments.schemas import PaymentProcessor


class PaymentMethodCardMetadata(Schema):
    """What may be known of a card that is kept."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int
    wallet: str | None = None


class _PaymentMethod(Identified, Timestamped):
    processor: PaymentProcessor
    customer_id: UUID4


class PaymentMethodCard(_PaymentMethod):
    """A card that is kept for later payments."""

    type: Literal["card"]
    method_metadata: PaymentMethodCardMetadata


class PaymentMethodGeneric(_PaymentMethod):
    """Anything else that is kept for later payments."""

    type: str


CustomerPaymentMethod = TypeAliasType("CustomerPaymentMethod", PaymentMethodCard | PaymentMethodGeneric)


class CustomerPaymentMethodCreate(Schema):
    """A method to be kept: a one-time token of the payment form, and where a challenge of the bank leads back to."""

    confirmation_token_id: str
    set_default: Boolean
    return_url: str


class CustomerPaymentMethodConfirm(Schema):
    """A method whose customer has answered the challenge of the bank."""

    setup_intent_id: str
    set_default: Boolean


class CustomerPaymentMethodCreateSucceededResponse(Schema):
    """The method is kept."""

    status: Literal["succeeded"]
    payment_method: CustomerPaymentMethod


class CustomerPaymentMethodCreateRequiresActionResponse(Schema):
    """The bank has a question, which the page asks with the secret."""

    status: Literal["requires_action"]
    client_secret: str


CustomerPaymentMethodCreateResponse = TypeAliasType(
    "CustomerPaymentMethodCreateResponse",
    Annotated[
        CustomerPaymentMethodCreateSucceededResponse | CustomerPaymentMethodCreateRequiresActionResponse,
        Field(discriminator="status"),
    ],
)
