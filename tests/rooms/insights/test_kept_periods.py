"""What is kept of periods that are over: never anything but what counting anew gives, whatever happens meanwhile.

The slow way is a report on both billing types: it is narrowed by product, so nothing is kept of it and all is counted.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from boreal.kit.clock import Clock
from boreal.rooms.billing.public import OrderRow, SubscriptionRow
from boreal.rooms.checkout.public import CheckoutRow
from boreal.rooms.insights.metrics.kept import MARGIN
from boreal.rooms.insights.metrics.tables import MetricMarkRow, MetricPeriodRow
from boreal.rooms.insights.metrics.verification import differences
from tests.rooms.insights.history import History, at
from tests.support.checkout import good
from tests.support.queries import counted
from tests.support.shop import START, Shop, open_shop

ROUNDS = int(os.environ.get("TEST_KEPT_ROUNDS", "8"))
BOTH = {"billing_type": ["one_time", "recurring"]}
SOLD = [
    "orders",
    "net_cumulative_revenue",
    "one_time_products_net_revenue",
    "new_subscriptions_revenue",
    "renewed_subscriptions",
    "renewed_subscriptions_net_revenue",
    "succeeded_checkouts",
    "checkouts",
]
"""Metrics that show everything that is kept."""

ZONES = ["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"]
INTERVALS = {"hour": 3, "day": 120, "week": 300, "month": 700, "year": 900}
"""Up to how many days a report of each interval spans here."""


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Shop]:
    """A shop whose past is written into its tables, so that the invariants of other rooms need not hold."""
    async with open_shop(dsn) as opened:
        yield opened


async def report(shop: Shop, **asked: Any) -> dict[str, Any]:
    return good(await shop.client.get("/v1/metrics/", params={"interval": "day", "metrics": SOLD, **asked}))


async def agrees(shop: Shop, **asked: Any) -> None:
    """Asserts that counting gives the same as the report: at first, and when periods are kept."""
    wanted = await report(shop, **asked, **BOTH)
    assert await report(shop, **asked) == wanted
    assert await report(shop, **asked) == wanted


def some_report(chance: random.Random) -> dict[str, Any]:
    interval, most = chance.choice(list(INTERVALS.items()))
    start = at("2024-01-01") + timedelta(days=chance.randrange(760))
    end = start + timedelta(days=chance.randrange(most))
    days = {"start_date": start.date().isoformat(), "end_date": end.date().isoformat()}
    return {**days, "interval": interval, "timezone": chance.choice(ZONES)}


class Past:
    """A business whose past is written and rewritten."""

    def __init__(self, shop: Shop, chance: random.Random) -> None:
        self.history, self.chance, self.database = History(shop), chance, shop.app.database
        self.subscriptions: list[str] = []
        self.product: str | None = None

    def moment(self) -> str:
        """Often at the very beginning of a day or an hour, somewhere."""
        hours = self.chance.randrange(750 * 24)
        exact = timedelta(minutes=self.chance.choice([0, 0, 30]), microseconds=self.chance.choice([0, 0, -1, 1]))
        return (at("2024-01-01") + timedelta(hours=hours) + exact).replace(tzinfo=None).isoformat()

    async def happen(self) -> None:
        """Something that changes what reports count."""
        kinds = (self.sell, self.sell, self.subscribe, self.bill, self.bill, self.open, *self.rewritings())
        await self.chance.choice(kinds)()

    def rewritings(self) -> tuple[Any, ...]:
        return (self.refund, self.move, self.start_elsewhere, self.succeed)

    async def sell(self) -> None:
        await self.history.order(self.moment(), self.chance.randrange(5000), platform_fee_amount=7)

    async def subscribe(self) -> None:
        self.subscriptions.append(await self.history.subscription(self.moment(), 1000))

    async def bill(self) -> None:
        if self.subscriptions:
            await self.history.order(self.moment(), 1000, subscription=self.chance.choice(self.subscriptions))

    async def open(self) -> None:
        self.product = self.product or await self.history.product()
        await self.history.checkout(self.moment(), product=self.product)

    async def refund(self) -> None:
        values = {"status": "partially_refunded", "refunded_amount": self.chance.randrange(1, 10**6)}
        await self._change(OrderRow, **values)

    async def move(self) -> None:
        await self._change(OrderRow, created_at=at(self.moment()))

    async def start_elsewhere(self) -> None:
        await self._change(SubscriptionRow, started_at=at(self.moment()))

    async def succeed(self) -> None:
        await self._change(CheckoutRow, status="succeeded")

    async def _change(self, table: sa.Table, **values: Any) -> None:
        ids = [row["id"] for row in await self.database.fetch(sa.select(table.c.id).order_by(table.c.id))]
        if ids:
            change = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in values}
            statement = sa.update(table).where(table.c.id == sa.bindparam("key")).values(change)
            binds = {f"new_{name}": value for name, value in values.items()}
            await self.database.execute(statement, key=self.chance.choice(ids), **binds)


@pytest.mark.parametrize("seed", range(max(1, ROUNDS // 8)))
async def test_whatever_happens_to_the_past(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)
    past = Past(shop, chance)
    everything = {"start_date": "2024-01-01", "end_date": "2026-01-31"}
    wide = [{**everything, "interval": "month", "timezone": zone} for zone in ("UTC", "Asia/Kolkata")]
    for _ in range(12):
        await past.happen()
    for asked in wide:
        await agrees(shop, **asked)
    for _ in range(min(ROUNDS, 8)):
        await past.happen()
        await agrees(shop, **chance.choice(wide))  # nothing is missing there, but what has changed
        assert await differences(shop.app.database) == []
        await past.happen()
        await agrees(shop, **some_report(chance))


async def test_reports_while_the_past_is_rewritten(shop: Shop) -> None:
    past = Past(shop, random.Random(7))
    for _ in range(10):
        await past.happen()
    year = {"start_date": "2025-01-01", "end_date": "2025-12-31"}
    grids = [{**year, "interval": interval, "timezone": zone} for interval in ("day", "month") for zone in ZONES[:2]]
    for _ in range(2):
        changes = [past.happen() for _ in range(5)]
        await asyncio.gather(*changes, *(report(shop, **asked) for asked in grids))
    assert await differences(shop.app.database) == []
    for asked in grids:
        await agrees(shop, **asked)


async def test_a_kept_report_looks_at_no_old_order(shop: Shop) -> None:
    past = Past(shop, random.Random(1))
    for _ in range(5):
        await past.sell()
    asked = {"start_date": "2025-01-01", "end_date": "2025-12-31", "metrics": ["cumulative_revenue", "checkouts"]}
    wanted = await report(shop, **asked)
    with counted(shop.app.database) as queries:
        assert await report(shop, **asked) == wanted
    assert len(queries) == 3, queries  # the token; what is kept of periods, and of what was before
    assert not any("orders" in query.partition("FROM")[2] for query in queries)


async def test_a_report_of_a_part_of_a_period_does_not_use_what_is_kept_of_all_of_it(shop: Shop) -> None:
    past = Past(shop, random.Random(3))
    for month in (1, 3, 6, 9, 12):
        await past.history.order(f"2024-{month:02}-15T00:00:00", 1000 + month)
    year = {"interval": "year", "timezone": "UTC"}
    await agrees(shop, start_date="2024-01-01", end_date="2024-12-31", **year)
    for start, end in (("2024-05-02", "2024-12-31"), ("2024-01-01", "2024-08-01"), ("2024-02-01", "2024-10-01")):
        await agrees(shop, start_date=start, end_date=end, **year)


async def test_nothing_recent_is_kept_or_marked(shop: Shop) -> None:
    days = {"start_date": (START - timedelta(days=9)).date().isoformat(), "end_date": START.date().isoformat()}
    await report(shop, **days)
    newest = await shop.app.database.fetchval(sa.select(sa.func.max(MetricPeriodRow.c.ends_at)))
    assert START - MARGIN - timedelta(days=1) < newest <= START - MARGIN
    marks = sa.select(sa.func.count()).select_from(MetricMarkRow)
    before = await shop.app.database.fetchval(marks)
    now = Clock().now()
    history = History(shop)
    for moment, marked in ((now, 0), (now - timedelta(minutes=30), 0), (now - timedelta(hours=2), 1)):
        await history.order(moment.astimezone(UTC).replace(tzinfo=None).isoformat(), 100)
        assert await shop.app.database.fetchval(marks) - before == marked
    await history.checkout(datetime(2024, 1, 1).isoformat(), product=await history.product())  # noqa: DTZ001
    assert await shop.app.database.fetchval(marks) - before > 1
    await report(shop, **days)
    await agrees(shop, start_date="2024-01-01", end_date="2024-01-31")
    assert await shop.app.database.fetchval(marks) == 0


async def test_the_verifier_finds_what_is_wrong(shop: Shop) -> None:
    await Past(shop, random.Random(1)).sell()
    await report(shop, start_date="2024-01-01", end_date="2024-12-31", interval="month")
    wrong = sa.text("UPDATE metric_periods SET opened = 3 WHERE starts_at = '2024-03-01Z'")
    assert await shop.app.database.execute(wrong) == "UPDATE 1"
    (found,) = await differences(shop.app.database)
    assert (found["kept"]["opened"], found["counted"]["opened"]) == (3, 0)
    assert await shop.app.database.execute(sa.text("UPDATE metric_histories SET net = -1")) == "UPDATE 1"
    assert len(await differences(shop.app.database)) == 2
