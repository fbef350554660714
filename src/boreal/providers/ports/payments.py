"""Payments: what we ask of a company that moves money, and how it ends.

Money is an integer in the minor unit of a lower-case ISO 4217 currency. Whatever changes something at the
processor takes an `idempotency_key`: the same key with the same request has one effect and one reply, the one
of the first call.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from boreal.providers.ports.places import PostalAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerDetails:
    """A customer as the processor keeps it, found by `reference`: our own id of the customer."""

    reference: str
    email: str
    name: str | None = None
    address: PostalAddress | None = None
    tax_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewMethod:
    """Pay with what the customer just typed into the payment form: a one-time confirmation token."""

    token: str


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """Pay with a method that the processor keeps for the customer."""

    id: str


MethodSource = NewMethod | SavedMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """A payment to be made at once.

    `off_session` says that the customer is not there to answer a challenge; `save_for_later` keeps the method
    for such payments once this one has succeeded. `statement_suffix` is printed on the customer's statement.
    """

    amount: int
    currency: str
    customer: str
    source: MethodSource
    off_session: bool = False
    save_for_later: bool = False
    description: str | None = None
    statement_suffix: str | None = None
    return_url: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupRequest:
    """A method to be kept for later payments, with nothing charged now."""

    customer: str
    source: NewMethod
    description: str | None = None
    return_url: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """Money to be given back from one payment. `reason` is ours (orders spec 15.1); adapters translate it."""

    payment: str
    amount: int
    reason: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


# Payments: how it ended


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Done; it does not change any more (a refund is an object of its own)."""

    status: Literal["succeeded"] = "succeeded"


@dataclass(frozen=True, slots=True)
class Processing:
    """Accepted; an event tells the end."""

    status: Literal["processing"] = "processing"


@dataclass(frozen=True, slots=True)
class RequiresAction:
    """The customer has to answer a challenge, which the page opens with the secret; an event tells the end."""

    client_secret: str
    status: Literal["requires_action"] = "requires_action"


@dataclass(frozen=True, slots=True)
class Declined:
    """Refused for good: trying again is a new payment with a key of its own.

    `message` is a sentence for the customer.
    """

    code: str
    decline_code: str | None
    message: str
    status: Literal["declined"] = "declined"

    @property
    def reason(self) -> str:
        """What a payment record shows as its `decline_reason` (orders spec 4.1)."""
        return self.decline_code or self.code


@dataclass(frozen=True, slots=True)
class Canceled:
    """Stopped by us before it could succeed."""

    status: Literal["canceled"] = "canceled"


Outcome = Succeeded | Processing | RequiresAction | Declined | Canceled


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDetails:
    """What may be known of a card. `fingerprint` is equal for equal card numbers and does not reveal them."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str
    country: str | None = None
    funding: str | None = None
    wallet: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to pay. `customer` is None while it is kept for nobody; `card` belongs to the type `card`."""

    id: str
    type: str
    customer: str | None
    card: CardDetails | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Risk:
    """The processor's opinion: `normal`, `elevated` or `highest`, and 0 to 99 where it gives a number."""

    level: str
    score: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One attempt to move money. A challenge that failed, or is not answered yet, never got as far."""

    id: str
    status: Literal["pending", "succeeded", "failed"]
    amount_refunded: int
    risk: Risk | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment as the processor knows it. `id` and `client_secret` are those of the intent."""

    id: str
    client_secret: str
    amount: int
    currency: str
    customer: str
    outcome: Outcome
    method: Method
    charge: Charge | None
    metadata: Mapping[str, str]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The keeping of a method as the processor knows it."""

    id: str
    client_secret: str
    customer: str
    outcome: Outcome
    method: Method
    metadata: Mapping[str, str]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money on its way back. Even a succeeded refund can fail later, if the customer's bank returns it."""

    id: str
    payment: str
    charge: str
    amount: int
    currency: str
    status: Literal["pending", "succeeded", "failed", "canceled"]
    reason: str | None
    failure_reason: str | None
    metadata: Mapping[str, str]
    created_at: datetime


DisputeStatus = Literal["early_warning", "needs_response", "under_review", "won", "lost", "prevented"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A payment that the customer's bank takes back, or warns that it may.

    `early_warning`: the network says that a dispute is likely. `needs_response` and `under_review`: before and
    after our evidence. `prevented`: it ended without a chargeback, because the money was given back or the warning
    was dropped; the network may still open it again. `fee` is what the processor has charged for it, in the minor
    unit of `fee_currency`; 0 while it is no chargeback. `reason` is the bank's, an open string (`fraudulent`, …).
    """

    id: str
    payment: str
    charge: str
    amount: int
    currency: str
    status: DisputeStatus
    reason: str
    fee: int
    fee_currency: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorEvent:
    """Something changed at the processor.

    It says only what: the receiver asks for the object, so that an event which comes twice, late or in the
    wrong order does no harm.
    """

    id: str
    kind: Literal["payment", "setup", "refund", "dispute"]
    object_id: str
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in the order of the processor's list, and where to go on."""

    events: Sequence[ProcessorEvent]
    cursor: str | None


Listener = Callable[[ProcessorEvent], Awaitable[None]]
"""Takes an event when it happens. It may be called twice or never for one event; `events_since` has them all.
"""


class ProcessorError(Exception):
    """Anything that a payment processor does instead of answering."""


class ProcessorUnavailable(ProcessorError):
    """No answer: whether it was done is not known. Call again with the same key, or ask by the key."""


class ProcessorRefused(ProcessorError):
    """The request itself was not accepted: no payment, setup or refund came of it.

    `code` is the processor's (`amount_too_small`, `resource_missing`, `charge_already_refunded`, …);
    `message` is a sentence for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class IdempotencyMismatch(ProcessorRefused):
    """The key was used before, for another request."""

    def __init__(self) -> None:
        super().__init__("idempotency_error", "This idempotency key was used for another request.")


class MethodUnusable(ProcessorRefused):
    """The saved method is gone or belongs to somebody else; forget it (orders spec 4.3)."""

    def __init__(self, message: str = "This payment method can no longer be used.") -> None:
        super().__init__("payment_method_unusable", message)


class PaymentProcessor(Protocol):
    """A company that moves the money of customers.

    Replies of the calls that change something are those of the first call with that key; the `get_…` calls tell how
    things are now. A key belongs to one request: a customer, a payment and a refund need three. Every
    method may raise `ProcessorUnavailable`.
    """

    @property
    def name(self) -> str:
        """Which processor it is, for records and logs."""
        ...

    @property
    def public_details(self) -> Mapping[str, str]:
        """What a page has to know to open the processor's own payment form; empty where the form is ours.

        It belongs to the `payment_processor_metadata` of a session (catalog spec 7.4): `publishable_key`.
        """
        ...

    async def ensure_customer(
        self, details: CustomerDetails, *, known_id: str | None = None, idempotency_key: str
    ) -> str:
        """The processor's id of the customer, created or brought up to date.

        `known_id` is what it answered before, for processors that cannot find a customer by reference.
        """
        ...

    async def create_payment(self, request: PaymentRequest, *, idempotency_key: str) -> Payment:
        """Charges now, and says how that ended.

        Raises `ProcessorRefused` (nothing was created: amount below the minimum, token unknown, used or
        expired), `MethodUnusable` and `IdempotencyMismatch`.
        """
        ...

    async def create_setup(self, request: SetupRequest, *, idempotency_key: str) -> Setup:
        """Keeps a method for off-session payments. Raises as `create_payment` does."""
        ...

    async def get_payment(self, payment: str) -> Payment | None:
        """The payment as it is now; None if the id is unknown."""
        ...

    async def get_setup(self, setup: str) -> Setup | None:
        """The setup as it is now; None if the id is unknown."""
        ...

    async def find_by_idempotency_key(self, idempotency_key: str, *, customer: str) -> Payment | Setup | None:
        """What was created under the key, as it is now; None if nothing was.

        The customer has to be the one that the request named, for processors that can only search per
        customer. None is no promise: a call that is still on its way can create it afterwards. Whoever must
        know for certain repeats the request with its key instead.
        """
        ...

    async def cancel_payment(self, payment: str, *, idempotency_key: str) -> Payment:
        """Stops a payment that waits for its customer; one that has ended or cannot be stopped comes back as it is.

        Raises `ProcessorRefused("resource_missing")` for an unknown id.
        """
        ...

    async def cancel_setup(self, setup: str, *, idempotency_key: str) -> Setup:
        """Stops a setup; as `cancel_payment`."""
        ...

    async def refund(self, request: RefundRequest, *, idempotency_key: str) -> Refund:
        """Gives money back from a succeeded payment, never more than is left of it.

        Raises `ProcessorRefused`: `charge_already_refunded` if nothing is left, `amount_too_large` if less is
        left, `charge_disputed` if the customer's bank has taken it back, `payment_not_refundable` if it did not
        succeed, `resource_missing`.
        """
        ...

    async def get_refund(self, refund: str) -> Refund | None:
        """The refund as it is now; None if the id is unknown."""
        ...

    async def get_dispute(self, dispute: str) -> Dispute | None:
        """The dispute or warning as it is now; None if the id is unknown."""
        ...

    async def list_methods(self, customer: str) -> Sequence[Method]:
        """The methods kept for the customer, newest first."""
        ...

    async def detach_method(self, method: str, *, idempotency_key: str) -> None:
        """Forgets a kept method; one that is unknown or forgotten already is no error."""
        ...

    async def newest_cursor(self) -> str | None:
        """Where `events_since` goes on with what happens from now on; None as long as nothing has happened."""
        ...

    async def events_since(self, cursor: str | None, *, limit: int = 100) -> EventPage:
        """The events after a cursor (None: from the beginning), each exactly once along the cursors."""
        ...
