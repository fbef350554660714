"""Payments: every attempt to collect money, and the methods kept for later ones (orders spec 4.1, catalog spec 7.4)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class PaymentStatus(StrEnum):
    """How an attempt ended, or that it has not yet (contract ``PaymentStatus``)."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One attempt to move money, known to its processor as `processor_id`, and as a part of `intent_id`.

    `amount` is in minor units of `currency`. `method_metadata` tells what may be known of the method, such as a card's
    `brand` and `last4`; `method_country` is where the method was issued (ISO 3166-1 alpha-2), as far as it is known.
    `decline_message` comes with a `decline_reason` only.
    """

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    organization_id: UUID
    checkout_id: UUID | None
    order_id: UUID | None
    processor: str
    processor_id: str
    intent_id: str | None = None
    status: PaymentStatus
    amount: int
    currency: str
    method: str
    method_metadata: dict[str, Any]
    method_country: str | None = None
    customer_email: str | None
    decline_reason: str | None
    decline_message: str | None
    risk_level: str | None
    risk_score: int | None
    processor_metadata: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """A way to pay that the processor keeps for a customer; a deleted one comes back when it is added again."""

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    deleted_at: datetime | None
    organization_id: UUID
    customer_id: UUID
    processor: str
    processor_id: str
    type: str
    method_metadata: dict[str, Any]


TRANSITIONS: dict[str | None, frozenset[str]] = {
    None: frozenset(PaymentStatus),
    PaymentStatus.PENDING: frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.FAILED}),
    PaymentStatus.SUCCEEDED: frozenset(),
    PaymentStatus.FAILED: frozenset(),
}
"""Which status may follow which: an attempt ends once."""
