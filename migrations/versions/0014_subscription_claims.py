"""Claims to the one subscription that a buyer may have."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE subscription_claims (
            key UUID NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            organization_id UUID NOT NULL,
            checkout_id UUID NOT NULL,
            CONSTRAINT pk_subscription_claims PRIMARY KEY (key),
            CONSTRAINT fk_subscription_claims_checkout_id FOREIGN KEY(checkout_id) REFERENCES checkouts (id)
        )
        """
    )
    op.execute("CREATE INDEX ix_subscription_claims_checkout_id ON subscription_claims (checkout_id)")
