"""Posting to the ledger, and what follows from it. The caller holds the customer's row lock."""

import uuid
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.dialects.postgresql import insert

from boreal.core import ledger
from boreal.core.fees import STANDARD, FeeType, Terms
from boreal.core.ledger import Holder, Posting, Transaction, TransactionType
from boreal.kit.db import Runs
from boreal.kit.tx import Tx
from boreal.rooms.finance.ledger.tables import FeeTermsRow, LedgerPostingRow, LedgerTransactionRow

P = LedgerPostingRow.c
T = LedgerTransactionRow.c

_INSERT_TRANSACTION = LedgerTransactionRow.insert()
_INSERT_POSTING = LedgerPostingRow.insert().values(
    {
        name: sa.bindparam(name, type_=P[name].type)
        for name in ("transaction_id", "organization_id", "customer_id", "holder", "amount", "currency", "fee_type")
    }
)
CUSTOMER_CREDIT = sa.select(sa.func.coalesce(sa.cast(sa.func.sum(P.amount), sa.BigInteger), 0)).where(
    P.customer_id == sa.bindparam("customer_id", type_=PgUUID), P.currency == sa.bindparam("currency")
)
"""What a customer has in a currency, for statements that need more than that."""
_POSTINGS = (
    sa.select(LedgerPostingRow, T.order_id)
    .join_from(LedgerPostingRow, LedgerTransactionRow, T.id == P.transaction_id)
    .where(T.source_id == sa.bindparam("source_id", type_=PgUUID), T.type == sa.bindparam("type"))
    .order_by(P.id)
)
_TERMS = sa.select(FeeTermsRow).where(FeeTermsRow.c.organization_id == sa.bindparam("organization_id"))
_NEW_TERMS = insert(FeeTermsRow)
_SET_TERMS = _NEW_TERMS.on_conflict_do_update(
    index_elements=["organization_id"],
    set_={"basis_points": _NEW_TERMS.excluded.basis_points, "fixed": _NEW_TERMS.excluded.fixed},
)


async def post(
    tx: Tx, *transactions: Transaction, source_id: UUID, order_id: UUID, customer_id: UUID | None
) -> tuple[UUID | None, ...]:
    """Writes transactions down: what `source_id` (an order, payment, refund, dispute) meant for the money; their ids.

    The same source a second time for the same reason is a defect, which the database refuses. One without postings
    leaves no trace and has no id. `customer_id` is whose credit is meant by postings to `credit`.
    """
    ids = tuple(uuid.uuid4() if transaction.postings else None for transaction in transactions)
    posted = {id: transaction for id, transaction in zip(ids, transactions, strict=True) if id is not None}
    if not posted:
        return ids
    rows = [
        {
            "id": id,
            "organization_id": tx.organization_id,
            "occurred_at": tx.now,
            "type": transaction.type,
            "source_id": source_id,
            "order_id": order_id,
        }
        for id, transaction in posted.items()
    ]
    postings = [
        {
            "transaction_id": id,
            "organization_id": tx.organization_id,
            "customer_id": customer_id if posting.holder is Holder.CREDIT else None,
            "holder": posting.holder,
            "amount": posting.amount,
            "currency": posting.currency,
            "fee_type": posting.fee_type,
        }
        for id, transaction in posted.items()
        for posting in transaction.postings
    ]
    await tx.execute_many(_INSERT_TRANSACTION, rows)
    await tx.execute_many(_INSERT_POSTING, postings)
    return ids


async def take_back(tx: Tx, type: TransactionType, *, source_id: UUID) -> UUID | None:
    """Takes back what a refund or a dispute has meant for the money, to the last cent; the id of what does that."""
    rows = await tx.fetch(_POSTINGS, source_id=source_id, type=type)
    if not rows:
        return None
    postings = tuple(
        Posting(
            Holder(row["holder"]),
            row["amount"],
            row["currency"],
            FeeType(row["fee_type"]) if row["fee_type"] is not None else None,
        )
        for row in rows
    )
    owner = next((row["customer_id"] for row in rows if row["customer_id"] is not None), None)
    reversal = ledger.reversal(Transaction(type, postings))
    (id,) = await post(tx, reversal, source_id=source_id, order_id=rows[0]["order_id"], customer_id=owner)
    return id


async def customer_credit(runs: Runs | Tx, customer_id: UUID, currency: str) -> int:
    """What a customer has for later orders in a currency; below zero: what they owe."""
    return int(await runs.fetchval(CUSTOMER_CREDIT, customer_id=customer_id, currency=currency))


async def fee_terms(runs: Runs | Tx, organization_id: UUID) -> Terms:
    """What an organization pays per payment: its own terms, or the standard ones."""
    row = await runs.fetchrow(_TERMS, organization_id=organization_id)
    return Terms(row["basis_points"], row["fixed"]) if row is not None else STANDARD


async def set_fee_terms(tx: Tx, terms: Terms) -> None:
    """From now on the organization pays on these terms."""
    await tx.execute(_SET_TERMS, organization_id=tx.organization_id, basis_points=terms.basis_points, fixed=terms.fixed)
