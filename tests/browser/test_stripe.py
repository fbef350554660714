"""Paying with Stripe's form: its script, its fields and its challenges on our page, played by stand-ins."""

import json
import os
import tempfile
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import expect

from tests.browser.buyer import pay_button, thanked, warned
from tests.browser.conftest import Demo
from tests.support import stripe_server
from tests.support.live import open_live
from tests.support.postgres import create_database, drop_database
from tests.support.stripe_server import open_stripe

SCRIPT = (Path(stripe_server.__file__).parent / "stripe.js").read_text()
PRICE = {"amount_type": "fixed", "price_amount": 2400}
VISA, ASKS, POOR = "4242424242424242", "4000002500003155", "4000000000009995"


@pytest.fixture(scope="module")
async def stripe():
    async with open_stripe() as opened:
        yield opened


@pytest.fixture(scope="module")
async def demo(stripe):
    """A server that takes payments with Stripe, in place of the demo."""
    name = f"boreal_browser_stripe_{os.getpid()}"
    dsn = await create_database(name)
    keys = {
        "BOREAL_PAYMENTS": "stripe",
        "BOREAL_STRIPE_SECRET_KEY": stripe.secret_key,
        "BOREAL_STRIPE_PUBLISHABLE_KEY": stripe.publishable_key,
        "BOREAL_STRIPE_WEBHOOK_SECRET": stripe.webhook_secret,
        "BOREAL_STRIPE_API_URL": stripe.url,
    }
    with tempfile.TemporaryDirectory(prefix="boreal-stripe-") as folder:
        async with open_live(dsn, Path(folder), **keys) as live:
            merchant = await live.found("acme")
            async with httpx2.AsyncClient(base_url=live.base_url, trust_env=False) as client:

                async def post(body, headers):
                    return (await client.post("/webhooks/stripe", content=body, headers=headers)).status_code

                stripe.post = post
                yield Demo(live.base_url, merchant.token)
    await drop_database(name)


@pytest.fixture
def made():
    """What Stripe.js was asked for tokens with."""
    return []


@pytest.fixture
def open_checkout(demo, stripe, browser, open_page, made):
    """Opens a checkout whose Stripe.js and whose api.stripe.com are stand-ins."""

    async def answer(route):
        sent = json.loads(route.request.post_data)
        if route.request.url.endswith("/confirmation_tokens"):
            made.append(sent)
            told = {"id": stripe.confirmation_token(sent["card"])}
        else:
            stripe.answer(sent["clientSecret"], accepted=sent["accepted"])
            assert set(await stripe.deliver()) <= {200}
            told = {}
        await route.fulfill(json=told, headers={"access-control-allow-origin": "*"})

    async def opened(**product):
        page = await open_page("/healthz")
        await page.context.route("https://api.stripe.com/**", answer)
        await page.context.route(
            "https://js.stripe.com/**", lambda route: route.fulfill(body=SCRIPT, content_type="text/javascript")
        )
        await page.goto(await demo.checkout(await demo.product(PRICE, **product)))
        return page

    return opened


async def fill(page, card=VISA):
    await page.get_by_label("E-mail address").fill("ada@example.com")
    await page.get_by_label("Full name").fill("Ada Lovelace")
    await page.get_by_label("Country").select_option("SE")
    if card:
        await page.get_by_label("Card number at Stripe").fill(card)


async def test_a_purchase(open_checkout, made, stripe):
    page = await open_checkout()
    await fill(page)
    await pay_button(page).click()
    await thanked(page)
    (sent,) = made
    assert (sent["key"], sent["card"], sent["locale"]) == (stripe.publishable_key, VISA, "en")
    assert sent["details"] == {"name": "Ada Lovelace", "email": "ada@example.com", "address": {"country": "SE"}}
    assert sent["options"] == {"mode": "payment", "currency": "usd", "amount": 2400, "setupFutureUsage": None}


async def test_a_trial_is_a_setup(open_checkout, made):
    page = await open_checkout(recurring_interval="month", trial_interval="day", trial_interval_count=7)
    await fill(page)
    await pay_button(page).click()
    await page.wait_for_url("**/confirmation**")
    assert made[0]["options"] == {"mode": "setup", "currency": "usd", "setupFutureUsage": "off_session"}


async def test_incomplete_fields_and_a_decline(open_checkout, made, demo):
    page = await open_checkout()
    before = await demo.orders()
    await fill(page, card="")
    await pay_button(page).click()
    await expect(page.locator("#errors")).to_contain_text("Your card number is incomplete.")
    assert made == []
    await page.get_by_label("Card number at Stripe").fill(POOR)
    await pay_button(page).click()
    await warned(page, "insufficient funds")
    assert await demo.orders() == before
    await page.get_by_label("Card number at Stripe").fill(VISA)
    await pay_button(page).click()
    await thanked(page)


async def test_a_challenge_that_fails_and_one_that_does_not(open_checkout):
    page = await open_checkout()
    await fill(page, ASKS)
    await pay_button(page).click()
    await page.get_by_role("button", name="Fail authentication").click()
    await warned(page, "You have not been charged")
    await pay_button(page).click()
    await page.get_by_role("button", name="Complete authentication").click()
    await thanked(page)


async def test_a_challenge_after_a_reload(open_checkout):
    page = await open_checkout()
    await fill(page, ASKS)
    await pay_button(page).click()
    await expect(page.get_by_role("button", name="Complete authentication")).to_be_visible()
    await page.reload()
    await page.get_by_role("button", name="Complete authentication").click()
    await thanked(page)


async def test_stripe_cannot_be_reached(open_checkout, demo):
    page = await open_checkout()
    await page.context.route("https://js.stripe.com/**", lambda route: route.abort())
    await page.reload()
    await expect(page.locator("#payment_details-error")).to_contain_text("could not be loaded")
    await fill(page, card="")
    await pay_button(page).click()
    await expect(page.locator("#errors")).to_contain_text("could not be loaded")
