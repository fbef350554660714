"""The table of spans of usage."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from boreal.kit.db import metadata

UsageSpanRow = sa.Table(
    "usage_spans",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("subscription_id", UUID, sa.ForeignKey("subscriptions.id"), nullable=False),
    # Who uses: the subscriber, or somebody with a seat.
    sa.Column("customer_id", UUID, sa.ForeignKey("customers.id"), nullable=False),
    sa.Column("meter_id", UUID, sa.ForeignKey("meters.id"), nullable=False),
    sa.Column("product_price_id", UUID, sa.ForeignKey("product_prices.id"), nullable=False),
    # Events of this place in their order and later, and before the end; None: it goes on.
    sa.Column("from_seq", sa.BigInteger, nullable=False),
    sa.Column("until_seq", sa.BigInteger),
    # None while it waits to be billed; an order takes it once and for ever.
    sa.Column("order_id", UUID, sa.ForeignKey("orders.id")),
    # It is never billed, because the subscription ended at once.
    sa.Column("is_forgone", sa.Boolean, nullable=False),
    # How many units of the credits of this customer the order used up.
    sa.Column("covered_units", sa.Numeric, nullable=False),
    sa.CheckConstraint("until_seq >= from_seq", name="length"),
    sa.CheckConstraint("until_seq IS NOT NULL OR (order_id IS NULL AND NOT is_forgone)", name="settled"),
    sa.CheckConstraint("order_id IS NULL OR NOT is_forgone", name="order"),
    sa.CheckConstraint("covered_units >= 0", name="covered_units"),
    # One subscription at a time pays for what a customer uses of a meter.
    sa.Index(
        "uq_usage_spans_open",
        "customer_id",
        "meter_id",
        unique=True,
        postgresql_where=sa.text("until_seq IS NULL"),
    ),
    sa.Index(
        "ix_usage_spans_pending",
        "subscription_id",
        postgresql_where=sa.text("order_id IS NULL AND NOT is_forgone"),
    ),
    sa.Index("ix_usage_spans_customer_id", "customer_id", "meter_id", "from_seq"),
    sa.Index("ix_usage_spans_order_id", "order_id", postgresql_where=sa.text("order_id IS NOT NULL")),
)
