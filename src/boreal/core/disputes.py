"""Disputes: payments that a customer's bank takes back, or warns that it may (orders spec 16, platform spec 14).

>>> is_resolved(DisputeStatus.PREVENTED), is_closed(DisputeStatus.PREVENTED)
(False, True)
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class DisputeStatus(StrEnum):
    """Where a dispute stands (contract ``DisputeStatus``)."""

    PREVENTED = "prevented"
    EARLY_WARNING = "early_warning"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    LOST = "lost"
    WON = "won"


OPEN = frozenset({DisputeStatus.EARLY_WARNING, DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW})
"""Not decided yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """One dispute, known to its processor as `processor_id`. `amount` is without `tax_amount`.

    `fee` is what the processor charges for it, in minor units of `fee_currency`.
    """

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    organization_id: UUID
    order_id: UUID
    payment_id: UUID
    processor: str
    processor_id: str
    status: DisputeStatus
    amount: int
    tax_amount: int
    currency: str
    fee: int
    fee_currency: str


def is_resolved(status: DisputeStatus) -> bool:
    """Whether the bank has decided."""
    return status in (DisputeStatus.WON, DisputeStatus.LOST)


def is_closed(status: DisputeStatus) -> bool:
    """Whether nothing more is expected of it, though the network may open a prevented one again."""
    return status not in OPEN


TRANSITIONS: dict[str | None, frozenset[str]] = {
    None: frozenset(DisputeStatus),
    DisputeStatus.EARLY_WARNING: frozenset(DisputeStatus) - {DisputeStatus.EARLY_WARNING},
    DisputeStatus.NEEDS_RESPONSE: frozenset(
        {DisputeStatus.UNDER_REVIEW, DisputeStatus.PREVENTED, DisputeStatus.WON, DisputeStatus.LOST}
    ),
    DisputeStatus.UNDER_REVIEW: frozenset(
        {DisputeStatus.NEEDS_RESPONSE, DisputeStatus.PREVENTED, DisputeStatus.WON, DisputeStatus.LOST}
    ),
    DisputeStatus.PREVENTED: frozenset({DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW}),
    DisputeStatus.WON: frozenset(),
    DisputeStatus.LOST: frozenset(),
}
"""Which status may follow which: banks decide once, and networks may open what was prevented (platform spec 14)."""


def facts(before: Dispute | None, after: Dispute) -> tuple[str, ...]:
    """`dispute.opened` at first, `dispute.closed` when it is decided or prevented.

    No endpoint can subscribe to these; they are for the rooms above.
    """
    was_closed = before is not None and is_closed(before.status)
    opened = ("dispute.opened",) if before is None else ()
    return (*opened, "dispute.closed") if is_closed(after.status) and not was_closed else opened
