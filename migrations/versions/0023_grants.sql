CREATE TABLE benefit_grants (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    customer_id UUID NOT NULL,
    member_id UUID,
    benefit_id UUID NOT NULL,
    subscription_id UUID,
    order_id UUID,
    status TEXT NOT NULL,
    granted_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    error JSONB,
    properties JSONB NOT NULL,
    previous_properties JSONB,
    cycled_order_id UUID,
    CONSTRAINT pk_benefit_grants PRIMARY KEY (id),
    CONSTRAINT ck_benefit_grants_status CHECK (status IN ('granted', 'failed', 'revoked')),
    CONSTRAINT ck_benefit_grants_scope CHECK ((subscription_id IS NULL) <> (order_id IS NULL)),
    CONSTRAINT ck_benefit_grants_granted_at CHECK ((status = 'granted') = (granted_at IS NOT NULL)),
    CONSTRAINT ck_benefit_grants_revoked_at CHECK ((status = 'revoked') = (revoked_at IS NOT NULL)),
    CONSTRAINT fk_benefit_grants_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_benefit_grants_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_benefit_grants_benefit_id FOREIGN KEY(benefit_id) REFERENCES benefits (id),
    CONSTRAINT fk_benefit_grants_subscription_id FOREIGN KEY(subscription_id) REFERENCES subscriptions (id),
    CONSTRAINT fk_benefit_grants_order_id FOREIGN KEY(order_id) REFERENCES orders (id)
);
CREATE INDEX ix_benefit_grants_benefit_id ON benefit_grants (benefit_id, id);
CREATE INDEX ix_benefit_grants_order_id ON benefit_grants (order_id);
CREATE INDEX ix_benefit_grants_organization_id_created_at ON benefit_grants (organization_id, created_at);
CREATE INDEX ix_benefit_grants_subscription_id ON benefit_grants (subscription_id);
CREATE UNIQUE INDEX uq_benefit_grants_scope ON benefit_grants (customer_id, benefit_id, coalesce(subscription_id, order_id), coalesce(member_id, customer_id));

CREATE TABLE license_keys (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    customer_id UUID NOT NULL,
    benefit_id UUID NOT NULL,
    key TEXT NOT NULL,
    status TEXT NOT NULL,
    limit_activations INTEGER,
    usage BIGINT NOT NULL,
    limit_usage INTEGER,
    validations BIGINT NOT NULL,
    last_validated_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_license_keys PRIMARY KEY (id),
    CONSTRAINT ck_license_keys_status CHECK (status IN ('granted', 'revoked', 'disabled')),
    CONSTRAINT fk_license_keys_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_license_keys_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_license_keys_benefit_id FOREIGN KEY(benefit_id) REFERENCES benefits (id)
);
CREATE INDEX ix_license_keys_customer_id ON license_keys (customer_id);
CREATE INDEX ix_license_keys_organization_id_created_at ON license_keys (organization_id, created_at);
CREATE UNIQUE INDEX uq_license_keys_key ON license_keys (organization_id, key);

CREATE TABLE license_key_activations (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    license_key_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    label TEXT NOT NULL,
    conditions JSONB NOT NULL,
    meta JSONB NOT NULL,
    CONSTRAINT pk_license_key_activations PRIMARY KEY (id),
    CONSTRAINT fk_license_key_activations_license_key_id FOREIGN KEY(license_key_id) REFERENCES license_keys (id)
);
CREATE INDEX ix_license_key_activations_license_key_id ON license_key_activations (license_key_id) WHERE deleted_at IS NULL;

CREATE TABLE downloadables (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    customer_id UUID NOT NULL,
    benefit_id UUID NOT NULL,
    file_id UUID NOT NULL,
    status TEXT NOT NULL,
    downloaded BIGINT NOT NULL,
    last_downloaded_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_downloadables PRIMARY KEY (id),
    CONSTRAINT ck_downloadables_status CHECK (status IN ('granted', 'revoked')),
    CONSTRAINT uq_downloadables_customer_id_benefit_id_file_id UNIQUE (customer_id, benefit_id, file_id),
    CONSTRAINT fk_downloadables_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
    CONSTRAINT fk_downloadables_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id),
    CONSTRAINT fk_downloadables_benefit_id FOREIGN KEY(benefit_id) REFERENCES benefits (id),
    CONSTRAINT fk_downloadables_file_id FOREIGN KEY(file_id) REFERENCES files (id)
);
CREATE INDEX ix_downloadables_file_id ON downloadables (file_id);
