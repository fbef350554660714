"""What happens when the processor or this process goes away in the middle of a confirmation (design, section 4)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from boreal.kit.work import Work
from boreal.providers.payments.sandbox import Faults
from boreal.rooms.checkout.checkouts import confirmation
from tests.support.catalog import make_product
from tests.support.checkout import Session, finish, good, open_session, orders, problem, processor_of
from tests.support.organizations import set_subscription_settings
from tests.support.payments import attempts, payment_methods, payments
from tests.support.shop import Shop, open_shop

LOCKED = (409, "CheckoutLocked", "Checkout is currently being processed. Please try again.")
MONTHLY = {"recurring_interval": "month"}
DECLINED = "pm_card_visa_chargeDeclined"


class LosesReplies(Faults):
    """A network that loses the reply to the payment itself (and not to what comes before it), once."""

    def happens(self, what: str, subject: str, chance: float) -> bool:
        """Only the first reply to a request for a payment or a setup."""
        if what != "lost_after" or subject.endswith("-customer") or "_" in subject or self._tries["lost", subject]:
            return False
        self._tries["lost", subject] += 1
        return True


@asynccontextmanager
async def network(dsn: str, faults: Faults) -> AsyncIterator[Shop]:
    async with open_shop(dsn) as shop:
        processor_of(shop).faults = faults
        yield shop
        await processor_of(shop).drain()
        await shop.check()


async def assert_busy(session: Session) -> None:
    """While nobody knows how it went, nothing else may happen to the session; it can be looked at."""
    for reply in (await session.confirm(), await session.update(customer_name="Eve"), await session.patch(metadata={})):
        assert problem(reply) == LOCKED
    assert good(await session.get())["status"] == "open"


@pytest.mark.parametrize("fault", ["lost_before", "lost_after"])
@pytest.mark.parametrize("product", [{}, MONTHLY, {**MONTHLY, "trial_interval": "day", "trial_interval_count": 7}])
async def test_a_processor_that_cannot_be_reached(dsn: str, fault: str, product: dict[str, Any]) -> None:
    broken = Faults(**{fault: 1.0})
    async with network(dsn, broken) as shop:
        session = await open_session(shop, await make_product(shop, **product))
        assert problem(await session.confirm()) == LOCKED
        await shop.advance(seconds=30)
        await assert_busy(session)
        setattr(broken, fault, 0.0)
        await shop.advance(minutes=2)
        assert (await session.view())["status"] == "succeeded"
        assert len(await orders(shop)) == 1
        assert len(await payments(shop)) == (0 if "trial_interval" in product else 1)
        assert len(await payment_methods(shop)) == (1 if product else 0)


@pytest.mark.parametrize("product", [{}, {**MONTHLY, "trial_interval": "day", "trial_interval_count": 7}])
async def test_a_reply_that_is_lost_after_the_money_moved(dsn: str, product: dict[str, Any]) -> None:
    async with network(dsn, LosesReplies()) as shop:
        session = await open_session(shop, await make_product(shop, **product))
        assert problem(await session.confirm()) == LOCKED
        await assert_busy(session)
        await shop.advance(seconds=5)
        assert (await session.view())["status"] == "succeeded"
        assert len(await orders(shop)) == 1
        assert len(await payments(shop)) == (0 if product else 1)


async def test_a_refusal_that_is_lost(dsn: str) -> None:
    async with network(dsn, LosesReplies()) as shop:
        session = await open_session(shop, await make_product(shop))
        await shop.facts()
        assert problem(await session.confirm(DECLINED)) == LOCKED
        await shop.advance(seconds=5)
        await shop.saw()
        assert await session.view() == session.made
        (record,) = await payments(shop)
        assert record["status"] == "failed"
        processor_of(shop).faults = Faults()
        assert (await session.pay())["status"] == "succeeded"


async def test_a_trial_that_is_refused_after_its_reply_was_lost(dsn: str) -> None:
    async with network(dsn, Faults()) as shop:
        await set_subscription_settings(shop, prevent_trial_abuse=True, allow_multiple_subscriptions=True)
        product = await make_product(shop, **MONTHLY, trial_interval="day", trial_interval_count=7)
        await (await open_session(shop, product)).pay()
        second = await open_session(shop, product)
        processor_of(shop).faults = LosesReplies()
        assert problem(await second.confirm()) == LOCKED
        await shop.advance(seconds=5)
        assert await second.view() == second.made
        assert len(await orders(shop)) == 1


async def started(shop: Shop, session: Session, token: str = "pm_card_visa") -> asyncio.Task[Any]:
    """A confirmation that waits for its slow processor."""
    processor_of(shop).faults.latency_s = 60
    task = asyncio.create_task(session.confirm(token))
    while not await attempts(shop):
        await asyncio.sleep(0.01)
    return task


async def die(task: asyncio.Task[Any]) -> None:
    """The process that carried out a request is gone."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_crash_between_the_two_transactions(dsn: str) -> None:
    async with network(dsn, Faults()) as shop:
        session = await open_session(shop, await make_product(shop))
        task = await started(shop, session)
        await assert_busy(session)
        await die(task)
        processor_of(shop).faults.latency_s = 0
        await shop.advance(seconds=59)
        await assert_busy(session)
        await shop.advance(seconds=1)
        assert (await session.view())["status"] == "succeeded"
        assert len(await orders(shop)) == len(await payments(shop)) == 1
        (attempt,) = await attempts(shop)
        assert (attempt["state"], attempt["request"]) == ("applied", {})


async def test_a_crash_before_a_refusal(dsn: str) -> None:
    async with network(dsn, Faults()) as shop:
        session = await open_session(shop, await make_product(shop))
        await die(await started(shop, session, DECLINED))
        processor_of(shop).faults.latency_s = 0
        await shop.advance(seconds=60)
        assert (await session.view())["status"] == "open"
        (attempt,) = await attempts(shop)
        assert (attempt["state"], attempt["request"]) == ("discarded", {})
        assert (await session.pay())["status"] == "succeeded"


async def test_an_attempt_outlives_the_hour_of_its_session(dsn: str) -> None:
    async with network(dsn, Faults()) as shop:
        session = await open_session(shop, await make_product(shop))
        await shop.advance(minutes=59, seconds=30)
        await die(await started(shop, session))
        processor_of(shop).faults.latency_s = 0
        await shop.advance(hours=1)
        assert (await session.view())["status"] == "succeeded"


async def test_days_without_a_worker(dsn: str) -> None:
    """The processor has forgotten the key by then: what it did is looked for, never asked for again."""
    async with network(dsn, LosesReplies()) as shop:
        product = await make_product(shop)
        paid, untouched = await open_session(shop, product), await open_session(shop, product)
        assert problem(await paid.confirm()) == LOCKED
        processor_of(shop).faults = Faults(lost_before=1.0)
        assert problem(await untouched.confirm()) == LOCKED
        processor_of(shop).faults = Faults()
        shop.clock.advance(timedelta(days=3))
        await finish(shop)
        assert (await paid.view())["status"] == "succeeded"
        assert (await untouched.view())["status"] == "open"
        assert len(await orders(shop)) == len(await payments(shop)) == 1


async def settle_by(shop: Shop) -> Callable[[], Awaitable[None]]:
    """The safety net for the one attempt that there is."""
    (attempt,) = await attempts(shop)
    work = Work(
        id=0,
        organization_id=shop.organization_id,
        kind="settle_attempt",
        unique_key=str(attempt["id"]),
        payload={"attempt_id": str(attempt["id"])},
        attempts=1,
        version=0,
        trace=None,
    )
    return lambda: confirmation.settle_attempt(shop.app, work)


async def test_the_safety_net_and_the_request_settle_at_once(dsn: str) -> None:
    async with network(dsn, Faults()) as shop:
        session = await open_session(shop, await make_product(shop))
        task = await started(shop, session)
        processor_of(shop).faults.latency_s = 0
        settle = await settle_by(shop)
        await asyncio.gather(settle(), settle(), settle())
        await settle()
        await die(task)
        assert (await session.view())["status"] == "confirmed"
        await finish(shop)
        assert (await session.view())["status"] == "succeeded"
        assert len(await orders(shop)) == len(await payments(shop)) == 1


async def test_a_request_that_finds_its_attempt_settled_gives_the_token_all_the_same(dsn: str) -> None:
    async with network(dsn, Faults()) as shop:
        session = await open_session(shop, await make_product(shop))
        faulty = processor_of(shop).faults
        faulty.latency_s = 1.0
        task = asyncio.create_task(session.confirm())
        while not await attempts(shop):
            await asyncio.sleep(0.01)
        faulty.latency_s = 0.0
        await (await settle_by(shop))()
        await finish(shop)
        confirmed = good(await task)
        assert confirmed["status"] == "confirmed"
        assert confirmed["customer_session_token"].startswith("polar_cst_")
        assert (await session.view())["status"] == "succeeded"


async def test_a_very_bad_network(dsn: str) -> None:
    """Whatever is lost, told twice or never: each session is paid once or not at all, and says so."""
    bad = Faults(lost_before=0.3, lost_after=0.3, doubled=0.4, silent=0.4, processing=0.3, settles_after_s=10)
    async with network(dsn, bad) as shop:
        product = await make_product(shop)
        sessions = [await open_session(shop, product) for _ in range(12)]
        tokens = ["pm_card_visa", DECLINED, "pm_card_mastercard"] * 4
        emails = [f"buyer{number % 5}@example.com" for number in range(12)]
        replies = await asyncio.gather(
            *(
                session.confirm(token, customer_email=email)
                for session, token, email in zip(sessions, tokens, emails, strict=True)
            )
        )
        assert {reply.status_code for reply in replies} <= {200, 400, 409}
        await shop.advance(minutes=1)
        bad.lost_before = bad.lost_after = 0.0
        await shop.advance(minutes=10)
        views = [await session.view() for session in sessions]
        assert [view["status"] for view in views] == ["succeeded", "open", "succeeded"] * 4
        paid = [record for record in await payments(shop) if record["status"] == "succeeded"]
        bought = {item["checkout_id"] for item in await orders(shop)}
        assert len(paid) == len(bought) == 8
        assert {str(record["checkout_id"]) for record in paid} == bought
        assert {view["id"] for view in views if view["status"] == "succeeded"} == bought
        assert all(attempt["state"] != "started" for attempt in await attempts(shop))
