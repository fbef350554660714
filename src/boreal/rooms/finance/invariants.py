"""What must always hold in the ledger; the database itself holds most of it."""

import sqlalchemy as sa

INVARIANTS = {
    "postings add up to zero": sa.text(
        """
        SELECT transaction_id, currency, sum(amount) AS sum FROM ledger_postings
        GROUP BY transaction_id, currency HAVING sum(amount) <> 0
        """
    ),
    "postings belong to the organization of their transaction": sa.text(
        """
        SELECT posting.id FROM ledger_postings AS posting
        JOIN ledger_transactions AS transaction ON transaction.id = posting.transaction_id
        WHERE transaction.organization_id <> posting.organization_id
        """
    ),
}
