"""What reports keep: counted periods that are over, and marks of what has changed in the past since.

A kept period is true until a mark lies in it. Marks are written by triggers, in the transaction that makes the change,
so no way of changing an order or a checkout session can be forgotten. What happens now needs no mark, because nothing
is kept of the last hours (`boreal.rooms.insights.metrics.kept`).
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from boreal.core.calendar import TimeInterval
from boreal.kit.db import metadata, one_of
from boreal.rooms.billing.public import OrderRow, SubscriptionRow
from boreal.rooms.checkout.public import CheckoutRow

KINDS = ("one_time_products", "new_subscriptions", "renewed_subscriptions")
"""What is sold (usage spec 7.4)."""

NUMBERS = (
    *(f"{kind}_{what}" for kind in KINDS for what in ("orders", "net", "payout")),
    # Different subscriptions that were renewed.
    "renewed",
    # Checkout sessions, and how many of them ended in a sale.
    "opened",
    "succeeded",
)
"""What is kept of a period, in this order."""

MetricPeriodRow = sa.Table(
    "metric_periods",
    metadata,
    sa.Column("organization_id", UUID, primary_key=True),
    sa.Column("interval", sa.Text, primary_key=True),
    sa.Column("zone", sa.Text, primary_key=True),
    sa.Column("ends_at", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in NUMBERS),
    one_of("interval", TimeInterval),
)
"""What one organization sold in one period, in a time zone."""

MetricHistoryRow = sa.Table(
    "metric_histories",
    metadata,
    sa.Column("organization_id", UUID, primary_key=True),
    sa.Column("ends_at", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("net", sa.BigInteger, nullable=False),
    sa.Column("payout", sa.BigInteger, nullable=False),
)
"""What all orders of an organization before a moment came to."""

_MARK = """
CREATE FUNCTION metric_mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.created_at IS DISTINCT FROM NEW.created_at THEN
        INSERT INTO metric_marks (organization_id, at) VALUES (OLD.organization_id, OLD.created_at);
    END IF;
    INSERT INTO metric_marks (organization_id, at) VALUES (NEW.organization_id, NEW.created_at);
    RETURN NULL;
END $$
"""
_MARK_ORDERS = """
CREATE FUNCTION metric_mark_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_marks (organization_id, at)
    SELECT organization_id, created_at FROM orders WHERE subscription_id = NEW.id;
    RETURN NULL;
END $$
"""
_ORDER = """ROW({0}.created_at, {0}.status, {0}.product_id, {0}.subscription_id, {0}.subtotal_amount,
    {0}.discount_amount, {0}.refunded_amount, {0}.platform_fee_amount)"""
_CHECKOUT = "ROW({0}.created_at, {0}.status = 'succeeded')"
_RECENT = "now() - interval '1 hour'"


def _inserted(table: str) -> str:
    return (
        f"CREATE TRIGGER metric_inserted AFTER INSERT ON {table} FOR EACH ROW "
        f"WHEN (NEW.created_at < {_RECENT}) EXECUTE FUNCTION metric_mark()"
    )


def _changed(table: str, counted: str) -> str:
    differs = f"{counted.format('OLD')} IS DISTINCT FROM {counted.format('NEW')}"
    return (
        f"CREATE TRIGGER metric_changed AFTER UPDATE ON {table} FOR EACH ROW "
        f"WHEN ({differs} AND least(OLD.created_at, NEW.created_at) < {_RECENT}) EXECUTE FUNCTION metric_mark()"
    )


MetricMarkRow = sa.Table(
    "metric_marks",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("ix_metric_marks_organization_id_at", "organization_id", "at"),
    info={
        "ddl": (
            _MARK,
            _MARK_ORDERS,
            _inserted("orders"),
            _changed("orders", _ORDER),
            _inserted("checkouts"),
            _changed("checkouts", _CHECKOUT),
            "CREATE TRIGGER metric_changed AFTER UPDATE ON subscriptions FOR EACH ROW "
            "WHEN (OLD.started_at IS DISTINCT FROM NEW.started_at) EXECUTE FUNCTION metric_mark_orders()",
        )
    },
)
"""Where in the past something has changed that reports count; only added to, so that nobody waits for anybody."""

for _source in (OrderRow, SubscriptionRow, CheckoutRow):
    MetricMarkRow.add_is_dependent_on(_source)
