"""What may be asked of a subscription: seven kinds of change, of which a body is one (orders spec 7.1)."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag
from typing_extensions import TypeAliasType

from boreal.core.subscriptions import CancellationReason, ProrationBehavior
from boreal.kit.listing import Instant
from boreal.kit.schemas import UUID4, Boolean, MetadataInput, NumberOnly, Schema

Seats = Annotated[int, Field(ge=1, le=2**31 - 1), NumberOnly]


class SubscriptionUpdateProduct(Schema):
    """Another product, or the present prices of the same one."""

    product_id: UUID4
    proration_behavior: ProrationBehavior | None = None


class SubscriptionUpdateDiscount(Schema):
    """Another discount from the next period on, or none."""

    discount_id: UUID4 | None


class SubscriptionUpdateTrial(Schema):
    """Another end of the trial, or its end now."""

    trial_end: Instant | Literal["now"]


class SubscriptionUpdateSeats(Schema):
    """Another number of seats."""

    seats: Seats
    proration_behavior: ProrationBehavior | None = None


class SubscriptionUpdateBillingPeriod(Schema):
    """A later end of the present period."""

    current_billing_period_end: Instant


class SubscriptionCancelBase(Schema):
    """Why the customer leaves."""

    customer_cancellation_reason: CancellationReason | None = None
    customer_cancellation_comment: str | None = None


class SubscriptionCancel(SubscriptionCancelBase):
    """The end of the subscription with its period, or that it goes on after all."""

    cancel_at_period_end: Boolean


class SubscriptionRevoke(SubscriptionCancelBase):
    """The end of the subscription now."""

    revoke: Literal[True]


SubscriptionUpdate = (
    SubscriptionUpdateProduct
    | SubscriptionUpdateDiscount
    | SubscriptionUpdateTrial
    | SubscriptionUpdateSeats
    | SubscriptionUpdateBillingPeriod
    | SubscriptionCancel
    | SubscriptionRevoke
)


class CustomerSubscriptionUpdateProduct(Schema):
    """Another product."""

    product_id: UUID4


class CustomerSubscriptionUpdateSeats(Schema):
    """Another number of seats."""

    seats: Seats
    proration_behavior: ProrationBehavior | None = None


class CustomerSubscriptionCancel(Schema):
    """The end with the period, or that it goes on after all; without a word, nothing."""

    cancel_at_period_end: Boolean | None = None
    cancellation_reason: CancellationReason | None = None
    cancellation_comment: str | None = None


def _asked(body: Any) -> str:
    """Which of the three a body is: a wrong number of seats must not be taken for a body that asks for nothing."""
    members = body if isinstance(body, dict) else {}
    if "product_id" in members:
        return "CustomerSubscriptionUpdateProduct"
    return "CustomerSubscriptionUpdateSeats" if "seats" in members else "CustomerSubscriptionCancel"


CustomerSubscriptionUpdate = TypeAliasType(
    "CustomerSubscriptionUpdate",
    Annotated[
        Annotated[CustomerSubscriptionUpdateProduct, Tag("CustomerSubscriptionUpdateProduct")]
        | Annotated[CustomerSubscriptionUpdateSeats, Tag("CustomerSubscriptionUpdateSeats")]
        | Annotated[CustomerSubscriptionCancel, Tag("CustomerSubscriptionCancel")],
        Discriminator(_asked),
    ],
)


class SubscriptionCreateBase(Schema):
    """A subscription to a free product."""

    metadata: MetadataInput = Field(default_factory=dict)
    product_id: UUID4


class SubscriptionCreateCustomer(SubscriptionCreateBase):
    """For a customer by its id."""

    customer_id: UUID4


class SubscriptionCreateExternalCustomer(SubscriptionCreateBase):
    """For a customer by the merchant's own id."""

    external_customer_id: str


SubscriptionCreate = SubscriptionCreateCustomer | SubscriptionCreateExternalCustomer


class ScheduledProduct(Schema):
    """Another product from the next period on."""

    product_id: UUID4


class ScheduledSeats(Schema):
    """Another number of seats from the next period on."""

    seats: Seats


ScheduledChangeCreate = ScheduledProduct | ScheduledSeats
