"""Reading payments."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.payments import PaymentStatus
from boreal.kit.auth import visible_to
from boreal.kit.db import Row
from boreal.kit.listing import ListSpec, any_of
from boreal.kit.schemas import UUID4
from boreal.rooms.billing.payments.schemas import PaymentProcessor
from boreal.rooms.billing.payments.tables import PaymentRow

P = PaymentRow.c

PAYMENTS = ListSpec(
    select=sa.select(PaymentRow),
    visible=visible_to(P.organization_id),
    key=P.id,
    sorts={"created_at": P.created_at, "status": P.status, "amount": P.amount, "method": P.method},
    default="-created_at",
    filters=(
        any_of("organization_id", P.organization_id, UUID4),
        any_of("checkout_id", P.checkout_id, UUID4),
        any_of("order_id", P.order_id, UUID4),
        any_of("status", P.status, PaymentStatus),
        any_of("method", P.method, str),
        any_of("customer_email", P.customer_email, str),
    ),
    sort_name="PaymentSortProperty",
)

GET = sa.select(PaymentRow).where(P.id == sa.bindparam("id", type_=PgUUID), visible_to(P.organization_id))

_AS_STORED = (
    "id",
    "created_at",
    "modified_at",
    "status",
    "amount",
    "currency",
    "method",
    "decline_reason",
    "decline_message",
    "organization_id",
    "checkout_id",
    "order_id",
    "processor_metadata",
)


def render(row: Row) -> dict[str, Any]:
    """A payment as the API shows it (contract `Payment`); a card tells its brand and last digits."""
    shown = {**{name: row[name] for name in _AS_STORED}, "processor": PaymentProcessor.STRIPE.value}
    if row["method"] == "card":
        known = row["method_metadata"]
        shown["method_metadata"] = {"brand": known.get("brand", ""), "last4": known.get("last4", "")}
    return shown
