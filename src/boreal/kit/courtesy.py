"""Courtesy: work in bulk lets requests go first that somebody waits for, in a process with one event loop.

    asking = app.courtesy.ask()         # the HTTP surface, for every request; over when its reply begins
    await app.courtesy.give_way()       # before each piece of work in bulk

Who gives way waits until nobody asks, but never long: a process that always serves somebody still does its other work.
"""

import asyncio
from collections.abc import Callable

AT_MOST_S = 0.02


class Asking:
    """A request that somebody waits for, until it is over."""

    __slots__ = ("_end",)

    def __init__(self, end: Callable[[], None]) -> None:
        self._end: Callable[[], None] | None = end

    def over(self) -> None:
        """Nobody waits any more, or nobody has to be let go first; may be called again."""
        end, self._end = self._end, None
        if end is not None:
            end()


class Courtesy:
    """Who asks in this process, and who lets them go first."""

    def __init__(self) -> None:
        self._asking = 0
        self._giving_way: list[asyncio.Future[None]] = []

    def ask(self) -> Asking:
        """From now on somebody waits."""
        self._asking += 1
        return Asking(self._end)

    def _end(self) -> None:
        self._asking -= 1
        if not self._asking:
            for waiter in self._giving_way:
                _go_on(waiter)
            self._giving_way.clear()

    async def give_way(self, *, at_most_s: float = AT_MOST_S) -> None:
        """Returns when nobody asks, or after so many seconds."""
        if not self._asking:
            return
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._giving_way.append(waiter)
        timer = loop.call_later(at_most_s, _go_on, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            if waiter in self._giving_way:
                self._giving_way.remove(waiter)


def _go_on(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
