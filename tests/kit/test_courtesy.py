"""Work in bulk lets requests go first, but never waits for long."""

import asyncio

from boreal.kit.courtesy import Courtesy


async def test_nobody_is_waited_for_when_nobody_asks() -> None:
    async with asyncio.timeout(1):
        await Courtesy().give_way(at_most_s=60)


async def test_who_asks_goes_first() -> None:
    courtesy, order = Courtesy(), []
    first, second = courtesy.ask(), courtesy.ask()

    async def bulk(number: int) -> None:
        await courtesy.give_way(at_most_s=60)
        order.append(f"bulk {number}")

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for number in range(2):
            group.create_task(bulk(number))
        for asking in (first, first, second):  # being over twice counts once
            await asyncio.sleep(0.01)
            order.append("asked")
            asking.over()
    assert order == ["asked", "asked", "asked", "bulk 0", "bulk 1"]


async def test_a_process_that_always_serves_somebody_still_does_its_other_work() -> None:
    courtesy = Courtesy()
    asking = courtesy.ask()
    async with asyncio.timeout(5):
        for _ in range(3):
            await courtesy.give_way(at_most_s=0.001)
    asking.over()
