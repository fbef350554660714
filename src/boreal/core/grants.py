"""Grants: what a customer has of a benefit, through one purchase (usage spec 9).

A grant belongs to a *scope*: the subscription or the order that it comes from. The same benefit through two orders is
two grants. One that needs something of the customer first (an account to connect) has *failed*; one that is over is
*revoked* and may be granted again, as the same row.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class GrantStatus(StrEnum):
    """Whether the customer has it (usage spec 9.2)."""

    GRANTED = "granted"
    FAILED = "failed"
    REVOKED = "revoked"


TRANSITIONS: dict[str | None, frozenset[str]] = {
    None: frozenset({GrantStatus.GRANTED, GrantStatus.FAILED}),
    GrantStatus.GRANTED: frozenset({GrantStatus.FAILED, GrantStatus.REVOKED}),
    GrantStatus.FAILED: frozenset({GrantStatus.GRANTED, GrantStatus.REVOKED}),
    GrantStatus.REVOKED: frozenset({GrantStatus.GRANTED, GrantStatus.FAILED}),
}
"""Which status may follow which (usage spec 9.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A benefit in the hands of a customer. Exactly one of `subscription_id` and `order_id` is set.

    `cycled_order_id` is the renewal that it was last cycled for; `previous_properties` are those before the last change
    of `properties`. `benefit_properties` are those of the benefit that it was made from (None: not known), so that a
    later change is recognized whatever else happened to the grant.
    """

    id: UUID
    created_at: datetime
    modified_at: datetime | None
    organization_id: UUID
    customer_id: UUID
    member_id: UUID | None
    benefit_id: UUID
    subscription_id: UUID | None
    order_id: UUID | None
    status: GrantStatus
    granted_at: datetime | None
    revoked_at: datetime | None
    error: dict[str, Any] | None
    properties: dict[str, Any]
    previous_properties: dict[str, Any] | None
    cycled_order_id: UUID | None
    benefit_properties: dict[str, Any] | None


def facts(before: Grant | None, after: Grant) -> tuple[str, ...]:
    """`benefit_grant.created` also for a failed one and for one that is granted again; `benefit_grant.revoked`.

    What is updated or cycled, the values alone cannot tell (usage spec 9.3).
    """
    was = before.status if before is not None else GrantStatus.REVOKED
    if was is GrantStatus.REVOKED and after.status is not GrantStatus.REVOKED:
        return ("benefit_grant.created",)
    if was is not GrantStatus.REVOKED and after.status is GrantStatus.REVOKED:
        return ("benefit_grant.revoked",)
    return ()
