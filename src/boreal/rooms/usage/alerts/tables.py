"""The tables of usage alerts, and of how often each was told: once per customer meter and window."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from boreal.core.usage_alerts import ThresholdType
from boreal.kit.db import metadata, one_of

UsageAlertRow = sa.Table(
    "usage_alerts",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("meter_id", UUID, sa.ForeignKey("meters.id"), nullable=False),
    # None: every customer of the meter.
    sa.Column("customer_id", UUID, sa.ForeignKey("customers.id")),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("threshold_type", sa.Text, nullable=False),
    sa.Column("threshold", sa.Numeric, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    one_of("threshold_type", ThresholdType),
    sa.CheckConstraint("threshold > 0", name="threshold"),
    sa.Index("ix_usage_alerts_organization_id", "organization_id"),
)

UsageAlertFiringRow = sa.Table(
    "usage_alert_firings",
    metadata,
    sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("id", UUID, nullable=False),
    sa.Column("fired_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("alert_id", UUID, sa.ForeignKey("usage_alerts.id", ondelete="CASCADE"), nullable=False),
    sa.Column("customer_meter_id", UUID, nullable=False),
    # Where in the order of events the window begins in which the threshold was reached.
    sa.Column("window_seq", sa.BigInteger, nullable=False),
    sa.Column("consumed_units", sa.Numeric, nullable=False),
    sa.Column("credited_units", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("alert_id", "customer_meter_id", "window_seq"),
    sa.Index("ix_usage_alert_firings_customer_meter_id", "customer_meter_id", "number"),
)
