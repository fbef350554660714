"""Meters: making, changing, archiving, and their quantities (usage spec 4)."""

from typing import Any

import pytest

from boreal.rooms.usage.meters.verification import differences
from tests.support.checkout import good
from tests.support.shop import Shop
from tests.support.usage import ingest, make_customer, make_meter, named


async def quantities(
    shop: Shop, meter: dict[str, Any], start: str, end: str, interval: str = "day", **more: Any
) -> Any:
    query = {"start_timestamp": start, "end_timestamp": end, "interval": interval, **more}
    return good(await shop.client.get(f"/v1/meters/{meter['id']}/quantities", params=query))


def numbers(reply: Any) -> list[float]:
    return [item["quantity"] for item in reply["quantities"]]


@pytest.mark.example("usage E17")
async def test_labels_stand_for_whole_days(shop: Shop) -> None:
    meter = await make_meter(shop)
    await ingest(shop, {"timestamp": "2025-01-01T03:00:00Z"}, {"timestamp": "2025-01-03T01:00:00Z"})
    reply = await quantities(shop, meter, "2025-01-01T12:00:00Z", "2025-01-03T06:00:00Z")
    assert [item["timestamp"] for item in reply["quantities"]] == ["2025-01-01T12:00:00Z", "2025-01-02T12:00:00Z"]
    assert (numbers(reply), reply["total"]) == ([1, 0], 1)


@pytest.mark.example("usage E18")
@pytest.mark.parametrize(
    ("func", "per_day", "total"),
    [("max", [20, 0, 15], 20), ("min", [10, 0, 5], 5), ("sum", [30, 0, 20], 50), ("avg", [15, 0, 10], 12.5)],
)
@pytest.mark.parametrize("late", [False, True])
async def test_totals(shop: Shop, func: str, per_day: list[float], total: float, late: bool) -> None:
    """Alike for events that came before their meter, before and after those were counted."""
    values = [("2025-01-01", 10), ("2025-01-01", 20), ("2025-01-03", 15), ("2025-01-03", 5)]
    events = [{"timestamp": f"{day}T10:00:00Z", "metadata": {"v": value}} for day, value in values]
    if late:
        await ingest(shop, *events)
    meter = await make_meter(shop, func, "v")
    if not late:
        await ingest(shop, *events)
    for _ in range(2):
        reply = await quantities(shop, meter, "2025-01-01T00:00:00Z", "2025-01-03T00:00:00Z")
        assert (numbers(reply), reply["total"]) == (per_day, total)
        await shop.settle()


@pytest.mark.example("usage E18")
async def test_an_average_weighs_days_alike(shop: Shop) -> None:
    meter = await make_meter(shop, "avg", "v")
    for day, value in ((1, 10), (1, 20), (3, 10)):
        await ingest(shop, {"timestamp": f"2025-01-0{day}T10:00:00Z", "metadata": {"v": value}})
    reply = await quantities(shop, meter, "2025-01-01T00:00:00Z", "2025-01-03T00:00:00Z")
    assert (numbers(reply), reply["total"]) == ([15, 0, 10], 12.5)


async def test_quantities_of_some_customers_and_of_each(shop: Shop) -> None:
    ada, meter = await make_customer(shop, "ada"), await make_meter(shop, "sum", "v")
    day = "2025-01-01T10:00:00Z"
    await ingest(shop, {"timestamp": day, "metadata": {"v": 1}}, {"timestamp": day, "metadata": {"v": 2, "k": "a"}})
    await ingest(shop, {"customer_id": ada["id"], "timestamp": day, "metadata": {"v": 4}})
    await ingest(shop, {"external_customer_id": "eve", "timestamp": day, "metadata": {"v": 8}})
    span = ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z")
    assert (await quantities(shop, meter, *span))["total"] == 15
    assert (await quantities(shop, meter, *span, customer_id=ada["id"]))["total"] == 7
    assert (await quantities(shop, meter, *span, external_customer_id="ada"))["total"] == 7
    assert (await quantities(shop, meter, *span, external_customer_id=["ada", "eve"]))["total"] == 15
    assert (await quantities(shop, meter, *span, external_customer_id="nobody"))["total"] == 0
    assert (await quantities(shop, meter, *span, **{"metadata[k]": "a"}))["total"] == 2
    assert (await quantities(shop, meter, *span, interval="hour", external_customer_id="ada"))["total"] == 0
    for function, number in (("count", 3), ("max", 8), ("min", 3), ("avg", 5), ("sum", 15)):
        reply = await quantities(shop, meter, *span, customer_aggregation_function=function)
        assert reply["total"] == number, function


@pytest.mark.parametrize("interval", ["hour", "day", "week", "month", "year"])
async def test_every_interval(shop: Shop, interval: str) -> None:
    meter, unique = await make_meter(shop), await make_meter(shop, "unique", "v")
    await ingest(
        shop, *({"timestamp": f"2025-01-31T{hour:02}:30:00Z", "metadata": {"v": hour % 2}} for hour in range(8))
    )
    reply = await quantities(shop, meter, "2025-01-31T00:00:00Z", "2025-02-01T00:00:00Z", interval)
    assert reply["total"] == 8
    reply = await quantities(shop, unique, "2025-01-31T00:00:00Z", "2025-02-01T00:00:00Z", interval)
    assert reply["total"] == 2
    assert max(numbers(reply)) == (1 if interval == "hour" else 2)


async def test_too_many_intervals_are_refused(shop: Shop) -> None:
    meter = await make_meter(shop)
    query = {"start_timestamp": "2025-01-01T00:00:00Z", "end_timestamp": "2025-01-09T00:00:00Z", "interval": "hour"}
    reply = await shop.client.get(f"/v1/meters/{meter['id']}/quantities", params=query)
    assert [(fault["loc"], fault["type"]) for fault in reply.json()["detail"]] == [(["query"], "value_error")]


async def test_rules_are_fixed_by_the_first_event(shop: Shop) -> None:
    meter = await make_meter(shop, filter=named("other"))
    await ingest(shop, {})
    path = f"/v1/meters/{meter['id']}"
    changed = good(await shop.client.patch(path, json={"filter": named("call"), "name": "Calls"}))
    assert changed["filter"]["clauses"][0]["value"] == "call"
    today = shop.clock.now().isoformat()
    assert (await quantities(shop, meter, today, today))["total"] == 1
    reply = await shop.client.patch(path, json={"filter": named("call"), "aggregation": None})
    assert [(fault["loc"], fault["type"]) for fault in reply.json()["detail"]] == [
        (["body", "filter"], "forbidden"),
        (["body", "aggregation"], "forbidden"),
    ]
    await shop.settle()
    assert (await quantities(shop, meter, today, today))["total"] == 1
    assert good(await shop.client.patch(path, json={"name": "Renamed"}))["name"] == "Renamed"


async def test_a_prefix_is_taken_off_properties(shop: Shop) -> None:
    clause = {"property": "metadata.model", "operator": "eq", "value": 1.0}
    meter = await make_meter(shop, "sum", "metadata.metadata.v", filter={"conjunction": "or", "clauses": [clause]})
    assert meter["filter"]["clauses"] == [{"property": "model", "operator": "eq", "value": 1}]
    assert meter["aggregation"] == {"func": "sum", "property": "metadata.v"}


@pytest.mark.parametrize("filled", [False, True])
async def test_quantities_of_archived_meters_go_on(shop: Shop, filled: bool) -> None:
    meter = await make_meter(shop)
    path, now = f"/v1/meters/{meter['id']}", shop.clock.now().isoformat()
    await ingest(shop, {})
    assert good(await shop.client.patch(path, json={"is_archived": True}))["archived_at"] is not None
    if filled:
        await shop.settle()
    await ingest(shop, {}, {})
    assert (await quantities(shop, meter, now, now))["total"] == 3
    assert good(await shop.client.patch(path, json={"is_archived": False}))["archived_at"] is None
    await ingest(shop, {})
    for _ in range(2):
        assert (await quantities(shop, meter, now, now))["total"] == 4
        await shop.settle()


async def test_a_meter_in_use_is_not_archived(shop: Shop) -> None:
    meter = await make_meter(shop)
    price = {"amount_type": "metered_unit", "meter_id": meter["id"], "unit_amount": "0.5", "price_currency": "usd"}
    body = {"name": "Usage", "recurring_interval": "month", "prices": [price]}
    product = good(await shop.client.post("/v1/products/", json=body), 201)
    assert product["prices"][0]["meter"] == {"id": meter["id"], "name": meter["name"]}
    reply = await shop.client.patch(f"/v1/meters/{meter['id']}", json={"is_archived": True})
    assert [(fault["loc"], fault["msg"]) for fault in reply.json()["detail"]] == [
        (["body", "is_archived"], "Cannot archive meter that is still attached to active products")
    ]
    good(await shop.client.patch(f"/v1/products/{product['id']}", json={"is_archived": True}))
    good(await shop.client.patch(f"/v1/meters/{meter['id']}", json={"is_archived": True}))


async def test_lists(shop: Shop) -> None:
    one, two = await make_meter(shop, metadata={"k": "1"}), await make_meter(shop, "sum", "v")
    good(await shop.client.patch(f"/v1/meters/{one['id']}", json={"is_archived": True}))

    async def listed(**query: Any) -> list[str]:
        return [item["id"] for item in good(await shop.client.get("/v1/meters/", params=query))["items"]]

    assert await listed() == [one["id"], two["id"]]
    assert await listed(sorting="-name") == [two["id"], one["id"]]
    assert await listed(is_archived=False) == [two["id"]]
    assert await listed(query="SUM") == [two["id"]]
    assert await listed(**{"metadata[k]": "1"}) == [one["id"]]


@pytest.mark.parametrize("returned_first", [False, True])
async def test_rules_may_change_while_a_meter_is_archived(shop: Shop, returned_first: bool) -> None:
    """What came before, meanwhile and after counts once, and only the last is billed."""
    await make_customer(shop, "ada")
    meter = await make_meter(shop, "sum", "v", filter=named("other"))
    path, now = f"/v1/meters/{meter['id']}", shop.clock.now().isoformat()
    await ingest(shop, {"metadata": {"v": 1}})
    await shop.settle()
    good(await shop.client.patch(path, json={"is_archived": True}))
    await ingest(shop, {"metadata": {"v": 2}})
    if returned_first:
        good(await shop.client.patch(path, json={"is_archived": False}))
    good(await shop.client.patch(path, json={"filter": named("call")}))
    await shop.settle()
    good(await shop.client.patch(path, json={"is_archived": False}))
    for _ in range(2):
        assert (await quantities(shop, meter, now, now))["total"] == 3
        (mine,) = good(await shop.client.get("/v1/customer-meters/", params={"meter_id": meter["id"]}))["items"]
        assert mine["consumed_units"] == 3
        await shop.settle()
    assert await differences(shop.app.database) == []
