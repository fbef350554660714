"""Where sessions carry Stripe's publishable key, Stripe's form stands in for ours, and only there."""

import json
import re

import pytest

from boreal.surfaces.pages import checkout
from boreal.surfaces.pages.stripe import form_of
from tests.surfaces.pages.sessions import SECRET, SETTINGS, MemoryCheckout, product, request, view

KEY = {"publishable_key": "pk_test_1"}


async def show(**fields):
    return await checkout.show(request(), SECRET, pages=MemoryCheckout(view(**fields)), settings=SETTINGS)


async def test_the_form_and_its_policy():
    reply = await show(payment_processor_metadata=KEY)
    html, policy = reply.body.decode(), reply.headers["content-security-policy"]
    assert 'data-key="pk_test_1"' in html
    assert "card_number" not in re.sub(r"<script.*?</script>", "", html, flags=re.S)
    for allowed in (
        r"script-src 'self' 'sha256-\S+' 'sha256-\S+' https://js\.stripe\.com https://\*\.js\.stripe\.com;",
        r"connect-src 'self' https://api\.stripe\.com;",
        r"frame-src 'self' https://js\.stripe\.com https://\*\.js\.stripe\.com https://hooks\.stripe\.com;",
    ):
        assert re.search(allowed, policy), allowed
    assert "unsafe" not in policy


async def test_without_a_key_nothing_of_stripe():
    reply = await show()
    assert "stripe" not in reply.headers["content-security-policy"]
    assert "stripe.com" not in reply.body.decode()
    assert form_of(view()) is None


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, {"mode": "payment", "amount": 2400, "currency": "usd", "setupFutureUsage": None}),
        (
            {"chosen": product(interval="month")},
            {"mode": "payment", "amount": 2400, "currency": "usd", "setupFutureUsage": "off_session"},
        ),
        (
            {"chosen": product(interval="month"), "is_payment_required": False},
            {"mode": "setup", "currency": "usd", "setupFutureUsage": "off_session"},
        ),
    ],
)
def test_the_kind_of_intent(fields, options):
    assert json.loads(form_of(view(**fields, payment_processor_metadata=KEY)).options) == options


async def test_a_script_gets_the_region_of_stripe():
    pages = MemoryCheckout(view(payment_processor_metadata=KEY))
    asked = request({"action": "refresh"}, script=True)
    reply = await checkout.submit(asked, SECRET, pages=pages, settings=SETTINGS)
    assert 'data-shape="stripe"' in json.loads(reply.body)["regions"]["payment"]


async def test_without_scripts_nothing_is_paid():
    pages = MemoryCheckout(view(payment_processor_metadata=KEY))
    buyer = {"customer_email": "ada@example.com", "customer_name": "Ada", "country": "SE"}
    reply = await checkout.submit(request(buyer), SECRET, pages=pages, settings=SETTINGS)
    assert reply.status != 303
    assert "<noscript>" in reply.body.decode()


async def test_a_challenge_is_opened_by_the_page_that_waits():
    told = {**KEY, "intent_status": "requires_action", "intent_client_secret": "pi_1_secret_2"}
    pages = MemoryCheckout(view(status="confirmed", payment_processor_metadata=told))
    reply = await checkout.confirmation(request(), SECRET, pages=pages, settings=SETTINGS)
    assert (reply.status, 'data-client-secret="pi_1_secret_2"' in reply.body.decode()) == (200, True)
    assert "js.stripe.com" in reply.headers["content-security-policy"]
    pages = MemoryCheckout(view(status="confirmed", payment_processor_metadata={**told, "intent_status": "processing"}))
    reply = await checkout.confirmation(request(), SECRET, pages=pages, settings=SETTINGS)
    assert "client-secret" not in reply.body.decode()
