"""Test clocks of organizations, and work that waits for one."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE test_clocks (
            id uuid NOT NULL,
            created_at timestamp with time zone NOT NULL,
            modified_at timestamp with time zone,
            organization_id uuid NOT NULL,
            name text NOT NULL,
            "time" timestamp with time zone NOT NULL,
            target_time timestamp with time zone,
            CONSTRAINT pk_test_clocks PRIMARY KEY (id),
            CONSTRAINT fk_test_clocks_organization_id
                FOREIGN KEY (organization_id) REFERENCES organizations (id),
            CONSTRAINT uq_test_clocks_organization_id UNIQUE (organization_id),
            CONSTRAINT ck_test_clocks_only_forward CHECK (target_time >= "time")
        );
        ALTER TABLE work ADD COLUMN on_clock boolean DEFAULT false NOT NULL;
        DROP INDEX ix_work_due;
        DROP INDEX ix_work_fair;
        CREATE INDEX ix_work_due ON work (queue, due_at, id) WHERE failed_at IS NULL AND NOT on_clock;
        CREATE INDEX ix_work_fair ON work (queue, organization_id, due_at, id)
            WHERE failed_at IS NULL AND NOT on_clock;
        CREATE INDEX ix_work_on_clock ON work (organization_id, due_at, id) WHERE failed_at IS NULL AND on_clock;
        """
    )
