"""Settling orders: what it means for the money that one is paid (orders spec 1.7, platform spec 11.3, 12)."""

from dataclasses import replace

from boreal.core import fees as fee_rules
from boreal.core import ledger, system_events
from boreal.core.fees import Fee
from boreal.core.orders import Order, OrderStatus
from boreal.core.payments import Payment
from boreal.core.subscriptions import Subscription
from boreal.kit.tx import Tx
from boreal.rooms.finance.public import fee_terms, post


async def settle_order(
    tx: Tx, order: Order, *, payment: Payment | None, subscription: Subscription | None = None
) -> Order:
    """The order, paid, with what the platform keeps of it; the ledger has its sale and fees. The caller saves it.

    `subscription` is the one that the order belongs to, if any.

    What the payment did not bring (all of it, without one) is on the customer's credit: taken from it, added to it when
    the total is negative, or owed when the due amount is too small to be collected. The customer must be locked.
    """
    collected = payment.amount if payment is not None else 0
    sale = ledger.sale(net=order.net_amount, tax=order.tax_amount, collected=collected, currency=order.currency)
    settled = replace(order, status=OrderStatus.PAID, next_payment_attempt_at=None)
    if payment is None:
        (sale_id,) = await post(tx, sale, source_id=order.id, order_id=order.id, customer_id=order.customer_id)
        if sale_id is not None:
            tx.note(system_events.balance_credit_order(settled))
        tx.note(system_events.order_paid(settled, subscription))
        return settled
    fees = await _fees(tx, order, payment)
    taken = ledger.platform_fees(fees, currency=payment.currency)
    sale_id, _ = await post(tx, sale, taken, source_id=order.id, order_id=order.id, customer_id=order.customer_id)
    settled = replace(settled, platform_fee_amount=fee_rules.total(fees), platform_fee_currency=payment.currency)
    tx.note(system_events.order_paid(settled, subscription))
    if sale_id is not None:
        tx.note(system_events.balance_order(settled, transaction_id=sale_id, collected=collected))
    return settled


async def _fees(tx: Tx, order: Order, payment: Payment) -> tuple[Fee, ...]:
    return fee_rules.platform_fees(
        payment.amount,
        is_international=fee_rules.is_international(payment.method, payment.method_country),
        is_recurring=order.subscription_id is not None,
        terms=await fee_terms(tx, tx.organization_id),
    )
