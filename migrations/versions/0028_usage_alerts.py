"""Usage alerts, and the webhook events that the public contract does not know."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE webhook_endpoints ADD COLUMN own_events TEXT[] NOT NULL DEFAULT '{}'")
    op.execute(
        """
        CREATE TABLE usage_alerts (
            id UUID NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            modified_at TIMESTAMP WITH TIME ZONE,
            organization_id UUID NOT NULL,
            meter_id UUID NOT NULL,
            customer_id UUID,
            name TEXT NOT NULL,
            threshold_type TEXT NOT NULL,
            threshold NUMERIC NOT NULL,
            enabled BOOLEAN NOT NULL,
            CONSTRAINT pk_usage_alerts PRIMARY KEY (id),
            CONSTRAINT ck_usage_alerts_threshold_type CHECK (threshold_type IN ('units', 'percent_of_credits')),
            CONSTRAINT ck_usage_alerts_threshold CHECK (threshold > 0),
            CONSTRAINT fk_usage_alerts_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
            CONSTRAINT fk_usage_alerts_meter_id FOREIGN KEY(meter_id) REFERENCES meters (id),
            CONSTRAINT fk_usage_alerts_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id)
        )
        """
    )
    op.execute("CREATE INDEX ix_usage_alerts_organization_id ON usage_alerts (organization_id)")
    op.execute(
        """
        CREATE TABLE usage_alert_firings (
            number BIGINT GENERATED ALWAYS AS IDENTITY,
            id UUID NOT NULL,
            fired_at TIMESTAMP WITH TIME ZONE NOT NULL,
            organization_id UUID NOT NULL,
            alert_id UUID NOT NULL,
            customer_meter_id UUID NOT NULL,
            window_seq BIGINT NOT NULL,
            consumed_units NUMERIC NOT NULL,
            credited_units BIGINT NOT NULL,
            CONSTRAINT pk_usage_alert_firings PRIMARY KEY (number),
            CONSTRAINT uq_usage_alert_firings_alert_id_customer_meter_id_window_seq
                UNIQUE (alert_id, customer_meter_id, window_seq),
            CONSTRAINT fk_usage_alert_firings_alert_id
                FOREIGN KEY(alert_id) REFERENCES usage_alerts (id) ON DELETE CASCADE
        )
        """
    )
    op.execute(
        "CREATE INDEX ix_usage_alert_firings_customer_meter_id ON usage_alert_firings (customer_meter_id, number)"
    )
