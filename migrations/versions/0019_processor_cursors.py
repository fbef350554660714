"""How far the payment processor's list of events was read."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE processor_cursors (
            processor TEXT NOT NULL,
            cursor TEXT,
            CONSTRAINT pk_processor_cursors PRIMARY KEY (processor)
        )
        """
    )
