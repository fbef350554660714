-- The ledger, the terms of the platform's fee, and where a payment method was issued.

ALTER TABLE payments ADD COLUMN method_country TEXT;

CREATE TABLE ledger_transactions (
	id UUID NOT NULL, 
	organization_id UUID NOT NULL, 
	occurred_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	type TEXT NOT NULL, 
	source_id UUID NOT NULL, 
	order_id UUID NOT NULL, 
	CONSTRAINT pk_ledger_transactions PRIMARY KEY (id), 
	CONSTRAINT ck_ledger_transactions_type CHECK (type IN ('sale', 'platform_fee', 'processor_fee', 'refund', 'refund_reversal', 'dispute', 'dispute_loss', 'dispute_reversal', 'dispute_fee')), 
	CONSTRAINT fk_ledger_transactions_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id)
);

CREATE INDEX ix_ledger_transactions_order_id ON ledger_transactions (order_id);
CREATE INDEX ix_ledger_transactions_organization_id_occurred_at ON ledger_transactions (organization_id, occurred_at, id);
CREATE UNIQUE INDEX uq_ledger_transactions_source_id_type ON ledger_transactions (source_id, type);

CREATE FUNCTION ledger_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is never changed, only added to' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON ledger_transactions FOR EACH ROW EXECUTE FUNCTION ledger_is_kept();

CREATE TABLE ledger_postings (
	id BIGINT GENERATED ALWAYS AS IDENTITY, 
	transaction_id UUID NOT NULL, 
	organization_id UUID NOT NULL, 
	customer_id UUID, 
	holder TEXT NOT NULL, 
	amount BIGINT NOT NULL, 
	currency TEXT NOT NULL, 
	fee_type TEXT, 
	CONSTRAINT pk_ledger_postings PRIMARY KEY (id), 
	CONSTRAINT ck_ledger_postings_holder CHECK (holder IN ('buyers', 'merchant', 'platform', 'tax', 'processor', 'credit')), 
	CONSTRAINT ck_ledger_postings_fee_type CHECK (fee_type IN ('payment', 'international_payment', 'subscription', 'dispute', 'fee_credit')), 
	CONSTRAINT ck_ledger_postings_amount CHECK (amount <> 0), 
	CONSTRAINT ck_ledger_postings_customer_id CHECK ((holder = 'credit') = (customer_id IS NOT NULL)), 
	CONSTRAINT fk_ledger_postings_transaction_id FOREIGN KEY(transaction_id) REFERENCES ledger_transactions (id)
);

CREATE INDEX ix_ledger_postings_customer_id ON ledger_postings (customer_id, currency) WHERE customer_id IS NOT NULL;
CREATE INDEX ix_ledger_postings_organization_id_holder ON ledger_postings (organization_id, holder, currency);
CREATE INDEX ix_ledger_postings_transaction_id ON ledger_postings (transaction_id);

CREATE FUNCTION ledger_is_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM ledger_postings WHERE transaction_id = NEW.transaction_id
        GROUP BY currency HAVING sum(amount) <> 0
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation',
            MESSAGE = 'postings of ' || NEW.transaction_id || ' do not add up to zero';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON ledger_postings FOR EACH ROW EXECUTE FUNCTION ledger_is_kept();

CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_postings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_is_balanced();

CREATE TABLE fee_terms (
	organization_id UUID NOT NULL, 
	basis_points INTEGER NOT NULL, 
	fixed BIGINT NOT NULL, 
	CONSTRAINT pk_fee_terms PRIMARY KEY (organization_id), 
	CONSTRAINT ck_fee_terms_terms CHECK (basis_points BETWEEN 0 AND 10000 AND fixed >= 0), 
	CONSTRAINT fk_fee_terms_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id)
);


-- Orders that were settled before there was a ledger: their sales, without fees, which nobody took.
INSERT INTO ledger_transactions (id, organization_id, occurred_at, type, source_id, order_id)
SELECT gen_random_uuid(), organization_id, created_at, 'sale', id, id FROM orders
WHERE status <> 'pending' AND (net_amount <> 0 OR tax_amount <> 0);

INSERT INTO ledger_postings (transaction_id, organization_id, customer_id, holder, amount, currency)
SELECT transaction.id, orders.organization_id, part.customer_id, part.holder, part.amount, orders.currency
FROM orders JOIN ledger_transactions AS transaction ON transaction.source_id = orders.id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount), 0) AS amount FROM payments WHERE order_id = orders.id AND status = 'succeeded'
) AS collected
CROSS JOIN LATERAL (VALUES
    ('buyers', NULL::uuid, -collected.amount),
    ('credit', orders.customer_id, collected.amount - orders.total_amount),
    ('merchant', NULL, orders.net_amount),
    ('tax', NULL, orders.tax_amount)
) AS part (holder, customer_id, amount)
WHERE part.amount <> 0;
