"""The ledger as tests ask about it."""

from uuid import UUID

import sqlalchemy as sa

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


async def holdings(shop: Shop, order_id: str | None = None) -> dict[str, int]:
    """What each holder has of an order's money, or of all of the shop's; who has nothing is left out."""
    order = UUID(order_id) if order_id else None
    rows = await shop.app.database.fetch(_HOLDINGS, organization_id=shop.organization_id, order_id=order)
    return {row["holder"]: row["amount"] for row in rows}
