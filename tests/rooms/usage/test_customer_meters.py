"""Customer meters: consumed, credited, balance; windows, and what rolls over (usage spec 5)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from boreal.core.metering import AggregationFunction, quantity
from boreal.rooms.usage.public import Span, close, credit, measure, reset
from tests.support.checkout import good
from tests.support.shop import Shop
from tests.support.usage import ingest, make_customer, make_meter


async def state(shop: Shop, customer: dict[str, Any], meter: dict[str, Any]) -> tuple[float, int, float]:
    query = {"customer_id": customer["id"], "meter_id": meter["id"]}
    (item,) = good(await shop.client.get("/v1/customer-meters/", params=query))["items"]
    assert good(await shop.client.get(f"/v1/customer-meters/{item['id']}")) == item
    return item["consumed_units"], item["credited_units"], item["balance"]


async def credited(
    shop: Shop, customer: dict[str, Any], meter: dict[str, Any], units: int, rolls: bool = False
) -> None:
    async with shop.app.transaction(shop.organization_id) as tx:
        await credit(tx, customer_id=UUID(customer["id"]), meter_id=UUID(meter["id"]), units=units, rollover=rolls)


async def begin_anew(shop: Shop, customer: dict[str, Any], meter: dict[str, Any], rolls: bool = True) -> int:
    id = UUID(meter["id"])
    async with shop.app.transaction(shop.organization_id) as tx:
        done = await reset(tx, customer_id=UUID(customer["id"]), meter_ids=[id], rolls_over={id: rolls})
        return done.rolled_over[id]


async def use(shop: Shop, value: float, **more: Any) -> None:
    await ingest(shop, {"metadata": {"v": value}, **more})


@pytest.mark.example("usage E8")
async def test_a_balance(shop: Shop) -> None:
    ada, meter = await make_customer(shop, "ada"), await make_meter(shop, "sum", "v")
    for units in (100, -150, 30):
        await credited(shop, ada, meter, units)
    await use(shop, 10)
    await use(shop, 2.5, customer_id=ada["id"])
    assert await state(shop, ada, meter) == (12.5, 30, 17.5)


@pytest.mark.example("usage E9")
async def test_negative_usage_is_credit(shop: Shop) -> None:
    ada, meter = await make_customer(shop, "ada"), await make_meter(shop, "sum", "v")
    for value, consumed in ((-10, -10), (3, -7), (8, 1)):
        await use(shop, value)
        assert await state(shop, ada, meter) == (consumed, 0, -consumed)


@pytest.mark.example("usage E11")
@pytest.mark.example("usage E12")
@pytest.mark.parametrize(
    ("rolls", "cycles"),
    [
        (True, [(100, 30, 70), (170, 150, 20), (120, 90.5, 29.5), (129, 0, 129), (229, 0, 229)]),
        (False, [(100, 30, 70), (100, 150, -50), (100, 90.5, 9.5), (100, 0, 100)]),
    ],
)
async def test_cycles(shop: Shop, rolls: bool, cycles: list[tuple[int, float, float]]) -> None:
    ada, meter = await make_customer(shop, "ada"), await make_meter(shop, "sum", "v")
    for number, (total, value, left) in enumerate(cycles):
        if number:
            await begin_anew(shop, ada, meter, rolls)
        await credited(shop, ada, meter, 100, rolls)
        if value:
            await use(shop, value)
        assert await state(shop, ada, meter) == (value, total, left)


@pytest.mark.example("usage E13")
@pytest.mark.parametrize(("value", "rolled_over"), [(120, 30), (60, 50)])
async def test_two_credits_of_one_meter(shop: Shop, value: float, rolled_over: int) -> None:
    ada, meter = await make_customer(shop, "ada"), await make_meter(shop, "sum", "v")
    await credited(shop, ada, meter, 100)
    await credited(shop, ada, meter, 50, True)
    assert await state(shop, ada, meter) == (0, 150, 150)
    await use(shop, value)
    assert await begin_anew(shop, ada, meter) == rolled_over
    await credited(shop, ada, meter, 100)
    await credited(shop, ada, meter, 50, True)
    assert await state(shop, ada, meter) == (0, rolled_over + 150, rolled_over + 150)


@pytest.mark.example("usage E14")
async def test_taking_credit_back(shop: Shop) -> None:
    ada, meter = await make_customer(shop, "ada"), await make_meter(shop, "sum", "v")
    await credited(shop, ada, meter, 40, True)
    await credited(shop, ada, meter, 100)
    await use(shop, 30)
    await credited(shop, ada, meter, -100)
    assert await state(shop, ada, meter) == (30, 40, 10)
    other = await make_meter(shop, "sum", "w")
    await credited(shop, ada, other, 100)
    await ingest(shop, {"metadata": {"w": 130}})
    await credited(shop, ada, other, -100)
    assert await state(shop, ada, other) == (130, 0, -130)


@pytest.mark.example("usage E15")
async def test_a_late_event_counts_in_the_window_in_which_it_came(shop: Shop) -> None:
    ada, meter = await make_customer(shop, "ada"), await make_meter(shop, "sum", "v")
    await use(shop, 1)
    await begin_anew(shop, ada, meter)
    await use(shop, 5, timestamp="2025-12-31T11:00:00Z")
    assert (await state(shop, ada, meter))[0] == 5
    query = {"start_timestamp": "2025-12-31T00:00:00Z", "end_timestamp": "2025-12-31T23:00:00Z", "interval": "hour"}
    reply = good(await shop.client.get(f"/v1/meters/{meter['id']}/quantities", params=query))
    assert [item["quantity"] for item in reply["quantities"]] == [5 if hour == 11 else 0 for hour in range(24)]


@pytest.mark.parametrize(
    ("func", "property", "expected"),
    [("count", None, 4), ("sum", "v", 7.5), ("max", "v", 4), ("min", "v", 1), ("avg", "v", 2.5), ("unique", "v", 4)],
)
async def test_events_by_either_id_are_one_customers(
    shop: Shop, func: str, property: str | None, expected: float
) -> None:
    """Also those that came before the customer, or before the meter; `unique` over both together."""
    await ingest(shop, {"metadata": {"v": 1}}, {"metadata": {"v": 2.5}})
    meter = await make_meter(shop, func, property)
    ada = await make_customer(shop, "ada")
    await ingest(shop, {"metadata": {"v": "x"}})
    await ingest(shop, {"customer_id": ada["id"], "metadata": {"v": 4}})
    assert (await state(shop, ada, meter))[0] == expected
    await shop.settle()
    assert await shop.app.database.fetchval(sa.text("SELECT count(*) FROM meter_fills")) == 0
    assert (await state(shop, ada, meter))[0] == expected


async def test_the_window_of_a_meter_without_reset_holds_everything(shop: Shop) -> None:
    ada = await make_customer(shop, "ada")
    await use(shop, 1)
    meter = await make_meter(shop, "sum", "v")
    await use(shop, 2)
    await shop.settle()
    await use(shop, 4)
    assert (await state(shop, ada, meter))[0] == 7
    await begin_anew(shop, ada, meter)
    assert (await state(shop, ada, meter))[0] == 0
    await use(shop, 8)
    assert (await state(shop, ada, meter))[0] == 8


async def test_what_came_while_a_meter_was_archived_is_usage_and_not_billed(shop: Shop) -> None:
    ada, meter = await make_customer(shop, "ada"), await make_meter(shop, "sum", "v")
    path, id = f"/v1/meters/{meter['id']}", UUID(meter["id"])
    await use(shop, 1)
    good(await shop.client.patch(path, json={"is_archived": True}))
    await use(shop, 2)
    await begin_anew(shop, ada, meter)
    await use(shop, 4)
    assert good(await shop.client.get("/v1/customer-meters/", params={"customer_id": ada["id"]}))["items"] == []
    good(await shop.client.patch(path, json={"is_archived": False}))
    await use(shop, 8)
    for _ in range(2):
        assert (await state(shop, ada, meter))[0] == 12
        await shop.settle()
    async with shop.app.transaction(shop.organization_id) as tx:
        (tally,) = await measure(tx, [[Span(id, UUID(ada["id"]), since=-1)]])
    assert quantity(AggregationFunction.SUM, tally) == 9


@pytest.mark.parametrize(("func", "parts"), [("sum", (3, 4)), ("max", (2, 4)), ("unique", (2, 1)), ("avg", (1.5, 4))])
async def test_bills_end_where_they_were_closed(shop: Shop, func: str, parts: tuple[float, float]) -> None:
    ada, meter = await make_customer(shop, "ada"), await make_meter(shop, func, "v")
    customer_id, id = UUID(ada["id"]), UUID(meter["id"])
    await use(shop, 1)
    await use(shop, 2, customer_id=ada["id"])
    async with shop.app.transaction(shop.organization_id) as tx:
        place = await close(tx, customer_ids=[customer_id], meter_ids=[id])
    await use(shop, 4)
    async with shop.app.transaction(shop.organization_id) as tx:
        spans = Span(id, customer_id, -1, place), Span(id, customer_id, place)
        tallies = await measure(tx, [[span] for span in spans])
    function = AggregationFunction(func)
    assert tuple(quantity(function, tally) for tally in tallies) == parts
    assert (await state(shop, ada, meter))[0] == {"sum": 7, "max": 4, "unique": 3, "avg": pytest.approx(7 / 3)}[func]


async def test_the_state_of_a_customer_shows_its_meters_and_is_told(shop: Shop) -> None:
    await make_customer(shop, "ada")
    meter, _ = await make_meter(shop), await make_meter(shop, "sum", "none")
    await shop.settle()
    await shop.facts()
    await ingest(shop, {}, {})
    await ingest(shop, {})
    shown = good(await shop.client.get("/v1/customers/external/ada/state"))["active_meters"]
    consumed = {item["meter_id"]: item["consumed_units"] for item in shown}
    assert (len(shown), consumed.pop(meter["id"]), [*consumed.values()]) == (2, 3, [0])
    await shop.advance(seconds=20)
    await shop.saw("usage.recorded", "customer.state_changed")


async def test_usage_shortly_before_an_announcement_asks_for_it_again(shop: Shop) -> None:
    """It might be stored only after the announcement has looked."""
    asked = sa.text("SELECT version FROM work WHERE kind = 'announce_usage'")
    await ingest(shop, {})
    shop.clock.advance(timedelta(seconds=9))
    await ingest(shop, {})
    before = await shop.app.database.fetchval(asked)
    shop.clock.advance(timedelta(seconds=3))
    await ingest(shop, {})
    assert await shop.app.database.fetchval(asked) == before + 1


async def test_lists_are_sorted_and_filtered(shop: Shop) -> None:
    for name in ("ada", "eve"):
        await make_customer(shop, name)
    meter = await make_meter(shop, "sum", "v")
    await use(shop, 5)
    await use(shop, 2, external_customer_id="eve")

    async def listed(**query: Any) -> list[str]:
        page = good(await shop.client.get("/v1/customer-meters/", params=query))
        return [item["customer"]["external_id"] for item in page["items"]]

    assert await listed(sorting="consumed_units") == ["eve", "ada"]
    assert await listed(sorting="balance") == ["ada", "eve"]
    assert await listed(sorting="-customer_name", external_customer_id="eve", meter_id=meter["id"]) == ["eve"]
    assert await listed(external_customer_id=["eve", "ada"], sorting="-consumed_units") == ["ada", "eve"]
