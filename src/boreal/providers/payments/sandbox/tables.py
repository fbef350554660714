"""The sandbox's own memory: nobody else reads or writes these tables, and none of them holds a card number."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from boreal.kit.db import metadata

_TIME = sa.DateTime(timezone=True)


def _card_columns() -> list[sa.Column]:
    return [
        sa.Column("behaviour", sa.Text, nullable=False),
        sa.Column("brand", sa.Text, nullable=False),
        sa.Column("last4", sa.Text, nullable=False),
        sa.Column("exp_month", sa.Integer, nullable=False),
        sa.Column("exp_year", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("funding", sa.Text, nullable=False),
    ]


SandboxRequestRow = sa.Table(
    "sandbox_requests",
    metadata,
    sa.Column("idempotency_key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False, comment="of the operation and its parameters"),
    sa.Column("reply", JSONB, comment="null only inside of the transaction that does the work"),
    sa.Column("created_at", _TIME, nullable=False),
)

SandboxCustomerRow = sa.Table(
    "sandbox_customers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("reference", sa.Text, nullable=False, unique=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("name", sa.Text),
    sa.Column("address", JSONB),
    sa.Column("tax_id", sa.Text),
    sa.Column("metadata", JSONB, nullable=False),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Column("modified_at", _TIME, nullable=False),
)

SandboxTokenRow = sa.Table(
    "sandbox_tokens",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    *_card_columns(),
    sa.Column("expires_at", _TIME, nullable=False),
    sa.Column("used_at", _TIME),
)

SandboxMethodRow = sa.Table(
    "sandbox_methods",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("customer_id", sa.Text, sa.ForeignKey("sandbox_customers.id"), index=True, comment="null until kept"),
    *_card_columns(),
    sa.Column("detached_at", _TIME),
    sa.Column("created_at", _TIME, nullable=False),
)

SandboxIntentRow = sa.Table(
    "sandbox_intents",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("client_secret", sa.Text, nullable=False, unique=True),
    sa.Column("idempotency_key", sa.Text, nullable=False, unique=True),
    sa.Column("customer_id", sa.Text, sa.ForeignKey("sandbox_customers.id"), nullable=False),
    sa.Column("method_id", sa.Text, sa.ForeignKey("sandbox_methods.id"), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, comment="null for a setup"),
    sa.Column("currency", sa.Text, comment="null for a setup"),
    sa.Column("amount_refunded", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("charge_id", sa.Text, unique=True),
    sa.Column("failure_code", sa.Text),
    sa.Column("failure_decline_code", sa.Text),
    sa.Column("failure_message", sa.Text),
    sa.Column("off_session", sa.Boolean, nullable=False),
    sa.Column("save_for_later", sa.Boolean, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("statement_suffix", sa.Text),
    sa.Column("return_url", sa.Text),
    sa.Column("metadata", JSONB, nullable=False),
    sa.Column("settles_at", _TIME, comment="when a processing payment succeeds"),
    sa.Column("created_at", _TIME, nullable=False),
    sa.CheckConstraint("kind IN ('payment', 'setup')", name="kind"),
    sa.CheckConstraint(
        "status IN ('requires_action', 'processing', 'succeeded', 'declined', 'canceled')", name="status"
    ),
    sa.CheckConstraint("(kind = 'payment') = (amount IS NOT NULL AND currency IS NOT NULL)", name="amount"),
    sa.CheckConstraint("amount_refunded BETWEEN 0 AND coalesce(amount, 0)", name="amount_refunded"),
    sa.CheckConstraint("amount_refunded = 0 OR status = 'succeeded'", name="refunded_after_success"),
    sa.CheckConstraint("(status = 'processing') = (settles_at IS NOT NULL)", name="settles_at"),
    sa.CheckConstraint("(status = 'declined') = (failure_code IS NOT NULL)", name="failure"),
    sa.Index("ix_sandbox_intents_settles_at", "settles_at", postgresql_where=sa.text("settles_at IS NOT NULL")),
)

SandboxRefundRow = sa.Table(
    "sandbox_refunds",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("intent_id", sa.Text, sa.ForeignKey("sandbox_intents.id"), nullable=False, index=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("failure_reason", sa.Text),
    sa.Column("metadata", JSONB, nullable=False),
    sa.Column("settles_at", _TIME, comment="when a pending one succeeds, or one that is to fail does"),
    sa.Column("created_at", _TIME, nullable=False),
    sa.CheckConstraint("amount > 0", name="amount"),
    sa.CheckConstraint("status IN ('pending', 'succeeded', 'failed', 'canceled')", name="status"),
    sa.Index("ix_sandbox_refunds_settles_at", "settles_at", postgresql_where=sa.text("settles_at IS NOT NULL")),
)

SandboxDisputeRow = sa.Table(
    "sandbox_disputes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("intent_id", sa.Text, sa.ForeignKey("sandbox_intents.id"), nullable=False, index=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("fee", sa.BigInteger, nullable=False, comment="US cents; 0 while it is a warning only"),
    sa.Column("created_at", _TIME, nullable=False),
    sa.CheckConstraint("amount > 0", name="amount"),
    sa.CheckConstraint(
        "status IN ('early_warning', 'needs_response', 'under_review', 'won', 'lost', 'prevented')", name="status"
    ),
)

SandboxEventRow = sa.Table(
    "sandbox_events",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("position", sa.BigInteger, unique=True, comment="given to committed rows when somebody reads the list"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("object_id", sa.Text, nullable=False),
    sa.Column("happened_at", _TIME, nullable=False),
    sa.CheckConstraint("kind IN ('payment', 'setup', 'refund', 'dispute')", name="kind"),
    sa.Index("ix_sandbox_events_unplaced", "id", postgresql_where=sa.text("position IS NULL")),
)
