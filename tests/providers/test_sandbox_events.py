"""Events: durable, complete along the cursors, and what a bad network does to the calls of listeners."""

import asyncio
import time
from datetime import timedelta

import asyncpg
import pytest
from structlog.testing import capture_logs

from boreal.providers.payments.sandbox import Faults, SandboxProcessor
from boreal.providers.payments.sandbox.events import events_after
from boreal.providers.ports import Processing, ProcessorUnavailable, RefundRequest, Succeeded
from tests.providers.conftest import PEPPER


async def walk(processor, cursor=None, limit=2):
    """All events after a cursor, page by page."""
    events = []
    while True:
        page = await processor.events_since(cursor, limit=limit)
        if not page.events:
            return events, cursor
        events += page.events
        cursor = page.cursor


async def test_every_change_is_an_event(bank):
    payment = await bank.pay()
    waiting = await bank.pay("pm_card_threeDSecure2Required")
    await bank.processor.answer_challenge(waiting.client_secret, "accept")
    declined = await bank.pay("pm_card_chargeDeclined")
    setup = await bank.set_up()
    refund = await bank.processor.refund(RefundRequest(payment=payment.id, amount=5), idempotency_key="r")
    expected = [
        ("payment", payment.id),
        ("payment", waiting.id),
        ("payment", waiting.id),
        ("payment", declined.id),
        ("setup", setup.id),
        ("refund", refund.id),
    ]
    events, cursor = await walk(bank.processor)
    assert [(event.kind, event.object_id) for event in events] == expected
    assert len({event.id for event in events}) == 6
    await bank.processor.drain()
    assert sorted(bank.heard, key=lambda event: int(event.id[4:])) == events
    assert await walk(bank.processor, cursor) == ([], cursor)


async def test_a_late_commit_is_not_lost(bank, dsn):
    """The row with the lower id commits after a reader has passed it."""
    slow = await asyncpg.connect(dsn)
    open_transaction = slow.transaction()
    await open_transaction.start()
    insert = "INSERT INTO sandbox_events (kind, object_id, happened_at) VALUES ('payment', 'pi_slow', now())"
    await slow.execute(insert)
    payment = await bank.pay()
    events, cursor = await walk(bank.processor)
    assert [event.object_id for event in events] == [payment.id]
    await open_transaction.commit()
    await slow.close()
    events, _ = await walk(bank.processor, cursor)
    assert [event.object_id for event in events] == ["pi_slow"]


async def test_readers_and_writers_at_once_see_each_event_once(bank):
    async def read(count):
        seen, cursor = [], None
        while len(seen) < count:
            page = await bank.processor.events_since(cursor, limit=7)
            seen += [event.id for event in page.events]
            cursor = page.cursor
        return seen

    *_, one, two = await asyncio.gather(*(bank.pay() for _ in range(40)), read(40), read(40))
    assert len(set(one)) == 40
    assert one == two


async def test_a_reader_waits_for_the_places_that_another_gives(bank, dsn):
    slow = await asyncpg.connect(dsn)
    open_transaction = slow.transaction()
    await open_transaction.start()
    await slow.execute("INSERT INTO sandbox_events (kind, object_id, happened_at) VALUES ('payment', 'pi_slow', now())")
    payment = await bank.pay()
    async with bank.database.transaction() as connection:
        first = await events_after(connection, None, limit=10)
        await open_transaction.commit()
        second = asyncio.create_task(bank.processor.events_since(None))
        await asyncio.sleep(0.2)
    await slow.close()
    assert [event.object_id for event in first.events] == [payment.id]
    assert [event.object_id for event in (await second).events] == [payment.id, "pi_slow"]
    assert [event.object_id for event in (await walk(bank.processor, first.cursor))[0]] == ["pi_slow"]


async def test_readers_at_once_place_each_event_once(bank):
    for _ in range(30):
        await bank.pay()
    pages = await asyncio.gather(*(bank.processor.events_since(None) for _ in range(10)))
    assert {len(page.events) for page in pages} == {30}
    assert len({tuple(event.id for event in page.events) for page in pages}) == 1


async def test_a_listener_that_fails_harms_nobody(bank):
    async def broken(event):
        raise RuntimeError("broken")

    bank.processor.listen(broken)
    with capture_logs() as logs:
        payment = await bank.pay()
        await bank.processor.drain()
    assert payment.outcome == Succeeded()
    assert [event.object_id for event in bank.heard] == [payment.id]
    assert [(line["event"], line["event_id"]) for line in logs] == [("listener_failed", bank.heard[0].id)]


async def test_doubled_silent_and_late(bank):
    faults = bank.processor.faults = Faults()
    faults.doubled = 1.0
    payment = await bank.pay()
    await bank.processor.drain()
    assert [event.object_id for event in bank.heard] == [payment.id, payment.id]
    assert bank.heard[0] == bank.heard[1]

    faults.doubled, faults.silent = 0.0, 1.0
    bank.heard.clear()
    unheard = await bank.pay()
    await bank.processor.drain()
    assert bank.heard == []
    assert unheard.id in [event.object_id for event in (await walk(bank.processor))[0]]

    faults.silent, faults.late, faults.late_s = 0.0, 1.0, 0.2
    began = time.monotonic()
    waiting = await bank.pay("pm_card_threeDSecure2Required")
    await bank.processor.answer_challenge(waiting.client_secret, "accept")
    assert bank.heard == []
    await bank.processor.drain()
    assert len(bank.heard) == 2
    assert time.monotonic() - began >= 0.2


async def test_processing_first_and_success_later(bank):
    bank.processor.faults.processing = 1.0
    payment = await bank.pay(save_for_later=True)
    declined = await bank.pay("pm_card_chargeDeclined")
    assert payment.outcome == Processing()
    assert payment.charge.status == "pending"
    assert declined.outcome.status == "declined"
    assert (await bank.processor.cancel_payment(payment.id, idempotency_key="c")).outcome == Processing()
    assert await bank.processor.list_methods(bank.customer) == []

    bank.clock.advance(timedelta(seconds=2))
    events, _ = await walk(bank.processor)
    assert [event.object_id for event in events] == [payment.id, declined.id, payment.id]
    settled = await bank.processor.get_payment(payment.id)
    assert (settled.outcome, settled.charge.status, settled.charge.id) == (Succeeded(), "succeeded", payment.charge.id)
    assert [method.id for method in await bank.processor.list_methods(bank.customer)] == [payment.method.id]


async def test_a_payment_settles_once_however_many_ask(bank):
    bank.processor.faults.processing = 1.0
    payment = await bank.pay()
    bank.clock.advance(timedelta(seconds=2))
    seen = await asyncio.gather(*(bank.processor.get_payment(payment.id) for _ in range(10)))
    assert Succeeded() in {each.outcome for each in seen}
    assert len((await walk(bank.processor))[0]) == 2  # it was made, and it settled


async def test_processing_after_a_challenge(bank):
    payment = await bank.pay("pm_card_threeDSecure2Required")
    bank.processor.faults.processing = 1.0
    assert (await bank.processor.answer_challenge(payment.client_secret, "accept")).outcome == Processing()
    bank.clock.advance(timedelta(seconds=2))
    assert (await bank.processor.challenge(payment.client_secret)).outcome == Succeeded()


async def fate(faults, tries=30):
    """What a series of calls meets."""
    met = []
    for key in range(tries):
        for _ in range(3):
            try:
                async with faults.call(f"k{key}"):
                    met.append("done")
            except ProcessorUnavailable as error:
                met.append(str(error))
    return met


async def test_faults_are_drawn_from_their_seed():
    def make(seed):
        return Faults(seed=seed, lost_before=0.3, lost_after=0.3)

    assert await fate(make(1)) == await fate(make(1))
    assert await fate(make(1)) != await fate(make(2))
    assert set(await fate(make(1))) == {"done", "The request was lost on its way.", "The reply was lost on its way."}
    assert set(await fate(Faults())) == {"done"}


async def test_a_key_that_is_tried_again_gets_through():
    faults = Faults(seed=3, lost_before=0.5)
    for key in range(20):
        for tries in range(100):
            try:
                async with faults.call(f"k{key}"):
                    break
            except ProcessorUnavailable:
                assert tries < 50


async def test_latency(bank):
    bank.processor.faults.latency_s = 0.05
    began = time.monotonic()
    for _ in range(10):
        await bank.processor.get_payment("pi_x")
    assert 0.05 < time.monotonic() - began < 2


async def test_a_hundred_payments_over_a_bad_network(bank):
    """Whoever repeats with the same key until there is an answer has exactly one payment per key."""
    bank.processor.faults.__init__(seed=7, lost_before=0.2, lost_after=0.2, doubled=0.2, silent=0.2, latency_s=0.01)

    async def insist(number):
        while True:
            try:
                return await bank.processor.create_payment(bank.request(), idempotency_key=f"n{number}")
            except ProcessorUnavailable:
                continue

    payments = await asyncio.gather(*(insist(number) for number in range(100)))
    assert len({payment.id for payment in payments}) == 100
    bank.processor.faults.__init__()
    events, _ = await walk(bank.processor, limit=100)
    assert sorted(event.object_id for event in events) == sorted(payment.id for payment in payments)


async def test_two_processes_share_one_book(bank, database):
    other = SandboxProcessor(database, clock=bank.clock, pepper=PEPPER)
    payment = await bank.processor.create_payment(bank.request(), idempotency_key="k")
    assert await other.create_payment(bank.request(), idempotency_key="k") == payment
    assert await other.get_payment(payment.id) == payment


async def test_close_ends_what_still_waits(bank):
    bank.processor.faults.late, bank.processor.faults.late_s = 1.0, 60.0
    await bank.pay()
    await asyncio.wait_for(bank.processor.close(), 1)
    assert bank.heard == []


@pytest.mark.parametrize("limit", [1, 3])
async def test_pages_are_as_long_as_asked(bank, limit):
    for _ in range(4):
        await bank.pay()
    assert len((await bank.processor.events_since(None, limit=limit)).events) == limit
