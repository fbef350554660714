"""What each grant was made from; of older ones it is not known."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE benefit_grants ADD COLUMN benefit_properties jsonb")
