CREATE TABLE benefits (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    type TEXT NOT NULL,
    description TEXT NOT NULL,
    selectable BOOLEAN NOT NULL,
    deletable BOOLEAN NOT NULL,
    properties JSONB NOT NULL,
    metadata JSONB NOT NULL,
    CONSTRAINT pk_benefits PRIMARY KEY (id),
    CONSTRAINT ck_benefits_type CHECK (type IN ('custom', 'discord', 'github_repository', 'downloadables', 'license_keys', 'meter_credit')),
    CONSTRAINT fk_benefits_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id)
);
CREATE INDEX ix_benefits_organization_id_created_at ON benefits (organization_id, created_at);

CREATE TABLE product_benefits (
    product_id UUID NOT NULL,
    benefit_id UUID NOT NULL,
    position INTEGER NOT NULL,
    CONSTRAINT pk_product_benefits PRIMARY KEY (product_id, benefit_id),
    CONSTRAINT fk_product_benefits_product_id FOREIGN KEY(product_id) REFERENCES products (id),
    CONSTRAINT fk_product_benefits_benefit_id FOREIGN KEY(benefit_id) REFERENCES benefits (id)
);
CREATE INDEX ix_product_benefits_benefit_id ON product_benefits (benefit_id);

CREATE TABLE product_medias (
    product_id UUID NOT NULL,
    file_id UUID NOT NULL,
    position INTEGER NOT NULL,
    CONSTRAINT pk_product_medias PRIMARY KEY (product_id, file_id),
    CONSTRAINT fk_product_medias_product_id FOREIGN KEY(product_id) REFERENCES products (id),
    CONSTRAINT fk_product_medias_file_id FOREIGN KEY(file_id) REFERENCES files (id)
);
CREATE INDEX ix_product_medias_file_id ON product_medias (file_id);
