"""When buyers first saw their sessions."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE checkout_openings (
            checkout_id UUID NOT NULL,
            organization_id UUID NOT NULL,
            opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
            distinct_id TEXT,
            CONSTRAINT pk_checkout_openings PRIMARY KEY (checkout_id),
            CONSTRAINT fk_checkout_openings_checkout_id FOREIGN KEY(checkout_id) REFERENCES checkouts (id)
        )
        """
    )
