CREATE TABLE events (
    seq BIGINT NOT NULL,
    ingested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    subject UUID,
    customer_id UUID,
    parent_id UUID,
    root_id UUID,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    external_customer_id TEXT,
    external_id TEXT,
    metadata JSONB NOT NULL,
    CONSTRAINT ck_events_source CHECK (source IN ('user', 'system'))
)
 PARTITION BY RANGE (ingested_at);

CREATE INDEX ix_events_id ON events (id);

CREATE INDEX ix_events_organization_id_timestamp ON events (organization_id, timestamp);

CREATE INDEX ix_events_parent_id ON events (parent_id) WHERE parent_id IS NOT NULL;

CREATE INDEX ix_events_root_id ON events (root_id) WHERE root_id IS NOT NULL;

CREATE INDEX ix_events_subject_timestamp ON events (subject, timestamp);

CREATE SEQUENCE events_seq;

CREATE TABLE events_default PARTITION OF events DEFAULT;

CREATE TABLE event_keys (
    organization_id UUID NOT NULL,
    key UUID NOT NULL,
    event_id UUID NOT NULL,
    CONSTRAINT pk_event_keys PRIMARY KEY (organization_id, key)
);

CREATE TABLE event_types (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    label_property_selector TEXT,
    CONSTRAINT pk_event_types PRIMARY KEY (id),
    CONSTRAINT uq_event_types_organization_id_name UNIQUE (organization_id, name)
);

CREATE TABLE event_names (
    organization_id UUID NOT NULL,
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    slot SMALLINT NOT NULL,
    occurrences BIGINT NOT NULL,
    root_occurrences BIGINT NOT NULL,
    first_seen TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_event_names PRIMARY KEY (organization_id, name, source, slot),
    CONSTRAINT ck_event_names_source CHECK (source IN ('user', 'system'))
)
 WITH (fillfactor = 50);

CREATE TABLE meters (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    name TEXT NOT NULL,
    filter JSONB NOT NULL,
    aggregation JSONB NOT NULL,
    metadata JSONB NOT NULL,
    archived_at TIMESTAMP WITH TIME ZONE,
    archived_seq BIGINT,
    CONSTRAINT pk_meters PRIMARY KEY (id),
    CONSTRAINT fk_meters_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id)
);

CREATE INDEX ix_meters_organization_id ON meters (organization_id);

CREATE TABLE meter_generations (
    organization_id UUID NOT NULL,
    generation BIGINT NOT NULL,
    CONSTRAINT pk_meter_generations PRIMARY KEY (organization_id)
);

CREATE TABLE meter_fills (
    meter_id UUID NOT NULL,
    from_seq BIGINT NOT NULL,
    until_seq BIGINT NOT NULL,
    CONSTRAINT pk_meter_fills PRIMARY KEY (meter_id, from_seq),
    CONSTRAINT fk_meter_fills_meter_id FOREIGN KEY(meter_id) REFERENCES meters (id)
);

CREATE TABLE meter_holds (
    meter_id UUID NOT NULL,
    holder_kind TEXT NOT NULL,
    holder_id UUID NOT NULL,
    CONSTRAINT pk_meter_holds PRIMARY KEY (meter_id, holder_kind, holder_id),
    CONSTRAINT ck_meter_holds_holder_kind CHECK (holder_kind IN ('product', 'benefit')),
    CONSTRAINT fk_meter_holds_meter_id FOREIGN KEY(meter_id) REFERENCES meters (id)
);

CREATE INDEX ix_meter_holds_holder_id ON meter_holds (holder_id);

CREATE TABLE meter_usage (
    meter_id UUID NOT NULL,
    subject UUID NOT NULL,
    from_seq BIGINT NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE NOT NULL,
    count BIGINT NOT NULL,
    sum NUMERIC,
    min NUMERIC,
    max NUMERIC,
    CONSTRAINT pk_meter_usage PRIMARY KEY (meter_id, subject)
)
 WITH (fillfactor = 50);

CREATE TABLE meter_segments (
    meter_id UUID NOT NULL,
    subject UUID NOT NULL,
    from_seq BIGINT NOT NULL,
    until_seq BIGINT NOT NULL,
    billable BOOLEAN NOT NULL,
    count BIGINT NOT NULL,
    sum NUMERIC,
    min NUMERIC,
    max NUMERIC,
    CONSTRAINT pk_meter_segments PRIMARY KEY (meter_id, subject, from_seq)
);

CREATE TABLE meter_values (
    meter_id UUID NOT NULL,
    subject UUID NOT NULL,
    from_seq BIGINT NOT NULL,
    value UUID NOT NULL,
    CONSTRAINT pk_meter_values PRIMARY KEY (meter_id, subject, from_seq, value)
);

CREATE TABLE meter_value_counts (
    meter_id UUID NOT NULL,
    subject UUID NOT NULL,
    from_seq BIGINT NOT NULL,
    count BIGINT NOT NULL,
    CONSTRAINT pk_meter_value_counts PRIMARY KEY (meter_id, subject, from_seq)
)
 WITH (fillfactor = 50);

CREATE TABLE meter_rollups (
    meter_id UUID NOT NULL,
    subject UUID NOT NULL,
    hours SMALLINT NOT NULL,
    bucket INTEGER NOT NULL,
    slot SMALLINT NOT NULL,
    count BIGINT NOT NULL,
    sum NUMERIC,
    min NUMERIC,
    max NUMERIC,
    CONSTRAINT pk_meter_rollups PRIMARY KEY (meter_id, subject, hours, bucket, slot)
)
 WITH (fillfactor = 50);

CREATE TABLE customer_meters (
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    modified_at TIMESTAMP WITH TIME ZONE,
    organization_id UUID NOT NULL,
    customer_id UUID NOT NULL,
    meter_id UUID NOT NULL,
    window_seq BIGINT NOT NULL,
    reset_at TIMESTAMP WITH TIME ZONE,
    credited_units BIGINT NOT NULL,
    plain_units BIGINT NOT NULL,
    rollover_units BIGINT NOT NULL,
    CONSTRAINT pk_customer_meters PRIMARY KEY (id),
    CONSTRAINT uq_customer_meters_customer_id_meter_id UNIQUE (customer_id, meter_id),
    CONSTRAINT ck_customer_meters_credits CHECK (credited_units >= 0 AND plain_units >= 0 AND rollover_units >= 0)
);

CREATE INDEX ix_customer_meters_meter_id ON customer_meters (meter_id);

CREATE INDEX ix_customer_meters_organization_id ON customer_meters (organization_id);
