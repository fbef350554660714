"""What refunds refuse, by the names of the API (orders spec 15.2)."""

from uuid import UUID

from boreal.kit.problems import Problem


class RefundedAlready(Problem):
    """Nothing is left to give back."""

    status = 403

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"Order is already fully refunded: {order_id}")


class RefundsBlocked(Problem):
    """The order cannot be refunded, because the buyer's bank has the money already."""

    status = 403

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"Refunds are blocked for order: {order_id}")


class RevokeSubscriptionBenefitsProhibited(Problem):
    """What a subscription gives is taken away by ending it."""

    status = 400

    def __init__(self) -> None:
        super().__init__("Subscription benefits can only be revoked upon cancellation")


class RefundUnknownPayment(Problem):
    """Nothing was collected that could be given back."""

    status = 404

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"Refund issued for unknown order: {order_id}")
