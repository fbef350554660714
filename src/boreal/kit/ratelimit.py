"""Rate limits (platform spec 5): fixed windows per caller, exact within one process.

The public rules are the defaults; the limit per minute is a setting and 0 switches everything off. A special path has
a counter of its own and does not use up the general one. Tripping a rule that blocks closes every path to the caller
until the block ends.
"""

import math
import re
from dataclasses import dataclass

from boreal.kit.auth import Actor, Subject
from boreal.kit.clock import Clock
from boreal.kit.problems import Problem


class RateLimited(Problem):
    """Too many requests: 429 with an empty body and `retry-after` in seconds."""

    status = 429

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("", headers={"retry-after": str(retry_after_s)})


@dataclass(frozen=True, slots=True)
class Rule:
    """`limits` are (requests, window in seconds); a refusal blocks the caller for `block_s`, if that is not 0."""

    path: re.Pattern[str]
    limits: tuple[tuple[int, int], ...]
    block_s: int = 0


def rules(per_minute: int) -> tuple[Rule, ...]:
    """The rules in order; the first whose path matches counts."""
    return (
        Rule(re.compile(r"/v1/login-code"), ((6, 60), (12, 3600)), 900),
        Rule(
            re.compile(r"/v1/customer-portal/customer-session/(request|authenticate)"),
            ((6, 60), (12, 3600)),
            900,
        ),
        Rule(re.compile(r"/v1/customer-portal/license-keys/(validate|activate|deactivate)"), ((3, 1),), 60),
        Rule(re.compile(r"/v1/customer-seats/claim/.+/stream"), ((10, 60),), 300),
        Rule(re.compile(r"/v1"), ((per_minute, 60),)),
    )


def caller(actor: Actor, peer: str) -> str:
    """Who is counted: an organization as a whole, a user, a customer, or the address of nobody in particular."""
    if actor.kind is Subject.organization:
        return f"organization:{actor.organization_id}"
    if actor.kind is Subject.user:
        return f"user:{actor.user_id}"
    if actor.kind is Subject.customer:
        return f"customer:{actor.customer_id}"
    if actor.kind is Subject.member:
        return f"member:{actor.member_id}"
    return f"address:{peer}"


class Limiter:
    """Counts requests. `per_minute` 0 means no limits at all."""

    def __init__(self, clock: Clock, *, per_minute: int) -> None:
        self._clock = clock
        self._rules = rules(per_minute) if per_minute else ()
        self._windows: dict[tuple[str, int, int], tuple[float, int]] = {}
        self._blocked: dict[str, float] = {}
        self._tidy_at = 0.0

    def check(self, actor: Actor, path: str, peer: str) -> None:
        """Counts one request; raises `RateLimited` when it is one too many."""
        found = next(((index, rule) for index, rule in enumerate(self._rules) if rule.path.match(path)), None)
        if found is None:
            return
        index, rule = found
        now, who = self._clock.monotonic_s(), caller(actor, peer)
        self._tidy(now)
        blocked_until = self._blocked.get(who, 0.0)
        if blocked_until > now:
            raise RateLimited(_whole_seconds(blocked_until - now))
        counted = []
        for limit, window_s in rule.limits:
            key = (who, index, window_s)
            ends, count = self._windows.get(key, (now + window_s, 0))
            if ends <= now:
                ends, count = now + window_s, 0
            if count >= limit:
                if rule.block_s:
                    self._blocked[who] = now + rule.block_s
                raise RateLimited(rule.block_s or window_s)
            counted.append((key, (ends, count + 1)))
        self._windows.update(counted)

    def _tidy(self, now: float) -> None:
        """Forgets what is over, once a minute: so a request never pays for more than its own."""
        if now >= self._tidy_at:
            self._tidy_at = now + _TIDY_S
            self._windows = {key: window for key, window in self._windows.items() if window[0] > now}
            self._blocked = {who: until for who, until in self._blocked.items() if until > now}


_TIDY_S = 60.0


def _whole_seconds(seconds: float) -> int:
    """Rounded up, since a little too early is one more refusal; what floats add is not counted."""
    return math.ceil(round(seconds, 3))
