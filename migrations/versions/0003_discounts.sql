CREATE TABLE discounts (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    duration TEXT NOT NULL,
    duration_in_months INTEGER,
    amount BIGINT,
    currency TEXT,
    basis_points INTEGER,
    code TEXT,
    code_key TEXT,
    starts_at TIMESTAMP WITH TIME ZONE,
    ends_at TIMESTAMP WITH TIME ZONE,
    max_redemptions INTEGER,
    redemptions_count INTEGER NOT NULL,
    product_ids UUID[] NOT NULL,
    metadata JSONB NOT NULL,
    CONSTRAINT pk_discounts PRIMARY KEY (id),
    CONSTRAINT ck_discounts_type CHECK (type IN ('fixed', 'percentage')),
    CONSTRAINT ck_discounts_duration CHECK (duration IN ('once', 'forever', 'repeating')),
    CONSTRAINT ck_discounts_amount CHECK ((type = 'fixed') = (amount IS NOT NULL)),
    CONSTRAINT ck_discounts_currency CHECK ((type = 'fixed') = (currency IS NOT NULL)),
    CONSTRAINT ck_discounts_basis_points CHECK ((type = 'percentage') = (basis_points IS NOT NULL)),
    CONSTRAINT ck_discounts_duration_in_months CHECK ((duration = 'repeating') = (duration_in_months IS NOT NULL)),
    CONSTRAINT ck_discounts_code_key CHECK ((code IS NULL) = (code_key IS NULL)),
    CONSTRAINT ck_discounts_redemptions_count CHECK (redemptions_count >= 0),
    CONSTRAINT fk_discounts_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id)
);

CREATE INDEX ix_discounts_organization_id_created_at ON discounts (organization_id, created_at) WHERE deleted_at IS NULL;

CREATE UNIQUE INDEX uq_discounts_organization_id_code_key ON discounts (organization_id, code_key) WHERE deleted_at IS NULL;

CREATE TABLE discount_redemptions (
    checkout_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    discount_id UUID NOT NULL,
    subscription_id UUID,
    CONSTRAINT pk_discount_redemptions PRIMARY KEY (checkout_id),
    CONSTRAINT fk_discount_redemptions_discount_id FOREIGN KEY(discount_id) REFERENCES discounts (id)
);

CREATE INDEX ix_discount_redemptions_discount_id ON discount_redemptions (discount_id);
