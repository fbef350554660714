"""The table of processor events: which ones were received already."""

import sqlalchemy as sa

from boreal.kit.db import metadata

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
