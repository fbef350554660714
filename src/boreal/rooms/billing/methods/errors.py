"""What is refused about payment methods, by the names of the contract (orders spec 4.5)."""

from boreal.kit.problems import Problem


class CustomerNotReady(Problem):
    """The processor does not know the customer, so there is nothing to confirm."""

    status = 400

    def __init__(self) -> None:
        super().__init__("Customer is not ready for this operation.")


class PaymentMethodInUseByActiveSubscription(Problem):
    """A subscription is charged to the method, and the customer has no other."""

    status = 400

    def __init__(self) -> None:
        super().__init__("Payment method is in use by an active subscription.")
