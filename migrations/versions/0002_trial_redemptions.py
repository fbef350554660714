"""Who has taken a trial."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE trial_redemptions (
            checkout_id UUID NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            organization_id UUID NOT NULL,
            customer_id UUID NOT NULL,
            product_id UUID NOT NULL,
            email_hash TEXT NOT NULL,
            fingerprint TEXT,
            CONSTRAINT pk_trial_redemptions PRIMARY KEY (checkout_id),
            CONSTRAINT fk_trial_redemptions_checkout_id FOREIGN KEY(checkout_id) REFERENCES checkouts (id)
        )
        """
    )
    # Of trials taken before, the address stays unknown: its hash needs a key that no migration has.
    op.execute(
        """
        INSERT INTO trial_redemptions (checkout_id, created_at, organization_id, customer_id, product_id, email_hash)
        SELECT id, modified_at, organization_id, customer_id, product_id, 'unknown:' || id
        FROM checkouts WHERE status = 'succeeded' AND trial_end IS NOT NULL
        """
    )
    op.execute("CREATE INDEX ix_trial_redemptions_email_hash ON trial_redemptions (organization_id, email_hash)")
    op.execute("CREATE INDEX ix_trial_redemptions_fingerprint ON trial_redemptions (organization_id, fingerprint)")
