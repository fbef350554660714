ALTER TABLE subscriptions ADD COLUMN period_number INTEGER DEFAULT 1 NOT NULL;
ALTER TABLE subscriptions ALTER COLUMN period_number DROP DEFAULT;
ALTER TABLE subscriptions DROP CONSTRAINT ck_subscriptions_period;
ALTER TABLE subscriptions ADD CONSTRAINT ck_subscriptions_period CHECK (current_period_end >= current_period_start);
ALTER TABLE subscriptions ADD CONSTRAINT ck_subscriptions_period_number CHECK (period_number > 0);
CREATE INDEX ix_subscriptions_discount_id ON subscriptions (discount_id);

ALTER TABLE orders ADD COLUMN period_number INTEGER;
ALTER TABLE orders ADD COLUMN first_failed_at TIMESTAMP WITH TIME ZONE;
UPDATE orders SET period_number = 1 WHERE billing_reason = 'subscription_create';
DROP INDEX uq_orders_subscription_period;
CREATE UNIQUE INDEX uq_orders_subscription_period ON orders (subscription_id, period_number);

CREATE TABLE billing_entries (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    organization_id UUID NOT NULL,
    subscription_id UUID NOT NULL,
    period_number INTEGER NOT NULL,
    position BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
    order_id UUID,
    type TEXT NOT NULL,
    amount BIGINT NOT NULL,
    discount_amount BIGINT NOT NULL,
    product_price_id UUID NOT NULL,
    product_name TEXT NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_billing_entries PRIMARY KEY (id),
    CONSTRAINT ck_billing_entries_type CHECK (type IN ('cycle', 'proration', 'subscription_seats_increase', 'subscription_seats_decrease')),
    CONSTRAINT fk_billing_entries_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscriptions (id),
    CONSTRAINT fk_billing_entries_order_id FOREIGN KEY(order_id) REFERENCES orders (id),
    CONSTRAINT fk_billing_entries_product_price_id FOREIGN KEY(product_price_id) REFERENCES product_prices (id)
);

CREATE UNIQUE INDEX uq_billing_entries_cycle ON billing_entries (subscription_id, period_number, product_price_id) WHERE type = 'cycle';
CREATE INDEX ix_billing_entries_pending ON billing_entries (subscription_id, position) WHERE order_id IS NULL;
CREATE INDEX ix_billing_entries_order_id ON billing_entries (order_id);

CREATE TABLE order_charges (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    organization_id UUID NOT NULL,
    order_id UUID NOT NULL,
    is_automatic BOOLEAN NOT NULL,
    payment_method_id UUID,
    request JSONB NOT NULL,
    intent_id TEXT,
    closed_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    CONSTRAINT pk_order_charges PRIMARY KEY (id),
    CONSTRAINT ck_order_charges_outcome CHECK (outcome IN ('succeeded', 'failed', 'canceled')),
    CONSTRAINT ck_order_charges_closed CHECK ((closed_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT fk_order_charges_order_id FOREIGN KEY(order_id) REFERENCES orders (id),
    CONSTRAINT fk_order_charges_payment_method_id FOREIGN KEY(payment_method_id) REFERENCES payment_methods (id)
);

CREATE UNIQUE INDEX uq_order_charges_open ON order_charges (order_id) WHERE closed_at IS NULL;
CREATE UNIQUE INDEX uq_order_charges_succeeded ON order_charges (order_id) WHERE outcome = 'succeeded';
CREATE INDEX ix_order_charges_order_id ON order_charges (order_id);
CREATE INDEX ix_order_charges_intent_id ON order_charges (intent_id);

CREATE TABLE scheduled_changes (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    organization_id UUID NOT NULL,
    subscription_id UUID NOT NULL,
    product_id UUID,
    seats INTEGER,
    CONSTRAINT pk_scheduled_changes PRIMARY KEY (id),
    CONSTRAINT ck_scheduled_changes_something CHECK (product_id IS NOT NULL OR seats IS NOT NULL),
    CONSTRAINT fk_scheduled_changes_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscriptions (id),
    CONSTRAINT fk_scheduled_changes_product_id FOREIGN KEY(product_id) REFERENCES products (id)
);

CREATE UNIQUE INDEX uq_scheduled_changes_subscription_id ON scheduled_changes (subscription_id);
