"""`/v1/metrics`: the worked examples of the specification, filters, refusals."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.rooms.insights.history import History, column, report
from tests.support.queries import counted
from tests.support.shop import Shop, open_shop
from tests.support.usage import ingest, make_customer


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Shop]:
    """A shop whose past is written into its tables, so that the invariants of other rooms need not hold."""
    async with open_shop(dsn) as opened:
        yield opened


@pytest.fixture
def history(shop: Shop) -> History:
    return History(shop)


def labels(made: dict[str, Any]) -> list[str]:
    return [period["timestamp"] for period in made["periods"]]


@pytest.mark.example("usage E19")
async def test_periods_of_a_year(shop: Shop) -> None:
    for interval, count in (("year", 1), ("month", 12), ("week", 53), ("day", 366)):
        made = await report(shop, "2024-01-01", "2024-12-31", interval, metrics="orders")
        assert len(made["periods"]) == count
    assert len((await report(shop, "2025-01-01", "2025-01-08", "hour", metrics="orders"))["periods"]) == 8 * 24
    for start, end, interval in (
        ("2024-01-01", "2024-12-31", "hour"),
        ("2025-01-01", "2025-01-09", "hour"),
        ("2023-01-01", "2024-12-31", "day"),
    ):
        query = {"start_date": start, "end_date": end, "interval": interval}
        refused = await shop.client.get("/v1/metrics/", params=query)
        assert refused.status_code == 422
        (fault,) = refused.json()["detail"]
        assert (fault["loc"], fault["type"]) == (["query"], "value_error")
        assert fault["msg"] == "The interval is too big. Try to change the interval or reduce the date range."


@pytest.mark.example("usage E20")
async def test_the_day_is_that_of_the_time_zone(shop: Shop, history: History) -> None:
    for moment, net in (("2024-01-01T00:00", 100), ("2023-12-31T23:30", 20), ("2023-12-31T22:59", 3)):
        await history.order(moment, net)
    paris = await report(shop, "2024-01-01", "2024-01-30", "day", timezone="Europe/Paris")
    assert len(paris["periods"]) == 30
    assert (labels(paris)[0], labels(paris)[-1]) == ("2023-12-31T23:00:00Z", "2024-01-29T23:00:00Z")
    assert column(paris, "revenue")[:2] == [120, 0]
    assert column(paris, "cumulative_revenue")[:2] == [123, 123]

    for moment, net in (("2026-01-01T04:30", 7), ("2026-01-01T05:00", 5)):
        await history.order(moment, net)
    new_york = await report(shop, "2025-12-01", "2025-12-31", "month", timezone="America/New_York")
    assert labels(new_york) == ["2025-12-01T05:00:00Z"]
    assert new_york["totals"]["revenue"] == 7


@pytest.mark.example("usage E21")
async def test_days_on_which_clocks_change(shop: Shop) -> None:
    async def made(start: str, end: str, interval: str, zone: str) -> list[str]:
        return labels(await report(shop, start, end, interval, timezone=zone, metrics="orders"))

    days = await made("2025-03-29", "2025-03-31", "day", "Europe/Paris")
    assert days == ["2025-03-28T23:00:00Z", "2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z"]
    assert len(await made("2025-03-30", "2025-03-30", "hour", "Europe/Paris")) == 23
    assert len(await made("2025-10-26", "2025-10-26", "hour", "Europe/Paris")) == 25
    days = await made("2025-11-01", "2025-11-03", "day", "America/New_York")
    assert days == ["2025-11-01T04:00:00Z", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"]


@pytest.mark.example("usage E22")
async def test_a_report_that_begins_within_a_month(shop: Shop, history: History) -> None:
    await history.order("2023-06-01", 10_000)
    await history.order("2024-01-01", 120_000)
    await history.order("2024-02-01", 10_000)
    await history.order("2024-06-01", 10_000)
    made = await report(shop, "2024-01-11", "2024-06-15", "month")
    assert len(made["periods"]) == 6
    assert labels(made)[0] == "2024-01-01T00:00:00Z"
    months = list(zip(column(made, "revenue"), column(made, "cumulative_revenue"), strict=True))
    assert (months[0], months[1], months[5]) == ((0, 130_000), (10_000, 140_000), (10_000, 150_000))


@pytest.mark.example("usage E23")
async def test_recurring_revenue_is_exact_and_rounded_once(shop: Shop, history: History) -> None:
    async def january(**parameters: Any) -> dict[str, int]:
        made = await report(shop, "2024-01-01", "2024-01-31", "month", **parameters)
        return {slug: made["totals"][slug] for slug in ("monthly_recurring_revenue", "average_revenue_per_user")}

    first, second = await history.customer(), await history.customer()
    await history.subscription("2024-01-01", 100_000, customer=first, recurring_interval="year")
    monthly = await history.subscription("2024-01-01", 10_000, customer=first)
    assert await january() == {"monthly_recurring_revenue": 18_333, "average_revenue_per_user": 18_333}
    await history.change(monthly, customer_id=second)
    assert await january() == {"monthly_recurring_revenue": 18_333, "average_revenue_per_user": 9_167}

    for interval, count, amount, value in (("week", 1, 500, 2_167), ("day", 1, 300, 9_125), ("month", 3, 9_000, 3_000)):
        customer = await history.customer()
        columns = {"recurring_interval": interval, "recurring_interval_count": count}
        await history.subscription("2024-01-01", amount, customer=customer, **columns)
        assert (await january(customer_id=customer))["monthly_recurring_revenue"] == value


@pytest.mark.example("usage E24")
async def test_average_order_values_round_up(shop: Shop, history: History) -> None:
    for moment, net in (("2024-01-02", 1_000), ("2024-01-03", 1_001), ("2024-02-02", 500)):
        await history.order(moment, net)
    made = await report(shop, "2024-01-01", "2024-03-31", "month", metrics="average_order_value")
    assert column(made, "average_order_value") == [1_001, 500, 0]
    assert made["totals"] == {"average_order_value": pytest.approx(833.6666666)}


@pytest.mark.example("usage E25")
async def test_churn(shop: Shop, history: History) -> None:
    await history.subscription("2024-01-01", 1_000)
    ended = {"canceled_at": "2024-02-15", "ended_at": "2024-03-01"}
    await history.subscription("2024-01-01", 1_000, customer_cancellation_reason="too_expensive", **ended)
    made = await report(shop, "2024-01-01", "2024-03-31", "month")
    assert column(made, "active_subscriptions") == [2, 2, 1]
    assert column(made, "canceled_subscriptions") == [0, 1, 0]
    assert column(made, "canceled_subscriptions_too_expensive") == [0, 1, 0]
    assert column(made, "churned_subscriptions") == [0, 0, 1]
    assert column(made, "churn_rate") == [0, 0.5, 0]
    assert column(made, "new_subscriptions") == [2, 0, 0]
    assert column(made, "ltv") == [0, 4_000, 0]
    assert column(made, "average_revenue_per_user") == [2_000, 2_000, 1_000]


async def test_who_is_leaving_is_not_committed(shop: Shop, history: History) -> None:
    """A subscription that will end still brings money, but nobody should count on it; one that ended was counted on."""
    await history.subscription("2025-12-01", 1_000)
    await history.subscription("2025-12-01", 300, canceled_at="2026-01-02", ends_at="2026-02-01")
    await history.subscription("2025-11-01", 70, canceled_at="2025-12-02", ended_at="2025-12-31")
    made = await report(shop, "2025-11-01", "2026-01-31", "month")
    assert column(made, "monthly_recurring_revenue") == [70, 1_300, 1_300]
    assert column(made, "committed_monthly_recurring_revenue") == [70, 1_000, 1_000]
    assert column(made, "active_subscriptions") == [1, 2, 2]
    assert column(made, "committed_subscriptions") == [1, 1, 1]
    assert column(made, "canceled_subscriptions_other") == [0, 1, 1]
    assert made["totals"]["canceled_subscriptions"] == 2
    # The one that ends in February has its end within this report, though it lies ahead.
    ahead = await report(shop, "2025-11-01", "2026-02-28", "month", metrics="churned_subscriptions")
    assert column(ahead, "churned_subscriptions") == [0, 1, 0, 1]


async def test_orders_by_kind(shop: Shop, history: History) -> None:
    started = await history.subscription("2024-01-10", 900)
    await history.order("2024-01-10", 900, subscription=started, platform_fee_amount=85)
    await history.order("2024-01-12", 50, subscription=started)
    for moment in ("2024-02-10", "2024-02-11"):
        await history.order(moment, 900, subscription=started, platform_fee_amount=85)
    await history.order("2024-02-20", 400, platform_fee_amount=56, refunded_amount=100, status="partially_refunded")
    await history.order("2024-02-21", 7, refunded_amount=7, status="refunded")
    await history.order("2024-02-22", 1_000_000, status="pending")
    made = await report(shop, "2024-01-01", "2024-02-29", "month")
    expected = {
        "orders": [2, 4],
        "revenue": [950, 2_207],
        "net_revenue": [865, 1_874],
        "net_cumulative_revenue": [865, 2_739],
        "new_subscriptions": [1, 0],
        "new_subscriptions_revenue": [950, 0],
        "new_subscriptions_net_revenue": [865, 0],
        "renewed_subscriptions": [0, 1],
        "renewed_subscriptions_revenue": [0, 1_800],
        "renewed_subscriptions_net_revenue": [0, 1_630],
        "one_time_products": [0, 2],
        "one_time_products_revenue": [0, 407],
        "one_time_products_net_revenue": [0, 244],
    }
    assert {slug: column(made, slug) for slug in expected} == expected
    assert made["totals"]["renewed_subscriptions"] == 1
    # By day, the two renewals are in two periods.
    by_day = await report(shop, "2024-01-01", "2024-02-29", "day", metrics="renewed_subscriptions")
    assert by_day["totals"]["renewed_subscriptions"] == 3


async def test_weeks_begin_on_monday_and_lose_nothing(shop: Shop, history: History) -> None:
    """Correction 32."""
    for moment in ("2024-01-02", "2024-01-03", "2024-01-07T23:59", "2024-01-08", "2024-01-17T23:59", "2024-01-18"):
        await history.order(moment, 100)
    made = await report(shop, "2024-01-03", "2024-01-17", "week")
    assert labels(made) == ["2024-01-01T00:00:00Z", "2024-01-08T00:00:00Z", "2024-01-15T00:00:00Z"]
    assert column(made, "orders") == [2, 1, 1]
    assert column(made, "cumulative_revenue") == [300, 400, 500]


async def test_checkouts(shop: Shop, history: History) -> None:
    product, other = await history.product(), await history.product(recurring_interval="month")
    await history.checkout("2024-01-05", product=product, paid=True)
    await history.checkout("2024-01-06", product=other)
    await history.checkout("2024-02-05", product=other, paid=True)
    made = await report(shop, "2024-01-01", "2024-03-31", "month")
    assert column(made, "checkouts") == [2, 1, 0]
    assert column(made, "succeeded_checkouts") == [1, 1, 0]
    assert column(made, "checkouts_conversion") == [0.5, 1, 0]
    assert made["totals"]["checkouts_conversion"] == pytest.approx(2 / 3)
    made = await report(shop, "2024-01-01", "2024-03-31", "month", product_id=other)
    assert column(made, "checkouts") == [1, 1, 0]
    made = await report(shop, "2024-01-01", "2024-03-31", "month", billing_type="one_time")
    assert column(made, "checkouts") == [1, 0, 0]


async def test_filters(shop: Shop, other_shop: Shop, history: History) -> None:
    ann, bob = await history.customer(), await history.customer()
    tool, plan = await history.product(), await history.product(recurring_interval="month")
    subscription = await history.subscription("2024-01-02", 100, customer=ann, product=plan)
    await history.order("2024-01-02", 100, subscription=subscription, customer=ann, product=plan)
    await history.order("2024-01-03", 20, customer=ann, product=tool)
    await history.order("2024-01-04", 3, customer=bob, product=tool)

    async def totals(of: Shop = shop, **parameters: Any) -> tuple[int, int]:
        made = (await report(of, "2024-01-01", "2024-01-31", "month", **parameters))["totals"]
        return made["revenue"], made["active_subscriptions"]

    assert await totals() == (123, 1)
    assert await totals(customer_id=ann) == (120, 1)
    assert await totals(customer_id=[ann, bob]) == (123, 1)
    assert await totals(product_id=tool) == (23, 0)
    assert await totals(product_id=[tool, plan], customer_id=bob) == (3, 0)
    assert await totals(billing_type="recurring") == (100, 1)
    assert await totals(billing_type=["recurring", "one_time"]) == (123, 1)
    assert await totals(billing_type="recurring", product_id=tool) == (0, 0)
    assert await totals(organization_id=str(shop.organization_id)) == (123, 1)
    assert await totals(organization_id=str(other_shop.organization_id)) == (0, 0)
    assert await totals(other_shop) == (0, 0)
    assert await totals(other_shop, organization_id=str(shop.organization_id), product_id=tool) == (0, 0)


@pytest.mark.example("usage E26")
async def test_costs_and_margins(shop: Shop, history: History) -> None:
    await history.order("2025-12-20", 10_000)
    await history.order("2026-01-05", 5_000)
    costs = (("2025-12-20", 999), ("2026-01-02", "0.000000000001"), ("2026-01-14", "250.499999999999"))
    for day, amount in costs:
        event = {"timestamp": f"{day}T08:00:00Z", "metadata": {"_cost": {"amount": amount, "currency": "usd"}}}
        await ingest(shop, event)
    made = await report(shop, "2026-01-01", "2026-01-31", "month")
    totals = made["totals"]
    assert (totals["costs"], totals["cumulative_costs"]) == (250.5, 250.5)
    assert (totals["gross_margin"], totals["gross_margin_percentage"]) == (14_749.5, 0.9833)
    assert totals["cashflow"] == 4_749.5
    reply = await shop.client.get(
        "/v1/metrics/",
        params={"start_date": "2026-01-01", "end_date": "2026-01-03", "interval": "day", "metrics": "costs"},
    )
    assert '"costs":0.000000000001}' in reply.text


async def test_costs_and_margins_of_one_customer(shop: Shop, history: History) -> None:
    ann, bob = await make_customer(shop, "ann"), await make_customer(shop, "bob")
    await history.order("2026-01-05", 5_000, customer=ann["id"])
    await history.order("2026-01-05", 7_000, customer=bob["id"])
    costs = ((ann, "0.000000000001"), (ann, "99999.999999999999"), (bob, "12.5"))
    for customer, amount in costs:
        metadata = {"_cost": {"amount": amount, "currency": "usd"}}
        await ingest(shop, {"timestamp": "2026-01-06T08:00:00Z", "customer_id": customer["id"], "metadata": metadata})
    names = ["costs", "cashflow", "gross_margin"]
    days = {"start_date": "2026-01-01", "end_date": "2026-01-31", "interval": "month", "metrics": names}
    reply = await shop.client.get("/v1/metrics/", params={**days, "customer_id": ann["id"]})
    assert '"costs":100000,"gross_margin":-95000,"cashflow":-95000}' in reply.text
    reply = await shop.client.get("/v1/metrics/", params={**days, "customer_id": [ann["id"], bob["id"]]})
    assert '"costs":100012.5,"gross_margin":-88012.5,"cashflow":-88012.5}' in reply.text
    await ingest(
        shop,
        {
            "timestamp": "2026-01-07T08:00:00Z",
            "external_customer_id": "bob",
            "metadata": {"_cost": {"amount": "0.123456789012", "currency": "usd"}},
        },
    )
    reply = await shop.client.get("/v1/metrics/", params={**days, "customer_id": bob["id"]})
    exact = '"costs":12.623456789012,"gross_margin":6987.376543210988,"cashflow":6987.376543210988}'
    assert exact in reply.text


@pytest.mark.example("usage E27")
@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris"])
async def test_cost_per_user(shop: Shop, other_shop: Shop, zone: str) -> None:
    ann, bob = await make_customer(shop, "ann"), await make_customer(shop, "bob")
    cost = {"currency": "usd"}
    await ingest(
        shop,
        {"customer_id": ann["id"], "metadata": {"_cost": {"amount": 30, **cost}}},
        {"customer_id": ann["id"]},
        {"external_customer_id": "x", "metadata": {"_cost": {"amount": 10, **cost}}},
        {"customer_id": bob["id"]},
    )
    await ingest(other_shop, {"metadata": {"_cost": {"amount": 500, **cost}}})
    made = await report(shop, "2026-01-15", "2026-01-15", "day", timezone=zone)
    assert column(made, "active_user_by_event") == [3]
    assert column(made, "cost_per_user") == [pytest.approx(40 / 3)]
    of_ann = await report(shop, "2026-01-15", "2026-01-15", "day", timezone=zone, customer_id=ann["id"])
    assert (column(of_ann, "active_user_by_event"), column(of_ann, "costs")) == ([1], [30])
    of_none = await report(shop, "2026-01-16", "2026-01-16", "day", timezone=zone)
    assert (column(of_none, "active_user_by_event"), column(of_none, "cost_per_user")) == ([0], [0])


async def test_only_what_was_asked_for(shop: Shop) -> None:
    made = await report(shop, "2024-01-01", "2024-01-01", "day", metrics=["churn_rate", "orders"])
    assert made == {
        "periods": [{"timestamp": "2024-01-01T00:00:00Z", "orders": 0, "churn_rate": 0}],
        "totals": {"orders": 0, "churn_rate": 0},
        "metrics": {
            "orders": {"slug": "orders", "display_name": "Orders", "type": "scalar"},
            "churn_rate": {"slug": "churn_rate", "display_name": "Churn Rate", "type": "percentage"},
        },
    }
    with counted(shop.app.database) as queries:
        await report(shop, "2024-01-01", "2024-01-01", "day", metrics=["active_user_by_event"])
    with counted(shop.app.database) as more:
        await report(shop, "2024-01-01", "2024-01-01", "day", metrics=["active_user_by_event", "costs"])
    assert len(more) == len(queries) + 1, queries
    everything = await report(shop, "2024-01-01", "2024-01-01", "day")
    assert len(everything["metrics"]) == 43
    assert everything["metrics"]["cost_per_user"]["type"] == "currency_sub_cent"
    assert set(everything["periods"][0]) == {"timestamp", *everything["metrics"]}


@pytest.mark.parametrize(
    ("query", "loc", "msg"),
    [
        ({"metrics": ["nope", "orders", "any"]}, ["query", "metrics"], "Invalid metric slugs: any, nope"),
        ({"end_date": "2023-12-31"}, ["query"], "The start date must not be after the end date."),
        ({"timezone": "Mars/Olympus"}, ["query", "timezone"], "Value error, Unknown time zone."),
        ({"timezone": "../../etc/passwd"}, ["query", "timezone"], "Value error, Unknown time zone."),
        ({"interval": "decade"}, ["query", "interval"], None),
        ({"start_date": "1704067200"}, ["query", "start_date"], None),
        ({"product_id": "x"}, ["query", "product_id", "uuid"], None),
    ],
)
async def test_refusals(shop: Shop, query: dict[str, Any], loc: list[str], msg: str | None) -> None:
    query = {"start_date": "2024-01-01", "end_date": "2024-01-31", "interval": "day", **query}
    refused = await shop.client.get("/v1/metrics/", params=query)
    assert refused.status_code == 422
    fault = refused.json()["detail"][0]
    assert fault["loc"][: len(loc)] == loc[: len(fault["loc"])]
    assert msg is None or fault["msg"] == msg


async def test_the_ends_of_the_calendar_and_old_names_of_zones(shop: Shop) -> None:
    for day in ("0001-01-01", "9999-12-31"):
        for zone in ("Asia/Calcutta", "America/New_York"):
            assert len((await report(shop, day, day, "month", timezone=zone))["periods"]) == 1


async def test_limits(shop: Shop) -> None:
    reply = await shop.client.get("/v1/metrics/limits")
    assert reply.json() == {
        "min_date": "2023-01-01",
        "intervals": {
            "hour": {"min_days": 0, "max_days": 7},
            "day": {"min_days": 0, "max_days": 366},
            "week": {"min_days": 14, "max_days": 371},
            "month": {"min_days": 60, "max_days": 1460},
            "year": {"min_days": 366, "max_days": 3650},
        },
    }
