"""Refunds: never more than was paid, whoever asks how often."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
import sqlalchemy as sa

from boreal.providers.ports import ProcessorRefused, RefundRequest


async def give_back(bank, payment, amount, key=None):
    request = RefundRequest(payment=payment.id, amount=amount, reason="customer_request", metadata={"order": "1"})
    return await bank.processor.refund(request, idempotency_key=key or bank.key())


async def refunded(bank, payment):
    return (await bank.processor.get_payment(payment.id)).charge.amount_refunded


async def code_of(call):
    with pytest.raises(ProcessorRefused) as caught:
        await call
    return caught.value.code


async def test_partial_then_the_rest_then_nothing(bank):
    payment = await bank.pay()
    first = await give_back(bank, payment, 400)
    assert (first.status, first.amount, first.currency) == ("succeeded", 400, "usd")
    assert (first.payment, first.charge, first.reason) == (payment.id, payment.charge.id, "customer_request")
    assert first.metadata == {"order": "1"}
    assert await bank.processor.get_refund(first.id) == first
    assert await code_of(give_back(bank, payment, 601)) == "amount_too_large"
    await give_back(bank, payment, 600)
    assert await code_of(give_back(bank, payment, 1)) == "charge_already_refunded"
    assert await refunded(bank, payment) == 1000


async def test_what_cannot_be_refunded(bank):
    setup = await bank.set_up()
    declined = await bank.pay("pm_card_chargeDeclined")
    waiting = await bank.pay("pm_card_threeDSecure2Required")
    assert await code_of(give_back(bank, setup, 1)) == "resource_missing"
    assert await code_of(give_back(bank, declined, 1)) == "payment_not_refundable"
    assert await code_of(give_back(bank, waiting, 1)) == "payment_not_refundable"
    assert await code_of(give_back(bank, await bank.pay(), 0)) == "amount_too_small"
    assert await code_of(give_back(bank, await bank.pay(), -1)) == "amount_too_small"
    assert await bank.processor.get_refund("re_x") is None


async def test_a_race_never_gives_back_more_than_was_paid(bank):
    payment = await bank.pay()
    answers = await asyncio.gather(*(give_back(bank, payment, 300) for _ in range(20)), return_exceptions=True)
    made = [answer for answer in answers if not isinstance(answer, Exception)]
    assert len(made) == 3
    assert {type(answer) for answer in answers if isinstance(answer, Exception)} == {ProcessorRefused}
    assert await refunded(bank, payment) == 900
    assert await bank.database.fetchval(sa.text("SELECT sum(amount) FROM sandbox_refunds")) == 900


async def test_the_database_holds_the_sum_too(bank):
    await bank.pay()
    with pytest.raises(asyncpg.CheckViolationError):
        await bank.database.execute(sa.text("UPDATE sandbox_intents SET amount_refunded = 1001"))


async def test_a_pending_refund_succeeds_later(bank):
    payment = await bank.pay("pm_card_pendingRefund")
    refund = await give_back(bank, payment, 1000)
    assert refund.status == "pending"
    assert await refunded(bank, payment) == 1000
    bank.clock.advance(timedelta(seconds=1.9))
    assert (await bank.processor.get_refund(refund.id)).status == "pending"
    bank.clock.advance(timedelta(seconds=0.1))
    assert (await bank.processor.get_refund(refund.id)).status == "succeeded"
    await bank.processor.drain()
    assert [event.object_id for event in bank.heard] == [payment.id, refund.id, refund.id]


async def test_a_refund_that_fails_later_gives_the_money_back_to_us(bank):
    payment = await bank.pay("pm_card_refundFail")
    refund = await give_back(bank, payment, 1000)
    assert refund.status == "succeeded"
    bank.clock.advance(timedelta(seconds=2))
    failed = await bank.processor.get_refund(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert await refunded(bank, payment) == 0
    assert (await give_back(bank, payment, 1000)).status == "succeeded"


async def test_settling_in_parallel_settles_once(bank):
    payment = await bank.pay("pm_card_refundFail")
    refund = await give_back(bank, payment, 250)
    await give_back(bank, payment, 250)
    bank.clock.advance(timedelta(seconds=2))
    await asyncio.gather(*(bank.processor.get_refund(refund.id) for _ in range(10)))
    assert await refunded(bank, payment) == 0
    await bank.processor.drain()
    assert len(bank.heard) == 5  # a payment, two refunds, two failures
