"""Sales with Stripe through the whole of Boreal: one order, one payment, whatever becomes of webhooks and replies."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from boreal.kit.settings import SettingsError, read_settings
from boreal.providers.ports import PaymentProcessor, PaymentRequest, SavedMethod
from tests.support.catalog import make_product
from tests.support.checkout import Session, faults, good, open_session, orders, problem
from tests.support.payments import payment_methods, payments
from tests.support.refunds import give_back
from tests.support.shop import Shop, client_of, open_shop
from tests.support.stripe_server import Fault, StripeServer, open_stripe
from tests.support.tokens import session as session_of

ASKS = "4000002500003155"
MONTHLY = {"recurring_interval": "month"}


@dataclass
class Counter:
    """A shop, the Stripe account that it uses, and Stripe's way to its webhooks."""

    shop: Shop
    stripe: StripeServer
    webhooks: httpx2.AsyncClient

    async def session(self, **product: Any) -> Session:
        """A session for a product of 10 dollars."""
        return await open_session(self.shop, await make_product(self.shop, **product))

    async def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Stripe delivers an event."""
        return (await self.webhooks.post("/webhooks/stripe", content=body, headers=dict(headers))).status_code

    async def settle(self) -> None:
        """Does everything that is due, without letting time pass."""
        await self.shop.settle()

    async def sold_once(self, session: Session) -> dict[str, Any]:
        """The order of the session; asserts that there is one, and one payment of it, here and at Stripe."""
        assert (await session.view())["status"] == "succeeded"
        order = await session.order()
        assert [item["id"] for item in await orders(self.shop)] == [order["id"]]
        paid = [record for record in await payments(self.shop) if record["status"] == "succeeded"]
        charges = [charge for charge in self.stripe.books.of("charge") if charge["status"] == "succeeded"]
        assert [record["processor_id"] for record in paid] == [charge["id"] for charge in charges]
        assert len(charges) == 1
        return order


@pytest.fixture
async def counter(dsn: str) -> AsyncIterator[Counter]:
    async with open_stripe() as stripe:
        keys = {
            "payments": "stripe",
            "tax": "stripe",
            "stripe_secret_key": stripe.secret_key,
            "stripe_publishable_key": stripe.publishable_key,
            "stripe_webhook_secret": stripe.webhook_secret,
            "stripe_api_url": stripe.url,
        }
        async with open_shop(dsn, **keys) as shop:
            stripe.now = shop.clock.now
            opened = Counter(shop, stripe, client_of(shop.boreal, None))
            stripe.post = opened.post
            yield opened
            await shop.check()


@pytest.mark.parametrize("webhooks", ["before the reply", "twice and backwards", "never"])
async def test_a_sale(counter: Counter, webhooks: str) -> None:
    session = await counter.session()
    assert session.made["payment_processor_metadata"] == {"publishable_key": counter.stripe.publishable_key}
    counter.stripe.prompt = webhooks == "before the reply"
    confirmed = good(await session.confirm(counter.stripe.confirmation_token()))
    told = confirmed["payment_processor_metadata"]
    assert (told["intent_status"], told["publishable_key"]) == ("succeeded", counter.stripe.publishable_key)
    if webhooks == "twice and backwards":
        counter.stripe.books.events.reverse()
    statuses = [] if webhooks == "never" else await counter.stripe.deliver(times=2 if "twice" in webhooks else 1)
    assert set(statuses) <= {200}
    await counter.settle()
    await counter.sold_once(session)
    (intent,) = counter.stripe.intents()
    assert (intent["amount"], intent["description"]) == (1200, "Acme — Pro")
    assert (intent["metadata"]["tax_amount"], intent["metadata"]["tax_country"]) == ("200", "FR")
    assert intent["metadata"]["checkout_id"] == session.id


async def test_a_subscription_keeps_its_method(counter: Counter) -> None:
    session = await counter.session(**MONTHLY)
    good(await session.confirm(counter.stripe.confirmation_token()))
    await counter.settle()
    order = await counter.sold_once(session)
    assert order["subscription_id"] is not None
    (method,) = await payment_methods(counter.shop)
    (kept,) = counter.stripe.books.of("payment_method")
    assert (method["processor"], method["processor_id"]) == ("stripe", kept["id"])
    (customer,) = counter.stripe.books.of("customer")
    assert (kept["customer"], customer["email"]) == (customer["id"], "ada@example.com")


async def test_a_trial_sets_a_method_up(counter: Counter) -> None:
    session = await counter.session(**MONTHLY, trial_interval="day", trial_interval_count=7)
    confirmed = good(await session.confirm(counter.stripe.confirmation_token(ASKS)))
    told = confirmed["payment_processor_metadata"]
    assert told["intent_status"] == "requires_action"
    counter.stripe.answer(told["intent_client_secret"])
    await counter.stripe.deliver()
    await counter.settle()
    assert (await session.view())["status"] == "succeeded"
    assert counter.stripe.intents() == []
    assert (await session.order())["total_amount"] == 0


@pytest.mark.parametrize("webhooks", ["twice and backwards", "never"])
async def test_three_d_secure(counter: Counter, webhooks: str) -> None:
    session = await counter.session()
    told = good(await session.confirm(counter.stripe.confirmation_token(ASKS)))["payment_processor_metadata"]
    assert told["intent_status"] == "requires_action"
    await counter.stripe.deliver()
    await counter.settle()
    assert (await session.view())["status"] == "confirmed"
    counter.stripe.answer(told["intent_client_secret"])
    if webhooks == "never":
        await counter.shop.advance(minutes=2)
    else:
        await counter.stripe.deliver(times=2 if "twice" in webhooks else 1)
        await counter.settle()
    await counter.sold_once(session)


async def test_a_challenge_that_fails_gives_the_session_back(counter: Counter) -> None:
    session = await counter.session()
    told = good(await session.confirm(counter.stripe.confirmation_token(ASKS)))["payment_processor_metadata"]
    counter.stripe.answer(told["intent_client_secret"], accepted=False)
    await counter.stripe.deliver()
    await counter.settle()
    view = await session.view()
    assert view["status"] == "open"
    assert set(view["payment_processor_metadata"]) == {"publishable_key", "customer_id"}
    (record,) = await payments(counter.shop)
    assert (record["status"], record["decline_reason"]) == ("failed", "payment_intent_authentication_failure")
    (intent,) = counter.stripe.intents()
    assert intent["status"] == "canceled", "its buyer, who knows its secret, cannot pay it any more"
    good(await session.confirm(counter.stripe.confirmation_token()))
    await counter.settle()
    await counter.sold_once(session)


async def test_a_decline_leaves_the_session_open(counter: Counter) -> None:
    session = await counter.session()
    for card, words in (
        ("pm_card_chargeDeclinedInsufficientFunds", "Your card has insufficient funds."),
        ("pm_card_chargeDeclinedExpiredCard", "Your card has expired."),
    ):
        refused = problem(await session.confirm(counter.stripe.confirmation_token(card)))
        words = f"The payment failed: {words} Please try again with a different payment method."
        assert refused == (400, "PaymentError", words)
    await counter.stripe.deliver()
    await counter.settle()
    assert await session.view() == session.made
    good(await session.confirm(counter.stripe.confirmation_token()))
    await counter.settle()
    await counter.sold_once(session)


async def test_the_tax_of_stripe(counter: Counter) -> None:
    """From the quote to the order, and back to Stripe, who keeps account of it."""
    session = await counter.session()
    buyer = {"country": "US", "state": "US-NY", "city": "New York", "line1": "1 Main St", "postal_code": "10001"}
    updated = good(await session.update(customer_billing_address=buyer))
    assert (updated["tax_amount"], updated["total_amount"]) == (89, 1089)
    counter.stripe.faults = [Fault("lost_reply", where="/v1/tax", times=3)]
    refused = await session.confirm(counter.stripe.confirmation_token(), customer_billing_address=buyer)
    assert faults(refused) == [("customer_billing_address", "value_error", "An error occurred while calculating tax.")]
    good(await session.confirm(counter.stripe.confirmation_token(), customer_billing_address=buyer))
    counter.stripe.faults = [Fault("lost_reply", where="/v1/tax", times=3)]
    await counter.settle()
    order = await counter.sold_once(session)
    assert (order["tax_amount"], order["total_amount"]) == (89, 1089)
    await counter.shop.advance(minutes=1)
    assert list(counter.stripe.taxes.transactions) == [order["id"]]


async def test_stripe_hears_of_the_tax_of_renewals_and_of_what_is_given_back(counter: Counter) -> None:
    session = await counter.session(**MONTHLY)
    good(await session.confirm(counter.stripe.confirmation_token()))
    await counter.settle()
    await counter.shop.advance(days=31, minutes=5)
    renewed, first = await orders(counter.shop)
    assert (renewed["billing_reason"], renewed["status"], renewed["tax_amount"]) == ("subscription_cycle", "paid", 200)
    assert set(counter.stripe.taxes.transactions) == {first["id"], renewed["id"]}
    refund = await give_back(counter.shop, renewed, 500)
    await counter.shop.advance(minutes=5)
    assert counter.stripe.taxes.reversals == {refund["id"]: (renewed["id"], -600)}


@pytest.mark.parametrize("kind", ["lost_reply", "failed"])
async def test_stripe_is_asked_again_after_a_lost_reply(counter: Counter, kind: Any) -> None:
    session = await counter.session()
    token = counter.stripe.confirmation_token()
    counter.stripe.faults = [Fault(kind, times=3)]
    reply = await session.confirm(token)
    if kind == "failed":
        good(reply)  # it is found by the key that the intent remembers
    else:
        assert problem(reply)[:2] == (409, "CheckoutLocked")
        assert problem(await session.confirm(token))[0] == 409
        await counter.shop.advance(seconds=10)
    await counter.stripe.deliver()
    await counter.settle()
    await counter.sold_once(session)


async def test_buyers_of_one_address_are_one_customer_there(counter: Counter) -> None:
    for _ in range(2):
        session = await counter.session()
        good(await session.confirm(counter.stripe.confirmation_token()))
        await counter.settle()
    assert len(counter.stripe.books.of("customer")) == 1
    stripes = counter.stripe.books.of("customer")[0]
    del counter.stripe.books.things[stripes["id"]]  # as after a change of the account
    counter.stripe._replies.clear()
    session = await counter.session()
    good(await session.confirm(counter.stripe.confirmation_token()))
    await counter.settle()
    (anew,) = counter.stripe.books.of("customer")
    known = sa.text("SELECT processor_customer_id FROM customers")
    assert await counter.shop.app.database.fetchval(known) == anew["id"]


async def test_only_stripe_is_heard(counter: Counter) -> None:
    session = await counter.session()
    good(await session.confirm(counter.stripe.confirmation_token()))
    event = counter.stripe.event("payment_intent.succeeded")
    body, headers = counter.stripe.signed(event, secret="whsec_of_somebody_else")
    reply = await counter.webhooks.post("/webhooks/stripe", content=body, headers=headers)
    assert (reply.status_code, reply.json()["error"]) == (400, "SignatureInvalid")
    assert await counter.post(b"{}", {}) == 400
    seen = sa.text("SELECT count(*) FROM processor_events")
    assert await counter.shop.app.database.fetchval(seen) == 0
    for _ in range(3):
        assert await counter.post(*counter.stripe.signed(event)) == 200
    assert await counter.shop.app.database.fetchval(seen) == 1


async def test_old_events_are_forgotten(counter: Counter) -> None:
    session = await counter.session()
    good(await session.confirm(counter.stripe.confirmation_token()))
    await counter.stripe.deliver()
    async with counter.shop.app.transaction(counter.shop.organization_id) as tx:
        tx.enqueue("forget_processor_events", unique_key="forget_processor_events")
    seen = sa.text("SELECT count(*) FROM processor_events")
    await counter.shop.advance(days=39)
    assert await counter.shop.app.database.fetchval(seen) == 1
    await counter.shop.advance(days=2)
    assert await counter.shop.app.database.fetchval(seen) == 0


async def sold(counter: Counter, **product: Any) -> tuple[Session, dict[str, Any]]:
    """A session that was paid, and its order; its webhooks were delivered."""
    session = await counter.session(**product)
    good(await session.confirm(counter.stripe.confirmation_token()))
    await counter.stripe.deliver()
    await counter.settle()
    return session, await session.order()


async def test_renewals_charge_the_saved_method_once_the_tax_is_known(counter: Counter) -> None:
    await sold(counter, **MONTHLY)
    counter.stripe.faults = [Fault("failed", where="/v1/tax/calculations", times=3)]
    await counter.shop.advance(days=31, minutes=4)
    assert len(await orders(counter.shop)) == 1
    await counter.shop.advance(minutes=2)
    renewal = (await orders(counter.shop))[0]
    assert (renewal["billing_reason"], renewal["status"], renewal["total_amount"]) == (
        "subscription_cycle",
        "paid",
        1200,
    )
    first, second = counter.stripe.intents()
    assert (second["customer"], second["payment_method"]) == (first["customer"], first["payment_method"])
    assert second["amount"] == 1200
    (params,) = [params for operation, _, params in counter.stripe.requests if "off_session" in params]
    assert params["off_session"] == "true"


@pytest.mark.parametrize(("webhooks", "meanwhile"), [("never", "still due"), ("delivered", "paid otherwise")])
async def test_money_of_a_renewal_whose_end_nobody_knew(counter: Counter, webhooks: str, meanwhile: str) -> None:
    shop, stripe = counter.shop, counter.stripe
    _, bought = await sold(counter, **MONTHLY)
    stripe.faults = [Fault("lost_request", times=10_000)]
    await shop.advance(days=31, minutes=5)
    (attempt,) = await shop.app.database.pool.fetch("SELECT id, request FROM order_charges")
    await shop.advance(hours=21)
    stripe.faults = []
    await shop.advance(hours=1)
    renewal = (await orders(shop))[0]
    assert (renewal["status"], renewal["due_amount"]) == ("pending", 1200)
    if meanwhile == "paid otherwise":
        token = await session_of(shop, bought["customer_id"])
        async with client_of(shop.boreal, token) as portal:
            url = f"/v1/customer-portal/orders/{renewal['id']}/confirm-payment"
            good(await portal.post(url, json={"confirmation_token_id": stripe.confirmation_token()}))
    asked = attempt["request"]
    request = PaymentRequest(
        amount=1200,
        currency="usd",
        customer=asked["known_customer"],
        source=SavedMethod(asked["method"]),
        off_session=True,
        metadata=asked["metadata"],
    )
    await shop.app.get(PaymentProcessor).create_payment(request, idempotency_key=str(attempt["id"]))
    if webhooks == "delivered":
        await stripe.deliver()
        await shop.advance(minutes=2)
    else:
        await shop.advance(hours=24)
    assert (await orders(shop))[0]["status"] == "paid"
    charges = [charge for charge in stripe.books.of("charge") if charge["status"] == "succeeded"]
    assert len(charges) == (2 if meanwhile == "still due" else 3)
    given = [(refund["amount"], refund["charge"]) for refund in stripe.books.of("refund")]
    assert given == ([] if meanwhile == "still due" else [(1200, charges[-1]["id"])])


async def test_a_refund_of_ours(counter: Counter) -> None:
    session, order = await sold(counter)
    body = {"order_id": order["id"], "reason": "service_disruption", "amount": 500}
    refund = good(await counter.shop.client.post("/v1/refunds/", json=body))
    assert (refund["status"], refund["amount"], refund["tax_amount"]) == ("succeeded", 500, 100)
    (theirs,) = counter.stripe.books.of("refund")
    assert (theirs["amount"], theirs["reason"]) == (600, "requested_by_customer")
    counter.stripe.books.settle_refund(theirs["id"], "failed")
    await counter.stripe.deliver(times=2)
    await counter.settle()
    (now,) = good(await counter.shop.client.get("/v1/refunds/"))["items"]
    assert (now["status"], (await session.order())["status"]) == ("failed", "paid")


async def test_a_refund_made_at_stripe_of_which_no_webhook_came(counter: Counter) -> None:
    session, _ = await sold(counter)
    async with counter.shop.app.transaction(counter.shop.organization_id) as tx:
        tx.enqueue("catch_up_with_processor", unique_key="catch_up_with_processor")
    await counter.settle()  # from here on the list is read
    (intent,) = counter.stripe.intents()
    counter.stripe.books.refund({"payment_intent": intent["id"], "amount": "1200", "reason": "duplicate"})
    await counter.shop.advance(minutes=5)
    assert (await session.order())["status"] == "paid"
    counter.stripe.faults = [Fault("lost_reply", where="/v1/events", times=3)]
    await counter.shop.advance(minutes=15)
    assert (await session.order())["status"] == "refunded"
    (refund,) = good(await counter.shop.client.get("/v1/refunds/"))["items"]
    assert (refund["reason"], refund["amount"]) == ("duplicate", 1000)
    await counter.stripe.deliver()
    await counter.settle()
    assert len(good(await counter.shop.client.get("/v1/refunds/"))["items"]) == 1


@pytest.mark.parametrize(
    ("case_type", "end", "refunds"),
    [("chargeback", "lost", []), ("resolution", "prevented", [("dispute_prevention", 1000)])],
)
async def test_disputes(counter: Counter, case_type: str, end: str, refunds: list[Any]) -> None:
    """A chargeback that is lost; one that rapid resolution ends by giving the money back (orders spec 16)."""
    session = await counter.session()
    good(await session.confirm(counter.stripe.confirmation_token("pm_card_createDispute")))
    await counter.stripe.deliver()
    await counter.shop.advance(seconds=15)
    (dispute,) = good(await counter.shop.client.get("/v1/disputes/"))["items"]
    assert (dispute["status"], dispute["amount"], dispute["tax_amount"]) == ("needs_response", 1000, 200)
    (theirs,) = counter.stripe.books.of("dispute")
    counter.stripe.books.move_dispute(theirs["id"], "lost", case_type=case_type)
    await counter.stripe.deliver(times=2)
    await counter.settle()
    (dispute,) = good(await counter.shop.client.get("/v1/disputes/"))["items"]
    assert dispute["status"] == end
    shown = good(await counter.shop.client.get("/v1/refunds/"))["items"]
    assert [(refund["reason"], refund["amount"]) for refund in shown] == refunds


async def test_nothing_secret_is_logged(counter: Counter) -> None:
    token = counter.stripe.confirmation_token(ASKS)
    with capture_logs() as logs:
        session = await counter.session()
        problem(await session.confirm(counter.stripe.confirmation_token("pm_card_chargeDeclined")))
        counter.stripe.faults = [Fault("lost_reply", times=3)]
        problem(await session.confirm(token))
        await counter.shop.advance(seconds=10)
        await counter.stripe.deliver()
        await counter.post(b"{}", {"stripe-signature": "t=1,v1=2"})
    (intent,) = [each for each in counter.stripe.intents() if each["status"] == "requires_action"]
    assert [line["event"] for line in logs if line["event"] == "payment_outcome_unknown"] != []
    for secret in (counter.stripe.secret_key, counter.stripe.webhook_secret, token, intent["client_secret"]):
        assert secret not in str(logs)


async def test_without_stripe_there_is_no_door_for_it(shop: Shop) -> None:
    assert (await client_of(shop.boreal, None).post("/webhooks/stripe", content=b"{}")).status_code == 404


KEYS = {
    "BOREAL_PAYMENTS": "stripe",
    "BOREAL_STRIPE_SECRET_KEY": "sk_test_1",
    "BOREAL_STRIPE_PUBLISHABLE_KEY": "pk_test_1",
    "BOREAL_STRIPE_WEBHOOK_SECRET": "whsec_1",
}


def test_keys_that_fit() -> None:
    assert read_settings(KEYS).payments == "stripe"
    assert "sk_test_1" not in repr(read_settings(KEYS))
    live = {name: value.replace("_test_", "_live_") for name, value in KEYS.items()}
    assert read_settings({**live, "BOREAL_ENVIRONMENT": "production"}).stripe_secret_key == "sk_live_1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"BOREAL_STRIPE_SECRET_KEY": "", "BOREAL_STRIPE_WEBHOOK_SECRET": ""},
            "BOREAL_STRIPE_SECRET_KEY and BOREAL_STRIPE_WEBHOOK_SECRET must be set to use Stripe",
        ),
        (
            {"BOREAL_STRIPE_SECRET_KEY": "sk_live_1"},
            "BOREAL_STRIPE_SECRET_KEY must be a test key when BOREAL_ENVIRONMENT is sandbox",
        ),
        (
            {"BOREAL_ENVIRONMENT": "production"},
            "BOREAL_STRIPE_SECRET_KEY must be a live key when BOREAL_ENVIRONMENT is production",
        ),
    ],
)
def test_keys_that_do_not_fit(changes: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({**KEYS, **changes})
    assert str(caught.value) == words
