"""The table of seats."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.core.seats import SeatStatus
from boreal.kit.db import metadata, one_of

CustomerSeatRow = sa.Table(
    "customer_seats",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("subscription_id", UUID, sa.ForeignKey("subscriptions.id")),
    sa.Column("order_id", UUID, sa.ForeignKey("orders.id")),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("customer_id", UUID, sa.ForeignKey("customers.id")),
    sa.Column("invitation_hash", sa.Text, unique=True),
    sa.Column("sealed_invitation", sa.Text),
    sa.Column("invitation_token_expires_at", sa.DateTime(timezone=True)),
    sa.Column("claimed_at", sa.DateTime(timezone=True)),
    sa.Column("revoked_at", sa.DateTime(timezone=True)),
    sa.Column("seat_metadata", JSONB),
    one_of("status", SeatStatus),
    sa.CheckConstraint("(subscription_id IS NULL) <> (order_id IS NULL)", name="container"),
    sa.CheckConstraint("(customer_id IS NULL) = (status = 'revoked')", name="holder"),
    sa.CheckConstraint("(invitation_hash IS NOT NULL) = (status = 'pending')", name="invitation"),
    # A customer holds one seat of a container at most.
    sa.Index("uq_customer_seats_subscription_id_customer_id", "subscription_id", "customer_id", unique=True),
    sa.Index("uq_customer_seats_order_id_customer_id", "order_id", "customer_id", unique=True),
    sa.Index("ix_customer_seats_customer_id", "customer_id"),
)
