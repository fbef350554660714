"""The ledger as tests ask about it, and all money of an installation in two sums that have to agree."""

from uuid import UUID

import sqlalchemy as sa

from boreal.kit.db import Database
from boreal.rooms.finance.public import LedgerPostingRow
from tests.support.shop import Shop

_HOLDINGS = sa.text(
    """
    SELECT posting.holder, sum(posting.amount)::bigint AS amount
    FROM ledger_postings AS posting JOIN ledger_transactions AS transaction ON transaction.id = posting.transaction_id
    WHERE transaction.organization_id = :organization_id
    AND (cast(:order_id AS uuid) IS NULL OR transaction.order_id = :order_id)
    GROUP BY posting.holder HAVING sum(posting.amount) <> 0
    """
).bindparams(
    sa.bindparam("organization_id", type_=LedgerPostingRow.c.organization_id.type),
    sa.bindparam("order_id", type_=LedgerPostingRow.c.organization_id.type),
)

# Each of these is read from another place: lines, the processor's own books, payments, refunds, the ledger.
_MONEY = sa.text(
    """
    SELECT
        (SELECT coalesce(sum(item.amount), 0) FROM order_items AS item JOIN orders ON orders.id = order_id
         WHERE status <> 'pending')
        + (SELECT coalesce(sum(tax_amount - discount_amount), 0) FROM orders WHERE status <> 'pending') AS sold,
        (SELECT coalesce(sum(net_amount + tax_amount), 0) FROM orders WHERE status <> 'pending') AS ordered,
        (SELECT coalesce(sum(amount), 0) FROM payments WHERE status = 'succeeded') AS paid,
        (SELECT coalesce(sum(amount), 0) FROM sandbox_intents
         WHERE status = 'succeeded' AND kind = 'payment') AS charged,
        (SELECT coalesce(sum(amount + tax_amount), 0) FROM refunds WHERE status = 'succeeded') AS refunded,
        (SELECT coalesce(sum(amount), 0) FROM sandbox_refunds WHERE status = 'succeeded') AS given_back,
        (SELECT coalesce(sum(amount), 0) FROM ledger_postings WHERE holder = 'credit') AS balance,
        (SELECT -coalesce(sum(amount), 0) FROM ledger_postings AS posting
         JOIN ledger_transactions AS transaction ON transaction.id = transaction_id
         WHERE holder = 'credit' AND type IN ('refund', 'refund_reversal')) AS credit_taken,
        (SELECT coalesce(sum(amount), 0) FROM ledger_postings) AS ledger
    """
)


async def money_adds_up(database: Database) -> None:
    """The ledger sums to zero, and orders are their lines, and are payments less refunds and less what customers have.

    Payments and refunds are those that the processor knows. A refund may take credit that its customer had: then that
    pays it.
    """
    row = await database.fetchrow(_MONEY)
    assert row is not None
    money = dict(row)
    assert money["ledger"] == 0, money
    assert money["sold"] == money["ordered"], money
    assert (money["paid"], money["refunded"]) == (money["charged"], money["given_back"]), money
    assert money["ordered"] == money["paid"] - money["balance"] - money["credit_taken"], money


async def holdings(shop: Shop, order_id: str | None = None) -> dict[str, int]:
    """What each holder has of an order's money, or of all of the shop's; who has nothing is left out."""
    order = UUID(order_id) if order_id else None
    rows = await shop.app.database.fetch(_HOLDINGS, organization_id=shop.organization_id, order_id=order)
    return {row["holder"]: row["amount"] for row in rows}
