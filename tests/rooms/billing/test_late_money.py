"""Money of attempts that were given up because nobody knew how they had ended (orders spec 4.3, platform spec 11)."""

from typing import Any

import pytest

from boreal.providers.payments.sandbox import Faults
from boreal.providers.ports import Payment, PaymentRequest, SavedMethod
from tests.support.books import holdings
from tests.support.checkout import VISA, finish, good, processor_of
from tests.support.payments import payments
from tests.support.refunds import refunds
from tests.support.shop import Shop, client_of
from tests.support.subscribers import last_order, subscribe, subscription, told
from tests.support.tokens import session

NOBODY_HEARS = {"silent": 1.0}


class Lost:
    """A renewal of 10.00 whose attempt was given up after most of a day; the processor may take it yet."""

    def __init__(self, shop: Shop, bought: dict[str, Any], order: dict[str, Any], key: str, asked: Any) -> None:
        self.shop, self.bought, self.order, self._key, self._asked = shop, bought, order, key, asked

    async def arrive(self, *, silently: bool = False, amount: int | None = None) -> Payment:
        """The request that was thought lost reaches the processor."""
        processor = processor_of(self.shop)
        processor.faults = Faults(**NOBODY_HEARS) if silently else Faults()
        request = PaymentRequest(
            amount=amount or self._asked["amount"],
            currency=self._asked["currency"],
            customer=self._asked["known_customer"],
            source=SavedMethod(self._asked["method"]),
            off_session=True,
            metadata=self._asked["metadata"],
        )
        made = await processor.create_payment(request, idempotency_key=self._key)
        await finish(self.shop)
        processor.faults = Faults()
        await self.shop.advance(minutes=2)
        return made

    async def pay_otherwise(self) -> None:
        """The customer pays in the portal."""
        async with client_of(self.shop.boreal, await session(self.shop, self.order["customer_id"])) as portal:
            url = f"/v1/customer-portal/orders/{self.order['id']}/confirm-payment"
            assert good(await portal.post(url, json={"confirmation_token_id": VISA}))["status"] == "succeeded"
        await finish(self.shop)

    async def state(self) -> tuple[str, str]:
        """Status of the order and of the subscription."""
        order = good(await self.shop.client.get(f"/v1/orders/{self.order['id']}"))
        return order["status"], (await subscription(self.shop, self.bought["id"]))["status"]


@pytest.fixture
async def lost(shop: Shop) -> Lost:
    bought = await subscribe(shop)
    processor_of(shop).faults = Faults(lost_before=1.0)
    await shop.advance(days=31, hours=1)
    charge = await shop.app.database.pool.fetchrow("SELECT id, request FROM order_charges WHERE closed_at IS NULL")
    await shop.advance(hours=18)
    assert await shop.app.database.pool.fetchval("SELECT count(*) FROM order_charges WHERE closed_at IS NULL") == 1
    await shop.advance(hours=2)
    processor_of(shop).faults = Faults()
    await shop.advance(hours=1)
    assert await shop.app.database.pool.fetchval("SELECT count(*) FROM order_charges WHERE closed_at IS NULL") == 0
    lost = Lost(shop, bought, await last_order(shop), str(charge["id"]), charge["request"])
    assert await lost.state() == ("pending", "past_due")
    await told(shop)
    return lost


async def test_it_pays_the_order_that_still_waits(lost: Lost) -> None:
    shop = lost.shop
    made = await lost.arrive()
    assert await lost.state() == ("paid", "active")
    assert await told(shop) == ["subscription.updated", "subscription.active", "order.updated", "order.paid"]
    paid = [one for one in await payments(shop) if str(one["order_id"]) == lost.order["id"]]
    assert [(one["status"], one["amount"], one["processor_id"]) for one in paid] == [
        ("succeeded", 1000, made.charge.id if made.charge else None)
    ]
    await shop.advance(days=27)  # what is looked for by its key is found to be known
    assert [one["status"] for one in await payments(shop)] == ["succeeded"] * 2


async def test_it_is_looked_for_if_nobody_tells(lost: Lost) -> None:
    await lost.shop.facts()
    await lost.arrive(silently=True)
    assert await lost.state() == ("pending", "past_due")
    await lost.shop.advance(hours=24)
    assert await lost.state() == ("paid", "active")


async def test_what_was_paid_otherwise_meanwhile_is_given_back(lost: Lost) -> None:
    shop = lost.shop
    await lost.pay_otherwise()
    before = await holdings(shop)
    made = await lost.arrive()
    assert await lost.state() == ("paid", "active")
    (surplus,) = [one for one in await payments(shop) if one["order_id"] is None]
    assert (surplus["status"], surplus["amount"]) == ("succeeded", 1000)
    assert await holdings(shop) == before
    assert await refunds(shop) == []  # the order gave nothing back
    given = await shop.app.database.pool.fetch("SELECT amount, status FROM sandbox_refunds")
    assert [tuple(row) for row in given] == [(1000, "succeeded")]
    types = await shop.app.database.pool.fetch(
        "SELECT type FROM ledger_transactions WHERE type LIKE 'surplus%' ORDER BY type"
    )
    assert [row["type"] for row in types] == ["surplus", "surplus_return"]
    assert made.outcome.status == "succeeded"
    await shop.advance(days=8)
    assert len(await payments(shop)) == 3


async def test_it_is_given_back_when_the_processor_answers_again(lost: Lost) -> None:
    shop = lost.shop
    await lost.pay_otherwise()
    processor = processor_of(shop)
    await lost.arrive(silently=True)
    faults = Faults(lost_after=1.0)
    processor.faults = faults
    await shop.advance(hours=30)
    await shop.check()
    processor.faults = Faults()
    await shop.advance(hours=2)
    assert await shop.app.database.pool.fetchval("SELECT count(*) FROM sandbox_refunds") == 1
    assert "platform" in await holdings(shop)
    await shop.check()


async def test_another_amount_is_nobodys(lost: Lost) -> None:
    await lost.arrive(amount=900)
    assert await lost.state() == ("pending", "past_due")
    assert await lost.shop.app.database.pool.fetchval("SELECT sum(amount) FROM sandbox_refunds") == 900


async def test_it_pays_what_is_owed_after_the_end(lost: Lost) -> None:
    good(await lost.shop.client.delete(f"/v1/subscriptions/{lost.bought['id']}"))
    await lost.arrive()
    assert await lost.state() == ("paid", "canceled")
