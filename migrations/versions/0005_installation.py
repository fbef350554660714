"""The keys that a database belongs to, and an index of the work that was given up."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE installation (
            singleton boolean DEFAULT true NOT NULL,
            key_fingerprint text NOT NULL,
            CONSTRAINT pk_installation PRIMARY KEY (singleton),
            CONSTRAINT ck_installation_one_row CHECK (singleton)
        );
        CREATE INDEX ix_work_failed ON work (failed_at) WHERE failed_at IS NOT NULL;
        """
    )
