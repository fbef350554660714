"""The tables of webhook endpoints, of the events for them, and of the attempts to deliver those."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from boreal.core.webhooks import WebhookFormat
from boreal.kit.db import metadata, one_of

WebhookEndpointRow = sa.Table(
    "webhook_endpoints",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("sealed_secret", sa.Text, nullable=False),
    sa.Column("events", ARRAY(sa.Text), nullable=False),
    # Events that the public contract does not know.
    sa.Column("own_events", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
    sa.Column("enabled", sa.Boolean, nullable=False),
    one_of("format", WebhookFormat),
    sa.Index(
        "ix_webhook_endpoints_organization_id",
        "organization_id",
        "created_at",
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)

# One fact for one endpoint. The bytes of a raw event are the fact's; a chat message has its own. `pending` events wait
# for their turn among those of their endpoint and subject; a redelivery never makes an event pending again.
WebhookEventRow = sa.Table(
    "webhook_events",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("endpoint_id", UUID, sa.ForeignKey("webhook_endpoints.id"), nullable=False),
    sa.Column("fact_id", sa.BigInteger, sa.ForeignKey("facts.id"), nullable=False),
    sa.Column("subject_kind", sa.Text, nullable=False),
    sa.Column("subject_id", UUID, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("payload", sa.Text),
    sa.Column("pending", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("succeeded", sa.Boolean),
    sa.Column("skipped", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_http_code", sa.Integer),
    sa.Column("is_archived", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.CheckConstraint("NOT pending OR (succeeded IS NULL AND NOT skipped AND NOT is_archived)", name="undecided"),
    sa.UniqueConstraint("endpoint_id", "fact_id"),
    sa.Index("ix_webhook_events_fact_id", "fact_id"),
    sa.Index(
        "ix_webhook_events_pending",
        "endpoint_id",
        "subject_id",
        "fact_id",
        postgresql_where=sa.text("pending"),
    ),
    sa.Index("ix_webhook_events_created_at", "created_at", postgresql_where=sa.text("NOT is_archived")),
)

WebhookDeliveryRow = sa.Table(
    "webhook_deliveries",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("event_id", UUID, sa.ForeignKey("webhook_events.id"), nullable=False),
    sa.Column("succeeded", sa.Boolean, nullable=False),
    sa.Column("http_code", sa.Integer),
    sa.Column("response", sa.Text),
    sa.Index("ix_webhook_deliveries_organization_id", "organization_id", "created_at", "id"),
    sa.Index("ix_webhook_deliveries_event_id", "event_id", "created_at"),
)
