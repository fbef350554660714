"""What subscriptions refuse (orders spec 6)."""

from uuid import UUID

from boreal.kit.problems import Problem


class SubscriptionLocked(Problem):
    """Somebody else is changing the subscription."""

    status = 409

    def __init__(self) -> None:
        super().__init__("This subscription is pending an update.")


class AlreadyCanceledSubscription(Problem):
    """It has ended, or is to end with its period."""

    status = 403

    def __init__(self) -> None:
        super().__init__("This subscription is already canceled or will be at the end of the period.")


class TrialingSubscription(Problem):
    """A trial has to be over before the product can change."""

    status = 403

    def __init__(self) -> None:
        super().__init__("This subscription is currently in a trial period and cannot be updated.")


class UpdateSubscriptionPlanNotAllowed(Problem):
    """The organization does not let customers change the product."""

    status = 403

    def __init__(self) -> None:
        super().__init__("Updating the subscription plan is not allowed.")


class UpdateSubscriptionSeatsNotAllowed(Problem):
    """The organization does not let customers change the number of seats."""

    status = 403

    def __init__(self) -> None:
        super().__init__("Updating the number of seats is not allowed.")


class InactiveSubscription(Problem):
    """It is neither active nor on trial."""

    status = 403

    def __init__(self, id: UUID) -> None:
        super().__init__(f"Subscription {id} is not active.")


class NotASeatBasedSubscription(Problem):
    """No price of it counts seats."""

    def __init__(self) -> None:
        super().__init__("This subscription does not support seat-based pricing.")


class BelowMinimumSeats(Problem):
    """No tier sells so few seats."""

    def __init__(self, minimum: int) -> None:
        super().__init__(f"Minimum {minimum} seats required.")


class AboveMaximumSeats(Problem):
    """No tier sells so many seats."""

    def __init__(self, maximum: int) -> None:
        super().__init__(f"Maximum {maximum} seats allowed.")


class SeatsAlreadyAssigned(Problem):
    """More seats are assigned than would be left."""

    def __init__(self, wanted: int, assigned: int) -> None:
        super().__init__(
            f"Cannot decrease seats to {wanted}. Currently {assigned} seats are assigned. Revoke seats first."
        )
