"""Subscriptions by chance: people buy, change, leave, come back, cannot pay and pay again, get money back, give seats
to others, while time passes.

After every step the invariants of every room hold, nothing is a 500, the ledger sums to zero, orders are their lines
and what was paid for them, given back and kept as balance, and no period was left out or billed twice. CI plays the
same few short lives each time; `TEST_MACHINE_EXAMPLES=200 TEST_MACHINE_STEPS=40` is the whole of it, and draws others
each time.
"""

import asyncio
import itertools
import os
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import httpx2
import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from boreal.providers.ports import TaxQuotes
from tests.support.books import money_adds_up
from tests.support.catalog import FREE, fixed, make_discount, make_product, seats
from tests.support.checkout import VISA, FlatTax, finish, good, open_session
from tests.support.postgres import create_database, drop_database
from tests.support.refunds import ask
from tests.support.schema import ddl
from tests.support.seats import SEATS
from tests.support.shop import Shop, client_of, open_shop
from tests.support.subscribers import DECLINES_LATER, MONTHLY, YEARLY, change, forget_methods, restore_methods
from tests.support.tokens import session

_numbers = itertools.count(1)
_PERIODS = sa.text(
    """
    SELECT subscription.id, period_number, billed FROM subscriptions AS subscription CROSS JOIN LATERAL (
        SELECT array_agg(orders.period_number ORDER BY orders.period_number) AS billed
        FROM orders WHERE orders.subscription_id = subscription.id AND orders.period_number IS NOT NULL) AS of_it
    WHERE billed IS DISTINCT FROM ARRAY(SELECT generate_series(1, billed[cardinality(billed)]))
    OR period_number - cardinality(billed) NOT IN (-1, 0)
    """
)
_BILLED_TWICE = sa.text(
    """
    SELECT entry.subscription_id, entry.starts_at FROM billing_entries AS entry
    WHERE type = 'cycle' GROUP BY subscription_id, product_price_id, starts_at HAVING count(*) > 1
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
    "once": (fixed(4900), {}),
}
RECURRING = sorted(name for name, (_, body) in PRODUCTS.items() if body)
CARDS = (VISA, DECLINES_LATER, "pm_card_refundFail", "pm_card_pendingRefund")
FIRST = ("cheap", "trial", "team")
"""What somebody has bought before anything happens."""
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
        self.shop = await self.stack.enter_async_context(open_shop(dsn, adapters={TaxQuotes: FlatTax()}))
        for name, (price, body) in PRODUCTS.items():
            self.products[name] = (await make_product(self.shop, price, name=name, **body))["id"]
        self.discount = (await make_discount(self.shop, basis_points=2500, duration="once"))["id"]
        for name in FIRST:
            await self._buy(name, 3, VISA)

    def teardown(self) -> None:
        self.runner.run(self._close())
        self.runner.close()

    async def _close(self) -> None:
        await self.stack.aclose()
        await drop_database(self.name)

    @rule(name=st.sampled_from(sorted(PRODUCTS)), some=st.integers(1, 12), card=st.sampled_from(CARDS))
    def buy(self, name: str, some: int, card: str) -> None:
        self.runner.run(self._buy(name, some, card))

    async def _buy(self, name: str, some: int, card: str) -> None:
        opened = await open_session(
            self.shop, {"id": self.products[name]}, **({"seats": some} if name == "team" else {})
        )
        token = None if name == "free" else card
        good(await opened.confirm(token, customer_email=f"buyer{len(self.customers)}@example.com"))
        await finish(self.shop)
        bought = await opened.view()
        assert bought["status"] == "succeeded", bought
        self.customers.append(bought["customer_id"])
        if bought["subscription_id"]:
            self.ids.append(bought["subscription_id"])

    @rule(who=ONE, name=st.sampled_from(RECURRING), behavior=st.sampled_from(["invoice", "prorate", None]))
    def change_product(self, who: int, name: str, behavior: str | None) -> None:
        self._change(who, product_id=self.products[name], proration_behavior=behavior)

    @rule(who=ONE, name=st.sampled_from(RECURRING))
    def schedule(self, who: int, name: str) -> None:
        self.runner.run(self._schedule(who, name))

    async def _schedule(self, who: int, name: str) -> None:
        url = f"/v1/subscriptions/{self.ids[who % len(self.ids)]}/scheduled-change"
        reply = await self.shop.client.post(url, json={"product_id": self.products[name]})
        _is_well(reply)

    @rule(who=ONE, some=st.integers(1, 12), behavior=st.sampled_from(["invoice", "prorate"]))
    def change_seats(self, who: int, some: int, behavior: str) -> None:
        self._change(who, seats=some, proration_behavior=behavior)

    @rule(who=ONE, on=st.booleans())
    def discount_it(self, who: int, on: bool) -> None:
        self._change(who, discount_id=self.discount if on else None)

    @rule(who=ONE, leaves=st.booleans())
    def cancel(self, who: int, leaves: bool) -> None:
        self._change(who, cancel_at_period_end=leaves)

    @rule(who=ONE)
    def end_trial(self, who: int) -> None:
        self._change(who, trial_end="now")

    @rule(who=ONE)
    def revoke(self, who: int) -> None:
        self._change(who, revoke=True)

    def _change(self, who: int, **body: Any) -> None:
        self.runner.run(self._send(self.ids[who % len(self.ids)], body))

    async def _send(self, id: str, body: dict[str, Any]) -> None:
        seen = await self.shop.client.post(f"/v1/subscriptions/{id}/preview", json=body)
        reply = await change(self.shop, id, **body)
        _is_well(reply)
        assert seen.status_code == reply.status_code, (seen.text, reply.text)
        await self.shop.settle()

    @rule(works=st.booleans())
    def cards(self, works: bool) -> None:
        self.runner.run(restore_methods(self.shop) if works else forget_methods(self.shop))

    @rule(who=ONE, card=st.sampled_from(["pm_card_visa", "pm_card_chargeDeclined"]))
    def pay(self, who: int, card: str) -> None:
        self.runner.run(self._pay(self.customers[who % len(self.customers)], card))

    async def _pay(self, customer_id: str, card: str) -> None:
        client = client_of(self.shop.boreal, await session(self.shop, customer_id))
        for order in (await client.get("/v1/customer-portal/orders/?limit=100")).json()["items"]:
            if order["status"] == "pending":
                url = f"/v1/customer-portal/orders/{order['id']}/confirm-payment"
                reply = await client.post(url, json={"confirmation_token_id": card})
                _is_well(reply)
        await self.shop.settle()

    @rule(who=ONE, percent=st.sampled_from([1, 33, 50, 100]))
    def refund(self, who: int, percent: int) -> None:
        self.runner.run(self._refund(who, percent))

    async def _refund(self, who: int, percent: int) -> None:
        found = await self.shop.client.get("/v1/orders/?limit=100&sorting=created_at")
        orders = good(found)["items"]
        order = orders[who % len(orders)]
        amount = max(1, (order["net_amount"] - order["refunded_amount"]) * percent // 100)
        _is_well(await ask(self.shop, order, amount))
        await finish(self.shop)

    @rule(who=ONE, holder=st.integers(0, 3), at_once=st.booleans())
    def assign(self, who: int, holder: int, at_once: bool) -> None:
        body = {"email": f"holder{holder}@example.com", "immediate_claim": at_once}
        self.runner.run(self._assign({"subscription_id": self.ids[who % len(self.ids)], **body}))

    async def _assign(self, body: dict[str, Any]) -> None:
        _is_well(await self.shop.client.post(SEATS, json=body))
        await self.shop.settle()

    @rule(who=ONE)
    def take_seat(self, who: int) -> None:
        self.runner.run(self._take_seat(who))

    async def _take_seat(self, who: int) -> None:
        """The seat of somebody is revoked; nothing where there is none."""
        id = self.ids[who % len(self.ids)]
        listed = await self.shop.client.get(SEATS, params={"subscription_id": id})
        _is_well(listed)
        for seat in listed.json()["seats"][:1] if listed.is_success else ():
            _is_well(await self.shop.client.delete(f"{SEATS}/{seat['id']}"))
        await self.shop.settle()

    @rule(days=st.sampled_from([1, 2, 10, 31, 100]), hours=st.integers(0, 23))
    def wait(self, days: int, hours: int) -> None:
        self.runner.run(self.shop.advance(days=days, hours=hours))

    @invariant()
    def books_are_right(self) -> None:
        if self.products:
            self.runner.run(self._check())

    async def _check(self) -> None:
        database = self.shop.app.database
        await self.shop.check()
        await money_adds_up(database)
        for statement in (_PERIODS, _BILLED_TWICE):
            wrong = [dict(row) for row in await database.fetch(statement)]
            assert wrong == [], wrong


def _is_well(reply: httpx2.Response) -> None:
    assert reply.is_success or reply.status_code in REFUSALS, reply.text


EXAMPLES = int(os.environ.get("TEST_MACHINE_EXAMPLES", "2"))
STEPS = int(os.environ.get("TEST_MACHINE_STEPS", "10"))


@pytest.mark.timeout(120 + 2 * EXAMPLES * STEPS)
class TestLives(Lives.TestCase):  # type: ignore[name-defined,misc]
    """The lives, played."""

    settings = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize="TEST_MACHINE_EXAMPLES" not in os.environ,
    )
