"""What refunds do to orders, to the ledger and to the customer's credit. The caller holds the customer's row lock."""

from dataclasses import replace
from uuid import UUID

from boreal.core import ledger, system_events
from boreal.core import refunds as book
from boreal.core.orders import Order
from boreal.core.refunds import Refund, RefundStatus, Split
from boreal.kit.tx import Tx
from boreal.rooms.billing.orders.drafts import available_credit
from boreal.rooms.finance.public import post, take_back


async def save_refund(tx: Tx, before: Refund | None, after: Refund) -> Refund:
    """Stores a refund with everything that its status means (orders spec 15.4, 17 rows 15 to 17).

    One that succeeds counts on the order, takes its part of the merchant's money and of the customer's credit; one that
    fails afterwards takes all of that back. With `revoke_benefits` the facts say so, for whoever granted them.
    """
    details = {"order_id": str(after.order_id), "revoke_benefits": after.revoke_benefits}
    await tx.save(before, after, details=details)
    had, has = before is not None and before.status is RefundStatus.SUCCEEDED, after.status is RefundStatus.SUCCEEDED
    if has and not had:
        await _give(tx, after)
    elif had and not has:
        await _take_back(tx, after)
    return after


def moved(refund: Refund, status: RefundStatus, *, tx: Tx, processor_id: str | None = None) -> Refund:
    """The refund with what has become known of it; the same one if nothing has."""
    after = replace(refund, status=status, processor_id=processor_id or refund.processor_id)
    return refund if after == refund else replace(after, modified_at=tx.now)


async def _give(tx: Tx, refund: Refund) -> None:
    order = await _order(tx, refund)
    part = Split(refund.amount, refund.tax_amount)
    credit = await available_credit(tx, refund.customer_id, refund.currency)
    after = await tx.save(order, book.refunded(order, part, now=tx.now), also=("order.refunded",))
    tx.note(system_events.order_refunded(after))
    transaction = ledger.refund(
        amount=part.amount, tax=part.tax, from_credit=book.credit_taken(part, credit), currency=refund.currency
    )
    (id,) = await post(tx, transaction, source_id=refund.id, order_id=order.id, customer_id=order.customer_id)
    _note(tx, refund, after, transaction_id=id, is_reversal=False)


async def _take_back(tx: Tx, refund: Refund) -> None:
    order = await _order(tx, refund)
    after = await tx.save(order, book.refunded(order, Split(-refund.amount, -refund.tax_amount), now=tx.now))
    id = await take_back(tx, ledger.TransactionType.REFUND, source_id=refund.id)
    _note(tx, refund, after, transaction_id=id, is_reversal=True)


def _note(tx: Tx, refund: Refund, order: Order, *, transaction_id: UUID | None, is_reversal: bool) -> None:
    if transaction_id is not None:
        tx.note(system_events.balance_refund(refund, order, transaction_id=transaction_id, is_reversal=is_reversal))


async def _order(tx: Tx, refund: Refund) -> Order:
    order = await tx.lock(Order, refund.order_id)
    assert order is not None
    return order
