"""Trials: which one is in effect, what it needs, and who had one before (catalog spec 6.9)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from boreal.providers.ports import TaxQuotes
from tests.support.catalog import FREE, fixed, make_product
from tests.support.checkout import FlatTax, Session, faults, good, malformed, open_session, problem
from tests.support.organizations import set_subscription_settings
from tests.support.shop import Shop, open_shop

WEEK = {"trial_interval": "day", "trial_interval_count": 7}
MONTHLY = {"recurring_interval": "month"}
PATTERN = ("active_trial_interval", "active_trial_interval_count", "trial_end")


def shown(view: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(view[name] for name in PATTERN)


@pytest.fixture
async def taxed(dsn: str) -> AsyncIterator[Shop]:
    """A shop whose sales are taxed at 20 %."""
    async with open_shop(dsn, adapters={TaxQuotes: FlatTax(2000)}) as opened:
        yield opened
        await opened.check()


@pytest.mark.example("catalog 11.22")
async def test_a_trial_shows_the_price_and_charges_nothing(taxed: Shop) -> None:
    product = await make_product(taxed, fixed(2000), **MONTHLY, **WEEK)
    session = await open_session(taxed, product, customer_billing_address={"country": "FR"})
    made = session.made
    assert (made["amount"], made["tax_amount"], made["total_amount"]) == (2000, 400, 2400)
    assert (made["is_payment_required"], made["is_payment_setup_required"]) == (False, True)
    assert shown(made) == ("day", 7, "2026-01-22T12:00:00Z")
    await taxed.facts()
    done = await session.pay()
    assert done["status"] == "succeeded"
    assert done["payment_processor_metadata"]["intent_client_secret"].startswith("seti_")
    order = await session.order()
    assert (order["total_amount"], order["tax_amount"], order["subtotal_amount"]) == (0, 0, 0)
    assert (order["status"], order["billing_reason"]) == ("paid", "subscription_create")
    assert [item["label"] for item in order["items"]] == ["Trial period for Pro (Jan 15, 2026 - Jan 22, 2026)"]
    subscription = order["subscription"]
    assert subscription["status"] == "trialing"
    assert subscription["trial_end"] == subscription["current_period_end"] == "2026-01-22T12:00:00Z"
    assert done["subscription_id"] == subscription["id"]


@pytest.mark.example("catalog 11.23")
async def test_a_trial_is_measured_from_the_confirmation(shop: Shop) -> None:
    product = await make_product(shop, **MONTHLY)
    await shop.advance(days=15, hours=23, minutes=30)
    session = await open_session(shop, product, trial_interval="month", trial_interval_count=1)
    assert session.made["trial_end"] == "2026-02-28T11:30:00Z"
    await shop.advance(minutes=30)
    assert good(await session.confirm())["trial_end"] == "2026-02-28T12:00:00Z"
    await shop.settle()
    assert (await session.order())["subscription"]["trial_end"] == "2026-02-28T12:00:00Z"
    await shop.advance(days=211, hours=12)
    later = await open_session(shop, product, trial_interval="month", trial_interval_count=3)
    assert later.made["created_at"] == "2026-08-31T00:00:00Z"
    assert later.made["trial_end"] == "2026-11-30T00:00:00Z"


async def test_the_session_may_override_the_trial_of_the_product(shop: Shop) -> None:
    product = await make_product(shop, **MONTHLY, **WEEK)
    own = {"trial_interval": "week", "trial_interval_count": 2}
    session = await open_session(shop, product, **own)
    assert shown(session.made) == ("week", 2, "2026-01-29T12:00:00Z")
    assert (session.made["trial_interval"], session.made["trial_interval_count"]) == ("week", 2)
    changed = good(await session.patch(trial_interval="day", trial_interval_count=1))
    assert shown(changed) == ("day", 1, "2026-01-16T12:00:00Z")
    cleared = good(await session.patch(trial_interval=None, trial_interval_count=None))
    assert shown(cleared) == ("day", 7, "2026-01-22T12:00:00Z")
    assert (cleared["trial_interval"], cleared["trial_interval_count"]) == (None, None)
    off = good(await session.patch(allow_trial=False, **own))
    assert shown(off) == (None, None, None)
    assert (off["is_payment_required"], off["allow_trial"]) == (True, False)
    assert shown(good(await session.patch(allow_trial=True))) == ("week", 2, "2026-01-29T12:00:00Z")
    assert malformed(await session.patch(trial_interval="day"))[0][-2:] == (
        "missing",
        "Both trial_interval and trial_interval_count must be set together.",
    )


async def test_a_buyer_can_only_give_a_trial_up(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, **MONTHLY, **WEEK))
    assert malformed(await session.update(allow_trial=True)) == [
        ("allow_trial", "literal_error", "Input should be False")
    ]
    assert (
        good(await session.update(allow_trial=None, trial_interval="year", trial_interval_count=9))["trial_end"]
        == "2026-01-22T12:00:00Z"
    )
    seen = good(await session.update(allow_trial=False))
    assert (seen["trial_end"], seen["is_payment_required"]) == (None, True)
    await session.pay()
    assert (await session.order())["total_amount"] == 1000


async def test_what_is_bought_once_has_no_trial(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop), **WEEK)
    assert shown(session.made) == ("day", 7, None)
    assert session.made["is_payment_required"] is True
    await session.pay()
    assert (await session.order())["total_amount"] == 1000


async def test_a_trial_of_a_free_plan_needs_no_form(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, FREE, **MONTHLY, **WEEK))
    assert session.made["is_payment_form_required"] is False
    await session.pay(None)
    assert (await session.order())["subscription"]["status"] == "trialing"


async def test_a_trial_needs_a_card(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, **MONTHLY, **WEEK))
    assert faults(await session.confirm(None)) == [
        ("confirmation_token_id", "missing", "Confirmation token is required.")
    ]
    assert problem(await session.confirm("pm_card_visa_chargeDeclined"))[:2] == (400, "PaymentError")
    assert (await session.view())["status"] == "open"


TAKEN = (
    403,
    "TrialAlreadyRedeemed",
    "You have already used a trial for this product. Trials can only be used once per customer.",
)


async def begin(shop: Shop, product: dict[str, Any]) -> Session:
    """The first trial, of ada+1@example.com with a visa card; her subscription is in nobody's way."""
    await set_subscription_settings(shop, prevent_trial_abuse=True, allow_multiple_subscriptions=True)
    first = await open_session(shop, product)
    await first.pay(customer_email="ada+1@example.com")
    return await open_session(shop, product)


async def test_a_second_trial_of_the_same_person(shop: Shop) -> None:
    session = await begin(shop, await make_product(shop, **MONTHLY, **WEEK))
    await shop.facts()
    refused = await session.confirm("pm_card_mastercard", customer_email="ADA+two@example.com")
    assert problem(refused) == TAKEN
    await shop.settle()
    await shop.saw()
    after = await session.view()
    assert (after["status"], after["customer_email"], after["payment_processor_metadata"]) == ("open", None, {})
    good(await session.update(allow_trial=False))
    assert (await session.pay("pm_card_mastercard", customer_email="ADA+two@example.com"))["status"] == "succeeded"
    assert (await session.order())["total_amount"] == 1000


async def test_a_second_trial_with_the_same_card_on_another_product(shop: Shop) -> None:
    await begin(shop, await make_product(shop, **MONTHLY, **WEEK))
    other = await open_session(shop, await make_product(shop, **MONTHLY, **WEEK))
    assert problem(await other.confirm("pm_card_visa", customer_email="bob@example.com")) == TAKEN
    assert (await other.pay("pm_card_mastercard", customer_email="bob@example.com"))["status"] == "succeeded"


async def test_other_organizations_and_other_purchases_do_not_count(shop: Shop, other_shop: Shop) -> None:
    await begin(shop, await make_product(shop, **MONTHLY, **WEEK))
    await set_subscription_settings(other_shop, prevent_trial_abuse=True)
    there = await open_session(other_shop, await make_product(other_shop, **MONTHLY, **WEEK))
    assert (await there.pay())["status"] == "succeeded"
    without = await open_session(shop, await make_product(shop, **MONTHLY))
    assert (await without.pay())["status"] == "succeeded"


async def test_trials_are_remembered_before_anybody_looks(shop: Shop) -> None:
    await set_subscription_settings(shop, allow_multiple_subscriptions=True)
    product = await make_product(shop, **MONTHLY, **WEEK)
    for _ in range(2):
        assert (await (await open_session(shop, product)).pay())["status"] == "succeeded"
    await set_subscription_settings(shop, prevent_trial_abuse=True)
    assert problem(await (await open_session(shop, product)).confirm()) == TAKEN
