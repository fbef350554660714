"""Turns: large bodies are read one at a time, one of each organization after the other.

Reading a thousand events takes some milliseconds, in which the process does nothing else. Whoever sends many such
bodies at once waits for its own, not everybody for it, and is refused when too much of it is waiting.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from boreal.kit.courtesy import Courtesy
from boreal.kit.ratelimit import RateLimited

LARGE_BYTES = 16_000
"""Bodies below this are read as they come."""
MAX_UNREAD_BYTES = 20_000_000
"""How much of one caller may wait to be read."""


@dataclass
class _Line:
    unread: int = 0
    first: asyncio.Lock = field(default_factory=asyncio.Lock)


class Turns:
    """Who is next, in one process."""

    def __init__(self) -> None:
        self._lines: dict[UUID, _Line] = {}
        self._reading = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, courtesy: Courtesy, who: UUID, *, size: int) -> AsyncIterator[None]:
        """Runs the block when it is the caller's turn. Raises `RateLimited` if too much of the caller is waiting."""
        if size < LARGE_BYTES:
            await courtesy.give_way()
            yield
            return
        line = self._lines.setdefault(who, _Line())
        if line.unread and line.unread + size > MAX_UNREAD_BYTES:
            raise RateLimited(1)
        line.unread += size
        try:
            async with line.first, self._reading:  # so one of each caller is in the line of all
                await courtesy.give_way()
                yield
        finally:
            line.unread -= size
            if not line.unread:
                self._lines.pop(who, None)
