"""Renewals of the subscriptions that were there before anything was renewed."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        INSERT INTO work (organization_id, queue, kind, unique_key, payload, due_at, created_at)
        SELECT organization_id, 'renewals', 'renew_subscription', id::text,
            jsonb_build_object('subscription_id', id::text), greatest(current_period_end, now()), now()
        FROM subscriptions WHERE status IN ('trialing', 'active')
        ON CONFLICT DO NOTHING
        """
    )
