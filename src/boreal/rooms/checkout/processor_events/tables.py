"""Which events of the processor were received already, and how far its own list of them was read."""

import sqlalchemy as sa

from boreal.kit.db import metadata

ProcessorCursorRow = sa.Table(
    "processor_cursors",
    metadata,
    sa.Column("processor", sa.Text, primary_key=True),
    sa.Column("cursor", sa.Text, comment="where its list of events was read last; null before its first event"),
)

ProcessorEventRow = sa.Table(
    "processor_events",
    metadata,
    sa.Column("processor", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True, comment="the processor's"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("object_id", sa.Text, nullable=False),
    sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, index=True),
)
