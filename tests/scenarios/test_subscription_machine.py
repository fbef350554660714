"""Subscriptions by chance: people buy, change, leave, come back, cannot pay and pay again, while time passes.

After every step the invariants of every room hold, nothing is a 500, and the books say what the processor says. CI
plays a few short lives; `TEST_MACHINE_EXAMPLES=200 TEST_MACHINE_STEPS=40` is the whole of it.
"""

import asyncio
import itertools
import os
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.catalog import FREE, fixed, make_discount, make_product, seats
from tests.support.postgres import create_database, drop_database
from tests.support.schema import ddl
from tests.support.shop import Shop, client_of, open_shop
from tests.support.subscribers import MONTHLY, YEARLY, change, forget_methods, restore_methods, subscribe
from tests.support.tokens import session

_numbers = itertools.count(1)
_CHARGED = sa.text(
    """
    SELECT (SELECT coalesce(sum(amount), 0) FROM payments WHERE status = 'succeeded') AS recorded,
        (SELECT coalesce(sum(amount), 0) FROM sandbox_intents
            WHERE status = 'succeeded' AND kind = 'payment') AS charged
    """
)
_GAPS = sa.text(
    """
    SELECT id FROM subscriptions AS subscription WHERE period_number > 1 AND period_number - 1 > (
        SELECT count(*) FROM orders WHERE orders.subscription_id = subscription.id AND orders.period_number IS NOT NULL)
    """
)
PRODUCTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "cheap": (fixed(1000), MONTHLY),
    "dear": (fixed(2999), MONTHLY),
    "quarterly": (fixed(7777), {"recurring_interval": "month", "recurring_interval_count": 3}),
    "yearly": (fixed(10_000), YEARLY),
    "weekly": (fixed(333), {"recurring_interval": "week"}),
    "free": (FREE, MONTHLY),
    "trial": (fixed(1500), {**MONTHLY, "trial_interval": "day", "trial_interval_count": 10}),
    "team": (seats((1, 4, 1000), (5, None, 800)), MONTHLY),
}
ONE = st.integers(0, 99)
REFUSALS = (400, 403, 404, 409, 410, 422)


class Lives(RuleBasedStateMachine):
    """One shop and its subscribers."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.name = f"boreal_machine_{os.getpid()}_{next(_numbers)}"
        self.ids: list[str] = []
        self.customers: list[str] = []
        self.shop: Shop
        self.products: dict[str, str] = {}

    @initialize()
    def open(self) -> None:
        self.runner.run(self._open())

    async def _open(self) -> None:
        dsn = await create_database(self.name)
        connection = await asyncpg.connect(dsn)
        await connection.execute(ddl())
        await connection.close()
        self.shop = await self.stack.enter_async_context(open_shop(dsn))
        for name, (price, body) in PRODUCTS.items():
            self.products[name] = (await make_product(self.shop, price, name=name, **body))["id"]
        self.discount = (await make_discount(self.shop, basis_points=2500, duration="once"))["id"]

    def teardown(self) -> None:
        self.runner.run(self._close())
        self.runner.close()

    async def _close(self) -> None:
        await self.stack.aclose()
        await drop_database(self.name)

    @rule(name=st.sampled_from(sorted(PRODUCTS)), some=st.integers(1, 12))
    def buy(self, name: str, some: int) -> None:
        self.runner.run(self._buy(name, some))

    async def _buy(self, name: str, some: int) -> None:
        bought = await subscribe(
            self.shop,
            {"id": self.products[name]},
            card=None if name == "free" else "pm_card_visa",
            session={"seats": some} if name == "team" else None,
            customer_email=f"buyer{len(self.ids)}@example.com",
        )
        self.ids.append(bought["id"])
        self.customers.append(bought["customer_id"])

    @precondition(lambda self: self.ids)
    @rule(who=ONE, name=st.sampled_from(sorted(PRODUCTS)), behavior=st.sampled_from(["invoice", "prorate", None]))
    def change_product(self, who: int, name: str, behavior: str | None) -> None:
        self._change(who, product_id=self.products[name], proration_behavior=behavior)

    @precondition(lambda self: self.ids)
    @rule(who=ONE, name=st.sampled_from(sorted(PRODUCTS)))
    def schedule(self, who: int, name: str) -> None:
        self.runner.run(self._schedule(who, name))

    async def _schedule(self, who: int, name: str) -> None:
        url = f"/v1/subscriptions/{self.ids[who % len(self.ids)]}/scheduled-change"
        reply = await self.shop.client.post(url, json={"product_id": self.products[name]})
        assert reply.is_success or reply.status_code in REFUSALS, reply.text

    @precondition(lambda self: self.ids)
    @rule(who=ONE, some=st.integers(1, 12), behavior=st.sampled_from(["invoice", "prorate"]))
    def change_seats(self, who: int, some: int, behavior: str) -> None:
        self._change(who, seats=some, proration_behavior=behavior)

    @precondition(lambda self: self.ids)
    @rule(who=ONE, on=st.booleans())
    def discount_it(self, who: int, on: bool) -> None:
        self._change(who, discount_id=self.discount if on else None)

    @precondition(lambda self: self.ids)
    @rule(who=ONE, leaves=st.booleans())
    def cancel(self, who: int, leaves: bool) -> None:
        self._change(who, cancel_at_period_end=leaves)

    @precondition(lambda self: self.ids)
    @rule(who=ONE)
    def end_trial(self, who: int) -> None:
        self._change(who, trial_end="now")

    @precondition(lambda self: len(self.ids) > 1)
    @rule(who=ONE)
    def revoke(self, who: int) -> None:
        self._change(who, revoke=True)

    def _change(self, who: int, **body: Any) -> None:
        self.runner.run(self._send(self.ids[who % len(self.ids)], body))

    async def _send(self, id: str, body: dict[str, Any]) -> None:
        seen = await self.shop.client.post(f"/v1/subscriptions/{id}/preview", json=body)
        reply = await change(self.shop, id, **body)
        assert reply.is_success or reply.status_code in REFUSALS, reply.text
        assert seen.status_code == reply.status_code, (seen.text, reply.text)
        await self.shop.settle()

    @rule(works=st.booleans())
    def cards(self, works: bool) -> None:
        self.runner.run(restore_methods(self.shop) if works else forget_methods(self.shop))

    @precondition(lambda self: self.ids)
    @rule(who=ONE, card=st.sampled_from(["pm_card_visa", "pm_card_chargeDeclined"]))
    def pay(self, who: int, card: str) -> None:
        self.runner.run(self._pay(self.customers[who % len(self.customers)], card))

    async def _pay(self, customer_id: str, card: str) -> None:
        client = client_of(self.shop.boreal, await session(self.shop, customer_id))
        for order in (await client.get("/v1/customer-portal/orders/?limit=100")).json()["items"]:
            if order["status"] == "pending":
                url = f"/v1/customer-portal/orders/{order['id']}/confirm-payment"
                reply = await client.post(url, json={"confirmation_token_id": card})
                assert reply.is_success or reply.status_code in REFUSALS, reply.text
        await self.shop.settle()

    @rule(days=st.sampled_from([1, 2, 10, 31, 100]), hours=st.integers(0, 23))
    def wait(self, days: int, hours: int) -> None:
        self.runner.run(self.shop.advance(days=days, hours=hours))

    @invariant()
    def books_are_right(self) -> None:
        if self.products:
            self.runner.run(self._check())

    async def _check(self) -> None:
        await self.shop.check()
        row = await self.shop.app.database.fetchrow(_CHARGED)
        assert row is not None
        assert row["recorded"] == row["charged"]
        assert await self.shop.app.database.fetch(_GAPS) == []


EXAMPLES = int(os.environ.get("TEST_MACHINE_EXAMPLES", "2"))
STEPS = int(os.environ.get("TEST_MACHINE_STEPS", "12"))


@pytest.mark.timeout(120 + 2 * EXAMPLES * STEPS)
class TestLives(Lives.TestCase):  # type: ignore[name-defined,misc]
    """The lives, played."""

    settings = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
