"""Money that no order waits for: on record, held by the platform, and given back (platform spec 11).

It comes from attempts whose answer was lost for so long that they were given up, while the order was paid otherwise.
"""

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core import ledger
from boreal.core.customers import Customer
from boreal.core.ledger import TransactionType
from boreal.core.orders import Order
from boreal.core.payments import Payment as PaymentRecord
from boreal.core.payments import PaymentStatus
from boreal.kit.app import App
from boreal.kit.tx import Tx
from boreal.kit.work import Later, Work
from boreal.providers.ports import Payment, PaymentProcessor, ProcessorRefused, ProcessorUnavailable, RefundRequest
from boreal.providers.ports import Refund as Outcome
from boreal.rooms.billing.payments.commands import record_attempt
from boreal.rooms.finance.public import LedgerTransactionRow, post, take_back

_log = structlog.get_logger("boreal.billing")

SOON = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)

_RETURNED = sa.select(
    sa.exists().where(
        LedgerTransactionRow.c.source_id == sa.bindparam("id", type_=PgUUID),
        LedgerTransactionRow.c.type == TransactionType.SURPLUS_RETURN.value,
    )
)


class SurplusKept(Exception):
    """The processor does not give the money back; a person has to look at it."""


async def keep(app: App, tx: Tx, payment: Payment, *, order: Order, customer: Customer) -> None:
    """Records a payment that its order does not need, and asks for it to be given back.

    The payment is on record without the order, which was not paid with it. The customer has to be locked.
    """
    record = await record_attempt(
        tx,
        payment,
        processor=app.get(PaymentProcessor).name,
        status=PaymentStatus.SUCCEEDED,
        customer_email=customer.email,
    )
    held = ledger.surplus(payment.amount, currency=payment.currency)
    await post(tx, held, source_id=record.id, order_id=order.id, customer_id=None)
    key = str(record.id)
    payload = {"payment_id": key, "since": tx.real_now.isoformat()}
    tx.enqueue("return_surplus", payload=payload, unique_key=key)
    _log.warning("payment_without_order", payment_id=key, order_id=str(order.id), amount=payment.amount)


async def give_back(app: App, work: Work) -> None:
    """Kind of work `return_surplus`: gives all of a payment back. Safe to run again.

    Raises `Later` until that is done, and `SurplusKept` if the processor refuses.
    """
    id, now = UUID(work.payload["payment_id"]), app.clock.now()
    again = now + min(max(SOON, (now - datetime.fromisoformat(work.payload["since"])) / 4), LONGEST_PAUSE)
    async with app.transaction(work.organization_id) as tx:
        payment = await tx.load(PaymentRecord, id)
        assert payment is not None
        if await tx.fetchval(_RETURNED, id=id):
            return
    try:
        status = await _ask(app, payment)
    except ProcessorUnavailable as silence:
        _log.warning("processor_silent", kind=work.kind, key=work.unique_key, reason=str(silence))
        raise Later(again, counts=False) from None
    if status == "pending":
        raise Later(again, counts=False)
    if status != "succeeded":
        raise SurplusKept(f"payment {payment.processor_id}: {status}")
    async with app.transaction(work.organization_id) as tx:
        await tx.lock(PaymentRecord, id)
        if not await tx.fetchval(_RETURNED, id=id):
            await take_back(tx, TransactionType.SURPLUS, source_id=id)


async def _ask(app: App, payment: PaymentRecord) -> str:
    """How the refund of everything stands; asking again, also after its key was forgotten, gives nothing twice."""
    assert payment.intent_id is not None
    processor = app.get(PaymentProcessor)
    request = RefundRequest(
        payment=payment.intent_id,
        amount=payment.amount,
        reason="duplicate",
        metadata={"refund_id": str(payment.id)},
    )
    try:
        made: Outcome | None = await processor.refund(request, idempotency_key=f"{payment.id}-surplus")
    except ProcessorRefused as refused:
        return "succeeded" if refused.code == "charge_already_refunded" else refused.code
    assert made is not None
    now = await processor.get_refund(made.id) if made.status == "pending" else made
    return now.status if now is not None else made.status
