"""The tables of meters and of what they have counted.

Ingestion adds to `meter_usage`, one row per meter and subject. Closing a row moves what it holds to `meter_segments`
and begins it anew. The usage of a window is what is in the segments and the row since the window began. All of it is
derived from events: `boreal.rooms.usage.meters.verification` counts it anew and compares.

The organization itself counts as a meter of all its events, so that lists know how many there are.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from boreal.kit.db import metadata

MeterRow = sa.Table(
    "meters",
    metadata,
    sa.Column("id", UUID, primary_key=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True)),
    sa.Column("organization_id", UUID, sa.ForeignKey("organizations.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("filter", JSONB, nullable=False),
    sa.Column("aggregation", JSONB, nullable=False),
    sa.Column("metadata", JSONB, nullable=False),
    sa.Column("archived_at", sa.DateTime(timezone=True)),
    # Since which place in the order of events it has not been counting, while archived.
    sa.Column("archived_seq", sa.BigInteger),
    sa.Index("ix_meters_organization_id", "organization_id"),
)

MeterGenerationRow = sa.Table(
    "meter_generations",
    metadata,
    sa.Column("organization_id", UUID, primary_key=True),
    sa.Column("generation", sa.BigInteger, nullable=False),
)
"""Counts the changes of an organization's meters.

Ingestion holds the row shared until its commit and checks that it knows the newest meters. Who changes meters holds it
alone: then nothing is being counted by the old ones.
"""

MeterFillRow = sa.Table(
    "meter_fills",
    metadata,
    sa.Column("meter_id", UUID, sa.ForeignKey("meters.id"), primary_key=True),
    sa.Column("from_seq", sa.BigInteger, primary_key=True),
    sa.Column("until_seq", sa.BigInteger, nullable=False),
)
"""Events that a meter has not counted yet: those before it was made, or while it was archived. Reads count them."""

MeterHoldRow = sa.Table(
    "meter_holds",
    metadata,
    sa.Column("meter_id", UUID, sa.ForeignKey("meters.id"), primary_key=True),
    sa.Column("holder_kind", sa.Text, primary_key=True),
    sa.Column("holder_id", UUID, primary_key=True),
    sa.CheckConstraint("holder_kind IN ('product', 'benefit')", name="holder_kind"),
    sa.Index("ix_meter_holds_holder_id", "holder_id"),
)
"""What is in use and so cannot be archived; rooms above take holds and release them."""


def _counted() -> tuple[sa.Column[Any], ...]:
    """What is kept of counted events: how many, and of their numbers sum, least and greatest (None without any)."""
    return (
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("sum", sa.Numeric),
        sa.Column("min", sa.Numeric),
        sa.Column("max", sa.Numeric),
    )


MeterUsageRow = sa.Table(
    "meter_usage",
    metadata,
    sa.Column("meter_id", UUID, primary_key=True),
    sa.Column("subject", UUID, primary_key=True),
    sa.Column("from_seq", sa.BigInteger, nullable=False),
    sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
    *_counted(),
    postgresql_with={"fillfactor": 50},
)
"""What a subject used since the row was last closed: events of this place in the order and later."""

MeterSegmentRow = sa.Table(
    "meter_segments",
    metadata,
    sa.Column("meter_id", UUID, primary_key=True),
    sa.Column("subject", UUID, primary_key=True),
    sa.Column("from_seq", sa.BigInteger, primary_key=True),
    sa.Column("until_seq", sa.BigInteger, nullable=False),
    # False for what was counted afterwards: events older than the meter, or of when it was archived (usage spec 4.1).
    sa.Column("billable", sa.Boolean, nullable=False),
    *_counted(),
)
"""What was used between two closings."""

MeterValueRow = sa.Table(
    "meter_values",
    metadata,
    sa.Column("meter_id", UUID, primary_key=True),
    sa.Column("subject", UUID, primary_key=True),
    sa.Column("from_seq", sa.BigInteger, primary_key=True),
    sa.Column("value", UUID, primary_key=True),
)
"""The different values (their digests) that a `unique` meter saw, per segment; `from_seq` is that of the segment."""

MeterValueCountRow = sa.Table(
    "meter_value_counts",
    metadata,
    sa.Column("meter_id", UUID, primary_key=True),
    sa.Column("subject", UUID, primary_key=True),
    sa.Column("from_seq", sa.BigInteger, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    postgresql_with={"fillfactor": 50},
)
"""How many rows of `meter_values` a segment has."""

MeterRollupRow = sa.Table(
    "meter_rollups",
    metadata,
    sa.Column("meter_id", UUID, primary_key=True),
    # Nil: of all subjects together.
    sa.Column("subject", UUID, primary_key=True),
    # 1 for hours, 24 for days.
    sa.Column("hours", sa.SmallInteger, primary_key=True),
    # Which hour or day since 1970, in UTC.
    sa.Column("bucket", sa.Integer, primary_key=True),
    # Each process counts for all subjects in rows of its own; to be added up.
    sa.Column("slot", sa.SmallInteger, primary_key=True),
    *_counted(),
    postgresql_with={"fillfactor": 50},
)
"""What happened in an hour or a day, by the time that events tell: of all subjects by both, of each one by day."""
