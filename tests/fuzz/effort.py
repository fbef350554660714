"""How hard the fuzzers of this folder try, and how hypothesis explores a running application.

By default all of them together take about a minute and always try the same. `FULL_FUZZ=1` makes them try everything
that they can think of, many times as long.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

FULL = os.environ.get("FULL_FUZZ", "") not in ("", "0")

EXAMPLES = 1500 if FULL else 60
"""How many examples hypothesis tries of each kind."""


async def explore(strategy: SearchStrategy[Any], check: Callable[[Any], Awaitable[None]]) -> None:
    """Tries `check` in this event loop with what the strategy finds; raises the simplest failure that it gets.

    Without `FULL_FUZZ` a failure is not made simpler, which can take long.
    """
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate, *([Phase.shrink] if FULL else [])],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(example: Any) -> None:
        asyncio.run_coroutine_threadsafe(_awaited(check(example)), loop).result()

    await asyncio.to_thread(run)


async def _awaited(checked: Awaitable[None]) -> None:
    await checked
