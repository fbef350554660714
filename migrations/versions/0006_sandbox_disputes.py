"""Disputes of the sandbox."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE sandbox_disputes (
            id TEXT NOT NULL,
            intent_id TEXT NOT NULL,
            amount BIGINT NOT NULL,
            status TEXT NOT NULL,
            reason TEXT NOT NULL,
            fee BIGINT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT pk_sandbox_disputes PRIMARY KEY (id),
            CONSTRAINT fk_sandbox_disputes_intent_id FOREIGN KEY(intent_id) REFERENCES sandbox_intents (id),
            CONSTRAINT ck_sandbox_disputes_amount CHECK (amount > 0),
            CONSTRAINT ck_sandbox_disputes_status CHECK (
                status IN ('early_warning', 'needs_response', 'under_review', 'won', 'lost', 'prevented')
            )
        )
        """
    )
    op.execute("CREATE INDEX ix_sandbox_disputes_intent_id ON sandbox_disputes (intent_id)")
