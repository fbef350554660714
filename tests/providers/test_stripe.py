"""The Stripe adapter against a Stripe of our own: what it sends, what it makes of errors, whom it believes."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from boreal.kit.clock import ManualClock
from boreal.providers.payments.stripe import API_VERSION, StripeApi, StripeEvents, StripeProcessor
from boreal.providers.ports import (
    CustomerDetails,
    EventRefused,
    NewMethod,
    PaymentRequest,
    PostalAddress,
    ProcessorRefused,
    ProcessorUnavailable,
    RefundRequest,
    SavedMethod,
    SetupRequest,
    Succeeded,
)
from tests.providers.conftest import START
from tests.support.stripe_server import Fault, open_stripe

RETURN_URL = "https://shop.example/confirmation"


@pytest.fixture
def clock():
    return ManualClock(START)


@pytest.fixture
async def server(clock):
    async with open_stripe(now=clock.now) as opened:
        yield opened


@pytest.fixture
async def stripe(server):
    api = StripeApi(server.secret_key, url=server.url, call_s=2.0)
    yield StripeProcessor(api, publishable_key=server.publishable_key)
    await api.close()


async def customer_of(stripe):
    return await stripe.ensure_customer(CustomerDetails(reference="r", email="ada@example.com"), idempotency_key="c")


async def pay(stripe, source=None, *, key="k", customer=None, **changes):
    asked = {
        "amount": 1000,
        "currency": "usd",
        "customer": customer or await customer_of(stripe),
        "source": source or NewMethod("pm_card_visa"),
        "return_url": RETURN_URL,
    }
    return await stripe.create_payment(PaymentRequest(**{**asked, **changes}), idempotency_key=key)


def sent(server, operation):
    return [(key, params) for known, key, params in server.requests if known == operation]


async def test_what_a_purchase_sends(stripe, server):
    customer = await customer_of(stripe)
    token = server.confirmation_token()
    await pay(
        stripe,
        NewMethod(token),
        customer=customer,
        save_for_later=True,
        description="Acme — Plan",
        statement_suffix="acme",
        metadata={"checkout_id": "1", "type": "product"},
    )
    ((key, params),) = sent(server, "POST /v1/payment_intents")
    assert key == "k"
    assert params == {
        "amount": "1000",
        "currency": "usd",
        "customer": customer,
        "confirm": "true",
        "confirmation_token": token,
        "automatic_payment_methods": {"enabled": "true"},
        "setup_future_usage": "off_session",
        "description": "Acme — Plan",
        "statement_descriptor_suffix": "acme",
        "return_url": RETURN_URL,
        "metadata": {"checkout_id": "1", "type": "product", "boreal_key": "k"},
        "expand": ["latest_charge", "payment_method"],
    }


async def test_what_a_renewal_and_a_setup_send(stripe, server):
    customer = await customer_of(stripe)
    setup = SetupRequest(customer=customer, source=NewMethod(server.confirmation_token()), return_url=RETURN_URL)
    kept = await stripe.create_setup(setup, idempotency_key="s")
    await pay(stripe, SavedMethod(kept.method.id), customer=customer, off_session=True, return_url=None)
    ((_, params),) = sent(server, "POST /v1/payment_intents")
    assert (params["payment_method"], params["off_session"]) == (kept.method.id, "true")
    assert params["automatic_payment_methods"] == {"enabled": "true", "allow_redirects": "never"}
    assert "return_url" not in params
    ((key, params),) = sent(server, "POST /v1/setup_intents")
    assert (key, params["usage"], params["confirm"]) == ("s", "off_session", "true")


async def test_customers_are_kept_up_to_date(stripe, server):
    details = CustomerDetails(
        reference="r",
        email="ada@example.com",
        name="Ada",
        address=PostalAddress(country="DE", city="Köln"),
        tax_id="DE129273398",
    )
    id = await stripe.ensure_customer(details, idempotency_key="c1")
    kept = server.books.things[id]
    assert (kept["email"], kept["name"]) == ("ada@example.com", "Ada")
    assert (kept["address"]["country"], kept["address"]["city"]) == ("DE", "Köln")
    assert kept["metadata"] == {"boreal_reference": "r", "boreal_tax_id": "DE129273398"}
    assert await customer_of(stripe) == id
    assert (kept["name"], kept["metadata"]) == (None, {"boreal_reference": "r"})


async def test_reasons_of_refunds_are_translated(stripe, server):
    payment = await pay(stripe)
    for reason, theirs in (("duplicate", "duplicate"), ("service_disruption", "requested_by_customer")):
        request = RefundRequest(payment=payment.id, amount=1, reason=reason)
        assert (await stripe.refund(request, idempotency_key=reason)).reason == reason
        assert sent(server, "POST /v1/refunds")[-1][1]["reason"] == theirs


async def test_everything_that_changes_something_carries_a_key(stripe, server):
    payment = await pay(stripe, NewMethod(server.confirmation_token("4000002500003155")))
    await stripe.cancel_payment(payment.id, idempotency_key="cancel")
    await stripe.detach_method("pm_x", idempotency_key="detach")
    keys = [key for operation, key, _ in server.requests if operation.startswith("POST")]
    assert keys == ["customer-r", "c-new", "k", "cancel", "detach"]


async def test_a_refused_challenge_cannot_be_paid_after_all(stripe, server):
    """Its buyer knows the secret of the intent, and the session has been given back."""
    payment = await pay(stripe, NewMethod(server.confirmation_token("4000002500003155")))
    server.answer(payment.client_secret, accepted=False)
    assert (await stripe.get_payment(payment.id)).outcome.code == "payment_intent_authentication_failure"
    assert server.books.things[payment.id]["status"] == "canceled"


async def test_a_failure_of_stripe_that_was_done(stripe, server):
    """Stripe repeats its failure for the key; the payment is found by what it remembers."""
    customer = await customer_of(stripe)
    server.faults = [Fault("failed", times=1)]
    payment = await pay(stripe, customer=customer)
    assert payment.outcome == Succeeded()
    assert payment.id == server.intents()[0]["id"]
    assert await pay(stripe, customer=customer) == payment
    assert len(server.intents()) == 1
    server.faults = [Fault("failed", where="/v1/setup_intents")]
    request = SetupRequest(customer=customer, source=NewMethod("pm_card_visa"), return_url=RETURN_URL)
    assert (await stripe.create_setup(request, idempotency_key="s")).outcome == Succeeded()


@pytest.mark.parametrize("kind", ["lost_request", "lost_reply", "late", "busy"])
async def test_silence_is_not_an_answer(stripe, server, kind):
    customer = await customer_of(stripe)
    if kind == "late":
        stripe = StripeProcessor(StripeApi(server.secret_key, url=server.url, call_s=0.3), publishable_key="pk")
    server.faults = [Fault(kind, times=10, seconds=0.5)]
    with pytest.raises(ProcessorUnavailable):
        await pay(stripe, customer=customer)
    server.faults = []
    await pay(stripe, customer=customer)
    assert len(server.intents()) == 1
    await stripe.close()


async def test_one_lost_reply_is_asked_for_again_at_once(stripe, server):
    customer = await customer_of(stripe)
    server.faults = [Fault("lost_reply")]
    assert (await pay(stripe, customer=customer)).outcome == Succeeded()
    assert len(server.intents()) == 1


async def test_a_wrong_key_is_no_refusal(server):
    """Whoever asked before with the right key may have paid."""
    api = StripeApi("sk_test_wrong", url=server.url)
    with capture_logs() as logs, pytest.raises(ProcessorUnavailable):
        await customer_of(StripeProcessor(api, publishable_key="pk"))
    await api.close()
    assert [(line["event"], line["log_level"]) for line in logs] == [("stripe_failed", "error")]
    assert "sk_test" not in str(logs)


async def test_sentences_of_stripe_are_not_shown(stripe, server):
    with pytest.raises(ProcessorRefused) as caught:
        await pay(stripe, statement_suffix="far too long for a statement")
    assert caught.value.message == "The payment could not be made."


async def test_our_version_of_the_api(stripe, server):
    assert server.books.version == API_VERSION


# Webhooks


@pytest.fixture
def events(server):
    return StripeEvents(server.webhook_secret)


async def test_a_signed_event(stripe, server, events, clock):
    payment = await pay(stripe)
    event = events.read(*server.signed(server.event("payment_intent.succeeded")), now=clock.now())
    assert (event.kind, event.object_id, event.happened_at) == ("payment", payment.id, START)
    assert event in (await stripe.events_since(None)).events
    for other in (server.event("charge.succeeded"), {"object": "v2.core.event"}, [], None):
        assert events.read(*server.signed(other), now=clock.now()) is None


async def test_who_is_not_believed(stripe, server, events, clock):
    await pay(stripe)
    event = server.event("payment_intent.succeeded")
    body, headers = server.signed(event)
    early, late = (server.signed(event, at=START + delta) for delta in (-timedelta(minutes=6), timedelta(minutes=6)))
    wrong = [
        (body, {}),
        (body, {"stripe-signature": ""}),
        (body, {"stripe-signature": "nonsense"}),
        (body, {"stripe-signature": "t=,v1="}),
        (body, {"stripe-signature": headers["stripe-signature"].replace("v1=", "v0=")}),
        (body + b" ", headers),
        (b"\xff" + body, headers),
        server.signed(event, secret="whsec_of_somebody_else"),
        early,
        late,
    ]
    for body, headers in wrong:
        with pytest.raises(EventRefused):
            events.read(body, headers, now=clock.now())


async def test_every_kind_of_event(stripe, server, events, clock):
    payment = await pay(stripe, NewMethod(server.confirmation_token("pm_card_createDispute")))
    await pay(stripe, NewMethod("pm_card_chargeDeclined"), key="declined")
    refunded = await pay(stripe, NewMethod("pm_card_createIssuerFraudRecord"), key="warned")
    await stripe.refund(RefundRequest(payment=refunded.id, amount=5), idempotency_key="r")
    read = [events.read(*server.signed(event), now=clock.now()) for event in server.books.events]
    assert {event.kind for event in read if event} == {"payment", "refund", "dispute"}
    assert payment.id in {event.object_id for event in read if event}


async def test_calls_at_once_do_not_wait_for_each_other(stripe, server):
    customer = await customer_of(stripe)
    server.faults = [Fault("late", times=20, seconds=0.3)]
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(pay(stripe, key=f"k{number}", customer=customer) for number in range(20)))
    assert asyncio.get_running_loop().time() - began < 3
    assert len(server.intents()) == 20
