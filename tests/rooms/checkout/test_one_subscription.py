"""One subscription per customer, however many sessions ask for it at once (catalog spec 6.11)."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from boreal.core.checkouts import CheckoutStatus
from tests.support.catalog import FREE, fixed, make_product
from tests.support.checkout import Session, finish, good, open_session, orders, problem, processor_of
from tests.support.organizations import set_subscription_settings
from tests.support.payments import payments
from tests.support.shop import Shop
from tests.support.subscribers import change, forget_methods, restore_methods, subscription

MONTHLY = {"recurring_interval": "month"}
ASKS = "pm_card_authenticationRequired"
SUBSCRIBED = (403, "AlreadyActiveSubscriptionError", "You already have an active subscription.")


async def customer(shop: Shop, **body: Any) -> dict[str, Any]:
    return good(await shop.client.post("/v1/customers/", json=body), 201)


async def count(shop: Shop) -> int:
    return len([order for order in await orders(shop) if order["subscription_id"]])


async def confirm_all(sessions: list[Session], *emails: str) -> Counter[str]:
    """Confirms sessions at once, each with one of the e-mails in turn; how often each answer was given."""
    replies = await asyncio.gather(
        *(session.confirm(customer_email=emails[number % len(emails)]) for number, session in enumerate(sessions))
    )
    return Counter("confirmed" if reply.status_code == 200 else problem(reply)[1] for reply in replies)


@pytest.mark.parametrize("prices", [(fixed(),), (FREE,)])
async def test_many_sessions_of_somebody_new_at_once(shop: Shop, prices: tuple[dict[str, Any], ...]) -> None:
    product = await make_product(shop, *prices, **MONTHLY)
    sessions = [await open_session(shop, product) for _ in range(12)]
    answers = await confirm_all(sessions, "ada@example.com", "ADA@Example.com")
    assert answers["confirmed"] == 1
    assert set(answers) <= {"confirmed", "CheckoutLocked", "AlreadyActiveSubscriptionError"}
    await finish(shop)
    assert (await count(shop), len(await payments(shop))) == (1, 1 if prices[0] is not FREE else 0)


async def test_many_sessions_that_know_the_buyer_by_different_names(shop: Shop) -> None:
    known = await customer(shop, email="ada@example.com", external_id="ada")
    product = await make_product(shop, **MONTHLY)
    names = [{"customer_id": known["id"]}, {"external_customer_id": "ada"}, {}]
    sessions = [await open_session(shop, product, **names[number % 3]) for number in range(9)]
    assert (await confirm_all(sessions, "ada@example.com"))["confirmed"] == 1
    await finish(shop)
    assert await count(shop) == 1


async def test_an_external_id_that_nobody_has_yet(shop: Shop) -> None:
    product = await make_product(shop, **MONTHLY)
    sessions = [await open_session(shop, product, external_customer_id="new") for _ in range(6)]
    answers = await confirm_all(sessions, *(f"mail{number}@example.com" for number in range(6)))
    assert answers["confirmed"] == 1
    await finish(shop)
    assert await count(shop) == 1


async def test_different_buyers_do_not_stand_in_each_others_way(shop: Shop, other_shop: Shop) -> None:
    product, theirs = await make_product(shop, **MONTHLY), await make_product(other_shop, **MONTHLY)
    sessions = [await open_session(shop, product) for _ in range(3)] + [await open_session(other_shop, theirs)]
    emails = ("ada@example.com", "bob@example.com", "eve@example.com", "ada@example.com")
    assert await confirm_all(sessions, *emails) == {"confirmed": 4}
    await finish(shop)
    assert (await count(shop), await count(other_shop)) == (3, 1)


async def test_as_many_as_they_like_where_that_is_allowed(shop: Shop) -> None:
    await set_subscription_settings(shop, allow_multiple_subscriptions=True)
    product = await make_product(shop, **MONTHLY)
    sessions = [await open_session(shop, product) for _ in range(4)]
    assert await confirm_all(sessions, "ada@example.com") == {"confirmed": 4}
    await finish(shop)
    assert await count(shop) == 4


async def test_a_refused_card_leaves_the_way_open(shop: Shop) -> None:
    product = await make_product(shop, **MONTHLY)
    one, two = await open_session(shop, product), await open_session(shop, product)
    assert problem(await one.confirm("pm_card_chargeDeclined"))[0] == 400
    assert (await two.pay())["status"] == CheckoutStatus.SUCCEEDED
    assert problem(await one.confirm()) == SUBSCRIBED


async def test_a_session_that_was_left_at_its_challenge_makes_way(shop: Shop) -> None:
    """Its payment is stopped, so that it cannot be completed after all."""
    product = await make_product(shop, **MONTHLY)
    left, other = await open_session(shop, product), await open_session(shop, product)
    secret = good(await left.confirm(ASKS))["payment_processor_metadata"]["intent_client_secret"]
    assert problem(await other.confirm())[:2] == (409, "CheckoutLocked")
    await shop.advance(minutes=5)
    good(await other.confirm())
    assert (await left.view())["status"] == CheckoutStatus.OPEN
    await processor_of(shop).answer_challenge(secret, "accept")
    await finish(shop)
    assert (await other.view())["status"] == CheckoutStatus.SUCCEEDED
    assert await count(shop) == 1
    assert Counter(payment["status"] for payment in await payments(shop)) == {"succeeded": 1, "failed": 1}
    assert problem(await left.confirm()) == SUBSCRIBED


async def test_a_challenge_that_was_passed_meanwhile_is_what_counts(shop: Shop) -> None:
    product = await make_product(shop, **MONTHLY)
    left, other = await open_session(shop, product), await open_session(shop, product)
    secret = good(await left.confirm(ASKS))["payment_processor_metadata"]["intent_client_secret"]
    await processor_of(shop).answer_challenge(secret, "accept")
    assert problem(await other.confirm()) == SUBSCRIBED
    assert (await left.view())["status"] == CheckoutStatus.SUCCEEDED
    await finish(shop)
    assert await count(shop) == 1


async def test_what_is_bought_once_needs_no_claim(shop: Shop) -> None:
    product = await make_product(shop)
    sessions = [await open_session(shop, product) for _ in range(4)]
    assert await confirm_all(sessions, "ada@example.com") == {"confirmed": 4}
    await finish(shop)


async def bring(shop: Shop, id: str, state: str) -> None:
    """The subscription is past due, leaves with its period, or has ended."""
    if state == "past_due":
        await forget_methods(shop)
        await shop.advance(days=31)
        await restore_methods(shop)
        assert (await subscription(shop, id))["status"] == state
    elif state == "leaving":
        good(await change(shop, id, cancel_at_period_end=True))
    else:
        good(await shop.client.delete(f"/v1/subscriptions/{id}"))


@pytest.mark.parametrize(
    ("state", "stands_in_the_way"),
    [
        ("past_due", True),
        ("leaving", True),
        ("canceled", False),
    ],
)
async def test_what_stands_in_the_way(shop: Shop, state: str, stands_in_the_way: bool) -> None:
    product, other = await make_product(shop, **MONTHLY), await make_product(shop, FREE, **MONTHLY)
    bought = await (await open_session(shop, product)).pay()
    await bring(shop, bought["subscription_id"], state)
    session = await open_session(shop, product, other)
    for reply in (
        await session.update(customer_email="ADA@example.com"),
        await session.update(product_id=other["id"], customer_email="ada@example.com"),
        await session.confirm(),
    ):
        assert reply.status_code == 200 or problem(reply) == SUBSCRIBED
        assert (reply.status_code != 200) is stands_in_the_way
    good(await (await open_session(shop, product)).update(customer_email="bob@example.com"))
    await finish(shop)
