"""One transaction of the sandbox."""

import asyncio
from datetime import datetime, timedelta
from typing import Literal

from boreal.kit.db import Connection
from boreal.providers.payments.sandbox.events import INSERT_EVENT, load_event
from boreal.providers.payments.sandbox.identity import Identity
from boreal.providers.ports import ProcessorEvent


class Step:
    """What a change needs: the connection, the time, and a place for the events that become true with it."""

    def __init__(self, connection: Connection, *, now: datetime, identity: Identity, settles_after: timedelta) -> None:
        self.connection = connection
        self.now = now
        self.identity = identity
        self.settles_at = now + settles_after
        self.events: list[ProcessorEvent] = []
        self.calls: list[asyncio.Task[None]] = []

    async def changed(self, kind: Literal["payment", "setup", "refund", "dispute"], object_id: str) -> None:
        """Writes the event that the object changed."""
        row = await self.connection.fetchrow(INSERT_EVENT, kind=kind, object_id=object_id, happened_at=self.now)
        assert row is not None
        self.events.append(load_event(row))
