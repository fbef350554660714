"""Money that no order waits for, and payments found by their intent."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE ledger_transactions DROP CONSTRAINT ck_ledger_transactions_type, ADD CONSTRAINT
            ck_ledger_transactions_type CHECK (type IN ('sale', 'platform_fee', 'processor_fee', 'refund',
            'refund_reversal', 'dispute', 'dispute_loss', 'dispute_reversal', 'dispute_fee', 'surplus',
            'surplus_return'))
        """
    )
    op.execute("CREATE INDEX ix_payments_intent_id ON payments (intent_id)")
