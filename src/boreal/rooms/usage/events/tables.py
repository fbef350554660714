"""The tables of events: the events themselves, the keys that keep them single, and what is counted of them.

Events stay small and have few indexes, because all that is asked often is kept in aggregates. A *subject* is whom an
event is about, in 16 bytes: the id of a customer, or a digest of an external id (`boreal.core.events.subject_of`).
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.core.events import EventSource
from boreal.kit.db import metadata, one_of

EventRow = sa.Table(
    "events",
    metadata,
    # The order in which events were counted: what a window of a meter holds is a range of it. From `events_seq`.
    sa.Column("seq", sa.BigInteger, nullable=False),
    # By the clock of the database, never that of a test clock: it says where the event is stored, and nothing else.
    sa.Column("ingested_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
    sa.Column("id", UUID, nullable=False),
    sa.Column("organization_id", UUID, nullable=False),
    # Whom it is about: None for a system event without a customer.
    sa.Column("subject", UUID),
    # At most one of the two: an event that names both keeps the external id (usage spec 2.1).
    sa.Column("customer_id", UUID),
    # None for an event without a parent.
    sa.Column("parent_id", UUID),
    sa.Column("root_id", UUID),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("external_customer_id", sa.Text),
    sa.Column("external_id", sa.Text),
    sa.Column("metadata", JSONB, nullable=False),
    one_of("source", EventSource),
    sa.Index("ix_events_id", "id"),
    sa.Index("ix_events_organization_id_timestamp", "organization_id", "timestamp"),
    sa.Index(
        "ix_events_organization_id_timestamp_cost",
        "organization_id",
        "timestamp",
        postgresql_where=sa.text("metadata ? '_cost'::text"),
    ),
    sa.Index("ix_events_subject_timestamp", "subject", "timestamp"),
    sa.Index("ix_events_parent_id", "parent_id", postgresql_where=sa.text("parent_id IS NOT NULL")),
    sa.Index("ix_events_root_id", "root_id", postgresql_where=sa.text("root_id IS NOT NULL")),
    postgresql_partition_by="RANGE (ingested_at)",
    info={"ddl": ("CREATE SEQUENCE events_seq", "CREATE TABLE events_default PARTITION OF events DEFAULT")},
)
"""Partitioned by the month of ingestion (`boreal.rooms.usage.events.partitions`)."""

EventKeyRow = sa.Table(
    "event_keys",
    metadata,
    sa.Column("organization_id", UUID, primary_key=True),
    # A digest of the external id, which may be long (`boreal.core.events.key_of`).
    sa.Column("key", UUID, primary_key=True),
    sa.Column("event_id", UUID, nullable=False),
)
"""Which external ids are taken, for ever: an event that comes a second time is a duplicate (usage spec 2.1)."""

EventTypeRow = sa.Table(
    "event_types",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("label_property_selector", sa.Text),
    sa.UniqueConstraint("organization_id", "name"),
)

EventNameRow = sa.Table(
    "event_names",
    metadata,
    sa.Column("organization_id", UUID, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    # Each process counts in rows of its own; to be added up.
    sa.Column("slot", sa.SmallInteger, primary_key=True),
    sa.Column("occurrences", sa.BigInteger, nullable=False),
    sa.Column("root_occurrences", sa.BigInteger, nullable=False),
    sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
    one_of("source", EventSource),
    postgresql_with={"fillfactor": 50},
)
"""How often each name occurred, and when first and last: counted when events come in, exact at any moment."""
