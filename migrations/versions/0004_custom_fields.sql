CREATE TABLE custom_fields (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    type TEXT NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    properties JSONB NOT NULL,
    metadata JSONB NOT NULL,
    CONSTRAINT pk_custom_fields PRIMARY KEY (id),
    CONSTRAINT ck_custom_fields_type CHECK (type IN ('text', 'number', 'date', 'checkbox', 'select')),
    CONSTRAINT ck_custom_fields_slug CHECK (slug = lower(slug)),
    CONSTRAINT fk_custom_fields_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id)
);
CREATE UNIQUE INDEX uq_custom_fields_slug ON custom_fields (organization_id, slug) WHERE deleted_at IS NULL;

CREATE TABLE product_custom_fields (
    product_id UUID NOT NULL,
    custom_field_id UUID NOT NULL,
    position INTEGER NOT NULL,
    required BOOLEAN NOT NULL,
    CONSTRAINT pk_product_custom_fields PRIMARY KEY (product_id, custom_field_id),
    CONSTRAINT fk_product_custom_fields_product_id FOREIGN KEY(product_id) REFERENCES products (id),
    CONSTRAINT fk_product_custom_fields_custom_field_id FOREIGN KEY(custom_field_id) REFERENCES custom_fields (id)
);
CREATE INDEX ix_product_custom_fields_custom_field_id ON product_custom_fields (custom_field_id);
