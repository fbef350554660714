"""What disputes do to orders, subscriptions and the ledger. The caller holds the customer's row lock."""

import uuid
from uuid import UUID

import sqlalchemy as sa

from boreal.core import ledger, system_events
from boreal.core import refunds as refund_rules
from boreal.core.disputes import Dispute, DisputeStatus, is_closed, is_resolved
from boreal.core.orders import Order
from boreal.core.refunds import Refund, RefundReason, RefundStatus
from boreal.core.renewals import revoked
from boreal.core.subscriptions import BILLABLE, Subscription
from boreal.kit.tx import Tx
from boreal.rooms.billing.refunds.effects import moved, save_refund
from boreal.rooms.billing.refunds.queries import pending_of
from boreal.rooms.billing.refunds.tables import RefundRow
from boreal.rooms.finance.public import post, take_back

_REFUND = sa.select(RefundRow.c.id).where(
    RefundRow.c.dispute_id == sa.bindparam("dispute_id"), RefundRow.c.status == RefundStatus.SUCCEEDED.value
)


async def save_dispute(tx: Tx, before: Dispute | None, after: Dispute, *, order: Order) -> None:
    """Stores a dispute with everything that its status means (orders spec 16, platform spec 14).

    Closed in whatever way, it ends the subscription, and its fact asks for the benefits of what was bought once. One
    that is decided is in the ledger from then on; one that was prevented gave the money back; one that was opened again
    had not.
    """
    closes = is_closed(after.status) and (before is None or not is_closed(before.status))
    details = {"order_id": str(order.id), "revoke_benefits": order.subscription_id is None} if closes else {}
    await tx.save(before, after, details=details)
    if before is not None and before.status is DisputeStatus.PREVENTED:
        await _fail_refund(tx, after)
    if is_resolved(after.status):
        await _resolve(tx, after, order)
    elif after.status is DisputeStatus.PREVENTED:
        await _give_back(tx, after, order)
    if closes and order.subscription_id is not None:
        await _end(tx, order.subscription_id)


async def _resolve(tx: Tx, dispute: Dispute, order: Order) -> None:
    """The amount and the fees, written once; the merchant makes up for a lost one with what is left of the sale."""
    taken = ledger.dispute(amount=dispute.amount, tax=dispute.tax_amount, currency=dispute.currency)
    charged = [
        ledger.processor_fee(dispute.fee, currency=dispute.fee_currency),
        ledger.dispute_fee(dispute.fee, currency=dispute.fee_currency),
    ]
    if dispute.status is DisputeStatus.LOST:
        left = max(0, order.net_amount - order.refunded_amount)
        charged.append(ledger.dispute_loss(min(dispute.amount, left), currency=dispute.currency))
    ids = await post(tx, taken, *charged, source_id=dispute.id, order_id=order.id, customer_id=None)
    _note(tx, dispute, order, transaction_id=ids[0], is_reversal=False)
    if dispute.status is DisputeStatus.WON:
        id = await take_back(tx, ledger.TransactionType.DISPUTE, source_id=dispute.id)
        _note(tx, dispute, order, transaction_id=id, is_reversal=True)


def _note(tx: Tx, dispute: Dispute, order: Order, *, transaction_id: UUID | None, is_reversal: bool) -> None:
    if transaction_id is not None:
        tx.note(system_events.balance_dispute(dispute, order, transaction_id=transaction_id, is_reversal=is_reversal))


async def _give_back(tx: Tx, dispute: Dispute, order: Order) -> None:
    """The refund by which a dispute was prevented, unless a merchant's own refund has done that."""
    left = refund_rules.left_of(order, pending=await pending_of(tx, order.id))
    gross = min(dispute.amount + dispute.tax_amount, left.total)
    if gross == 0:
        return
    part = refund_rules.split_gross(gross, tax=order.tax_amount, total=order.total_amount, left=left)
    refund = Refund(
        id=uuid.uuid4(),
        created_at=tx.now,
        modified_at=None,
        organization_id=order.organization_id,
        order_id=order.id,
        customer_id=order.customer_id,
        subscription_id=None,
        payment_id=dispute.payment_id,
        dispute_id=dispute.id,
        processor=dispute.processor,
        processor_id=None,
        status=RefundStatus.SUCCEEDED,
        reason=RefundReason.DISPUTE_PREVENTION,
        amount=part.amount,
        tax_amount=part.tax,
        currency=order.currency,
        comment=None,
        revoke_benefits=True,
        metadata={},
    )
    await save_refund(tx, None, refund)


async def _fail_refund(tx: Tx, dispute: Dispute) -> None:
    """The network opened a prevented dispute again: what was given back was not."""
    for row in await tx.fetch(_REFUND, dispute_id=dispute.id):
        refund = await tx.lock(Refund, row["id"])
        assert refund is not None
        await save_refund(tx, refund, moved(refund, RefundStatus.FAILED, tx=tx))


async def _end(tx: Tx, subscription_id: UUID) -> None:
    subscription = await tx.lock(Subscription, subscription_id)
    if subscription is not None and subscription.status in BILLABLE:
        await tx.save(subscription, revoked(subscription, now=tx.now))
