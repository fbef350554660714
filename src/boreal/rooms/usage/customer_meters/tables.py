"""The table of customer meters: credits, and where the window of each begins. Usage is in the tables of meters."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from boreal.kit.db import metadata

CustomerMeterRow = sa.Table(
    "customer_meters",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, nullable=False),
    sa.Column("customer_id", UUID, nullable=False),
    sa.Column("meter_id", UUID, nullable=False),
    # The window holds the events of this place in their order and later; -1: it was never reset.
    sa.Column("window_seq", sa.BigInteger, nullable=False),
    sa.Column("reset_at", sa.DateTime(timezone=True)),
    # Sums that never go below zero, in the order of the credits (usage spec 5.1, 5.5): all of the window, those that
    # end with it, and those that roll over.
    sa.Column("credited_units", sa.BigInteger, nullable=False),
    sa.Column("plain_units", sa.BigInteger, nullable=False),
    sa.Column("rollover_units", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("customer_id", "meter_id"),
    sa.Index("ix_customer_meters_meter_id", "meter_id"),
    sa.Index("ix_customer_meters_organization_id", "organization_id"),
    sa.CheckConstraint("credited_units >= 0 AND plain_units >= 0 AND rollover_units >= 0", name="credits"),
)
