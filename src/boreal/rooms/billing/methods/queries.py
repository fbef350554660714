"""Reading payment methods."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.payments import PaymentMethod
from boreal.core.subscriptions import BILLABLE
from boreal.kit.auth import owned_by
from boreal.kit.db import Row
from boreal.kit.listing import ListSpec
from boreal.kit.tx import Tx
from boreal.rooms.billing.payments.schemas import PaymentProcessor
from boreal.rooms.billing.payments.tables import PaymentMethodRow
from boreal.rooms.billing.subscriptions.tables import SubscriptionRow

M = PaymentMethodRow.c
S = SubscriptionRow.c

_KEPT = M.deleted_at.is_(None)

METHODS = ListSpec(
    select=sa.select(PaymentMethodRow).where(_KEPT),
    visible=owned_by(M.customer_id),
    key=sa.tuple_(M.created_at, M.id),
    sorts={},
    default=(),
)

GET = sa.select(PaymentMethodRow).where(M.id == sa.bindparam("id", type_=PgUUID), owned_by(M.customer_id), _KEPT)

_OTHERS = (
    sa.select(M.id)
    .where(M.customer_id == sa.bindparam("customer_id", type_=PgUUID), M.id != sa.bindparam("id", type_=PgUUID), _KEPT)
    .order_by(M.created_at.desc(), M.id)
)
_CHARGED = sa.select(S.id).where(
    S.payment_method_id == sa.bindparam("id", type_=PgUUID),
    S.status == sa.any_(sa.literal(sorted(BILLABLE), sa.ARRAY(sa.Text))),
)


async def others(tx: Tx, method: PaymentMethod) -> list[UUID]:
    """The customer's other methods, newest first."""
    return [row["id"] for row in await tx.fetch(_OTHERS, customer_id=method.customer_id, id=method.id)]


async def charged_subscriptions(tx: Tx, method: PaymentMethod) -> list[UUID]:
    """The subscriptions that can be billed and are charged to the method."""
    return [row["id"] for row in await tx.fetch(_CHARGED, id=method.id)]


def render(row: Row) -> dict[str, Any]:
    """A payment method as its customer sees it (contract `CustomerPaymentMethod`)."""
    shown = {
        **{name: row[name] for name in ("id", "created_at", "modified_at", "customer_id", "type")},
        "processor": PaymentProcessor.STRIPE.value,
    }
    if row["type"] == "card":
        known = row["method_metadata"]
        shown["method_metadata"] = {
            "brand": known.get("brand", ""),
            "last4": known.get("last4", ""),
            "exp_month": known.get("exp_month", 0),
            "exp_year": known.get("exp_year", 0),
            "wallet": known.get("wallet"),
        }
    return shown
