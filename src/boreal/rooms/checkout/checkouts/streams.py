"""Server-sent events for who watches a session (catalog spec 8).

Nothing is published anywhere: while somebody watches, one loop of the process looks at all watched sessions with one
statement whenever there may be news, and tells each watcher what `core.checkout_news` makes of the difference. What
wakes the workers of every process (`kit.work.Wakeups`) wakes that loop too, so it does not matter where a session is
changed. Without watchers there is no loop.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.checkout_news import Glance, News, news
from boreal.core.checkouts import Checkout, CheckoutStatus
from boreal.kit.clock import Clock
from boreal.kit.db import FAILURES, Database
from boreal.kit.problems import Problem
from boreal.kit.routing import dump
from boreal.kit.times import ClockRow
from boreal.kit.work import DISPATCH, Wakeups
from boreal.rooms.checkout.checkouts.tables import CheckoutRow
from boreal.rooms.platform.public import is_told

MAX_WATCHERS = 1000
"""How many streams a process keeps open; more are refused, and their clients read the session again instead."""
MAX_PER_SESSION = 10
MAX_UNSENT = 100
PING_S = 15.0
"""How often a silent stream says that it is still there."""
AGAIN_S = 0.1
"""The pause between two looks."""
UNTOLD_S = 0.5
"""How soon to look again while a merchant's endpoint has not heard everything."""
IDLE_S = 15.0
"""How soon to look again although nothing woke the loop; it also ends the streams of sessions whose hour is over."""

C = CheckoutRow.c

_NOW = sa.func.coalesce(ClockRow.c.time, sa.bindparam("now", type_=sa.DateTime(timezone=True)))
_GLANCES = (
    sa.select(
        C.id,
        C.status,
        C.modified_at,
        C.subscription_id,
        (C.expires_at <= _NOW).label("has_expired"),
        is_told(C.organization_id, C.id).label("is_told"),
    )
    .select_from(CheckoutRow.outerjoin(ClockRow, ClockRow.c.organization_id == C.organization_id))
    .where(C.id == sa.func.any(sa.bindparam("ids", type_=ARRAY(PgUUID))))
)

_log = structlog.get_logger("boreal.streams")


class TooManyStreams(Problem):
    """This process or this session has as many streams as it may have; reading the session again always works."""

    status = 429

    def __init__(self) -> None:
        super().__init__("Too many streams are open.", headers={"retry-after": "15"})


@dataclass(eq=False)
class _Watcher:
    """Somebody who watches a session: what they saw last, and what they have not been sent yet; None ends it.

    Who does not read loses messages, as everybody does who was not there.
    """

    seen: Glance
    unsent: asyncio.Queue[News | None] = field(default_factory=lambda: asyncio.Queue(maxsize=MAX_UNSENT))


class CheckoutStreams:
    """The streams of one process."""

    def __init__(self, database: Database, clock: Clock, wakeups: Wakeups) -> None:
        self._database = database
        self._clock = clock
        self._woken = wakeups.event(DISPATCH, waiter="checkout streams")
        self._watchers: dict[UUID, set[_Watcher]] = {}
        self._loop: asyncio.Task[None] | None = None

    @property
    def count(self) -> int:
        """How many streams are open."""
        return sum(len(watchers) for watchers in self._watchers.values())

    def open(self, checkout: Checkout) -> AsyncIterator[bytes]:
        """What happens to the session from now on, as the lines of a `text/event-stream`, until it has come to its end.

        Raises `TooManyStreams`.
        """
        if self.count >= MAX_WATCHERS or len(self._watchers.get(checkout.id, ())) >= MAX_PER_SESSION:
            raise TooManyStreams
        return self._lines(checkout)

    async def _lines(self, checkout: Checkout) -> AsyncIterator[bytes]:
        with self._watching(checkout) as watcher:
            yield b": watching\n\n"
            while True:
                message: News | None = None
                try:
                    async with asyncio.timeout(PING_S):
                        message = await watcher.unsent.get()
                except TimeoutError:
                    yield b": ping\n\n"
                    continue
                if message is None:
                    return
                key, payload = message
                yield b"data: " + dump({"id": uuid4(), "key": key, "payload": payload}) + b"\n\n"

    @contextmanager
    def _watching(self, checkout: Checkout) -> Any:
        watcher = _Watcher(Glance(checkout.status, checkout.modified_at, checkout.subscription_id))
        self._watchers.setdefault(checkout.id, set()).add(watcher)
        self._woken.set()
        if self._loop is None or self._loop.done():
            self._loop = asyncio.get_running_loop().create_task(self._watch())
        try:
            yield watcher
        finally:
            self._watchers[checkout.id].discard(watcher)
            if not self._watchers[checkout.id]:
                del self._watchers[checkout.id]

    async def _watch(self) -> None:
        """Looks whenever there may be news, for as long as anybody watches."""
        while self._watchers:
            self._woken.clear()
            try:
                everything_told = await self._look()
            except FAILURES as error:
                _log.warning("look_failed", error=str(error))
                everything_told = False
            await asyncio.sleep(AGAIN_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S if everything_told else UNTOLD_S):
                    await self._woken.wait()

    async def _look(self) -> bool:
        """One look at every watched session; says whether the merchants have heard everything."""
        rows = await self._database.fetch(_GLANCES, ids=list(self._watchers), now=self._clock.now())
        for row in rows:
            glance = Glance(CheckoutStatus(row["status"]), row["modified_at"], row["subscription_id"], row["is_told"])
            _tell(self._watchers.get(row["id"], ()), glance, ends=glance.is_over or row["has_expired"])
        return all(row["is_told"] for row in rows)


def _tell(watchers: Iterable[_Watcher], glance: Glance, *, ends: bool) -> None:
    for watcher in watchers:
        messages = [*news(watcher.seen, glance), *([None] if ends else [])]
        watcher.seen = glance
        with suppress(asyncio.QueueFull):
            for message in messages:
                watcher.unsent.put_nowait(message)
