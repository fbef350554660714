"""Events of the payment processor that were received."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE processor_events (
            processor TEXT NOT NULL,
            id TEXT NOT NULL,
            kind TEXT NOT NULL,
            object_id TEXT NOT NULL,
            happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
            received_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT pk_processor_events PRIMARY KEY (processor, id)
        )
        """
    )
    op.execute("CREATE INDEX ix_processor_events_received_at ON processor_events (received_at)")
