"""Wire shapes of disputes (orders spec 16)."""

from boreal.core.disputes import DisputeStatus
from boreal.kit.schemas import UUID4, Identified, Timestamped


class DisputeBase(Identified, Timestamped):
    """What every view of a dispute tells; `amount` is without tax."""

    status: DisputeStatus
    resolved: bool
    closed: bool
    amount: int
    tax_amount: int
    currency: str
    order_id: UUID4
    payment_id: UUID4


class Dispute(DisputeBase):
    """A dispute as merchants see it."""
