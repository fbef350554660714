"""The checks of one process: those of an organization that come at the same time are answered together."""

from collections.abc import Mapping
from typing import Any

from boreal.kit.app import App
from boreal.rooms.usage.checks.requests import Check
from boreal.rooms.usage.checks.writing import settle_checks
from boreal.rooms.usage.ingestion.queues import Ingestion, Queues


class Checks:
    """Answers checks. One transaction has all those that wait, however many ask about one customer."""

    def __init__(self, ingestion: Ingestion) -> None:
        self._queues: Queues[Check] = Queues(settle_checks, memory=ingestion.memory)

    async def settle(self, app: App, check: Check) -> Mapping[str, Any]:
        """The verdict, once it is stored for good. Raises `Invalid`, and `RateLimited` if too much is waiting."""
        await self._queues.put(app, check.organization_id, check, size=1)
        return check.outcome
