"""Seats: places of a subscription or of an order, which a buyer gives to people (orders spec 14).

A place is taken by a seat that is pending or claimed, also while its invitation is over. Who is invited claims with a
token, which works once and for 24 hours. A revoked seat forgets who held it, and the next assignment takes its row.

>>> available(5, taken=3), available(2, taken=3)
(2, 0)
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

INVITATION_LASTS = timedelta(hours=24)
MAX_METADATA_KEYS = 10
MAX_METADATA_BYTES = 1024


class SeatStatus(StrEnum):
    """Where a seat is in its life."""

    PENDING = "pending"
    CLAIMED = "claimed"
    REVOKED = "revoked"


TRANSITIONS: dict[str | None, frozenset[str]] = {
    None: frozenset({SeatStatus.PENDING, SeatStatus.CLAIMED}),
    SeatStatus.PENDING: frozenset({SeatStatus.CLAIMED, SeatStatus.REVOKED}),
    SeatStatus.CLAIMED: frozenset({SeatStatus.REVOKED}),
    SeatStatus.REVOKED: frozenset({SeatStatus.PENDING, SeatStatus.CLAIMED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerSeat:
    """One seat, of a subscription or of an order.

    `customer_id` is who holds it or is invited to. Of the invitation's token the hash is kept to find the seat, and the
    sealed token to send it again.
    """

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    organization_id: UUID
    subscription_id: UUID | None
    order_id: UUID | None
    status: SeatStatus
    customer_id: UUID | None
    invitation_hash: str | None
    sealed_invitation: str | None
    invitation_token_expires_at: datetime | None
    claimed_at: datetime | None
    revoked_at: datetime | None
    seat_metadata: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Invitation:
    """A token to claim with, as it is kept."""

    hash: str
    sealed: str
    expires_at: datetime


def facts(before: CustomerSeat | None, after: CustomerSeat) -> tuple[str, ...]:
    """What a change means. A seat claimed at once was never assigned (platform spec 9)."""
    if before is not None and before.status is after.status:
        return ()
    return (
        {
            SeatStatus.PENDING: "customer_seat.assigned",
            SeatStatus.CLAIMED: "customer_seat.claimed",
            SeatStatus.REVOKED: "customer_seat.revoked",
        }[after.status],
    )


def available(seats: int, *, taken: int) -> int:
    """How many more can be assigned; a container that shrank may hold more than it has (orders spec 14.2)."""
    return max(0, seats - taken)


def assigned(
    seat: CustomerSeat,
    *,
    customer_id: UUID,
    metadata: Mapping[str, Any] | None,
    invitation: Invitation | None,
    now: datetime,
) -> CustomerSeat:
    """The seat for a customer: pending with an invitation, claimed at once without one."""
    return replace(
        seat,
        status=SeatStatus.PENDING if invitation else SeatStatus.CLAIMED,
        customer_id=customer_id,
        claimed_at=None if invitation else now,
        revoked_at=None,
        seat_metadata=dict(metadata) if metadata is not None else None,
        **_kept(invitation),
    )


def invited_again(seat: CustomerSeat, invitation: Invitation, *, now: datetime) -> CustomerSeat:
    """The pending seat with a new invitation in place of one that is over (orders spec 14.3)."""
    return replace(seat, modified_at=now, **_kept(invitation))


def claimed(seat: CustomerSeat, *, now: datetime) -> CustomerSeat:
    """The seat is its holder's, and its invitation is spent."""
    return replace(seat, status=SeatStatus.CLAIMED, claimed_at=now, modified_at=now, **_kept(None))


def revoked(seat: CustomerSeat, *, now: datetime) -> CustomerSeat:
    """The seat is nobody's; what was known of its holder is forgotten. Twice is once."""
    if seat.status is SeatStatus.REVOKED:
        return seat
    return replace(seat, status=SeatStatus.REVOKED, customer_id=None, revoked_at=now, modified_at=now, **_kept(None))


def is_claimable(seat: CustomerSeat, *, now: datetime) -> bool:
    """Whether its invitation still counts."""
    expires_at = seat.invitation_token_expires_at
    return seat.status is SeatStatus.PENDING and expires_at is not None and now < expires_at


def metadata_fault(metadata: Mapping[str, Any] | None) -> str | None:
    """What is wrong with the metadata of an assignment, in words (orders spec 14.3)."""
    if metadata is None:
        return None
    if len(metadata) > MAX_METADATA_KEYS:
        return f"Metadata cannot have more than {MAX_METADATA_KEYS} keys"
    if len(json.dumps(metadata, separators=(",", ":"), ensure_ascii=False, default=str).encode()) > MAX_METADATA_BYTES:
        return "Metadata size cannot exceed 1KB"
    return None


def _kept(invitation: Invitation | None) -> dict[str, Any]:
    return {
        "invitation_hash": invitation.hash if invitation else None,
        "sealed_invitation": invitation.sealed if invitation else None,
        "invitation_token_expires_at": invitation.expires_at if invitation else None,
    }
