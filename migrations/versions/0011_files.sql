CREATE TABLE files (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    service TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    checksum_sha256_base64 TEXT,
    version TEXT,
    upload_id TEXT NOT NULL,
    public_url TEXT,
    is_uploaded BOOLEAN NOT NULL,
    checksum_etag TEXT,
    last_modified_at TIMESTAMP WITH TIME ZONE,
    storage_version TEXT,
    CONSTRAINT pk_files PRIMARY KEY (id),
    CONSTRAINT ck_files_service CHECK (service IN ('downloadable', 'product_media', 'organization_avatar')),
    CONSTRAINT ck_files_uploaded CHECK (is_uploaded = (checksum_etag IS NOT NULL)),
    CONSTRAINT ck_files_public_url CHECK ((service = 'downloadable') = (public_url IS NULL)),
    CONSTRAINT fk_files_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id),
    CONSTRAINT uq_files_path UNIQUE (path)
);
CREATE INDEX ix_files_created_at ON files (created_at) WHERE NOT is_uploaded AND deleted_at IS NULL;
CREATE INDEX ix_files_organization_id_created_at ON files (organization_id, created_at);
