-- Every table, index and constraint of the first sale.

CREATE TABLE captured_mails (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    message_id TEXT NOT NULL,
    captured_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    html TEXT NOT NULL,
    text TEXT NOT NULL,
    sender_name TEXT NOT NULL,
    sender_address TEXT NOT NULL,
    reply_to TEXT,
    attachments JSONB NOT NULL,
    CONSTRAINT pk_captured_mails PRIMARY KEY (id),
    CONSTRAINT uq_captured_mails_message_id UNIQUE (message_id)
)
;

CREATE TABLE fact_cursor (
    singleton BOOLEAN DEFAULT true NOT NULL,
    position BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT pk_fact_cursor PRIMARY KEY (singleton),
    CONSTRAINT ck_fact_cursor_one_row CHECK (singleton)
)
;

CREATE TABLE facts (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    organization_id UUID NOT NULL,
    name TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id UUID NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    details JSONB NOT NULL,
    payload TEXT,
    endpoint_ids UUID[] NOT NULL,
    trace TEXT,
    position BIGINT,
    CONSTRAINT pk_facts PRIMARY KEY (id)
)
;
CREATE INDEX ix_facts_organization_id_position ON facts (organization_id, position);
CREATE INDEX ix_facts_undispatched ON facts (id) WHERE position IS NULL;

CREATE TABLE idempotent_replies (
    id BYTEA NOT NULL,
    fingerprint BYTEA NOT NULL,
    claim_id UUID NOT NULL,
    claimed_until TIMESTAMP WITH TIME ZONE NOT NULL,
    took_effect_at TIMESTAMP WITH TIME ZONE,
    sealed_reply BYTEA,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    trace TEXT,
    CONSTRAINT pk_idempotent_replies PRIMARY KEY (id)
)
;
CREATE INDEX ix_idempotent_replies_expires_at ON idempotent_replies (expires_at);

CREATE TABLE organizations (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    avatar_url TEXT,
    email TEXT,
    website TEXT,
    socials JSONB NOT NULL,
    status TEXT NOT NULL,
    status_updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    details_submitted_at TIMESTAMP WITH TIME ZONE,
    blocked_at TIMESTAMP WITH TIME ZONE,
    feature_settings JSONB NOT NULL,
    subscription_settings JSONB NOT NULL,
    notification_settings JSONB NOT NULL,
    customer_email_settings JSONB NOT NULL,
    customer_portal_settings JSONB NOT NULL,
    invoice_numbering TEXT NOT NULL,
    customer_invoice_prefix TEXT NOT NULL,
    default_presentment_currency TEXT NOT NULL,
    rate_limit_group TEXT NOT NULL,
    CONSTRAINT pk_organizations PRIMARY KEY (id),
    CONSTRAINT ck_organizations_status CHECK (status IN ('created', 'onboarding_started', 'initial_review', 'ongoing_review', 'denied', 'active'))
)
;
CREATE UNIQUE INDEX uq_organizations_slug ON organizations (lower(slug));

CREATE TABLE sandbox_customers (
    id TEXT NOT NULL,
    reference TEXT NOT NULL,
    email TEXT NOT NULL,
    name TEXT,
    address JSONB,
    tax_id TEXT,
    metadata JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sandbox_customers PRIMARY KEY (id),
    CONSTRAINT uq_sandbox_customers_reference UNIQUE (reference)
)
;

CREATE TABLE sandbox_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    position BIGINT,
    kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sandbox_events PRIMARY KEY (id),
    CONSTRAINT ck_sandbox_events_kind CHECK (kind IN ('payment', 'setup', 'refund', 'dispute')),
    CONSTRAINT uq_sandbox_events_position UNIQUE (position)
)
;
CREATE INDEX ix_sandbox_events_unplaced ON sandbox_events (id) WHERE position IS NULL;

CREATE TABLE sandbox_requests (
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    reply JSONB,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sandbox_requests PRIMARY KEY (idempotency_key)
)
;

CREATE TABLE sandbox_tokens (
    id TEXT NOT NULL,
    behaviour TEXT NOT NULL,
    brand TEXT NOT NULL,
    last4 TEXT NOT NULL,
    exp_month INTEGER NOT NULL,
    exp_year INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    country TEXT NOT NULL,
    funding TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_sandbox_tokens PRIMARY KEY (id)
)
;

CREATE TABLE work (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    organization_id UUID NOT NULL,
    queue TEXT NOT NULL,
    kind TEXT NOT NULL,
    unique_key TEXT,
    payload JSONB NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    claimed_at TIMESTAMP WITH TIME ZONE,
    attempts INTEGER DEFAULT '0' NOT NULL,
    version INTEGER DEFAULT '0' NOT NULL,
    failed_at TIMESTAMP WITH TIME ZONE,
    last_error TEXT,
    trace TEXT,
    CONSTRAINT pk_work PRIMARY KEY (id)
)
;
CREATE INDEX ix_work_due ON work (queue, due_at, id) WHERE failed_at IS NULL;
CREATE INDEX ix_work_fair ON work (queue, organization_id, due_at, id) WHERE failed_at IS NULL;
CREATE UNIQUE INDEX uq_work_kind_unique_key ON work (kind, unique_key) WHERE unique_key IS NOT NULL;

CREATE TABLE checkout_links (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    client_secret TEXT NOT NULL,
    product_ids UUID[] NOT NULL,
    label TEXT,
    success_url TEXT,
    allow_discount_codes BOOLEAN NOT NULL,
    require_billing_address BOOLEAN NOT NULL,
    metadata JSONB NOT NULL,
    CONSTRAINT pk_checkout_links PRIMARY KEY (id),
    CONSTRAINT fk_checkout_links_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
    CONSTRAINT uq_checkout_links_client_secret UNIQUE (client_secret)
)
;
CREATE INDEX ix_checkout_links_organization_id ON checkout_links (organization_id, created_at);

CREATE TABLE customers (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    external_id TEXT,
    email TEXT NOT NULL,
    email_verified BOOLEAN NOT NULL,
    type TEXT,
    name TEXT,
    billing_name TEXT,
    billing_address JSONB,
    tax_id JSONB,
    metadata JSONB NOT NULL,
    short_id BIGINT NOT NULL,
    invoice_next_number INTEGER NOT NULL,
    processor_customer_id TEXT,
    CONSTRAINT pk_customers PRIMARY KEY (id),
    CONSTRAINT ck_customers_type CHECK (type IN ('individual', 'team')),
    CONSTRAINT ck_customers_deleted_frees_external_id CHECK (deleted_at IS NULL OR external_id IS NULL),
    CONSTRAINT ck_customers_invoice_next_number CHECK (invoice_next_number >= 1),
    CONSTRAINT uq_customers_organization_id_short_id UNIQUE (organization_id, short_id),
    CONSTRAINT fk_customers_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id)
)
;
CREATE INDEX ix_customers_organization_id_created_at ON customers (organization_id, created_at) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX uq_customers_organization_id_email ON customers (organization_id, lower(email)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX uq_customers_organization_id_external_id ON customers (organization_id, external_id) WHERE deleted_at IS NULL;

CREATE TABLE invoice_counters (
    organization_id UUID NOT NULL,
    next_number BIGINT NOT NULL,
    CONSTRAINT pk_invoice_counters PRIMARY KEY (organization_id),
    CONSTRAINT fk_invoice_counters_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id)
)
;

CREATE TABLE organization_access_tokens (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    comment TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    token_hash TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_organization_access_tokens PRIMARY KEY (id),
    CONSTRAINT fk_organization_access_tokens_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
    CONSTRAINT uq_organization_access_tokens_token_hash UNIQUE (token_hash)
)
;
CREATE INDEX ix_organization_access_tokens_organization_id ON organization_access_tokens (organization_id, created_at);

CREATE TABLE products (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    recurring_interval TEXT,
    recurring_interval_count INTEGER,
    trial_interval TEXT,
    trial_interval_count INTEGER,
    is_archived BOOLEAN NOT NULL,
    metadata JSONB NOT NULL,
    CONSTRAINT pk_products PRIMARY KEY (id),
    CONSTRAINT ck_products_recurring_interval CHECK (recurring_interval IN ('day', 'week', 'month', 'year')),
    CONSTRAINT ck_products_trial_interval CHECK (trial_interval IN ('day', 'week', 'month', 'year')),
    CONSTRAINT ck_products_complete_recurring_interval CHECK ((recurring_interval IS NULL) = (recurring_interval_count IS NULL)),
    CONSTRAINT ck_products_complete_trial CHECK ((trial_interval IS NULL) = (trial_interval_count IS NULL)),
    CONSTRAINT fk_products_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id)
)
;
CREATE INDEX ix_products_organization_id_created_at ON products (organization_id, created_at);

CREATE TABLE sandbox_methods (
    id TEXT NOT NULL,
    customer_id TEXT,
    behaviour TEXT NOT NULL,
    brand TEXT NOT NULL,
    last4 TEXT NOT NULL,
    exp_month INTEGER NOT NULL,
    exp_year INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    country TEXT NOT NULL,
    funding TEXT NOT NULL,
    detached_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sandbox_methods PRIMARY KEY (id),
    CONSTRAINT fk_sandbox_methods_customer_id FOREIGN KEY(customer_id) REFERENCES sandbox_customers (id)
)
;
CREATE INDEX ix_sandbox_methods_customer_id ON sandbox_methods (customer_id);

CREATE TABLE webhook_endpoints (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    url TEXT NOT NULL,
    format TEXT NOT NULL,
    sealed_secret TEXT NOT NULL,
    events TEXT[] NOT NULL,
    enabled BOOLEAN NOT NULL,
    CONSTRAINT pk_webhook_endpoints PRIMARY KEY (id),
    CONSTRAINT ck_webhook_endpoints_format CHECK (format IN ('raw', 'discord', 'slack')),
    CONSTRAINT fk_webhook_endpoints_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id)
)
;
CREATE INDEX ix_webhook_endpoints_organization_id ON webhook_endpoints (organization_id, created_at) WHERE deleted_at IS NULL;

CREATE TABLE customer_sessions (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    customer_id UUID NOT NULL,
    token_hash TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    return_url TEXT,
    CONSTRAINT pk_customer_sessions PRIMARY KEY (id),
    CONSTRAINT fk_customer_sessions_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_customer_sessions_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT uq_customer_sessions_token_hash UNIQUE (token_hash)
)
;
CREATE INDEX ix_customer_sessions_organization_id_expires_at ON customer_sessions (organization_id, expires_at);

CREATE TABLE payment_methods (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    customer_id UUID NOT NULL,
    processor TEXT NOT NULL,
    processor_id TEXT NOT NULL,
    type TEXT NOT NULL,
    method_metadata JSONB NOT NULL,
    CONSTRAINT pk_payment_methods PRIMARY KEY (id),
    CONSTRAINT fk_payment_methods_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_payment_methods_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id)
)
;
CREATE UNIQUE INDEX uq_payment_methods_processor_id ON payment_methods (customer_id, processor, processor_id);

CREATE TABLE product_prices (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    product_id UUID NOT NULL,
    source TEXT NOT NULL,
    position INTEGER NOT NULL,
    is_archived BOOLEAN NOT NULL,
    amount_type TEXT NOT NULL,
    price_currency TEXT,
    price_amount INTEGER,
    minimum_amount INTEGER,
    maximum_amount INTEGER,
    preset_amount INTEGER,
    seat_tiers JSONB NOT NULL,
    meter_id UUID,
    unit_amount NUMERIC(17, 12),
    cap_amount INTEGER,
    CONSTRAINT pk_product_prices PRIMARY KEY (id),
    CONSTRAINT ck_product_prices_source CHECK (source IN ('catalog', 'ad_hoc')),
    CONSTRAINT ck_product_prices_amount_type CHECK (amount_type IN ('fixed', 'custom', 'free', 'seat_based', 'metered_unit')),
    CONSTRAINT ck_product_prices_currency CHECK ((amount_type = 'free') = (price_currency IS NULL)),
    CONSTRAINT ck_product_prices_fixed CHECK ((amount_type = 'fixed') = (price_amount IS NOT NULL)),
    CONSTRAINT ck_product_prices_custom CHECK ((amount_type = 'custom') = (minimum_amount IS NOT NULL)),
    CONSTRAINT ck_product_prices_seat_based CHECK ((amount_type = 'seat_based') = (seat_tiers <> '[]')),
    CONSTRAINT ck_product_prices_metered_unit CHECK ((amount_type = 'metered_unit') = (unit_amount IS NOT NULL)),
    CONSTRAINT ck_product_prices_meter CHECK ((meter_id IS NULL) = (unit_amount IS NULL)),
    CONSTRAINT fk_product_prices_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_product_prices_product_id FOREIGN KEY(product_id) REFERENCES products (id)
)
;
CREATE INDEX ix_product_prices_product_id ON product_prices (product_id);
CREATE UNIQUE INDEX uq_product_prices_meter ON product_prices (product_id, meter_id) WHERE source = 'catalog' AND NOT is_archived AND amount_type = 'metered_unit';
CREATE UNIQUE INDEX uq_product_prices_static ON product_prices (product_id) WHERE source = 'catalog' AND NOT is_archived AND amount_type <> 'metered_unit';

CREATE TABLE sandbox_intents (
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    client_secret TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    method_id TEXT NOT NULL,
    status TEXT NOT NULL,
    amount BIGINT,
    currency TEXT,
    amount_refunded BIGINT DEFAULT '0' NOT NULL,
    charge_id TEXT,
    failure_code TEXT,
    failure_decline_code TEXT,
    failure_message TEXT,
    off_session BOOLEAN NOT NULL,
    save_for_later BOOLEAN NOT NULL,
    description TEXT,
    statement_suffix TEXT,
    return_url TEXT,
    metadata JSONB NOT NULL,
    settles_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sandbox_intents PRIMARY KEY (id),
    CONSTRAINT ck_sandbox_intents_kind CHECK (kind IN ('payment', 'setup')),
    CONSTRAINT ck_sandbox_intents_status CHECK (status IN ('requires_action', 'processing', 'succeeded', 'declined', 'canceled')),
    CONSTRAINT ck_sandbox_intents_amount CHECK ((kind = 'payment') = (amount IS NOT NULL AND currency IS NOT NULL)),
    CONSTRAINT ck_sandbox_intents_amount_refunded CHECK (amount_refunded BETWEEN 0 AND coalesce(amount, 0)),
    CONSTRAINT ck_sandbox_intents_refunded_after_success CHECK (amount_refunded = 0 OR status = 'succeeded'),
    CONSTRAINT ck_sandbox_intents_settles_at CHECK ((status = 'processing') = (settles_at IS NOT NULL)),
    CONSTRAINT ck_sandbox_intents_failure CHECK ((status = 'declined') = (failure_code IS NOT NULL)),
    CONSTRAINT uq_sandbox_intents_client_secret UNIQUE (client_secret),
    CONSTRAINT uq_sandbox_intents_idempotency_key UNIQUE (idempotency_key),
    CONSTRAINT fk_sandbox_intents_customer_id FOREIGN KEY(customer_id) REFERENCES sandbox_customers (id),
    CONSTRAINT fk_sandbox_intents_method_id FOREIGN KEY(method_id) REFERENCES sandbox_methods (id),
    CONSTRAINT uq_sandbox_intents_charge_id UNIQUE (charge_id)
)
;
CREATE INDEX ix_sandbox_intents_settles_at ON sandbox_intents (settles_at) WHERE settles_at IS NOT NULL;

CREATE TABLE webhook_events (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    fact_id BIGINT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id UUID NOT NULL,
    type TEXT NOT NULL,
    payload TEXT,
    pending BOOLEAN DEFAULT true NOT NULL,
    succeeded BOOLEAN,
    skipped BOOLEAN DEFAULT false NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    last_http_code INTEGER,
    is_archived BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT pk_webhook_events PRIMARY KEY (id),
    CONSTRAINT ck_webhook_events_undecided CHECK (NOT pending OR (succeeded IS NULL AND NOT skipped AND NOT is_archived)),
    CONSTRAINT uq_webhook_events_endpoint_id_fact_id UNIQUE (endpoint_id, fact_id),
    CONSTRAINT fk_webhook_events_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES webhook_endpoints (id),
    CONSTRAINT fk_webhook_events_fact_id FOREIGN KEY(fact_id) REFERENCES facts (id)
)
;
CREATE INDEX ix_webhook_events_created_at ON webhook_events (created_at) WHERE NOT is_archived;
CREATE INDEX ix_webhook_events_fact_id ON webhook_events (fact_id);
CREATE INDEX ix_webhook_events_pending ON webhook_events (endpoint_id, subject_id, fact_id) WHERE pending;

CREATE TABLE sandbox_refunds (
    id TEXT NOT NULL,
    intent_id TEXT NOT NULL,
    amount BIGINT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    failure_reason TEXT,
    metadata JSONB NOT NULL,
    settles_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sandbox_refunds PRIMARY KEY (id),
    CONSTRAINT ck_sandbox_refunds_amount CHECK (amount > 0),
    CONSTRAINT ck_sandbox_refunds_status CHECK (status IN ('pending', 'succeeded', 'failed', 'canceled')),
    CONSTRAINT fk_sandbox_refunds_intent_id FOREIGN KEY(intent_id) REFERENCES sandbox_intents (id)
)
;
CREATE INDEX ix_sandbox_refunds_intent_id ON sandbox_refunds (intent_id);
CREATE INDEX ix_sandbox_refunds_settles_at ON sandbox_refunds (settles_at) WHERE settles_at IS NOT NULL;

CREATE TABLE subscriptions (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    customer_id UUID NOT NULL,
    product_id UUID NOT NULL,
    discount_id UUID,
    checkout_id UUID,
    payment_method_id UUID,
    status TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    seats INTEGER,
    recurring_interval TEXT NOT NULL,
    recurring_interval_count INTEGER NOT NULL,
    anchor_day SMALLINT NOT NULL,
    current_period_start TIMESTAMP WITH TIME ZONE NOT NULL,
    current_period_end TIMESTAMP WITH TIME ZONE NOT NULL,
    trial_start TIMESTAMP WITH TIME ZONE,
    trial_end TIMESTAMP WITH TIME ZONE,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    cancel_at_period_end BOOLEAN NOT NULL,
    canceled_at TIMESTAMP WITH TIME ZONE,
    ends_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    past_due_at TIMESTAMP WITH TIME ZONE,
    discount_applied_at TIMESTAMP WITH TIME ZONE,
    customer_cancellation_reason TEXT,
    customer_cancellation_comment TEXT,
    metadata JSONB NOT NULL,
    custom_field_data JSONB NOT NULL,
    CONSTRAINT pk_subscriptions PRIMARY KEY (id),
    CONSTRAINT ck_subscriptions_status CHECK (status IN ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid')),
    CONSTRAINT ck_subscriptions_recurring_interval CHECK (recurring_interval IN ('day', 'week', 'month', 'year')),
    CONSTRAINT ck_subscriptions_customer_cancellation_reason CHECK (customer_cancellation_reason IN ('customer_service', 'low_quality', 'missing_features', 'switched_service', 'too_complex', 'too_expensive', 'unused', 'other')),
    CONSTRAINT ck_subscriptions_anchor_day CHECK (anchor_day BETWEEN 1 AND 31),
    CONSTRAINT ck_subscriptions_recurring_interval_count CHECK (recurring_interval_count > 0),
    CONSTRAINT ck_subscriptions_period CHECK (current_period_end > current_period_start),
    CONSTRAINT fk_subscriptions_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_subscriptions_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_subscriptions_product_id FOREIGN KEY(product_id) REFERENCES products (id),
    CONSTRAINT fk_subscriptions_payment_method_id FOREIGN KEY(payment_method_id) REFERENCES payment_methods (id)
)
;
CREATE INDEX ix_subscriptions_customer_id ON subscriptions (customer_id);
CREATE INDEX ix_subscriptions_organization_id_started_at ON subscriptions (organization_id, started_at, id);
CREATE INDEX ix_subscriptions_product_id ON subscriptions (product_id);
CREATE UNIQUE INDEX uq_subscriptions_checkout_id ON subscriptions (checkout_id);

CREATE TABLE webhook_deliveries (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    event_id UUID NOT NULL,
    succeeded BOOLEAN NOT NULL,
    http_code INTEGER,
    response TEXT,
    CONSTRAINT pk_webhook_deliveries PRIMARY KEY (id),
    CONSTRAINT fk_webhook_deliveries_event_id FOREIGN KEY(event_id) REFERENCES webhook_events (id)
)
;
CREATE INDEX ix_webhook_deliveries_event_id ON webhook_deliveries (event_id, created_at);
CREATE INDEX ix_webhook_deliveries_organization_id ON webhook_deliveries (organization_id, created_at, id);

CREATE TABLE checkouts (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    status TEXT NOT NULL,
    client_secret TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    success_url TEXT,
    return_url TEXT,
    embed_origin TEXT,
    product_ids UUID[] NOT NULL,
    ad_hoc_price_ids UUID[] NOT NULL,
    product_id UUID NOT NULL,
    product_price_id UUID NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    seats INTEGER,
    tax_amount BIGINT,
    taxability_reason TEXT,
    tax_rate JSONB,
    tax_calculation_id TEXT,
    discount_id UUID,
    allow_discount_codes BOOLEAN NOT NULL,
    require_billing_address BOOLEAN NOT NULL,
    is_business_customer BOOLEAN NOT NULL,
    allow_trial BOOLEAN NOT NULL,
    trial_interval TEXT,
    trial_interval_count INTEGER,
    trial_end TIMESTAMP WITH TIME ZONE,
    customer_id UUID,
    external_customer_id TEXT,
    customer_name TEXT,
    customer_email TEXT,
    customer_ip_address TEXT,
    customer_billing_name TEXT,
    customer_billing_address JSONB,
    customer_tax_id JSONB,
    customer_metadata JSONB NOT NULL,
    metadata JSONB NOT NULL,
    custom_field_data JSONB NOT NULL,
    subscription_id UUID,
    payment_processor_metadata JSONB NOT NULL,
    intent_id TEXT,
    attempt_id UUID,
    CONSTRAINT pk_checkouts PRIMARY KEY (id),
    CONSTRAINT ck_checkouts_status CHECK (status IN ('open', 'expired', 'confirmed', 'succeeded', 'failed')),
    CONSTRAINT ck_checkouts_amount CHECK (amount >= 0),
    CONSTRAINT fk_checkouts_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
    CONSTRAINT uq_checkouts_client_secret UNIQUE (client_secret),
    CONSTRAINT fk_checkouts_product_id FOREIGN KEY(product_id) REFERENCES products (id),
    CONSTRAINT fk_checkouts_product_price_id FOREIGN KEY(product_price_id) REFERENCES product_prices (id),
    CONSTRAINT fk_checkouts_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_checkouts_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscriptions (id)
)
;
CREATE INDEX ix_checkouts_customer_id ON checkouts (customer_id);
CREATE INDEX ix_checkouts_intent_id ON checkouts (intent_id);
CREATE INDEX ix_checkouts_open ON checkouts (expires_at) WHERE status = 'open';
CREATE INDEX ix_checkouts_organization_id_created_at ON checkouts (organization_id, created_at DESC, id DESC);

CREATE TABLE orders (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    customer_id UUID NOT NULL,
    product_id UUID,
    discount_id UUID,
    subscription_id UUID,
    checkout_id UUID,
    status TEXT NOT NULL,
    billing_reason TEXT NOT NULL,
    currency TEXT NOT NULL,
    subtotal_amount BIGINT NOT NULL,
    discount_amount BIGINT NOT NULL,
    net_amount BIGINT GENERATED ALWAYS AS (subtotal_amount - discount_amount) STORED NOT NULL,
    tax_amount BIGINT NOT NULL,
    total_amount BIGINT GENERATED ALWAYS AS (subtotal_amount - discount_amount + tax_amount) STORED NOT NULL,
    applied_balance_amount BIGINT NOT NULL,
    due_amount BIGINT GENERATED ALWAYS AS (greatest(0, subtotal_amount - discount_amount + tax_amount + applied_balance_amount)) STORED NOT NULL,
    refunded_amount BIGINT NOT NULL,
    refunded_tax_amount BIGINT NOT NULL,
    platform_fee_amount BIGINT NOT NULL,
    platform_fee_currency TEXT,
    taxability_reason TEXT,
    tax_rate JSONB,
    billing_name TEXT,
    billing_address JSONB,
    tax_id JSONB,
    invoice_number TEXT NOT NULL,
    is_invoice_generated BOOLEAN NOT NULL,
    seats INTEGER,
    metadata JSONB NOT NULL,
    custom_field_data JSONB NOT NULL,
    period_start TIMESTAMP WITH TIME ZONE,
    next_payment_attempt_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_orders PRIMARY KEY (id),
    CONSTRAINT ck_orders_status CHECK (status IN ('pending', 'paid', 'refunded', 'partially_refunded')),
    CONSTRAINT ck_orders_billing_reason CHECK (billing_reason IN ('purchase', 'subscription_create', 'subscription_cycle', 'subscription_update')),
    CONSTRAINT fk_orders_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_orders_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_orders_product_id FOREIGN KEY(product_id) REFERENCES products (id),
    CONSTRAINT fk_orders_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscriptions (id)
)
;
CREATE INDEX ix_orders_customer_id_created_at ON orders (customer_id, created_at, id);
CREATE INDEX ix_orders_organization_id_created_at ON orders (organization_id, created_at, id);
CREATE INDEX ix_orders_product_id_created_at ON orders (product_id, created_at, id);
CREATE INDEX ix_orders_subscription_id ON orders (subscription_id);
CREATE UNIQUE INDEX uq_orders_checkout_id ON orders (checkout_id);
CREATE UNIQUE INDEX uq_orders_invoice_number ON orders (organization_id, invoice_number);
CREATE UNIQUE INDEX uq_orders_subscription_period ON orders (subscription_id, period_start) WHERE billing_reason = 'subscription_cycle';

CREATE TABLE subscription_prices (
    subscription_id UUID NOT NULL,
    product_price_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    position INTEGER NOT NULL,
    amount BIGINT NOT NULL,
    CONSTRAINT pk_subscription_prices PRIMARY KEY (subscription_id, product_price_id),
    CONSTRAINT fk_subscription_prices_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscriptions (id),
    CONSTRAINT fk_subscription_prices_product_price_id FOREIGN KEY(product_price_id) REFERENCES product_prices (id)
)
;

CREATE TABLE checkout_attempts (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    organization_id UUID NOT NULL,
    checkout_id UUID NOT NULL,
    state TEXT NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    candidate JSONB NOT NULL,
    request JSONB NOT NULL,
    CONSTRAINT pk_checkout_attempts PRIMARY KEY (id),
    CONSTRAINT ck_checkout_attempts_state CHECK (state IN ('started', 'applied', 'discarded')),
    CONSTRAINT fk_checkout_attempts_checkout_id FOREIGN KEY(checkout_id) REFERENCES checkouts (id)
)
;
CREATE INDEX ix_checkout_attempts_checkout_id ON checkout_attempts (checkout_id);
CREATE UNIQUE INDEX uq_checkout_attempts_started ON checkout_attempts (checkout_id) WHERE state = 'started';

CREATE TABLE order_items (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    order_id UUID NOT NULL,
    position INTEGER NOT NULL,
    label TEXT NOT NULL,
    amount BIGINT NOT NULL,
    tax_amount BIGINT DEFAULT '0' NOT NULL,
    proration BOOLEAN NOT NULL,
    product_price_id UUID,
    CONSTRAINT pk_order_items PRIMARY KEY (id),
    CONSTRAINT fk_order_items_order_id FOREIGN KEY(order_id) REFERENCES orders (id),
    CONSTRAINT fk_order_items_product_price_id FOREIGN KEY(product_price_id) REFERENCES product_prices (id)
)
;
CREATE UNIQUE INDEX uq_order_items_position ON order_items (order_id, position);

CREATE TABLE payments (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    checkout_id UUID,
    order_id UUID,
    processor TEXT NOT NULL,
    processor_id TEXT NOT NULL,
    status TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    method TEXT NOT NULL,
    method_metadata JSONB NOT NULL,
    customer_email TEXT,
    decline_reason TEXT,
    decline_message TEXT,
    risk_level TEXT,
    risk_score INTEGER,
    processor_metadata JSONB NOT NULL,
    CONSTRAINT pk_payments PRIMARY KEY (id),
    CONSTRAINT ck_payments_status CHECK (status IN ('pending', 'succeeded', 'failed')),
    CONSTRAINT ck_payments_decline CHECK (decline_message IS NULL OR decline_reason IS NOT NULL),
    CONSTRAINT fk_payments_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_payments_order_id FOREIGN KEY(order_id) REFERENCES orders (id)
)
;
CREATE INDEX ix_payments_checkout_id ON payments (checkout_id);
CREATE INDEX ix_payments_order_id ON payments (order_id);
CREATE INDEX ix_payments_organization_id_created_at ON payments (organization_id, created_at, id);
CREATE UNIQUE INDEX uq_payments_processor_id ON payments (processor, processor_id);
