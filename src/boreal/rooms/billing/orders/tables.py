"""The tables of orders, of their items, of attempts to charge them, and of invoice numbers counted per organization."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.core.orders import BillingReason, OrderStatus
from boreal.kit.db import metadata, one_of

# The sums follow from the stored amounts and cannot differ from them (`core.orders.Amounts` has the same in Python).
_NET = "subtotal_amount - discount_amount"
_TOTAL = f"{_NET} + tax_amount"

OrderRow = sa.Table(
    "orders",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("customer_id", UUID, sa.ForeignKey("customers.id"), nullable=False),
    sa.Column("product_id", UUID, sa.ForeignKey("products.id")),
    sa.Column("discount_id", UUID),
    sa.Column("subscription_id", UUID, sa.ForeignKey("subscriptions.id")),
    sa.Column("checkout_id", UUID),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("billing_reason", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("subtotal_amount", sa.BigInteger, nullable=False),
    sa.Column("discount_amount", sa.BigInteger, nullable=False),
    sa.Column("net_amount", sa.BigInteger, sa.Computed(_NET, persisted=True), nullable=False),
    sa.Column("tax_amount", sa.BigInteger, nullable=False),
    sa.Column("total_amount", sa.BigInteger, sa.Computed(_TOTAL, persisted=True), nullable=False),
    sa.Column("applied_balance_amount", sa.BigInteger, nullable=False),
    sa.Column(
        "due_amount",
        sa.BigInteger,
        sa.Computed(f"greatest(0, {_TOTAL} + applied_balance_amount)", persisted=True),
        nullable=False,
    ),
    sa.Column("refunded_amount", sa.BigInteger, nullable=False),
    sa.Column("refunded_tax_amount", sa.BigInteger, nullable=False),
    sa.Column("platform_fee_amount", sa.BigInteger, nullable=False),
    sa.Column("platform_fee_currency", sa.Text),
    sa.Column("taxability_reason", sa.Text),
    sa.Column("tax_rate", JSONB(none_as_null=True)),
    sa.Column("billing_name", sa.Text),
    sa.Column("billing_address", JSONB(none_as_null=True)),
    sa.Column("tax_id", JSONB(none_as_null=True)),
    sa.Column("invoice_number", sa.Text, nullable=False),
    sa.Column("is_invoice_generated", sa.Boolean, nullable=False),
    sa.Column("seats", sa.Integer),
    sa.Column("metadata", JSONB, nullable=False),
    sa.Column("custom_field_data", JSONB, nullable=False),
    sa.Column("period_start", sa.DateTime(timezone=True)),
    sa.Column("period_number", sa.Integer),
    sa.Column("next_payment_attempt_at", sa.DateTime(timezone=True)),
    sa.Column("first_failed_at", sa.DateTime(timezone=True)),
    one_of("status", OrderStatus),
    one_of("billing_reason", BillingReason),
    sa.Index("uq_orders_checkout_id", "checkout_id", unique=True),
    sa.Index("uq_orders_invoice_number", "organization_id", "invoice_number", unique=True),
    sa.Index("uq_orders_subscription_period", "subscription_id", "period_number", unique=True),
    sa.Index("ix_orders_organization_id_created_at", "organization_id", "created_at", "id"),
    sa.Index("ix_orders_customer_id_created_at", "customer_id", "created_at", "id"),
    sa.Index("ix_orders_product_id_created_at", "product_id", "created_at", "id"),
    sa.Index("ix_orders_subscription_id", "subscription_id"),
)

OrderItemRow = sa.Table(
    "order_items",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("order_id", UUID, sa.ForeignKey("orders.id"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("tax_amount", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("proration", sa.Boolean, nullable=False),
    sa.Column("product_price_id", UUID, sa.ForeignKey("product_prices.id")),
    sa.Index("uq_order_items_position", "order_id", "position", unique=True),
)

OrderChargeRow = sa.Table(
    "order_charges",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("order_id", UUID, sa.ForeignKey("orders.id"), nullable=False),
    sa.Column("is_automatic", sa.Boolean, nullable=False),
    sa.Column("payment_method_id", UUID, sa.ForeignKey("payment_methods.id")),
    # What the processor is asked, word for word: a repetition under the same key has to be the same request.
    sa.Column("request", JSONB, nullable=False),
    sa.Column("intent_id", sa.Text),
    sa.Column("closed_at", sa.DateTime(timezone=True)),
    sa.Column("outcome", sa.Text),
    sa.CheckConstraint("outcome IN ('succeeded', 'failed', 'canceled')", name="outcome"),
    sa.CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name="closed"),
    sa.Index("uq_order_charges_open", "order_id", unique=True, postgresql_where=sa.text("closed_at IS NULL")),
    sa.Index("uq_order_charges_succeeded", "order_id", unique=True, postgresql_where=sa.text("outcome = 'succeeded'")),
    sa.Index("ix_order_charges_order_id", "order_id"),
    sa.Index("ix_order_charges_intent_id", "intent_id"),
)

InvoiceCounterRow = sa.Table(
    "invoice_counters",
    metadata,
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), primary_key=True),
    sa.Column("next_number", sa.BigInteger, nullable=False),
)
