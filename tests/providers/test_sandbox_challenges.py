"""3-D Secure: accepted, refused, abandoned, never answered, answered twice."""

import asyncio

import pytest

from boreal.providers.ports import Canceled, Declined, ProcessorRefused, RequiresAction, Succeeded

ASKS = "pm_card_threeDSecure2Required"


async def test_accept_a_payment(bank):
    payment = await bank.pay(ASKS)
    assert payment.outcome == RequiresAction(payment.client_secret)
    assert payment.charge is None
    assert (await bank.processor.challenge(payment.client_secret)) == payment
    answered = await bank.processor.answer_challenge(payment.client_secret, "accept")
    assert (answered.id, answered.outcome, answered.charge.status) == (payment.id, Succeeded(), "succeeded")
    assert await bank.processor.get_payment(payment.id) == answered


@pytest.mark.parametrize("answer", ["refuse", "abandon"])
async def test_refuse_or_abandon_a_payment(bank, answer):
    payment = await bank.pay(ASKS, save_for_later=True)
    answered = await bank.processor.answer_challenge(payment.client_secret, answer)
    assert isinstance(answered.outcome, Declined)
    assert answered.outcome.code == "payment_intent_authentication_failure"
    assert answered.outcome.reason == "payment_intent_authentication_failure"
    assert answered.charge is None, "it never got as far as a charge (orders spec 4.1)"
    assert await bank.processor.list_methods(bank.customer) == []


@pytest.mark.parametrize("answer", ["refuse", "abandon"])
async def test_refuse_or_abandon_a_setup(bank, answer):
    setup = await bank.set_up(ASKS)
    answered = await bank.processor.answer_challenge(setup.client_secret, answer)
    assert answered.outcome.code == "setup_intent_authentication_failure"
    assert await bank.processor.get_setup(setup.id) == answered
    assert await bank.processor.list_methods(bank.customer) == []


async def test_accepted_and_then_declined(bank):
    payment = await bank.pay("pm_card_threeDSecureRequiredChargeDeclined")
    answered = await bank.processor.answer_challenge(payment.client_secret, "accept")
    assert answered.outcome == Declined("card_declined", "generic_decline", "Your card was declined.")
    assert answered.charge.status == "failed"


async def test_nobody_answers(bank):
    """Who walks away leaves it waiting until it is canceled; after that an answer comes too late."""
    payment = await bank.pay(ASKS)
    bank.clock.set(bank.clock.now().replace(year=2027))
    assert (await bank.processor.get_payment(payment.id)).outcome == payment.outcome
    canceled = await bank.processor.cancel_payment(payment.id, idempotency_key="c")
    assert canceled.outcome == Canceled()
    assert (await bank.processor.answer_challenge(payment.client_secret, "accept")).outcome == Canceled()
    setup = await bank.set_up(ASKS)
    assert (await bank.processor.cancel_setup(setup.id, idempotency_key="cs")).outcome == Canceled()


async def test_what_has_ended_cannot_be_canceled(bank):
    for token in ("pm_card_visa", "pm_card_chargeDeclined"):
        payment = await bank.pay(token)
        assert await bank.processor.cancel_payment(payment.id, idempotency_key=bank.key()) == payment


async def test_cancel_against_accept(bank):
    """Whoever comes first wins; both see the same end."""
    payment = await bank.pay(ASKS)
    canceled, answered = await asyncio.gather(
        bank.processor.cancel_payment(payment.id, idempotency_key="c"),
        bank.processor.answer_challenge(payment.client_secret, "accept"),
    )
    assert canceled.outcome == answered.outcome == (await bank.processor.get_payment(payment.id)).outcome
    await bank.processor.drain()
    assert len(bank.heard) == 2  # it was made, and it ended once


async def test_a_double_click_answers_once(bank):
    payment = await bank.pay(ASKS)
    answers = await asyncio.gather(
        *(bank.processor.answer_challenge(payment.client_secret, "accept") for _ in range(10)),
        bank.processor.answer_challenge(payment.client_secret, "refuse"),
    )
    assert len({answer.outcome for answer in answers}) == 1
    await bank.processor.drain()
    assert len(bank.heard) == 2


async def test_unknown_secrets_and_ids(bank):
    setup = await bank.set_up()
    with pytest.raises(ProcessorRefused):
        await bank.processor.answer_challenge("pi_x_secret_x", "accept")
    assert await bank.processor.challenge("pi_x_secret_x") is None
    assert await bank.processor.get_payment("pi_x") is None
    assert await bank.processor.get_payment(setup.id) is None
    assert await bank.processor.get_setup("seti_x") is None
    for cancel, id in ((bank.processor.cancel_payment, setup.id), (bank.processor.cancel_setup, "seti_x")):
        with pytest.raises(ProcessorRefused) as caught:
            await cancel(id, idempotency_key=bank.key())
        assert caught.value.code == "resource_missing"


async def test_listeners_have_heard_of_an_answer_when_it_returns(bank):
    payment = await bank.pay(ASKS)
    await bank.processor.drain()
    bank.heard.clear()
    await bank.processor.answer_challenge(payment.client_secret, "accept")
    assert [(event.kind, event.object_id) for event in bank.heard] == [("payment", payment.id)]
