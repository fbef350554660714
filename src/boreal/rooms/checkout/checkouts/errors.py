"""What a checkout session refuses, by the names of the contract (catalog spec 6.12)."""

from uuid import UUID

from boreal.core.checkouts import CheckoutStatus, Refusal
from boreal.core.discounts import Discount
from boreal.kit.db import Row
from boreal.kit.problems import Fault, Invalid, NotPermitted, Problem


class CheckoutLocked(Problem):
    """Somebody else is changing or confirming the session."""

    status = 409

    def __init__(self) -> None:
        super().__init__("Checkout is currently being processed. Please try again.")


class NotOpenCheckout(Problem):
    """The session cannot be changed any more."""

    status = 403

    def __init__(self, id: UUID, status: CheckoutStatus) -> None:
        super().__init__(f"Checkout {id} is not open: {status}")


class ExpiredCheckoutError(Problem):
    """The session's hour is over, whatever its status; only for who holds the client secret."""

    status = 410

    def __init__(self) -> None:
        super().__init__("This checkout session has expired.")


class AlreadyActiveSubscriptionError(Problem):
    """The organization allows one subscription per customer, and there is one (catalog spec 6.11)."""

    status = 403

    def __init__(self) -> None:
        super().__init__("You already have an active subscription.")


class PaymentNotReady(Problem):
    """The organization may not take payments yet (platform spec 6.6)."""

    status = 403

    def __init__(self) -> None:
        super().__init__("Organization is not ready to accept payments")


class PaymentError(Problem):
    """The payment was refused; nothing was kept and the buyer may try again (catalog spec 7.4)."""

    status = 400

    def __init__(self, reason: str | None) -> None:
        middle = f": {reason}" if reason else "."
        super().__init__(f"The payment failed{middle} Please try again with a different payment method.")


class TrialAlreadyRedeemed(Problem):
    """The organization allows one trial per customer (catalog spec 6.9)."""

    status = 403

    def __init__(self) -> None:
        super().__init__("You have already used a trial for this product. Trials can only be used once per customer.")


def fault(refusal: Refusal, value: object = None) -> Fault:
    """A refusal of the book, placed in the request body."""
    return Fault(("body", *refusal.path), refusal.message, refusal.type, value)


def no_longer_redeemable(discount: Discount) -> Invalid:
    """A confirmation whose discount was used up or ended since the session got it (catalog spec 4.5)."""
    return Invalid(Fault(("body", "discount_id"), "Discount is no longer redeemable.", input=str(discount.id)))


def refuse_blocked(organization: Row) -> None:
    """Raises `NotPermitted`: the sessions of a blocked or deleted organization are unusable (platform spec 6.4)."""
    if organization["blocked_at"] is not None or organization["deleted_at"] is not None:
        raise NotPermitted
