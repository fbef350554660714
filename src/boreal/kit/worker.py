"""The worker: dispatches facts and does due work, in one event loop, until it is told to stop."""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from time import monotonic

import structlog

from boreal.kit.app import App
from boreal.kit.claims import Claims
from boreal.kit.db import FAILURES
from boreal.kit.facts import Dispatcher
from boreal.kit.telemetry import begin_trace
from boreal.kit.work import DISPATCH, Kind, Later, Work

_log = structlog.get_logger("boreal.worker")

IDLE_S = 5.0
"""How long a loop sleeps at most when nothing is due and nobody wakes it."""
WAIT_S = 1.0
"""How long a claimed row may wait for a slot. Longer, and it goes back, for another worker to take."""
MARGIN_S = 5.0
"""How much longer a claim holds than its handler may take: time to wait for a slot, and to record how it ended."""


async def _unknown(_app: App, work: Work) -> None:
    raise LookupError(f"no room of this version does {work.kind}")


_UNKNOWN = Kind(_unknown)


async def run(app: App, work: Work, claims: Claims, *, now: datetime | None = None) -> None:
    """Does one claimed row and records how it ended, a failure too. What escapes is that it could not be recorded.

    `now` is the time by which a row comes again, if that is not real time.
    """
    kind = app.kinds.get(work.kind, _UNKNOWN)
    begin_trace(work.trace)
    try:
        async with asyncio.timeout(kind.lease_s):
            await kind.handler(app, work)
    except Later as later:
        await claims.postpone(work, later)
    except Exception as error:
        _log.warning("work_failed", kind=work.kind, id=work.id, attempts=work.attempts, exc_info=error)
        await claims.fail(work, kind, f"{type(error).__name__}: {error}", now=now or app.clock.now())
    else:
        await claims.finish(work, now=now or app.clock.now())


class Worker:
    """Runs every queue with its own number of concurrent rows, and the dispatcher."""

    def __init__(self, app: App, dispatcher: Dispatcher, *, concurrency: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._dispatcher = dispatcher
        given = concurrency or {}
        self._queues = {queue: given.get(queue, 8) for queue in sorted({kind.queue for kind in app.kinds.values()})}

    async def run(self) -> None:
        """Works until cancelled; rows in progress are then left to their lease."""
        for loop in ("dispatch", *self._queues):
            self._app.metrics.beat(loop)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._dispatch())
            for queue, slots in self._queues.items():
                group.create_task(self._work(queue, slots))

    async def _dispatch(self) -> None:
        wake = self._app.wakeups.event(DISPATCH)
        while True:
            wake.clear()
            try:
                done = await self._dispatcher.run_once(now=self._app.clock.now())
                self._app.metrics.beat("dispatch")
            except Exception as error:
                _log.error("dispatch_failed", exc_info=error)
                await asyncio.sleep(1)
                continue
            if not done:
                await _sleep(wake, IDLE_S)

    async def _work(self, queue: str, slots: int) -> None:
        claims = Claims(self._app.database, queue)
        wake = self._app.wakeups.event(queue)
        kinds = [kind for kind in self._app.kinds.values() if kind.queue == queue]
        lease_s = max(kind.lease_s for kind in kinds)
        pace_s = max(kind.pace_s for kind in kinds)
        running: set[asyncio.Task[None]] = set()
        waiting: deque[Work] = deque()
        ahead, until = 0, 0.0
        try:
            while True:
                wake.clear()
                try:
                    if waiting and monotonic() >= until:
                        await claims.give_back(waiting, now=self._app.clock.now())
                        waiting.clear()
                    if len(running) < slots and not waiting:
                        wanted = slots - len(running) + ahead
                        until = monotonic() + WAIT_S
                        waiting += await claims.claim(
                            now=self._app.clock.now(), batch_size=wanted, lease_s=lease_s + MARGIN_S
                        )
                        ahead = slots if len(waiting) == wanted else 0
                    self._app.metrics.beat(queue)
                except Exception as error:
                    _log.error("claim_failed", queue=queue, exc_info=error)
                    await asyncio.sleep(1)
                    continue
                begun = min(len(waiting), slots - len(running))
                for _ in range(begun):
                    self._begin(waiting.popleft(), claims, running, wake)
                if waiting:
                    await _sleep(wake, WAIT_S)
                elif begun and not ahead:
                    await asyncio.sleep(pace_s)
                elif not begun:
                    await _sleep(wake, await self._pause_s(claims) if len(running) < slots else IDLE_S)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            with suppress(*FAILURES):
                await claims.give_back(waiting, now=self._app.clock.now())

    def _begin(self, work: Work, claims: Claims, running: set[asyncio.Task[None]], wake: asyncio.Event) -> None:
        task = asyncio.create_task(self._run(work, claims))
        running.add(task)
        task.add_done_callback(running.discard)
        task.add_done_callback(lambda _task: wake.set())

    async def _run(self, work: Work, claims: Claims) -> None:
        try:
            await run(self._app, work, claims)
        except Exception as error:
            _log.error("work_not_recorded", kind=work.kind, id=work.id, exc_info=error)

    async def _pause_s(self, claims: Claims) -> float:
        with suppress(Exception):
            due_at = await claims.next_due_at()
            if due_at is not None:
                return min(max((due_at - self._app.clock.now()).total_seconds(), 0.01), IDLE_S)
        return IDLE_S


async def _sleep(wake: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wake.wait()


_DRAIN_LEASE_S = 300.0


async def drain(app: App, dispatcher: Dispatcher, *, limit: int = 10_000) -> int:
    """Does everything that is due by the app's clock, in order, until nothing is; returns the number of rows done.

    For tests and for moving test clocks. Raises `RuntimeError` when more than `limit` rows keep coming.
    """
    done = 0
    queues = {kind.queue: Claims(app.database, kind.queue) for kind in app.kinds.values()}
    while True:
        dispatched = await dispatcher.run_once(now=app.clock.now())
        taken = []
        for claims in queues.values():
            for work in await claims.claim(now=app.clock.now(), batch_size=100, lease_s=_DRAIN_LEASE_S):
                taken.append(work)
                await run(app, work, claims)
        done += len(taken)
        if done > limit:
            raise RuntimeError(f"more than {limit} rows of work; does one bring about itself?")
        if not taken and not dispatched:
            return done
