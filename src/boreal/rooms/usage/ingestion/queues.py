"""The way in: requests that come at the same time are written together, in a bounded queue per organization.

One commit serves many requests, so that single events cost little more than those of a large batch. Organizations have
queues and writers of their own; what one of them sends does not wait behind another's. A full queue refuses with 429.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

from boreal.kit.app import App
from boreal.kit.idempotency import under_key
from boreal.kit.ratelimit import RateLimited
from boreal.rooms.usage.ingestion.batches import Batch
from boreal.rooms.usage.ingestion.turns import Turns
from boreal.rooms.usage.ingestion.writing import Memory, write

MAX_TOGETHER = 1000
"""How many events requests may have to be written together; a larger request is written alone."""
MAX_WAITING = 20_000
"""How many events may wait in the queue of one organization."""
MAX_WRITERS = 4
"""How many connections ingestion uses at once."""

T = TypeVar("T")
Writer = Callable[[App, Memory, UUID, Sequence[T]], Awaitable[None]]
"""Writes what several requests of an organization ask for, in one transaction."""


@dataclass
class _Waiting(Generic[T]):
    request: T
    size: int
    done: asyncio.Future[None]


@dataclass
class _Queue(Generic[T]):
    waiting: deque[_Waiting[T]] = field(default_factory=deque)
    events: int = 0
    writer: asyncio.Task[None] | None = None
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)


class Queues(Generic[T]):
    """The requests of one kind that one process has: a queue per organization, and few connections for all."""

    def __init__(self, write: Writer[T], *, memory: Memory, is_bulk: bool = False) -> None:
        """What is in bulk lets requests go first that somebody waits for."""
        self._write = write
        self._memory = memory
        self._is_bulk = is_bulk
        self._queues: dict[UUID, _Queue[T]] = {}
        self._connections = asyncio.Semaphore(MAX_WRITERS)

    async def put(self, app: App, organization_id: UUID, request: T, *, size: int) -> None:
        """Returns when the request, which has `size` events, is written for good or found to be refused.

        Raises `RateLimited` if too much is waiting.
        """
        queue = self._queues.setdefault(organization_id, _Queue())
        if queue.events and queue.events + size > MAX_WAITING:
            raise RateLimited(1)
        if under_key():
            await self._write_alone(app, organization_id, queue, request, size=size)
            return
        waiting = _Waiting(request, size, asyncio.get_running_loop().create_future())
        queue.waiting.append(waiting)
        queue.events += size
        if queue.writer is None:
            queue.writer = asyncio.create_task(self._write_all(app, organization_id, queue))
        await waiting.done

    async def _write_alone(self, app: App, organization_id: UUID, queue: _Queue[T], request: T, *, size: int) -> None:
        """In a transaction of its own, after others of the organization that need one."""
        queue.events += size
        try:
            async with queue.alone, self._connections:
                await self._write(app, self._memory, organization_id, [request])
        finally:
            queue.events -= size
            self._forget(organization_id, queue)

    def _forget(self, organization_id: UUID, queue: _Queue[T]) -> None:
        if not queue.events and queue.writer is None:
            self._queues.pop(organization_id, None)

    async def _write_all(self, app: App, organization_id: UUID, queue: _Queue[T]) -> None:
        try:
            while queue.waiting:
                await self._write_some(app, organization_id, queue)
        finally:
            queue.writer = None
            for left in queue.waiting:  # only if this task was cancelled
                queue.events -= left.size
                left.done.cancel()
            self._forget(organization_id, queue)

    async def _write_some(self, app: App, organization_id: UUID, queue: _Queue[T]) -> None:
        async with self._connections:
            together = [queue.waiting.popleft()]
            size = together[0].size
            while queue.waiting and size + queue.waiting[0].size <= MAX_TOGETHER:
                together.append(queue.waiting.popleft())
                size += together[-1].size
            queue.events -= size
            if self._is_bulk:
                await app.courtesy.give_way()
            try:
                await self._write(app, self._memory, organization_id, [waiting.request for waiting in together])
            except Exception as error:  # noqa: BLE001  # whatever it is, those who wait get it
                self._settle(together, error)
            else:
                self._settle(together, None)

    def _settle(self, together: list[_Waiting[T]], error: Exception | None) -> None:
        for waiting in together:
            if waiting.done.done():
                continue  # who asked has gone
            if error is None:
                waiting.done.set_result(None)
            else:
                waiting.done.set_exception(error)


class Ingestion:
    """Takes in the events of one process."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.turns = Turns()
        self._batches: Queues[Batch] = Queues(write, memory=self.memory, is_bulk=True)

    async def take_in(self, app: App, organization_id: UUID, batch: Batch) -> dict[str, int]:
        """Returns when the events are stored for good: how many were new. Raises `Invalid`, and `RateLimited` if too
        much is waiting."""
        await self._batches.put(app, organization_id, batch, size=len(batch.events))
        return batch.verdict
