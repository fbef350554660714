"""How a payment or a setup may end, at once or later, and what is on record then (catalog spec 7.4)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from boreal.providers.payments.sandbox import Faults
from boreal.providers.ports import ChallengeAnswer, TaxQuotes
from tests.support.catalog import make_product, seats
from tests.support.checkout import FlatTax, Session, finish, good, open_session, orders, problem, processor_of
from tests.support.payments import payment_methods, payments
from tests.support.shop import Shop, open_shop

MONTHLY = {"recurring_interval": "month"}
TRIAL = {"trial_interval": "day", "trial_interval_count": 7}
ASKS = "pm_card_authenticationRequired"
ASKS_THEN_DECLINES = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"

DECLINES = [
    # token, what the buyer reads, what the record says
    ("pm_card_visa_chargeDeclined", "Your card was declined.", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "Your card has insufficient funds.", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "Your card was declined.", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "Your card was declined.", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "Your card has expired.", "expired_card"),
    ("pm_card_chargeDeclinedIncorrectCvc", "The security code of your card is incorrect.", "incorrect_cvc"),
    (
        "pm_card_chargeDeclinedProcessingError",
        "Your card could not be processed. Please wait a moment and try again.",
        "processing_error",
    ),
    (
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "Your card was used too often or beyond its limit.",
        "card_velocity_exceeded",
    ),
    ("pm_card_radarBlock", "Your card was declined.", "fraudulent"),
]


@pytest.mark.parametrize(("token", "words", "reason"), DECLINES)
async def test_a_decline_leaves_nothing_but_its_record(shop: Shop, token: str, words: str, reason: str) -> None:
    session = await open_session(shop, await make_product(shop))
    await shop.facts()
    refused = problem(await session.confirm(token))
    assert refused == (
        400,
        "PaymentError",
        f"The payment failed: {words} Please try again with a different payment method.",
    )
    await finish(shop)
    await shop.saw()
    assert await session.view() == session.made
    assert good(await shop.client.get("/v1/customers/"))["items"] == []
    (record,) = await payments(shop)
    assert (record["status"], record["decline_reason"], record["decline_message"]) == ("failed", reason, words)
    assert (record["amount"], record["currency"], record["method"]) == (1000, "usd", "card")
    assert record["method_metadata"]["brand"] == "visa"
    assert record["customer_email"] == "ada@example.com"
    assert (str(record["checkout_id"]), record["order_id"]) == (session.id, None)
    assert record["risk_level"] in ("normal", "highest")


async def test_a_payment_on_record(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    assert problem(await session.confirm("pm_card_visa_chargeDeclined"))[0] == 400
    confirmed = good(await session.confirm("pm_card_riskLevelElevated"))
    told = confirmed["payment_processor_metadata"]
    assert told["intent_status"] == "succeeded"
    assert told["intent_client_secret"].startswith("pi_")
    assert told["customer_id"].startswith("cus_")
    await finish(shop)
    refused, paid = sorted(await payments(shop), key=lambda record: record["status"])
    assert refused["status"] == "failed"
    assert (paid["status"], paid["amount"], paid["decline_reason"]) == ("succeeded", 1000, None)
    assert (paid["processor"], paid["processor_id"][:3]) == ("sandbox", "ch_")
    assert paid["method_metadata"] == {"brand": "visa", "last4": "9235"}
    assert (paid["risk_level"], paid["risk_score"]) == ("elevated", 70)
    assert str(paid["order_id"]) == (await session.order())["id"]
    assert (await session.view())["payment_processor_metadata"] == told


async def test_less_than_the_processor_charges(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, seats((1, None, 40))))
    await shop.facts()
    assert session.made["total_amount"] == 40
    assert problem(await session.confirm()) == (
        400,
        "PaymentError",
        "The payment failed: The amount is below the minimum charge. Please try again with a different payment method.",
    )
    await finish(shop)
    await shop.saw()
    assert await session.view() == session.made
    assert await payments(shop) == []


@pytest.mark.parametrize("token", ["pm_card_unheard_of", "ctoken_unknown", ""])
async def test_a_token_that_stands_for_nothing(shop: Shop, token: str) -> None:
    session = await open_session(shop, await make_product(shop))
    assert (await session.confirm(token)).status_code == (400 if token else 422)
    assert (await session.view())["status"] == "open"
    assert await payments(shop) == []


async def challenged(session: Session, token: str = ASKS) -> str:
    """Confirms with a card that asks its holder, and returns the secret of the challenge."""
    confirmed = good(await session.confirm(token))
    told = confirmed["payment_processor_metadata"]
    assert (confirmed["status"], told["intent_status"]) == ("confirmed", "requires_action")
    await finish(session.shop)
    assert (await session.view())["status"] == "confirmed"
    return str(told["intent_client_secret"])


async def test_a_challenge_that_is_passed(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, **MONTHLY))
    secret = await challenged(session)
    assert await payments(shop) == []
    await processor_of(shop).answer_challenge(secret, "accept")
    await finish(shop)
    done = await session.view()
    assert (done["status"], done["payment_processor_metadata"]["intent_status"]) == ("succeeded", "succeeded")
    (record,) = await payments(shop)
    assert (record["status"], record["processor_id"][:3]) == ("succeeded", "ch_")
    assert str(record["order_id"]) == (await session.order())["id"]
    assert len(await payment_methods(shop)) == 1


@pytest.mark.parametrize(
    ("token", "answer", "reason", "id_prefix"),
    [
        (ASKS, "refuse", "payment_intent_authentication_failure", "pi_"),
        (ASKS, "abandon", "payment_intent_authentication_failure", "pi_"),
        (ASKS_THEN_DECLINES, "accept", "insufficient_funds", "ch_"),
    ],
)
async def test_a_challenge_that_fails(
    shop: Shop, token: str, answer: ChallengeAnswer, reason: str, id_prefix: str
) -> None:
    session = await open_session(shop, await make_product(shop))
    secret = await challenged(session, token)
    await shop.facts()
    await processor_of(shop).answer_challenge(secret, answer)
    await finish(shop)
    await shop.saw("checkout.updated")
    after = await session.view()
    assert after["status"] == "open"
    assert set(after["payment_processor_metadata"]) == {"customer_id"}
    assert after["customer_id"] is not None
    (record,) = await payments(shop)
    assert (record["status"], record["decline_reason"]) == ("failed", reason)
    assert record["processor_id"].startswith(id_prefix)
    assert good(await session.update(customer_email="eve@example.com"))["customer_email"] == "ada@example.com"
    assert (await session.pay())["status"] == "succeeded"
    assert sorted(item["status"] for item in await payments(shop)) == ["failed", "succeeded"]


@pytest.mark.parametrize("answer", ["accept", "refuse"])
async def test_a_challenge_of_a_setup(shop: Shop, answer: ChallengeAnswer) -> None:
    session = await open_session(shop, await make_product(shop, **MONTHLY, **TRIAL))
    secret = await challenged(session)
    assert secret.startswith("seti_")
    await processor_of(shop).answer_challenge(secret, answer)
    await finish(shop)
    passed = answer == "accept"
    assert (await session.view())["status"] == ("succeeded" if passed else "open")
    assert len(await payment_methods(shop)) == len(await orders(shop)) == (1 if passed else 0)
    assert await payments(shop) == []
    if not passed:
        assert (await session.pay())["status"] == "succeeded"


async def test_a_challenge_that_nobody_answers(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    secret = await challenged(session)
    await shop.advance(hours=23)
    assert (await session.view())["status"] == "confirmed"
    await shop.facts()
    await shop.advance(hours=2)
    await shop.saw("checkout.updated")
    assert (await session.view())["status"] == "expired"
    (record,) = await payments(shop)
    assert (record["status"], record["decline_reason"]) == ("failed", None)
    late = await processor_of(shop).answer_challenge(secret, "accept")
    assert late.outcome.status == "canceled"
    await finish(shop)
    assert (await session.view())["status"] == "expired"
    assert await orders(shop) == []


@asynccontextmanager
async def faulty(dsn: str, **values: Any) -> AsyncIterator[Shop]:
    """A shop whose processor misbehaves."""
    async with open_shop(dsn) as shop:
        processor = processor_of(shop)
        for name, value in values.items():
            assert hasattr(Faults(), name)
            setattr(processor.faults, name, value)
        yield shop
        await processor.close()
        await shop.check()


async def test_a_payment_that_takes_its_time(dsn: str) -> None:
    async with faulty(dsn, processing=1.0, settles_after_s=20) as shop:
        session = await open_session(shop, await make_product(shop))
        confirmed = good(await session.confirm())
        assert confirmed["payment_processor_metadata"]["intent_status"] == "processing"
        await finish(shop)
        (record,) = await payments(shop)
        assert record["status"] == "pending"
        assert (await session.view())["status"] == "confirmed"
        assert await orders(shop) == []
        await shop.advance(seconds=60)
        assert (await session.view())["status"] == "succeeded"
        (record,) = await payments(shop)
        assert (record["status"], str(record["order_id"])) == ("succeeded", (await session.order())["id"])


async def test_a_late_success_is_fulfilled_however_old_the_session_is(dsn: str) -> None:
    async with faulty(dsn, processing=1.0, settles_after_s=40 * 3600) as shop:
        session = await open_session(shop, await make_product(shop))
        good(await session.confirm())
        await shop.advance(hours=39)
        assert (await session.view())["status"] == "confirmed"
        await shop.advance(hours=3)
        assert (await session.view())["status"] == "succeeded"
        assert len(await orders(shop)) == 1


_BANK_SAYS_NO = sa.text(
    """
    UPDATE sandbox_intents SET status = 'declined', settles_at = NULL,
        failure_code = 'card_declined', failure_decline_code = 'do_not_honor', failure_message = 'The bank said no.'
    """
)


@pytest.mark.parametrize(("minutes", "status"), [(1, "open"), (61, "expired")])
async def test_a_payment_that_fails_in_the_end(dsn: str, minutes: int, status: str) -> None:
    async with faulty(dsn, processing=1.0, settles_after_s=10_000) as shop:
        session = await open_session(shop, await make_product(shop))
        good(await session.confirm())
        await shop.advance(minutes=minutes)
        await shop.facts()
        await shop.app.database.execute(_BANK_SAYS_NO)
        await shop.advance(hours=1)
        await shop.saw("checkout.updated")
        assert (await session.view())["status"] == status
        (record,) = await payments(shop)
        assert (record["status"], record["decline_reason"]) == ("failed", "do_not_honor")
        assert record["decline_message"] == "The bank said no."
        assert await orders(shop) == []


@pytest.mark.parametrize(
    "faults", [{"doubled": 1.0}, {"silent": 1.0}, {"late": 1.0, "late_s": 0.05}, {"late": 0.5, "doubled": 0.5}]
)
async def test_events_may_come_twice_late_or_never(dsn: str, faults: dict[str, float]) -> None:
    async with faulty(dsn, **faults) as shop:
        product = await make_product(shop)
        paid = await open_session(shop, product)
        await paid.pay()
        session = await open_session(shop, product)
        secret = await challenged(session)
        await processor_of(shop).answer_challenge(secret, "accept")
        await finish(shop)
        await shop.advance(seconds=60)
        for each in (paid, session):
            assert (await each.view())["status"] == "succeeded"
        assert [item["status"] for item in await payments(shop)] == ["succeeded"] * 2
        assert len(await orders(shop)) == 2


async def test_a_payment_includes_the_tax(dsn: str) -> None:
    async with open_shop(dsn, adapters={TaxQuotes: FlatTax(2000)}) as shop:
        session = await open_session(shop, await make_product(shop))
        confirmed = good(await session.confirm())
        assert confirmed["total_amount"] == 1200
        await finish(shop)
        (record,) = await payments(shop)
        assert record["amount"] == (await session.order())["total_amount"] == 1200
        await shop.check()
