"""Which subscription pays for what usage; what those that exist are billed for begins now."""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE usage_spans (
            id UUID NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            organization_id UUID NOT NULL,
            subscription_id UUID NOT NULL,
            customer_id UUID NOT NULL,
            meter_id UUID NOT NULL,
            product_price_id UUID NOT NULL,
            from_seq BIGINT NOT NULL,
            until_seq BIGINT,
            order_id UUID,
            is_forgone BOOLEAN NOT NULL,
            covered_units NUMERIC NOT NULL,
            CONSTRAINT pk_usage_spans PRIMARY KEY (id),
            CONSTRAINT ck_usage_spans_length CHECK (until_seq >= from_seq),
            CONSTRAINT ck_usage_spans_settled CHECK (until_seq IS NOT NULL OR (order_id IS NULL AND NOT is_forgone)),
            CONSTRAINT ck_usage_spans_order CHECK (order_id IS NULL OR NOT is_forgone),
            CONSTRAINT ck_usage_spans_covered_units CHECK (covered_units >= 0),
            CONSTRAINT fk_usage_spans_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscriptions (id),
            CONSTRAINT fk_usage_spans_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
            CONSTRAINT fk_usage_spans_meter_id FOREIGN KEY(meter_id) REFERENCES meters (id),
            CONSTRAINT fk_usage_spans_product_price_id FOREIGN KEY(product_price_id) REFERENCES product_prices (id),
            CONSTRAINT fk_usage_spans_order_id FOREIGN KEY(order_id) REFERENCES orders (id)
        );
        CREATE INDEX ix_usage_spans_customer_id ON usage_spans (customer_id, meter_id, from_seq);
        CREATE INDEX ix_usage_spans_order_id ON usage_spans (order_id) WHERE order_id IS NOT NULL;
        CREATE INDEX ix_usage_spans_pending ON usage_spans (subscription_id) WHERE order_id IS NULL AND NOT is_forgone;
        CREATE UNIQUE INDEX uq_usage_spans_open ON usage_spans (customer_id, meter_id) WHERE until_seq IS NULL;
        INSERT INTO usage_spans (
            id, created_at, organization_id, subscription_id, customer_id, meter_id, product_price_id, from_seq,
            is_forgone, covered_units)
        SELECT gen_random_uuid(), now(), payer.*, nextval('events_seq'), false, 0 FROM (
            SELECT DISTINCT ON (subscription.customer_id, price.meter_id) subscription.organization_id,
                subscription.id, subscription.customer_id, price.meter_id, price.id AS product_price_id
            FROM subscriptions AS subscription
            JOIN subscription_prices AS listed ON listed.subscription_id = subscription.id
            JOIN product_prices AS price ON price.id = listed.product_price_id AND price.meter_id IS NOT NULL
            WHERE subscription.status IN ('trialing', 'active', 'past_due')
            ORDER BY subscription.customer_id, price.meter_id, subscription.started_at, subscription.id
        ) AS payer;
        """
    )
