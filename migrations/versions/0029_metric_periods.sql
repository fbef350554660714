CREATE TABLE metric_periods (
	organization_id UUID NOT NULL,
	interval TEXT NOT NULL,
	zone TEXT NOT NULL,
	ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
	starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
	one_time_products_orders BIGINT NOT NULL,
	one_time_products_net BIGINT NOT NULL,
	one_time_products_payout BIGINT NOT NULL,
	new_subscriptions_orders BIGINT NOT NULL,
	new_subscriptions_net BIGINT NOT NULL,
	new_subscriptions_payout BIGINT NOT NULL,
	renewed_subscriptions_orders BIGINT NOT NULL,
	renewed_subscriptions_net BIGINT NOT NULL,
	renewed_subscriptions_payout BIGINT NOT NULL,
	renewed BIGINT NOT NULL,
	opened BIGINT NOT NULL,
	succeeded BIGINT NOT NULL,
	CONSTRAINT pk_metric_periods PRIMARY KEY (organization_id, interval, zone, ends_at),
	CONSTRAINT ck_metric_periods_interval CHECK (interval IN ('year', 'month', 'week', 'day', 'hour'))
) ;
CREATE TABLE metric_histories (
	organization_id UUID NOT NULL,
	ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
	net BIGINT NOT NULL,
	payout BIGINT NOT NULL,
	CONSTRAINT pk_metric_histories PRIMARY KEY (organization_id, ends_at)
) ;
CREATE TABLE metric_marks (
	id BIGINT GENERATED ALWAYS AS IDENTITY,
	organization_id UUID NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_metric_marks PRIMARY KEY (id)
) ;
CREATE INDEX ix_metric_marks_organization_id_at ON metric_marks (organization_id, at) ;
CREATE FUNCTION metric_mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.created_at IS DISTINCT FROM NEW.created_at THEN
        INSERT INTO metric_marks (organization_id, at) VALUES (OLD.organization_id, OLD.created_at);
    END IF;
    INSERT INTO metric_marks (organization_id, at) VALUES (NEW.organization_id, NEW.created_at);
    RETURN NULL;
END $$ ;
CREATE FUNCTION metric_mark_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_marks (organization_id, at)
    SELECT organization_id, created_at FROM orders WHERE subscription_id = NEW.id;
    RETURN NULL;
END $$ ;
CREATE TRIGGER metric_inserted AFTER INSERT ON orders FOR EACH ROW WHEN (NEW.created_at < now() - interval '1 hour') EXECUTE FUNCTION metric_mark() ;
CREATE TRIGGER metric_changed AFTER UPDATE ON orders FOR EACH ROW WHEN (ROW(OLD.created_at, OLD.status, OLD.product_id, OLD.subscription_id, OLD.subtotal_amount,
    OLD.discount_amount, OLD.refunded_amount, OLD.platform_fee_amount) IS DISTINCT FROM ROW(NEW.created_at, NEW.status, NEW.product_id, NEW.subscription_id, NEW.subtotal_amount,
    NEW.discount_amount, NEW.refunded_amount, NEW.platform_fee_amount) AND least(OLD.created_at, NEW.created_at) < now() - interval '1 hour') EXECUTE FUNCTION metric_mark() ;
CREATE TRIGGER metric_inserted AFTER INSERT ON checkouts FOR EACH ROW WHEN (NEW.created_at < now() - interval '1 hour') EXECUTE FUNCTION metric_mark() ;
CREATE TRIGGER metric_changed AFTER UPDATE ON checkouts FOR EACH ROW WHEN (ROW(OLD.created_at, OLD.status = 'succeeded') IS DISTINCT FROM ROW(NEW.created_at, NEW.status = 'succeeded') AND least(OLD.created_at, NEW.created_at) < now() - interval '1 hour') EXECUTE FUNCTION metric_mark() ;
CREATE TRIGGER metric_changed AFTER UPDATE ON subscriptions FOR EACH ROW WHEN (OLD.started_at IS DISTINCT FROM NEW.started_at) EXECUTE FUNCTION metric_mark_orders() ;
