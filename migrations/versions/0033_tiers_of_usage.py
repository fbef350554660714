"""Graduated and volume prices of usage."""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE product_prices
            ADD COLUMN meter_tier_mode TEXT,
            ADD COLUMN meter_tiers JSONB NOT NULL DEFAULT '[]',
            ADD CONSTRAINT ck_product_prices_meter_tier_mode CHECK (meter_tier_mode IN ('graduated', 'volume')),
            ADD CONSTRAINT ck_product_prices_meter_tiers CHECK (
                (meter_tier_mode IS NULL) = (meter_tiers = '[]')
                AND (meter_tier_mode IS NULL OR meter_id IS NOT NULL))
        """
    )
