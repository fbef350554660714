"""Customers, payments, challenges, saved methods, refunds, disputes, events: the promises of the port."""

import asyncio
from datetime import timedelta

import pytest

from boreal.providers.ports import (
    Canceled,
    CustomerDetails,
    Declined,
    IdempotencyMismatch,
    MethodUnusable,
    NewMethod,
    PostalAddress,
    Processing,
    ProcessorRefused,
    ProcessorUnavailable,
    RefundRequest,
    RequiresAction,
    SavedMethod,
    SetupRequest,
    Succeeded,
)
from tests.providers.conformance.conftest import RETURN_URL

ASKS = "4000002500003155"
DECLINES = [
    ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
]
REFUSED = [
    ({"amount": 40}, "amount_too_small"),  # catalog spec 11, example 20
    ({"amount": -500}, "amount_too_small"),
    ({"amount": 100_000_000}, "amount_too_large"),
    ({"customer": "cus_unknown"}, "resource_missing"),
    ({"source": NewMethod("ctoken_unknown")}, "resource_missing"),
    ({"source": NewMethod("pm_card_unknown")}, "resource_missing"),
    ({"source": SavedMethod("pm_unknown")}, "payment_method_unusable"),
]


async def walk(processor, cursor=None, limit=3):
    """All events after a cursor, page by page."""
    events = []
    while True:
        page = await processor.events_since(cursor, limit=limit)
        if not page.events:
            return events, page.cursor or cursor
        events += page.events
        cursor = page.cursor


async def code_of(call):
    with pytest.raises(ProcessorRefused) as caught:
        await call
    return caught.value.code


def told(outcome):
    return (outcome.code, outcome.decline_code) if isinstance(outcome, Declined) else outcome.status


async def test_a_payment(counter):
    request = counter.request(
        NewMethod(await counter.token("4242424242424242")),
        description="Acme — Plan",
        statement_suffix="acme",
        metadata={"checkout_id": "1"},
    )
    payment = await counter.processor.create_payment(request, idempotency_key="k")
    assert payment.outcome == Succeeded()
    assert (payment.amount, payment.currency, payment.customer) == (1000, "usd", counter.customer)
    assert payment.metadata == {"checkout_id": "1"}
    assert payment.client_secret.startswith(payment.id)
    assert (payment.charge.status, payment.charge.amount_refunded) == ("succeeded", 0)
    assert (payment.charge.risk.level, payment.charge.risk.score) == ("normal", 20)
    card = payment.method.card
    assert (payment.method.type, payment.method.customer) == ("card", None)
    assert (card.brand, card.last4, card.exp_month, card.exp_year) == ("visa", "4242", 7, 2031)
    assert (card.country, card.funding, card.wallet) == ("US", "credit", None)
    assert payment.created_at == counter.clock.now()
    assert await counter.processor.get_payment(payment.id) == payment
    assert await counter.processor.get_setup(payment.id) is None
    assert await counter.processor.get_payment("pi_unknown") is None


async def test_a_decline_is_an_answer(counter):
    for card, code, decline_code in DECLINES:
        payment = await counter.pay(card)
        assert told(payment.outcome) == (code, decline_code)
        assert payment.outcome.reason == (decline_code or code)
        assert payment.outcome.message[0].isupper()
        assert payment.outcome.message.endswith(".")
        assert payment.charge.status == "failed"
        assert payment.method.card.brand == "visa"
        for _ in range(2):
            again = await counter.processor.get_payment(payment.id)
            assert again.outcome == payment.outcome, "refused for good"
        setup = await counter.set_up(card)
        assert told(setup.outcome) == (code, decline_code)
    assert await counter.processor.list_methods(counter.customer) == []


async def test_refusals_create_nothing(counter):
    for changes, code in REFUSED:
        request = counter.request(**changes)
        assert await code_of(counter.processor.create_payment(request, idempotency_key=counter.key())) == code, changes
    with pytest.raises(MethodUnusable):
        await counter.pay(source=SavedMethod("pm_unknown"), off_session=True)
    assert (await walk(counter.processor))[0] == []


async def test_a_token_pays_once(counter):
    token = await counter.token("4242424242424242")
    pays = [
        counter.processor.create_payment(counter.request(NewMethod(token)), idempotency_key=counter.key())
        for _ in range(4)
    ]
    answers = await asyncio.gather(*pays, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, ProcessorRefused)]
    assert [answer.code for answer in refused] == ["token_already_used"] * 3
    assert "again" in refused[0].message


@pytest.mark.parametrize("accepted", [True, False])
async def test_challenge_of_a_payment(counter, accepted):
    payment = await counter.pay(ASKS, save_for_later=True)
    assert payment.outcome == RequiresAction(payment.client_secret)
    assert payment.charge is None
    assert (await counter.processor.get_payment(payment.id)).outcome == payment.outcome
    await counter.answer(payment.client_secret, accepted)
    answered = await counter.processor.get_payment(payment.id)
    if accepted:
        assert (answered.outcome, answered.charge.status) == (Succeeded(), "succeeded")
        assert [method.id for method in await counter.processor.list_methods(counter.customer)] == [answered.method.id]
        return
    assert told(answered.outcome) == ("payment_intent_authentication_failure", None)
    assert answered.charge is None, "it never got as far as a charge (orders spec 4.1)"
    assert isinstance((await counter.processor.get_payment(payment.id)).outcome, Declined | Canceled)
    assert await counter.processor.list_methods(counter.customer) == []


@pytest.mark.parametrize("accepted", [True, False])
async def test_challenge_of_a_setup(counter, accepted):
    setup = await counter.set_up(ASKS)
    assert setup.outcome == RequiresAction(setup.client_secret)
    await counter.answer(setup.client_secret, accepted)
    answered = await counter.processor.get_setup(setup.id)
    kept = await counter.processor.list_methods(counter.customer)
    if accepted:
        assert answered.outcome == Succeeded()
        assert [method.id for method in kept] == [answered.method.id]
    else:
        assert told(answered.outcome) == ("setup_intent_authentication_failure", None)
        assert kept == []


async def test_a_challenge_that_nobody_answers(counter):
    payment, setup = await counter.pay(ASKS), await counter.set_up(ASKS)
    assert (await counter.processor.cancel_payment(payment.id, idempotency_key="c")).outcome == Canceled()
    assert (await counter.processor.cancel_setup(setup.id, idempotency_key="cs")).outcome == Canceled()
    await counter.answer(payment.client_secret, True)
    assert (await counter.processor.get_payment(payment.id)).outcome == Canceled()
    paid = await counter.pay()
    assert (await counter.processor.cancel_payment(paid.id, idempotency_key="c2")).outcome == Succeeded()
    assert await code_of(counter.processor.cancel_payment("pi_unknown", idempotency_key="c3")) == "resource_missing"
    assert await code_of(counter.processor.cancel_setup("seti_unknown", idempotency_key="c4")) == "resource_missing"


async def test_renewals_with_a_saved_method(counter):
    setup = await counter.set_up("4242424242424242")
    assert (setup.outcome, setup.method.customer) == (Succeeded(), counter.customer)
    renewal = await counter.pay(source=SavedMethod(setup.method.id), off_session=True, return_url=None)
    assert (renewal.outcome, renewal.method.id) == (Succeeded(), setup.method.id)
    asking = await counter.set_up("4000002760003184")
    await counter.answer(asking.client_secret, True)
    refused = await counter.pay(source=SavedMethod(asking.method.id), off_session=True, return_url=None)
    assert told(refused.outcome) == ("authentication_required", "authentication_required")
    assert refused.charge is None


async def test_methods_are_listed_and_forgotten(counter):
    kept = []
    for card in ("pm_card_visa", "pm_card_amex", "pm_card_jcb"):
        kept.append((await counter.set_up(card)).method.id)
        counter.clock.advance(timedelta(minutes=1))
    await counter.pay()  # not kept
    methods = await counter.processor.list_methods(counter.customer)
    assert [method.id for method in methods] == kept[::-1]
    for key in ("d1", "d1", "d2"):
        await counter.processor.detach_method(kept[1], idempotency_key=key)
    await counter.processor.detach_method("pm_unknown", idempotency_key="d3")
    assert [method.id for method in await counter.processor.list_methods(counter.customer)] == [kept[2], kept[0]]
    with pytest.raises(MethodUnusable):
        await counter.pay(source=SavedMethod(kept[1]), off_session=True)
    other = await counter.processor.ensure_customer(
        CustomerDetails(reference="other", email="o@example.com"), idempotency_key="other"
    )
    with pytest.raises(MethodUnusable):
        await counter.pay(source=SavedMethod(kept[0]), customer=other)
    assert await counter.processor.list_methods("cus_unknown") == []


async def test_customers(counter):
    address = PostalAddress(country="DE", city="Köln")
    details = CustomerDetails(reference="c0ffee", email="new@example.com", address=address, tax_id="DE129273398")
    ensure = counter.processor.ensure_customer
    assert await ensure(details, known_id=counter.customer, idempotency_key="u1") == counter.customer
    assert await ensure(details, idempotency_key="u2") == counter.customer, "the reference finds it"
    assert await ensure(details, idempotency_key="u2") == counter.customer
    assert await ensure(details, known_id="cus_gone", idempotency_key="u3") == counter.customer
    fresh = CustomerDetails(reference="fresh", email="f@example.com")
    ids = await asyncio.gather(*(ensure(fresh, idempotency_key=f"f{number}") for number in range(3)))
    assert len({*ids, counter.customer}) == 2, "first purchases at once make one customer"


async def test_one_effect_per_key(counter):
    request = counter.request(NewMethod(await counter.token("4242424242424242")), save_for_later=True)
    calls = [counter.processor.create_payment(request, idempotency_key="same") for _ in range(5)]
    payments = await asyncio.gather(*calls)
    assert len({payment.id for payment in payments}) == 1
    refund = RefundRequest(payment=payments[0].id, amount=300)
    refunds = [await counter.processor.refund(refund, idempotency_key="refund") for _ in range(2)]
    assert refunds[0] == refunds[1]
    assert (await counter.processor.get_payment(payments[0].id)).charge.amount_refunded == 300
    with pytest.raises(IdempotencyMismatch):
        await counter.processor.create_payment(counter.request(amount=1001), idempotency_key="same")
    with pytest.raises(IdempotencyMismatch):
        await counter.processor.refund(RefundRequest(payment=payments[0].id, amount=1), idempotency_key="refund")
    setup = SetupRequest(customer=counter.customer, source=NewMethod(await counter.token(ASKS)), return_url=RETURN_URL)
    made = [await counter.processor.create_setup(setup, idempotency_key="setup") for _ in range(2)]
    assert made[0].id == made[1].id


async def test_the_reply_is_that_of_the_first_call(counter):
    request = counter.request(NewMethod(await counter.token(ASKS)))
    first = await counter.processor.create_payment(request, idempotency_key="k")
    await counter.answer(first.client_secret, True)
    assert await counter.processor.create_payment(request, idempotency_key="k") == first
    found = await counter.processor.find_by_idempotency_key("k", customer=counter.customer)
    assert (found.id, found.outcome) == (first.id, Succeeded())


async def test_found_by_key(counter):
    setup = await counter.set_up()
    key = f"{counter.name}-key-1"
    assert await counter.processor.find_by_idempotency_key(key, customer=counter.customer) == setup
    assert await counter.processor.find_by_idempotency_key("unknown", customer=counter.customer) is None


@pytest.mark.parametrize("what", ["lost_before", "lost_after"])
async def test_an_unknown_outcome_is_asked_again(counter, what):
    request = counter.request(NewMethod(await counter.token("4242424242424242")))
    counter.lose(what)
    with pytest.raises(ProcessorUnavailable):
        await counter.processor.create_payment(request, idempotency_key="k")
    counter.lose("")
    found = await counter.processor.find_by_idempotency_key("k", customer=counter.customer)
    assert (found is not None) == (what == "lost_after")
    payment = await counter.processor.create_payment(request, idempotency_key="k")
    assert payment.outcome == Succeeded()
    assert found is None or found.id == payment.id
    assert len({event.object_id for event in (await walk(counter.processor))[0]}) == 1


async def test_processing_ends_later(counter):
    settle = await counter.approve_slowly()
    payment = await counter.pay(save_for_later=True)
    assert (payment.outcome, payment.charge.status) == (Processing(), "pending")
    assert (await counter.processor.cancel_payment(payment.id, idempotency_key="c")).outcome == Processing()
    await settle()
    ended = await counter.processor.get_payment(payment.id)
    assert (ended.outcome, ended.charge.status) == (Succeeded(), "succeeded")


async def give_back(counter, payment, amount):
    request = RefundRequest(payment=payment.id, amount=amount, reason="customer_request", metadata={"order": "1"})
    return await counter.processor.refund(request, idempotency_key=counter.key())


async def test_refunds(counter):
    payment = await counter.pay()
    first = await give_back(counter, payment, 400)
    assert (first.status, first.amount, first.currency) == ("succeeded", 400, "usd")
    assert (first.payment, first.charge, first.reason) == (payment.id, payment.charge.id, "customer_request")
    assert first.metadata == {"order": "1"}
    assert await counter.processor.get_refund(first.id) == first
    assert await code_of(give_back(counter, payment, 601)) == "amount_too_large"
    assert await code_of(give_back(counter, payment, 0)) == "amount_too_small"
    await give_back(counter, payment, 600)
    assert await code_of(give_back(counter, payment, 1)) == "charge_already_refunded"
    assert (await counter.processor.get_payment(payment.id)).charge.amount_refunded == 1000
    assert await counter.processor.get_refund("re_unknown") is None


async def test_what_cannot_be_refunded(counter):
    for payment in (await counter.pay("pm_card_chargeDeclined"), await counter.pay(ASKS)):
        assert await code_of(give_back(counter, payment, 1)) == "payment_not_refundable"
    assert await code_of(give_back(counter, await counter.set_up(), 1)) == "resource_missing"
    assert await code_of(give_back(counter, await counter.pay("pm_card_createDispute"), 1)) == "charge_disputed"


@pytest.mark.parametrize(
    ("card", "at_first", "at_last"),
    [("pm_card_pendingRefund", "pending", "succeeded"), ("pm_card_refundFail", "succeeded", "failed")],
)
async def test_refunds_that_end_later(counter, card, at_first, at_last):
    payment = await counter.pay(card)
    refund = await give_back(counter, payment, 1000)
    assert refund.status == at_first
    await counter.settle_refunds()
    ended = await counter.processor.get_refund(refund.id)
    assert ended.status == at_last
    assert (ended.failure_reason is not None) == (at_last == "failed")
    left = (await counter.processor.get_payment(payment.id)).charge.amount_refunded
    assert left == (0 if at_last == "failed" else 1000)


async def dispute_of(counter):
    (id,) = {event.object_id for event in (await walk(counter.processor))[0] if event.kind == "dispute"}
    return await counter.processor.get_dispute(id)


@pytest.mark.parametrize("end", ["won", "lost"])
async def test_disputes(counter, end):
    payment = await counter.pay("pm_card_createDispute")
    dispute = await dispute_of(counter)
    assert (dispute.payment, dispute.charge) == (payment.id, payment.charge.id)
    assert (dispute.amount, dispute.currency, dispute.status) == (1000, "usd", "needs_response")
    assert (dispute.reason, dispute.fee, dispute.fee_currency) == ("fraudulent", 1500, "usd")
    for status in ("under_review", end):
        await counter.move_dispute(dispute.id, status)
        assert (await counter.processor.get_dispute(dispute.id)).status == status
    assert await counter.processor.get_dispute("dp_unknown") is None


@pytest.mark.parametrize(
    ("card", "status"),
    [("pm_card_createIssuerFraudRecord", "early_warning"), ("pm_card_createDisputeInquiry", "needs_response")],
)
async def test_warnings(counter, card, status):
    payment = await counter.pay(card)
    warning = await dispute_of(counter)
    assert (warning.payment, warning.status, warning.amount, warning.fee) == (payment.id, status, 1000, 0)
    await give_back(counter, payment, 1000)
    if status == "early_warning":
        assert (await counter.processor.get_dispute(warning.id)).status == "prevented"


async def test_events(counter):
    """Each exactly once along the cursors, in the order of what happened, whatever the size of a page."""
    assert await counter.processor.newest_cursor() is None
    payment = await counter.pay()
    waiting = await counter.pay(ASKS)
    await counter.answer(waiting.client_secret, True)
    setup = await counter.set_up()
    refund = await give_back(counter, payment, 5)
    subjects = [("payment", payment.id), ("payment", waiting.id), ("setup", setup.id), ("refund", refund.id)]
    events, cursor = await walk(counter.processor, limit=1)
    assert list(dict.fromkeys((event.kind, event.object_id) for event in events)) == subjects
    assert len({event.id for event in events}) == len(events)
    for limit in (2, 100):
        assert (await walk(counter.processor, limit=limit))[0] == events
    assert await walk(counter.processor, cursor) == ([], cursor)
    assert await counter.processor.newest_cursor() == cursor
    late = await counter.pay("pm_card_chargeDeclined")
    assert [event.object_id for event in (await walk(counter.processor, cursor))[0]] == [late.id]
