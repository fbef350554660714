"""The tables of the ledger. The database refuses postings that do not add up, and changes of what is posted."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from boreal.core.fees import FeeType
from boreal.core.ledger import Holder, TransactionType
from boreal.kit.db import metadata, one_of

_KEPT = """
CREATE FUNCTION ledger_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is never changed, only added to' USING ERRCODE = 'restrict_violation';
END $$
"""
_BALANCED = """
CREATE FUNCTION ledger_is_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM ledger_postings WHERE transaction_id = NEW.transaction_id
        GROUP BY currency HAVING sum(amount) <> 0
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation',
            MESSAGE = 'postings of ' || NEW.transaction_id || ' do not add up to zero';
    END IF;
    RETURN NULL;
END $$
"""

LedgerTransactionRow = sa.Table(
    "ledger_transactions",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    # The order, payment, refund or dispute that it records, and the order that this belongs to.
    sa.Column("source_id", UUID, nullable=False),
    sa.Column("order_id", UUID, nullable=False),
    one_of("type", TransactionType),
    sa.Index("uq_ledger_transactions_source_id_type", "source_id", "type", unique=True),
    sa.Index("ix_ledger_transactions_order_id", "order_id"),
    sa.Index("ix_ledger_transactions_organization_id_occurred_at", "organization_id", "occurred_at", "id"),
    info={
        "ddl": (
            _KEPT,
            "CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON ledger_transactions "
            "FOR EACH ROW EXECUTE FUNCTION ledger_is_kept()",
        )
    },
)

LedgerPostingRow = sa.Table(
    "ledger_postings",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("transaction_id", UUID, sa.ForeignKey("ledger_transactions.id"), nullable=False),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("customer_id", UUID, comment="whose credit it is"),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("fee_type", sa.Text),
    one_of("holder", Holder),
    one_of("fee_type", FeeType),
    sa.CheckConstraint("amount <> 0", name="amount"),
    sa.CheckConstraint("(holder = 'credit') = (customer_id IS NOT NULL)", name="customer_id"),
    sa.Index("ix_ledger_postings_transaction_id", "transaction_id"),
    sa.Index("ix_ledger_postings_organization_id_holder", "organization_id", "holder", "currency"),
    sa.Index(
        "ix_ledger_postings_customer_id",
        "customer_id",
        "currency",
        postgresql_where=sa.text("customer_id IS NOT NULL"),
    ),
    info={
        "ddl": (
            _BALANCED,
            "CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON ledger_postings "
            "FOR EACH ROW EXECUTE FUNCTION ledger_is_kept()",
            "CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_postings DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION ledger_is_balanced()",
        )
    },
)

FeeTermsRow = sa.Table(
    "fee_terms",
    metadata,
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), primary_key=True),
    sa.Column("basis_points", sa.Integer, nullable=False),
    sa.Column("fixed", sa.BigInteger, nullable=False),
    sa.CheckConstraint("basis_points BETWEEN 0 AND 10000 AND fixed >= 0", name="terms"),
)
