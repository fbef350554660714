"""Find the events that cost something."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE INDEX ix_events_organization_id_timestamp_cost ON events (organization_id, "timestamp")
        WHERE metadata ? '_cost'::text
        """
    )
