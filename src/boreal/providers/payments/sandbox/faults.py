"""A network that fails on demand: what tests let happen between Boreal and the sandbox.

Everything is off by default and can be set while a process runs. What happens is drawn from the seed, the idempotency
key (or the object) and how often it was tried, so that a test which failed fails again.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from boreal.providers.ports import ProcessorUnavailable


@dataclass(slots=True, kw_only=True)
class Faults:
    """How often (0 to 1) something goes wrong, and by how much.

    `lost_before`: the request never arrives. `lost_after`: it is done, but the reply is lost. `processing`: an approved
    payment is answered with `Processing` and succeeds `settles_after_s` later. `doubled`, `late`, `silent`: listeners
    hear of an event twice, `late_s` later, or not at all. `latency_s` is the longest pause before a call.
    """

    seed: int = 0
    latency_s: float = 0.0
    lost_before: float = 0.0
    lost_after: float = 0.0
    processing: float = 0.0
    settles_after_s: float = 2.0
    doubled: float = 0.0
    late: float = 0.0
    late_s: float = 1.0
    silent: float = 0.0
    _tries: Counter[tuple[str, str]] = field(default_factory=Counter, repr=False)

    def happens(self, what: str, subject: str, chance: float) -> bool:
        """Whether it happens this time."""
        return chance > 0 and self._draw(what, subject) < chance

    @asynccontextmanager
    async def call(self, subject: str) -> AsyncIterator[None]:
        """Goes around a call: waits, and raises `ProcessorUnavailable` before or after it."""
        if self.latency_s > 0:
            await asyncio.sleep(self._draw("latency", subject) * self.latency_s)
        if self.happens("lost_before", subject, self.lost_before):
            raise ProcessorUnavailable("The request was lost on its way.")
        yield
        if self.happens("lost_after", subject, self.lost_after):
            raise ProcessorUnavailable("The reply was lost on its way.")

    def _draw(self, what: str, subject: str) -> float:
        self._tries[what, subject] += 1
        return random.Random(f"{self.seed}:{what}:{subject}:{self._tries[what, subject]}").random()
