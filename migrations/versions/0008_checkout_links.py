"""What merchants set on checkout links: a discount and a trial; and finding the links of a product."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE checkout_links
            ADD COLUMN discount_id UUID,
            ADD COLUMN trial_interval TEXT,
            ADD COLUMN trial_interval_count INTEGER,
            ADD CONSTRAINT ck_checkout_links_trial_interval CHECK (trial_interval IN ('day', 'week', 'month', 'year')),
            ADD CONSTRAINT ck_checkout_links_trial CHECK ((trial_interval IS NULL) = (trial_interval_count IS NULL)),
            ADD CONSTRAINT ck_checkout_links_product_ids
                CHECK (deleted_at IS NOT NULL OR cardinality(product_ids) > 0),
            ADD CONSTRAINT fk_checkout_links_discount_id FOREIGN KEY(discount_id) REFERENCES discounts (id)
        """
    )
    op.execute("CREATE INDEX ix_checkout_links_product_ids ON checkout_links USING gin (product_ids)")
