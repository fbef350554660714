"""Facts carry notes of system events; what happened before is not told of."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE facts ADD COLUMN notes jsonb")
    op.execute("CREATE INDEX ix_facts_notes ON facts (organization_id, id) WHERE notes IS NOT NULL")
