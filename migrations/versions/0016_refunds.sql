-- Refunds and disputes, and how the processor knows what a payment was a part of.

ALTER TABLE payments ADD COLUMN intent_id TEXT;
UPDATE payments SET intent_id = checkouts.intent_id FROM checkouts
WHERE checkouts.id = payments.checkout_id AND payments.status = 'succeeded';

CREATE TABLE disputes (
	id UUID NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	modified_at TIMESTAMP WITH TIME ZONE, 
	organization_id UUID NOT NULL, 
	order_id UUID NOT NULL, 
	payment_id UUID NOT NULL, 
	processor TEXT NOT NULL, 
	processor_id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	amount BIGINT NOT NULL, 
	tax_amount BIGINT NOT NULL, 
	currency TEXT NOT NULL, 
	fee BIGINT NOT NULL, 
	fee_currency TEXT NOT NULL, 
	CONSTRAINT pk_disputes PRIMARY KEY (id), 
	CONSTRAINT ck_disputes_status CHECK (status IN ('prevented', 'early_warning', 'needs_response', 'under_review', 'lost', 'won')), 
	CONSTRAINT fk_disputes_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id), 
	CONSTRAINT fk_disputes_order_id FOREIGN KEY(order_id) REFERENCES orders (id), 
	CONSTRAINT fk_disputes_payment_id FOREIGN KEY(payment_id) REFERENCES payments (id)
);

CREATE INDEX ix_disputes_order_id ON disputes (order_id);
CREATE INDEX ix_disputes_organization_id_created_at ON disputes (organization_id, created_at, id);
CREATE UNIQUE INDEX uq_disputes_processor_id ON disputes (processor, processor_id);

CREATE TABLE refunds (
	id UUID NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	modified_at TIMESTAMP WITH TIME ZONE, 
	organization_id UUID NOT NULL, 
	order_id UUID NOT NULL, 
	customer_id UUID NOT NULL, 
	subscription_id UUID, 
	payment_id UUID NOT NULL, 
	dispute_id UUID, 
	processor TEXT NOT NULL, 
	processor_id TEXT, 
	status TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	amount BIGINT NOT NULL, 
	tax_amount BIGINT NOT NULL, 
	currency TEXT NOT NULL, 
	comment TEXT, 
	revoke_benefits BOOLEAN NOT NULL, 
	metadata JSONB NOT NULL, 
	CONSTRAINT pk_refunds PRIMARY KEY (id), 
	CONSTRAINT ck_refunds_status CHECK (status IN ('pending', 'succeeded', 'failed', 'canceled')), 
	CONSTRAINT ck_refunds_reason CHECK (reason IN ('duplicate', 'fraudulent', 'customer_request', 'service_disruption', 'satisfaction_guarantee', 'dispute_prevention', 'other')), 
	CONSTRAINT ck_refunds_amounts CHECK (amount >= 0 AND tax_amount >= 0 AND amount + tax_amount > 0), 
	CONSTRAINT fk_refunds_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id), 
	CONSTRAINT fk_refunds_order_id FOREIGN KEY(order_id) REFERENCES orders (id), 
	CONSTRAINT fk_refunds_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id), 
	CONSTRAINT fk_refunds_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscriptions (id), 
	CONSTRAINT fk_refunds_payment_id FOREIGN KEY(payment_id) REFERENCES payments (id), 
	CONSTRAINT fk_refunds_dispute_id FOREIGN KEY(dispute_id) REFERENCES disputes (id)
);

CREATE INDEX ix_refunds_customer_id ON refunds (customer_id);
CREATE INDEX ix_refunds_dispute_id ON refunds (dispute_id);
CREATE INDEX ix_refunds_order_id ON refunds (order_id);
CREATE INDEX ix_refunds_organization_id_created_at ON refunds (organization_id, created_at, id);
CREATE UNIQUE INDEX uq_refunds_processor_id ON refunds (processor, processor_id);

CREATE TABLE refund_attempts (
	id UUID NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	organization_id UUID NOT NULL, 
	order_id UUID NOT NULL, 
	amount BIGINT NOT NULL, 
	tax_amount BIGINT NOT NULL, 
	refund JSONB NOT NULL, 
	CONSTRAINT pk_refund_attempts PRIMARY KEY (id), 
	CONSTRAINT fk_refund_attempts_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id), 
	CONSTRAINT fk_refund_attempts_order_id FOREIGN KEY(order_id) REFERENCES orders (id)
);

CREATE INDEX ix_refund_attempts_order_id ON refund_attempts (order_id);

