"""What may be wrong with seats (orders spec 14.3)."""

from boreal.kit.problems import Problem


class FeatureNotEnabled(Problem):
    """The organization does not sell seats."""

    status = 403

    def __init__(self) -> None:
        super().__init__("Seat-based pricing is not enabled for this organization")


class SeatNotAvailable(Problem):
    """Every seat is taken, or the order is not paid."""


class SeatAlreadyAssigned(Problem):
    """The customer has a seat there."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"Seat already assigned to customer {holder}")


class CustomerNotFound(Problem):
    """No customer of the organization is meant."""

    status = 404

    def __init__(self, holder: str) -> None:
        super().__init__(f"Customer not found: {holder}")


class SeatNotPending(Problem):
    """Only who has not claimed can be invited again."""

    def __init__(self) -> None:
        super().__init__("Seat is not in pending status")


class InvalidInvitationToken(Problem):
    """Unknown, over, claimed or revoked."""

    def __init__(self) -> None:
        super().__init__("Invalid or expired invitation token")
