"""What can be seen of a process from outside: one trace through the logs, metrics with the names that we promise, and
health that tells the truth."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import structlog
from structlog.testing import capture_logs

from boreal.kit import metrics
from boreal.kit.facts import FactRow
from boreal.kit.telemetry import with_trace
from boreal.surfaces import system
from tests.support.catalog import make_product
from tests.support.receiver import Reply, open_receiver
from tests.support.shop import Shop, open_shop

SECRET = "polar_cs_nobody_may_read_this_in_a_log"


@asynccontextmanager
async def watched_shop(dsn: str, **settings: Any) -> AsyncIterator[Shop]:
    """A shop whose requests go through what counts and logs them."""
    structlog.reset_defaults()
    async with open_shop(dsn, **{"metrics": "on", "log_level": "info", **settings}) as shop:
        shop.client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=shop.boreal.served),
            base_url="http://boreal.test",
            headers={"authorization": f"Bearer {shop.token}"},
        )
        yield shop


async def page(shop: Shop) -> dict[str, float]:
    """The metrics page: the value of each series."""
    reply = await shop.client.get("/metrics")
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("text/plain; version=")
    lines = [line.rpartition(" ") for line in reply.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def execute(shop: Shop, statement: str, *values: object) -> None:
    await shop.app.database.pool.execute(statement, *values)


async def test_one_trace_from_the_request_to_the_delivery(dsn: str) -> None:
    async with watched_shop(dsn) as shop, open_receiver() as receiver:
        endpoint = {"url": f"{receiver.url}/hook", "format": "raw", "events": ["product.created"]}
        assert (await shop.client.post("/v1/webhooks/endpoints", json=endpoint)).status_code == 201
        await shop.settle()
        with capture_logs(processors=[with_trace]) as lines:
            await make_product(shop)
            await shop.settle()
        (fact,) = await shop.app.database.fetch(FactRow.select())
        assert len(receiver.requests) == 1
    (request,) = [line for line in lines if line["event"] == "request"]
    (sent,) = [line for line in lines if line["event"] == "webhook_sent"]
    assert {request["trace"], sent["trace"]} == {fact["trace"]}
    assert re.fullmatch(r"[0-9a-f]{16}", fact["trace"])
    assert 0 < request.pop("duration_ms") < 60_000
    assert request == {
        "event": "request",
        "log_level": "info",
        "method": "POST",
        "route": "/v1/products/",
        "status": 201,
        "trace": fact["trace"],
    }


async def test_work_goes_on_with_the_trace_of_its_request(dsn: str) -> None:
    async with watched_shop(dsn) as shop:
        with capture_logs(processors=[with_trace]) as lines:
            await shop.client.post("/v1/customers/", json={"email": "ada@example.com"})
            row = await shop.app.database.pool.fetchrow("SELECT trace FROM facts WHERE name = 'customer.created'")
            await shop.boreal.dispatcher.run_once(now=shop.clock.now())
            traces = await shop.app.database.pool.fetch("SELECT DISTINCT trace FROM work WHERE trace IS NOT NULL")
        assert {row["trace"], *(work["trace"] for work in traces)} == {lines[0]["trace"]}


async def test_requests_are_counted_by_template_and_status(dsn: str) -> None:
    async with watched_shop(dsn) as shop:
        with capture_logs() as lines:
            for path in (f"/v1/checkouts/client/{SECRET}", f"/v1/checkouts/client/{SECRET}2", f"/{SECRET}/{SECRET}"):
                assert (await shop.client.get(path)).status_code == 404
            assert (await shop.client.request("BREW", "/healthz")).status_code == 405
            assert (await shop.client.get("/healthz")).status_code == 200
        seen = await page(shop)
    assert [(line["method"], line["route"], line["status"]) for line in lines if line["event"] == "request"] == [
        ("GET", "/v1/checkouts/client/{client_secret}", 404),
        ("GET", "/v1/checkouts/client/{client_secret}", 404),
        ("GET", "unmatched", 404),
        ("other", "unmatched", 405),
        ("GET", "/healthz", 200),
    ]
    counted = {name: value for name, value in seen.items() if name.startswith("boreal_http_requests_total")}
    assert counted == {
        'boreal_http_requests_total{method="GET",route="/v1/checkouts/client/{client_secret}",status="404"}': 2,
        'boreal_http_requests_total{method="GET",route="unmatched",status="404"}': 1,
        'boreal_http_requests_total{method="other",route="unmatched",status="405"}': 1,
        'boreal_http_requests_total{method="GET",route="/healthz",status="200"}': 1,
    }
    labels = 'method="GET",route="/healthz"'
    assert seen[f"boreal_http_request_duration_seconds_count{{{labels}}}"] == 1
    assert 0 < seen[f"boreal_http_request_duration_seconds_sum{{{labels}}}"] < 10
    assert SECRET not in str(seen) and SECRET not in str(lines)


async def test_the_page_has_the_names_that_are_documented(dsn: str) -> None:
    async with watched_shop(dsn) as shop, open_receiver() as receiver:
        receiver.script(Reply(), Reply(500), Reply(drop=True))
        endpoint = {"url": receiver.url, "format": "raw", "events": ["product.created"]}
        await shop.client.post("/v1/webhooks/endpoints", json=endpoint)
        for _ in range(3):
            await make_product(shop)
            await shop.settle()
        shop.app.metrics.beat("dispatch")
        seen = await page(shop)
        reply = await shop.client.get("/metrics")
    documented = set(re.findall(r"^    (boreal_\w+) ", str(metrics.__doc__), flags=re.MULTILINE))
    assert documented == set(re.findall(r"^# TYPE (boreal_\w+) ", reply.text, flags=re.MULTILINE))
    assert any(name.startswith("process_resident_memory_bytes") for name in seen)
    outcomes = {name: value for name, value in seen.items() if name.startswith("boreal_webhook_deliveries_total")}
    assert outcomes == {
        f'boreal_webhook_deliveries_total{{outcome="{outcome}"}}': 1 for outcome in ("delivered", "refused", "failed")
    }


WAITING = """
    INSERT INTO work (organization_id, queue, kind, payload, due_at, created_at, failed_at)
    VALUES (gen_random_uuid(), $1, 'send_order_mail', '{}', $2::timestamptz + make_interval(secs => $3), $2, $4)
"""


async def test_what_waits_is_measured(dsn: str) -> None:
    async with watched_shop(dsn) as shop:
        now = shop.clock.now()
        for queue, due_in_s, failed_at in (("mail", -90, None), ("mail", -30, None), ("default", 60, None)):
            await execute(shop, WAITING, queue, now, due_in_s, failed_at)
        await execute(shop, WAITING, "payments", now, -500, now)
        await make_product(shop)
        shop.clock.set(now.replace(second=now.second + 7))
        async with shop.app.database.transaction():
            seen = await page(shop)
        assert {queue: seen[f'boreal_work_oldest_due_seconds{{queue="{queue}"}}'] for queue in QUEUES} == {
            "mail": 97,
            "default": 0,
            "payments": 0,
            "webhooks": 0,
        }
        assert (seen["boreal_work_failed"], seen["boreal_facts_undispatched"]) == (1, 1)
        assert seen["boreal_dispatcher_lag_seconds"] == 7
        assert seen['boreal_database_pool_connections{state="in_use"}'] == 1
        assert seen["boreal_database_pool_limit"] == 8 >= seen['boreal_database_pool_connections{state="open"}'] > 0
        assert 0 <= seen["boreal_database_pool_wait_seconds"] < 2
        await shop.boreal.dispatcher.run_once(now=shop.clock.now())
        assert (await page(shop))["boreal_dispatcher_lag_seconds"] == 0


QUEUES: Sequence[str] = ("default", "mail", "payments", "webhooks")


async def test_nobody_who_does_not_want_it_pays_for_it(dsn: str) -> None:
    async with watched_shop(dsn, metrics="off", log_level="warning") as shop:
        assert shop.boreal.served is shop.boreal.http
        assert (await shop.client.get("/metrics")).status_code == 404


async def test_a_listener_of_its_own_has_health_and_metrics_only(dsn: str) -> None:
    async with watched_shop(dsn, metrics="127.0.0.1:0") as shop:
        assert (await shop.client.get("/metrics")).status_code == 404
        assert (await shop.client.get("/metrics/nowhere")).status_code == 404
        transport = httpx2.ASGITransport(app=shop.boreal.operations)
        async with httpx2.AsyncClient(transport=transport, base_url="http://watch.test") as client:
            statuses = [(await client.get(path)).status_code for path in ("/healthz", "/metrics", "/v1/orders/", "/")]
            text = (await client.get("/metrics")).text
    assert statuses == [200, 200, 404, 404]
    assert 'boreal_http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in text


async def test_ready_is_said_by_who_can_do_its_part(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched_shop(dsn) as shop:

        async def ready() -> tuple[int, dict[str, Any]]:
            reply = await shop.client.get("/readyz")
            return reply.status_code, reply.json()

        unmigrated = (503, {"status": "unavailable", "reasons": ["the database is not migrated"]})
        assert await ready() == unmigrated
        await execute(shop, "CREATE TABLE alembic_version (version_num text)")
        assert await ready() == unmigrated
        await execute(shop, "INSERT INTO alembic_version VALUES ('0001')")
        monkeypatch.setattr(system, "older_revisions", lambda: frozenset({"0001"}))
        assert await ready() == unmigrated
        await execute(shop, "UPDATE alembic_version SET version_num = '9999_newer'")
        assert await ready() == (200, {"status": "ready"})
        shop.app.metrics.beat("mail")
        assert await ready() == (200, {"status": "ready"})
        monkeypatch.setattr(system, "LATE_S", -1.0)
        assert await ready() == (503, {"status": "unavailable", "reasons": ["the worker's loop mail is stuck"]})


async def test_health_is_the_databases_too(dsn: str) -> None:
    async with watched_shop(dsn) as shop:
        assert (await shop.client.get("/healthz")).json() == {"status": "ok"}
        await shop.app.database.close()
        shop.client.headers.pop("authorization")
        for path in ("/healthz", "/readyz", "/metrics"):
            reply = await shop.client.get(path)
            assert (reply.status_code, reply.json()["status"]) == (503, "unavailable")
