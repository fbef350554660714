"""The wire shapes of events (usage spec 2.2, 2.3, 2.5)."""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field
from typing_extensions import TypeAliasType

from boreal.core.events import EventSource
from boreal.kit.schemas import UUID4, ListResource, Schema
from boreal.rooms.customers.public import Customer
from boreal.rooms.insights.events import system_metadata as told
from boreal.rooms.usage.public import LLMMetadata

T = TypeVar("T")


class EventBase(Schema):
    """What every event has; `child_count` counts all descendants, whatever its name says."""

    id: UUID4
    timestamp: datetime
    organization_id: UUID4
    customer_id: UUID4 | None
    customer: Customer | None
    external_customer_id: str | None
    child_count: int = 0
    parent_id: UUID4 | None = None
    label: str


class SystemEventBase(EventBase):
    """What Boreal itself noted."""

    source: Literal[EventSource.SYSTEM]


class MeterCreditEvent(SystemEventBase):
    """A customer was given units of a meter."""

    name: Literal["meter.credited"]
    metadata: told.MeterCreditedMetadata


class MeterResetEvent(SystemEventBase):
    """A meter began anew for a customer."""

    name: Literal["meter.reset"]
    metadata: told.MeterResetMetadata


class BenefitGrantedEvent(SystemEventBase):
    """A customer got a benefit."""

    name: Literal["benefit.granted"]
    metadata: told.BenefitGrantMetadata


class BenefitCycledEvent(SystemEventBase):
    """A benefit was renewed for another period."""

    name: Literal["benefit.cycled"]
    metadata: told.BenefitGrantMetadata


class BenefitUpdatedEvent(SystemEventBase):
    """What a customer has of a benefit changed."""

    name: Literal["benefit.updated"]
    metadata: told.BenefitGrantMetadata


class BenefitRevokedEvent(SystemEventBase):
    """A customer lost a benefit."""

    name: Literal["benefit.revoked"]
    metadata: told.BenefitGrantMetadata


class SubscriptionCreatedEvent(SystemEventBase):
    """A subscription began."""

    name: Literal["subscription.created"]
    metadata: told.SubscriptionCreatedMetadata


class SubscriptionCycledEvent(SystemEventBase):
    """A subscription went on into another period."""

    name: Literal["subscription.cycled"]
    metadata: told.SubscriptionCycledMetadata


class SubscriptionCanceledEvent(SystemEventBase):
    """A subscription was canceled."""

    name: Literal["subscription.canceled"]
    metadata: told.SubscriptionCanceledMetadata


class SubscriptionRevokedEvent(SystemEventBase):
    """A subscription is over."""

    name: Literal["subscription.revoked"]
    metadata: told.SubscriptionRevokedMetadata


class SubscriptionUncanceledEvent(SystemEventBase):
    """A cancellation was taken back."""

    name: Literal["subscription.uncanceled"]
    metadata: told.SubscriptionUncanceledMetadata


class SubscriptionProductUpdatedEvent(SystemEventBase):
    """A subscription changed to another product."""

    name: Literal["subscription.product_updated"]
    metadata: told.SubscriptionProductUpdatedMetadata


class SubscriptionSeatsUpdatedEvent(SystemEventBase):
    """A subscription got more or fewer seats."""

    name: Literal["subscription.seats_updated"]
    metadata: told.SubscriptionSeatsUpdatedMetadata


class SubscriptionBillingPeriodUpdatedEvent(SystemEventBase):
    """The period of a subscription ends at another time."""

    name: Literal["subscription.billing_period_updated"]
    metadata: told.SubscriptionBillingPeriodUpdatedMetadata


class OrderPaidEvent(SystemEventBase):
    """An order was paid."""

    name: Literal["order.paid"]
    metadata: told.OrderPaidMetadata


class OrderRefundedEvent(SystemEventBase):
    """Something paid for an order was given back."""

    name: Literal["order.refunded"]
    metadata: told.OrderRefundedMetadata


class CheckoutCreatedEvent(SystemEventBase):
    """A checkout session was opened."""

    name: Literal["checkout.created"]
    metadata: told.CheckoutCreatedMetadata


class CustomerCreatedEvent(SystemEventBase):
    """A customer came."""

    name: Literal["customer.created"]
    metadata: told.CustomerCreatedMetadata


class CustomerUpdatedEvent(SystemEventBase):
    """A customer changed."""

    name: Literal["customer.updated"]
    metadata: told.CustomerUpdatedMetadata


class CustomerDeletedEvent(SystemEventBase):
    """A customer was deleted."""

    name: Literal["customer.deleted"]
    metadata: told.CustomerDeletedMetadata


class BalanceOrderEvent(SystemEventBase):
    """The payment of an order came to the balance."""

    name: Literal["balance.order"]
    metadata: told.BalanceOrderMetadata


class BalanceCreditOrderEvent(SystemEventBase):
    """An order was paid from what the customer had."""

    name: Literal["balance.credit_order"]
    metadata: told.BalanceCreditOrderMetadata


class BalanceRefundEvent(SystemEventBase):
    """A refund was taken from the balance."""

    name: Literal["balance.refund"]
    metadata: told.BalanceRefundMetadata


class BalanceRefundReversalEvent(SystemEventBase):
    """A refund that failed came back to the balance."""

    name: Literal["balance.refund_reversal"]
    metadata: told.BalanceRefundMetadata


class BalanceDisputeEvent(SystemEventBase):
    """A dispute was taken from the balance."""

    name: Literal["balance.dispute"]
    metadata: told.BalanceDisputeMetadata


class BalanceDisputeReversalEvent(SystemEventBase):
    """A dispute that was won came back to the balance."""

    name: Literal["balance.dispute_reversal"]
    metadata: told.BalanceDisputeMetadata


SystemEvent = TypeAliasType(
    "SystemEvent",
    Annotated[
        MeterCreditEvent
        | MeterResetEvent
        | BenefitGrantedEvent
        | BenefitCycledEvent
        | BenefitUpdatedEvent
        | BenefitRevokedEvent
        | SubscriptionCreatedEvent
        | SubscriptionCycledEvent
        | SubscriptionCanceledEvent
        | SubscriptionRevokedEvent
        | SubscriptionUncanceledEvent
        | SubscriptionProductUpdatedEvent
        | SubscriptionSeatsUpdatedEvent
        | SubscriptionBillingPeriodUpdatedEvent
        | OrderPaidEvent
        | OrderRefundedEvent
        | CheckoutCreatedEvent
        | CustomerCreatedEvent
        | CustomerUpdatedEvent
        | CustomerDeletedEvent
        | BalanceOrderEvent
        | BalanceCreditOrderEvent
        | BalanceRefundEvent
        | BalanceRefundReversalEvent
        | BalanceDisputeEvent
        | BalanceDisputeReversalEvent,
        Field(discriminator="name"),
    ],
)


class EventCost(Schema):
    """What an event cost: cents, exact to twelve decimals."""

    amount: str
    currency: str


EventMetadataOutput = TypeAliasType(
    "EventMetadataOutput", dict[str, str | int | float | bool | EventCost | LLMMetadata]
)


class UserEvent(EventBase):
    """What the merchant told."""

    name: str
    source: Literal[EventSource.USER]
    metadata: EventMetadataOutput


Event = TypeAliasType("Event", Annotated[SystemEvent | UserEvent, Field(discriminator="source")])


class CursorPagination(Schema):
    """Whether there is more."""

    has_next_page: bool


class ListResourceWithCursorPagination(Schema, Generic[T]):
    """One page of a list, without how many there are in all."""

    items: list[T]
    pagination: CursorPagination


EventPage = ListResource[Event] | ListResourceWithCursorPagination[Event]


class EventName(Schema):
    """A name that events have, how often, and when first and last."""

    name: str
    source: EventSource
    occurrences: int
    first_seen: datetime
    last_seen: datetime


class NameCosts(Schema):
    """What the events of one name cost within a trace."""

    name: str
    amount: str
    events: int


class TraceCosts(Schema):
    """What an event and everything below it cost: cents, exact to twelve decimals.

    `events` counts all of them, with a cost or without. `names` are the dearest hundred.
    """

    event_id: UUID4
    amount: str
    currency: str
    events: int
    names: list[NameCosts]
