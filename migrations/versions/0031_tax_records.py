"""Quotes of taxes that became orders, and how their source knows them; sales that were not told yet come along."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE tax_records (
            order_id UUID NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            organization_id UUID NOT NULL,
            calculation_id TEXT NOT NULL,
            record_id TEXT,
            CONSTRAINT pk_tax_records PRIMARY KEY (order_id),
            CONSTRAINT fk_tax_records_order_id FOREIGN KEY(order_id) REFERENCES orders (id)
        )
        """
    )
    op.execute("COMMENT ON COLUMN tax_records.record_id IS 'by which the source knows the sale, once it was told'")
    op.execute(
        """
        INSERT INTO tax_records (order_id, created_at, organization_id, calculation_id)
        SELECT (payload ->> 'order_id')::uuid, created_at, organization_id, payload ->> 'calculation_id'
        FROM work WHERE kind = 'record_tax'
        """
    )
    op.execute("UPDATE work SET queue = 'taxes' WHERE kind = 'record_tax'")
