"""Attempts to charge an order: what the processor is asked, written down before it is asked.

The id of an attempt is its idempotency key. While one is open the order is locked against a second one, by the
database. Whatever dies in between, the same request under the same key gives the same answer.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from boreal.core.customers import Customer
from boreal.core.orders import Order
from boreal.core.payments import PaymentMethod
from boreal.kit.app import App
from boreal.kit.db import Row, Runs
from boreal.kit.tx import Tx
from boreal.providers.ports import (
    NewMethod,
    Payment,
    PaymentProcessor,
    PaymentRequest,
    SavedMethod,
)
from boreal.rooms.billing.orders.tables import OrderChargeRow, OrderRow
from boreal.rooms.billing.payments.asking import KEYS_LAST, customer_details, ensure_customer

C = OrderChargeRow.c

_INSERT = OrderChargeRow.insert()
_OPEN = (
    sa.select(OrderChargeRow, OrderRow.c.customer_id)
    .join_from(OrderChargeRow, OrderRow, OrderRow.c.id == C.order_id)
    .where(C.order_id == sa.bindparam("order_id"), C.closed_at.is_(None))
)
_BY_INTENT = sa.select(C.organization_id, C.order_id).where(
    C.intent_id == sa.bindparam("intent_id"), C.closed_at.is_(None)
)
_NOTE_INTENT = sa.update(OrderChargeRow).where(C.id == sa.bindparam("key")).values(intent_id=sa.bindparam("intent"))
_CLOSE = (
    sa.update(OrderChargeRow)
    .where(C.id == sa.bindparam("key"), C.closed_at.is_(None))
    # What was asked is not needed any more: it may hold a token that stood for a card.
    .values(closed_at=sa.bindparam("now"), outcome=sa.bindparam("how"), request={})
)


@dataclass(frozen=True, slots=True)
class OrderCharge:
    """One attempt, as it was written down, in real time. `intent_id` is known once the processor has answered."""

    id: UUID
    created_at: datetime
    order_id: UUID
    customer_id: UUID
    is_automatic: bool
    payment_method_id: UUID | None
    request: Mapping[str, Any]
    intent_id: str | None


def charge_request(
    order: Order,
    customer: Customer,
    organization: Row,
    *,
    method: PaymentMethod | None = None,
    token: str | None = None,
    return_url: str | None = None,
    follows_trial: bool = False,
) -> dict[str, Any]:
    """The request to charge what is due of an order, as JSON: with a kept method, or a token of the payment form.

    `follows_trial` says so on the customer's statement (orders spec 1.2).
    """
    slug = organization["slug"]
    return {
        "amount": order.due_amount,
        "currency": order.currency,
        "method": method.processor_id if method is not None else None,
        "token": token,
        "description": f"{organization['name']} — {order.invoice_number}",
        "statement_suffix": f"{slug[:10]} TRIAL OVER" if follows_trial else slug[:15],
        "return_url": return_url,
        "metadata": {"order_id": str(order.id), "type": "product", "tax_amount": str(order.tax_amount)},
        "known_customer": customer.processor_customer_id,
        "customer": customer_details(
            customer.organization_id,
            email=customer.email,
            name=customer.billing_name or customer.name,
            address=customer.billing_address,
            tax_id=customer.tax_id,
        ),
    }


async def open_charge(
    tx: Tx, order: Order, request: Mapping[str, Any], *, is_automatic: bool, payment_method_id: UUID | None
) -> OrderCharge:
    """Writes an attempt down. The database refuses a second one for the order while this one is open."""
    charge = OrderCharge(
        uuid.uuid4(), tx.real_now, order.id, order.customer_id, is_automatic, payment_method_id, request, None
    )
    await tx.execute(
        _INSERT,
        id=charge.id,
        created_at=charge.created_at,
        organization_id=tx.organization_id,
        order_id=order.id,
        is_automatic=is_automatic,
        payment_method_id=payment_method_id,
        request=dict(request),
        intent_id=None,
        closed_at=None,
        outcome=None,
    )
    return charge


async def open_charge_of(runs: Runs | Tx, order_id: UUID) -> OrderCharge | None:
    """The attempt that is under way for an order."""
    row = await runs.fetchrow(_OPEN, order_id=order_id)
    if row is None:
        return None
    return OrderCharge(
        row["id"],
        row["created_at"],
        row["order_id"],
        row["customer_id"],
        row["is_automatic"],
        row["payment_method_id"],
        row["request"],
        row["intent_id"],
    )


async def order_of_intent(runs: Runs, intent_id: str) -> tuple[UUID, UUID] | None:
    """Organization and order of an attempt that waits for a payment of the processor."""
    row = await runs.fetchrow(_BY_INTENT, intent_id=intent_id)
    return (row["organization_id"], row["order_id"]) if row is not None else None


async def close_charge(tx: Tx, id: UUID, outcome: str) -> bool:
    """Ends an attempt as `succeeded`, `failed` or `canceled`; False if it had ended before."""
    return await tx.execute(_CLOSE, key=id, how=outcome, now=tx.now) == "UPDATE 1"


async def perform(app: App, charge: OrderCharge) -> Payment | None:
    """Asks the processor, or how it stands when that was done before. Raises what the port raises.

    An old attempt is only looked for, since repeating it would not be safe; None if nothing came of it.
    """
    processor = app.get(PaymentProcessor)
    if charge.intent_id is not None:
        return await processor.get_payment(charge.intent_id)
    asked = charge.request
    customer = asked["known_customer"] if asked["method"] else None
    if customer is None:
        customer = await ensure_customer(
            app, asked["customer"], known_id=asked["known_customer"], idempotency_key=f"{charge.id}-customer"
        )
    if app.clock.now() - charge.created_at >= KEYS_LAST:
        found = await processor.find_by_idempotency_key(str(charge.id), customer=customer)
        return found if isinstance(found, Payment) else None
    payment = PaymentRequest(
        amount=asked["amount"],
        currency=asked["currency"],
        customer=customer,
        source=SavedMethod(asked["method"]) if asked["method"] else NewMethod(asked["token"]),
        off_session=charge.is_automatic,
        save_for_later=asked["token"] is not None,
        description=asked["description"],
        statement_suffix=asked["statement_suffix"],
        return_url=asked["return_url"],
        metadata=asked["metadata"],
    )
    result = await processor.create_payment(payment, idempotency_key=str(charge.id))
    if result.outcome.status not in ("succeeded", "declined", "canceled"):
        await app.database.execute(_NOTE_INTENT, key=charge.id, intent=result.id)
    return result
