"""The tables of checkout sessions, of attempts to confirm them, of claims and of the trials that were taken."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from boreal.core.checkouts import CheckoutStatus
from boreal.kit.db import metadata, one_of

CheckoutRow = sa.Table(
    "checkouts",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("client_secret", sa.Text, nullable=False, unique=True),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("success_url", sa.Text),
    sa.Column("return_url", sa.Text),
    sa.Column("embed_origin", sa.Text),
    sa.Column("product_ids", ARRAY(UUID), nullable=False),
    sa.Column("ad_hoc_price_ids", ARRAY(UUID), nullable=False),
    sa.Column("product_id", UUID, sa.ForeignKey("products.id"), nullable=False),
    sa.Column("product_price_id", UUID, sa.ForeignKey("product_prices.id"), nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("seats", sa.Integer),
    sa.Column("tax_amount", sa.BigInteger),
    sa.Column("taxability_reason", sa.Text),
    sa.Column("tax_rate", JSONB),
    sa.Column("tax_calculation_id", sa.Text),
    sa.Column("discount_id", UUID),
    sa.Column("allow_discount_codes", sa.Boolean, nullable=False),
    sa.Column("require_billing_address", sa.Boolean, nullable=False),
    sa.Column("is_business_customer", sa.Boolean, nullable=False),
    sa.Column("allow_trial", sa.Boolean, nullable=False),
    sa.Column("trial_interval", sa.Text),
    sa.Column("trial_interval_count", sa.Integer),
    sa.Column("trial_end", sa.DateTime(timezone=True)),
    sa.Column("customer_id", UUID, sa.ForeignKey("customers.id")),
    sa.Column("external_customer_id", sa.Text),
    sa.Column("customer_name", sa.Text),
    sa.Column("customer_email", sa.Text),
    sa.Column("customer_ip_address", sa.Text),
    sa.Column("customer_billing_name", sa.Text),
    sa.Column("customer_billing_address", JSONB(none_as_null=True)),
    sa.Column("customer_tax_id", JSONB(none_as_null=True)),
    sa.Column("customer_metadata", JSONB, nullable=False),
    sa.Column("metadata", JSONB, nullable=False),
    sa.Column("custom_field_data", JSONB, nullable=False),
    sa.Column("subscription_id", UUID, sa.ForeignKey("subscriptions.id")),
    sa.Column("payment_processor_metadata", JSONB, nullable=False),
    sa.Column("intent_id", sa.Text),
    sa.Column("attempt_id", UUID),
    one_of("status", CheckoutStatus),
    sa.CheckConstraint("amount >= 0", name="amount"),
    sa.Index(
        "ix_checkouts_organization_id_created_at", "organization_id", sa.text("created_at DESC"), sa.text("id DESC")
    ),
    sa.Index("ix_checkouts_customer_id", "customer_id"),
    sa.Index("ix_checkouts_intent_id", "intent_id"),
    sa.Index("ix_checkouts_open", "expires_at", postgresql_where=sa.text("status = 'open'")),
)

CheckoutAttemptRow = sa.Table(
    "checkout_attempts",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("checkout_id", UUID, sa.ForeignKey("checkouts.id"), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("settled_at", sa.DateTime(timezone=True)),
    sa.Column("candidate", JSONB, nullable=False),
    sa.Column("request", JSONB, nullable=False),
    sa.CheckConstraint("state IN ('started', 'applied', 'discarded')", name="state"),
    # One confirmation at a time for one session: the database's job, not the busy mark's.
    sa.Index("uq_checkout_attempts_started", "checkout_id", unique=True, postgresql_where=sa.text("state = 'started'")),
    sa.Index("ix_checkout_attempts_checkout_id", "checkout_id"),
)

SubscriptionClaimRow = sa.Table(
    "subscription_claims",
    metadata,
    # Stands for the organization and one name of a buyer.
    sa.Column("key", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("checkout_id", UUID, sa.ForeignKey("checkouts.id"), nullable=False),
    sa.Index("ix_subscription_claims_checkout_id", "checkout_id"),
)

TrialRedemptionRow = sa.Table(
    "trial_redemptions",
    metadata,
    sa.Column("checkout_id", UUID, sa.ForeignKey("checkouts.id"), primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("customer_id", UUID, nullable=False),
    sa.Column("product_id", UUID, nullable=False),
    sa.Column("email_hash", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text),
    sa.Index("ix_trial_redemptions_email_hash", "organization_id", "email_hash"),
    sa.Index("ix_trial_redemptions_fingerprint", "organization_id", "fingerprint"),
)

# Beside the session, since seeing it is no change of it.
CheckoutOpeningRow = sa.Table(
    "checkout_openings",
    metadata,
    sa.Column("checkout_id", UUID, sa.ForeignKey("checkouts.id"), primary_key=True),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("distinct_id", sa.Text),
)
