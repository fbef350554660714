"""What a process counts and measures of itself, under the names that Prometheus reads.

Counting costs a few microseconds. What the database knows (work that waits, facts that wait) and the state of the pool
are asked for only when somebody reads the page: `Metrics.page`.

    boreal_build_info                            gauge       version
    boreal_http_requests_total                   counter     method, route (its template), status
    boreal_http_request_duration_seconds         histogram   method, route
    boreal_work_oldest_due_seconds               gauge       queue: how long the oldest due row has waited
    boreal_work_failed                           gauge       rows that were given up and wait for a person
    boreal_facts_undispatched                    gauge       facts that the dispatcher has not seen yet
    boreal_dispatcher_lag_seconds                gauge       the age of the oldest of them
    boreal_webhook_deliveries_total              counter     outcome: delivered, refused (a reply), failed (none)
    boreal_database_pool_connections             gauge       state: open, in_use
    boreal_database_pool_limit                   gauge       how many there may be
    boreal_database_pool_wait_seconds            gauge       how long this very page waited for a connection
    boreal_loop_last_round_seconds               gauge       loop: how long ago a loop of the worker last came round
    process_*                                    memory, CPU time and open files of the process
"""

from collections.abc import Iterable
from datetime import datetime
from importlib.metadata import version

import sqlalchemy as sa
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from boreal.kit.clock import Clock
from boreal.kit.db import Connection, Database
from boreal.kit.work import WorkRow

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_OLDEST_DUE = sa.select(sa.func.min(WorkRow.c.due_at)).where(
    WorkRow.c.queue == sa.bindparam("queue"), WorkRow.c.failed_at.is_(None), ~WorkRow.c.on_clock
)
_FAILED = sa.select(sa.func.count()).where(WorkRow.c.failed_at.is_not(None))
_FACTS = sa.text("SELECT count(*) AS waiting, min(occurred_at) AS oldest FROM facts WHERE position IS NULL")


disable_created_metrics()  # type: ignore[no-untyped-call]  # a series for each series, which nobody reads


class Metrics:
    """The numbers of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._registry = CollectorRegistry()
        self._beats: dict[str, float] = {}
        self._routes: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._requests = self._counter("http_requests", "Requests answered.", "method", "route", "status")
        self._duration = Histogram(
            "boreal_http_request_duration_seconds",
            "From the request's headers to the end of its reply.",
            ("method", "route"),
            registry=self._registry,
            buckets=_BUCKETS_S,
        )
        self._deliveries = self._counter("webhook_deliveries", "Attempts to deliver a webhook.", "outcome")
        self._oldest_due = self._gauge("work_oldest_due_seconds", "How long the oldest due row has waited.", "queue")
        self._failed = self._gauge("work_failed", "Rows of work that were given up.")
        self._undispatched = self._gauge("facts_undispatched", "Facts that the dispatcher has not seen.")
        self._lag = self._gauge("dispatcher_lag_seconds", "The age of the oldest undispatched fact.")
        self._pool = self._gauge("database_pool_connections", "Connections of this process.", "state")
        self._pool_limit = self._gauge("database_pool_limit", "How many connections this process may open.")
        self._pool_wait = self._gauge("database_pool_wait_seconds", "How long this page waited for a connection.")
        self._rounds = self._gauge("loop_last_round_seconds", "Time since a loop last came round.", "loop")
        self._gauge("build_info", "The version that runs.", "version").labels(version("boreal")).set(1)
        ProcessCollector(registry=self._registry)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"boreal_{name}", words, labels, registry=self._registry)

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(f"boreal_{name}", words, labels, registry=self._registry)

    def request(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Counts one answered request of a route's template."""
        key = (method, route, status)
        counted = self._routes.get(key)
        if counted is None:
            counted = self._routes[key] = (self._requests.labels(*map(str, key)), self._duration.labels(method, route))
        counted[0].inc()
        counted[1].observe(duration_s)

    def delivery(self, outcome: str) -> None:
        """Counts one attempt to deliver a webhook."""
        self._deliveries.labels(outcome).inc()

    def beat(self, loop: str) -> None:
        """A loop of the worker came round without an error."""
        self._beats[loop] = self._clock.monotonic_s()

    def late(self, *, after_s: float) -> list[str]:
        """The loops that have not come round for so long; none where no worker runs."""
        now = self._clock.monotonic_s()
        return sorted(loop for loop, at in self._beats.items() if now - at > after_s)

    async def page(self, database: Database, queues: Iterable[str]) -> bytes:
        """Everything in the text format of Prometheus. Raises what the driver raises when the database is away."""
        pool = database.pool
        self._pool_limit.set(pool.get_max_size())
        self._pool.labels("open").set(pool.get_size())
        self._pool.labels("in_use").set(pool.get_size() - pool.get_idle_size())
        asked_s = self._clock.monotonic_s()
        async with database.transaction() as connection:
            self._pool_wait.set(self._clock.monotonic_s() - asked_s)
            await self._read(connection, queues)
        for loop, at in self._beats.items():
            self._rounds.labels(loop).set(self._clock.monotonic_s() - at)
        return generate_latest(self._registry)

    async def _read(self, connection: Connection, queues: Iterable[str]) -> None:
        now = self._clock.now()
        for queue in queues:
            self._oldest_due.labels(queue).set(_age_s(await connection.fetchval(_OLDEST_DUE, queue=queue), now))
        self._failed.set(await connection.fetchval(_FAILED))
        facts = await connection.fetchrow(_FACTS)
        assert facts is not None
        self._undispatched.set(facts["waiting"])
        self._lag.set(_age_s(facts["oldest"], now))


def _age_s(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0
