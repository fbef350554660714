"""Paying an order that could not be collected: the customer tries themselves (orders spec 3.3, 4.4)."""

from typing import Any, Literal, Self
from uuid import UUID

import sqlalchemy as sa
from asyncpg import UniqueViolationError
from pydantic import model_validator
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.customers import Customer
from boreal.core.orders import Order, OrderStatus
from boreal.core.payments import PaymentMethod, PaymentStatus
from boreal.kit.app import App
from boreal.kit.problems import Problem
from boreal.kit.schemas import UUID4, Schema
from boreal.kit.tx import Tx
from boreal.providers.ports import Payment, ProcessorUnavailable, RequiresAction, Succeeded
from boreal.rooms.billing.orders.charges import OrderCharge, charge_request, open_charge, open_charge_of
from boreal.rooms.billing.orders.collection import Failure, apply, ask, collect_soon, stop
from boreal.rooms.billing.payments.tables import PaymentRow
from boreal.rooms.platform.public import organization_by_id

_LAST_PAYMENT = (
    sa.select(PaymentRow.c.status, PaymentRow.c.decline_message)
    .where(PaymentRow.c.order_id == sa.bindparam("order_id", type_=PgUUID))
    .order_by(PaymentRow.c.created_at.desc(), PaymentRow.c.id.desc())
    .limit(1)
)


class OrderNotEligibleForRetry(Problem):
    """It is paid, was given up, has not failed yet, or nobody renews it."""

    status = 422

    def __init__(self, id: UUID) -> None:
        super().__init__(f"Order {id} is not eligible for payment retry.")


class PaymentRetryValidationError(Problem):
    """The method belongs to somebody else, or to nobody."""

    status = 422

    def __init__(self) -> None:
        super().__init__("Payment method does not belong to customer")


class PaymentAlreadyInProgress(Problem):
    """An attempt is under way."""

    status = 409

    def __init__(self, id: UUID) -> None:
        super().__init__(f"Payment for order {id} is already in progress")


class CustomerOrderConfirmPayment(Schema):
    """A new card, as a token of the payment form, or a method that is kept already."""

    confirmation_token_id: str | None = None
    payment_method_id: UUID4 | None = None
    payment_processor: Literal["stripe"] = "stripe"

    @model_validator(mode="after")
    def has_one(self) -> Self:
        """Exactly one way to pay."""
        given = [self.confirmation_token_id, self.payment_method_id]
        if given == [None, None]:
            raise ValueError("Either confirmation_token_id or payment_method_id must be provided")
        if None not in given:
            raise ValueError("Only one of confirmation_token_id or payment_method_id can be provided")
        return self


class CustomerOrderPaymentConfirmation(Schema):
    """How the attempt stands: `succeeded`, `processing`, `failed` with an error, or `requires_action` with a secret."""

    status: str
    client_secret: str | None = None
    error: str | None = None


class CustomerOrderPaymentStatus(Schema):
    """How the last payment stands: `pending`, `succeeded`, `failed` or `no_payment`."""

    status: str
    error: str | None = None


async def payment_status(app: App, order_id: UUID) -> dict[str, Any]:
    """How the newest payment of an order stands, and why it was declined (orders spec 3.3)."""
    row = await app.database.fetchrow(_LAST_PAYMENT, order_id=order_id)
    if row is None:
        return {"status": "no_payment", "error": None}
    return {"status": PaymentStatus(row["status"]), "error": row["decline_message"]}


async def confirm_payment(
    app: App, organization_id: UUID, order_id: UUID, body: CustomerOrderConfirmPayment
) -> dict[str, Any]:
    """Charges what is due now. The attempt is written down first, so that it has an end whatever happens here.

    A failure does not touch the schedule of automatic attempts. Raises `OrderNotEligibleForRetry`,
    `PaymentAlreadyInProgress`, `PaymentRetryValidationError`.
    """
    await _clear_the_way(app, organization_id, order_id)
    try:
        charge = await _begin(app, organization_id, order_id, body)
    except UniqueViolationError:
        raise PaymentAlreadyInProgress(order_id) from None
    try:
        result = await ask(app, charge)
    except ProcessorUnavailable:
        return {"status": "processing"}
    if isinstance(result, Failure):
        await apply(app, organization_id, charge, result)
        return {"status": "failed", "error": result.message or "Payment failed. Please try again."}
    return await _answer(app, organization_id, charge, result)


async def _answer(app: App, organization_id: UUID, charge: OrderCharge, payment: Payment) -> dict[str, Any]:
    match payment.outcome:
        case Succeeded():
            await apply(app, organization_id, charge, payment)
            return {"status": "succeeded"}
        case RequiresAction(client_secret):
            return {"status": "requires_action", "client_secret": client_secret}
    return {"status": "processing"}


async def _clear_the_way(app: App, organization_id: UUID, order_id: UUID) -> None:
    """A challenge that the customer left for another attempt is stopped; anything else under way stays."""
    charge = await open_charge_of(app.database, order_id)
    if charge is None or charge.is_automatic:
        return
    try:
        result = await ask(app, charge)
        if isinstance(result, Payment) and isinstance(result.outcome, RequiresAction):
            result = await stop(app, charge, result)
    except ProcessorUnavailable:
        return
    if isinstance(result, Failure) or isinstance(result.outcome, Succeeded):
        await apply(app, organization_id, charge, result)


async def _begin(app: App, organization_id: UUID, order_id: UUID, body: CustomerOrderConfirmPayment) -> OrderCharge:
    """Opens the attempt, and asks for somebody to look after it should this process die."""
    organization = await organization_by_id(app.database, organization_id)
    assert organization is not None
    async with app.transaction(organization_id) as tx:
        seen = await tx.load(Order, order_id)
        assert seen is not None
        customer = await tx.lock(Customer, seen.customer_id)
        order = await tx.lock(Order, order_id)
        assert customer is not None
        assert order is not None
        await _refuse(tx, order, customer)
        method = await _method(tx, customer, body.payment_method_id) if body.payment_method_id else None
        request = charge_request(
            order,
            customer,
            organization,
            method=method,
            token=body.confirmation_token_id,
            return_url=f"{app.settings.url}/{organization['slug']}/portal",
        )
        charge = await open_charge(
            tx, order, request, is_automatic=False, payment_method_id=method.id if method else None
        )
        collect_soon(tx, order.id)
        return charge


async def _refuse(tx: Tx, order: Order, customer: Customer) -> None:
    if (
        order.status is not OrderStatus.PENDING
        or order.next_payment_attempt_at is None
        or order.subscription_id is None
    ):
        raise OrderNotEligibleForRetry(order.id)
    if await open_charge_of(tx, order.id) is not None:
        raise PaymentAlreadyInProgress(order.id)
    if customer.processor_customer_id is None:
        raise OrderNotEligibleForRetry(order.id)


async def _method(tx: Tx, customer: Customer, id: UUID) -> PaymentMethod:
    method = await tx.load(PaymentMethod, id)
    if method is None or method.customer_id != customer.id or method.deleted_at is not None:
        raise PaymentRetryValidationError
    return method
