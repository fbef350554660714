"""The tables of subscriptions: their prices, what waits to be billed, and changes that wait."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.core.billing_run import EntryType
from boreal.core.calendar import RecurringInterval
from boreal.core.subscriptions import CancellationReason, SubscriptionStatus
from boreal.kit.db import metadata, one_of

SubscriptionRow = sa.Table(
    "subscriptions",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("customer_id", UUID, sa.ForeignKey("customers.id"), nullable=False),
    sa.Column("product_id", UUID, sa.ForeignKey("products.id"), nullable=False),
    sa.Column("discount_id", UUID),
    sa.Column("checkout_id", UUID),
    sa.Column("payment_method_id", UUID, sa.ForeignKey("payment_methods.id")),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("seats", sa.Integer),
    sa.Column("recurring_interval", sa.Text, nullable=False),
    sa.Column("recurring_interval_count", sa.Integer, nullable=False),
    sa.Column("anchor_day", sa.SmallInteger, nullable=False),
    sa.Column("period_number", sa.Integer, nullable=False),
    sa.Column("current_period_start", sa.DateTime(timezone=True), nullable=False),
    sa.Column("current_period_end", sa.DateTime(timezone=True), nullable=False),
    sa.Column("trial_start", sa.DateTime(timezone=True)),
    sa.Column("trial_end", sa.DateTime(timezone=True)),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("cancel_at_period_end", sa.Boolean, nullable=False),
    sa.Column("canceled_at", sa.DateTime(timezone=True)),
    sa.Column("ends_at", sa.DateTime(timezone=True)),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("past_due_at", sa.DateTime(timezone=True)),
    sa.Column("discount_applied_at", sa.DateTime(timezone=True)),
    sa.Column("customer_cancellation_reason", sa.Text),
    sa.Column("customer_cancellation_comment", sa.Text),
    sa.Column("metadata", JSONB, nullable=False),
    sa.Column("custom_field_data", JSONB, nullable=False),
    one_of("status", SubscriptionStatus),
    one_of("recurring_interval", RecurringInterval),
    one_of("customer_cancellation_reason", CancellationReason),
    sa.CheckConstraint("anchor_day BETWEEN 1 AND 31", name="anchor_day"),
    sa.CheckConstraint("recurring_interval_count > 0", name="recurring_interval_count"),
    # They are equal for the moment in which a trial is ended that has just begun.
    sa.CheckConstraint("current_period_end >= current_period_start", name="period"),
    sa.CheckConstraint("period_number > 0", name="period_number"),
    sa.Index("uq_subscriptions_checkout_id", "checkout_id", unique=True),
    sa.Index("ix_subscriptions_organization_id_started_at", "organization_id", "started_at", "id"),
    sa.Index("ix_subscriptions_customer_id", "customer_id"),
    sa.Index("ix_subscriptions_product_id", "product_id"),
    sa.Index("ix_subscriptions_discount_id", "discount_id"),
)

SubscriptionPriceRow = sa.Table(
    "subscription_prices",
    metadata,
    sa.Column("subscription_id", UUID, sa.ForeignKey("subscriptions.id"), primary_key=True),
    sa.Column("product_price_id", UUID, sa.ForeignKey("product_prices.id"), primary_key=True),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    # What a period costs by this price before any discount, as chosen or computed when it was bought; nothing for
    # free and metered prices.
    sa.Column("amount", sa.BigInteger, nullable=False),
)

BillingEntryRow = sa.Table(
    "billing_entries",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("subscription_id", UUID, sa.ForeignKey("subscriptions.id"), nullable=False),
    sa.Column("period_number", sa.Integer, nullable=False),
    sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
    # None while it waits to be billed; an order takes it once and for ever.
    sa.Column("order_id", UUID, sa.ForeignKey("orders.id")),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("discount_amount", sa.BigInteger, nullable=False),
    sa.Column("product_price_id", UUID, sa.ForeignKey("product_prices.id"), nullable=False),
    sa.Column("product_name", sa.Text, nullable=False),
    sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
    one_of("type", EntryType),
    sa.Index(
        "uq_billing_entries_cycle",
        "subscription_id",
        "period_number",
        "product_price_id",
        unique=True,
        postgresql_where=sa.text("type = 'cycle'"),
    ),
    sa.Index(
        "ix_billing_entries_pending",
        "subscription_id",
        "position",
        postgresql_where=sa.text("order_id IS NULL"),
    ),
    sa.Index("ix_billing_entries_order_id", "order_id"),
)

ScheduledChangeRow = sa.Table(
    "scheduled_changes",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("subscription_id", UUID, sa.ForeignKey("subscriptions.id"), nullable=False),
    sa.Column("product_id", UUID, sa.ForeignKey("products.id")),
    sa.Column("seats", sa.Integer),
    sa.CheckConstraint("product_id IS NOT NULL OR seats IS NOT NULL", name="something"),
    sa.Index("uq_scheduled_changes_subscription_id", "subscription_id", unique=True),
)
