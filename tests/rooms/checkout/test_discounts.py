"""Discounts on a session: named, shown, counted, dropped, redeemed, and what comes of it (catalog spec 4, 6.10)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from boreal.main import broken_invariants
from boreal.providers.ports import TaxQuotes
from boreal.rooms.catalog.discounts.tables import DiscountRedemptionRow
from boreal.rooms.checkout.checkouts.tables import CheckoutRow
from tests.support.catalog import FREE, fixed, make_discount, make_product, seats
from tests.support.checkout import FlatTax, Session, create, faults, finish, good, open_session, problem, processor_of
from tests.support.payments import payments
from tests.support.shop import Shop, open_shop

MONTHLY = {"recurring_interval": "month"}
FR = {"country": "FR"}
ASKS = "pm_card_authenticationRequired"
UNKNOWN = "Discount does not exist."
GONE = [("discount_id", "value_error", "Discount is no longer redeemable.")]


def sums(view: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(view[name] for name in ("discount_amount", "net_amount", "tax_amount", "total_amount"))


def form(view: dict[str, Any]) -> tuple[bool, bool]:
    return view["is_payment_required"], view["is_payment_setup_required"]


async def count(shop: Shop, discount: dict[str, Any]) -> int:
    return int(good(await shop.client.get(f"/v1/discounts/{discount['id']}"))["redemptions_count"])


@pytest.fixture
async def taxed(dsn: str) -> AsyncIterator[Shop]:
    """A shop whose sales are taxed at 20 %."""
    async with open_shop(dsn, adapters={TaxQuotes: FlatTax(2000)}) as opened:
        yield opened
        await opened.check()


@pytest.mark.example("catalog 11.3")
async def test_discount_then_tax_then_total(taxed: Shop) -> None:
    product = await make_product(taxed, fixed(1999))
    discount = await make_discount(taxed, name="Fifth", basis_points=2000, code="FIFTH")
    session = await open_session(taxed, product, discount_id=discount["id"], customer_billing_address=FR)
    assert sums(session.made) == (400, 1599, 320, 1919)
    shown = {name: discount[name] for name in ("id", "name", "code", "type", "duration", "basis_points")}
    assert (session.made["discount_id"], session.made["discount"]) == (discount["id"], shown)
    assert good(await session.get())["discount"] == shown
    assert (await session.pay())["status"] == "succeeded"
    order = await session.order()
    assert sums(order) == (400, 1599, 320, 1919)
    assert (order["subtotal_amount"], order["items"][0]["amount"]) == (1999, 1999)
    assert (order["discount"]["id"], order["discount"]["redemptions_count"]) == (discount["id"], 1)
    (payment,) = await payments(taxed)
    assert payment["amount"] == 1919


@pytest.mark.example("catalog 11.8")
async def test_a_discount_of_more_than_the_price_needs_only_an_email(taxed: Shop) -> None:
    discount = await make_discount(taxed, type="fixed", amount=1500)
    session = await open_session(
        taxed, await make_product(taxed), discount_id=discount["id"], customer_billing_address=FR
    )
    assert sums(session.made) == (1000, 0, 0, 0)
    assert form(session.made) == (False, False)
    good(await session.buyer.post(f"{session.url}/confirm", json={"customer_email": "ada@example.com"}))
    await finish(taxed)
    assert sums(await session.order()) == (1000, 0, 0, 0)
    assert await count(taxed, discount) == 1


@pytest.mark.example("catalog 11.9")
async def test_everything_off_a_subscription_still_needs_a_method(taxed: Shop) -> None:
    discount = await make_discount(taxed, basis_points=10_000, duration="once")
    product = await make_product(taxed, fixed(2999), **MONTHLY)
    session = await open_session(taxed, product, discount_id=discount["id"], customer_billing_address=FR)
    assert sums(session.made) == (2999, 0, 0, 0)
    assert form(session.made) == (False, True)
    told = good(await session.confirm())["payment_processor_metadata"]
    assert told["intent_client_secret"].startswith("seti_")
    assert await count(taxed, discount) == 1
    await finish(taxed)
    order = await session.order()
    assert (order["total_amount"], order["subscription"]["amount"]) == (0, 0)
    (redemption,) = await taxed.app.database.fetch(sa.select(DiscountRedemptionRow))
    assert redemption["subscription_id"] == UUID(order["subscription_id"])
    assert await payments(taxed) == []


@pytest.mark.example("catalog 11.12")
async def test_half_off_what_the_buyer_wants_to_pay(shop: Shop) -> None:
    price = {"amount_type": "custom", "minimum_amount": 50}
    await make_discount(shop, basis_points=5000, code="HALF")
    session = await open_session(shop, await make_product(shop, price), amount=2000, customer_billing_address=FR)
    assert sums(good(await session.update(discount_code="half"))) == (1000, 1000, 0, 1000)
    assert sums(good(await session.update(amount=3000))) == (1500, 1500, 0, 1500)


@pytest.mark.example("catalog 11.15")
async def test_seats_discount_tax(dsn: str) -> None:
    async with open_shop(dsn, adapters={TaxQuotes: FlatTax(2500)}) as shop:
        product = await make_product(shop, seats((1, 4, 1000), (5, 9, 900), (10, None, 800)))
        discount = await make_discount(shop, basis_points=1500)
        session = await open_session(shop, product, seats=5, discount_id=discount["id"], customer_billing_address=FR)
        assert (session.made["amount"], session.made["price_per_seat"]) == (4500, 900)
        assert sums(session.made) == (675, 3825, 956, 4781)
        await session.pay()
        assert sums(await session.order()) == (675, 3825, 956, 4781)
        await shop.check()


@pytest.mark.example("catalog 11.20")
async def test_what_a_discount_leaves_may_be_too_little_to_charge(shop: Shop) -> None:
    discount = await make_discount(shop, type="fixed", amount=960)
    session = await open_session(shop, await make_product(shop), discount_id=discount["id"])
    assert session.made["total_amount"] == 40
    assert problem(await session.confirm())[:2] == (400, "PaymentError")
    assert await session.view() == session.made
    assert await count(shop, discount) == 0


@pytest.mark.example("catalog 11.26")
async def test_the_last_redemption_goes_back_when_the_payment_fails(shop: Shop) -> None:
    discount = await make_discount(shop, max_redemptions=1)
    product = await make_product(shop)
    one, two = [await open_session(shop, product, discount_id=discount["id"]) for _ in range(2)]
    told = good(await one.confirm(ASKS))["payment_processor_metadata"]
    assert await count(shop, discount) == 1
    assert faults(await two.confirm()) == GONE
    assert await two.view() == two.made
    await processor_of(shop).answer_challenge(told["intent_client_secret"], "refuse")
    await finish(shop)
    assert (await one.view())["status"] == "open"
    assert await count(shop, discount) == 0
    assert (await two.pay())["status"] == "succeeded"
    assert await count(shop, discount) == 1
    assert faults(await one.confirm()) == GONE


@pytest.mark.example("catalog 11.27")
async def test_a_product_that_is_not_covered_drops_the_discount(shop: Shop) -> None:
    covered, other = await make_product(shop), await make_product(shop, fixed(2000))
    discount = await make_discount(shop, products=[covered["id"]])
    session = await open_session(shop, covered, other, discount_id=discount["id"])
    assert session.made["discount_amount"] == 100
    seen = good(await session.update(product_id=other["id"]))
    assert (seen["discount"], seen["discount_id"], sums(seen)[0]) == (None, None, 0)
    back = good(await session.update(product_id=covered["id"]))
    assert (back["discount"], sums(back)[0]) == (None, 0)


async def test_a_discount_for_all_products_is_kept(shop: Shop) -> None:
    one, two = await make_product(shop), await make_product(shop, fixed(2000))
    discount = await make_discount(shop)
    session = await open_session(shop, one, two, discount_id=discount["id"])
    assert sums(good(await session.update(product_id=two["id"]))) == (200, 1800, None, 1800)
    good(await shop.client.patch(f"/v1/discounts/{discount['id']}", json={"products": [one["id"]]}))
    assert good(await session.update(customer_name="Ada"))["discount_amount"] == 200, "nothing else was chosen"


async def test_refusals(shop: Shop, other_shop: Shop) -> None:
    product = await make_product(shop)
    restricted = await make_discount(shop, code="THERE", products=[(await make_product(shop))["id"]])
    repeating = await make_discount(shop, code="THRICE", duration="repeating", duration_in_months=3)
    later = await make_discount(shop, code="LATER", starts_at="2026-02-01T00:00:00Z")
    foreign = await make_discount(other_shop, code="THEIRS")
    deleted = await make_discount(shop, code="GONE")
    await shop.client.delete(f"/v1/discounts/{deleted['id']}")
    words = {
        UNKNOWN: (restricted, later, foreign, deleted),
        "Discount is not applicable to this product.": (repeating,),
    }
    session = await open_session(shop, product)
    for message, discounts in words.items():
        for discount in discounts:
            refused = [("discount_id", "value_error", message)]
            reply = await create(shop, product, discount_id=discount["id"])
            assert faults(reply) == refused
            assert reply.json()["detail"][0]["input"] == discount["id"]
            assert faults(await session.patch(discount_id=discount["id"])) == refused
            reply = await session.update(discount_code=discount["code"])
            assert faults(reply) == [("discount_code", "value_error", message)]
            assert reply.json()["detail"][0]["input"] is None
    free = await make_product(shop, FREE)
    for named in (restricted, foreign):
        reply = await create(shop, free, discount_id=named["id"])
        assert faults(reply) == [("discount_id", "value_error", "Discounts are not applicable to this product.")]
    assert await session.view() == session.made


async def test_a_merchant_sets_and_removes(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    one, two = await make_discount(shop), await make_discount(shop, basis_points=2000)
    for discount, less in ((one, 100), (two, 200)):
        seen = good(await session.patch(discount_id=discount["id"]))
        assert (seen["discount"]["id"], seen["discount_amount"]) == (discount["id"], less)
    assert good(await session.patch(metadata={}))["discount_amount"] == 200
    removed = good(await session.patch(discount_id=None))
    assert (removed["discount"], removed["discount_amount"]) == (None, 0)


async def test_a_buyer_sets_and_removes_a_code_where_codes_are_allowed(shop: Shop) -> None:
    await make_discount(shop, code="Save")
    product = await make_product(shop)
    session = await open_session(shop, product)
    assert good(await session.update(discount_code=" sAVE "))["discount_amount"] == 100
    assert faults(await session.update(discount_code="OTHER")) == [("discount_code", "value_error", UNKNOWN)]
    assert good(await session.get())["discount_amount"] == 100
    assert good(await session.update(discount_code=""))["discount"] is None
    assert good(await session.update(discount_code="SAVE", allow_trial=None))["discount_amount"] == 100
    assert good(await session.update(discount_code=None))["discount"] is None


async def test_codes_are_not_heard_where_they_are_not_allowed(shop: Shop) -> None:
    preset = await make_discount(shop, code="PRESET")
    session = await open_session(shop, await make_product(shop), discount_id=preset["id"], allow_discount_codes=False)
    for code in ("PRESET", "OTHER", None, ""):
        assert good(await session.update(discount_code=code))["discount_amount"] == 100
    good(await session.confirm(discount_code="OTHER"))
    await finish(shop)
    assert (await session.order())["discount_id"] == preset["id"]


async def test_a_code_with_the_confirmation(shop: Shop) -> None:
    discount = await make_discount(shop, code="LAST", max_redemptions=1)
    product = await make_product(shop)
    one, two = await open_session(shop, product), await open_session(shop, product)
    confirmed = good(await one.confirm(discount_code="last"))
    assert (confirmed["discount"]["id"], confirmed["total_amount"]) == (discount["id"], 900)
    assert faults(await two.confirm(discount_code="last")) == [("discount_code", "value_error", UNKNOWN)]
    assert good(await two.confirm(discount_code=None))["total_amount"] == 1000
    await finish(shop)


async def test_a_refused_card_gives_the_redemption_back(shop: Shop) -> None:
    discount = await make_discount(shop, code="LAST", max_redemptions=1)
    session = await open_session(shop, await make_product(shop))
    assert problem(await session.confirm("pm_card_chargeDeclined", discount_code="LAST"))[:2] == (400, "PaymentError")
    assert await session.view() == session.made
    assert await count(shop, discount) == 0
    await session.pay(discount_code="LAST")
    assert await count(shop, discount) == 1


async def test_no_longer_redeemable_comes_before_what_is_missing(shop: Shop) -> None:
    discount = await make_discount(shop, ends_at="2026-01-15T12:30:00Z")
    session = await open_session(shop, await make_product(shop), discount_id=discount["id"])
    await shop.advance(minutes=31)
    assert faults(await session.confirm(None, customer_email=None)) == GONE
    assert good(await session.update(customer_name="Ada"))["discount_amount"] == 100
    assert good(await session.patch(discount_id=None))["discount_amount"] == 0
    assert (await session.pay())["status"] == "succeeded"


async def test_who_holds_a_deleted_discount_keeps_it(shop: Shop) -> None:
    discount = await make_discount(shop, code="GONE")
    session = await open_session(shop, await make_product(shop), discount_id=discount["id"])
    await shop.client.delete(f"/v1/discounts/{discount['id']}")
    assert good(await session.update(customer_name="Ada"))["discount"]["id"] == discount["id"]
    assert (await session.pay())["total_amount"] == 900
    assert (await session.order())["discount"]["code"] == "GONE"


async def test_the_session_follows_a_discount_until_it_is_redeemed(shop: Shop) -> None:
    discount = await make_discount(shop)
    path = f"/v1/discounts/{discount['id']}"
    session = await open_session(shop, await make_product(shop), discount_id=discount["id"])
    good(await shop.client.patch(path, json={"type": "percentage", "basis_points": 2000}))
    assert (await session.view())["total_amount"] == 800
    assert good(await session.confirm())["total_amount"] == 800
    fixed_now = faults(await shop.client.patch(path, json={"type": "percentage", "basis_points": 3000}))
    assert fixed_now[0][0] == "basis_points"
    await finish(shop)
    (payment,) = await payments(shop)
    assert payment["amount"] == (await session.order())["total_amount"] == 800


async def test_a_trial_uses_the_discount_up_but_its_order_shows_none(shop: Shop) -> None:
    discount = await make_discount(shop, duration="once")
    product = await make_product(shop, trial_interval="day", trial_interval_count=7, **MONTHLY)
    session = await open_session(shop, product, discount_id=discount["id"])
    assert (session.made["total_amount"], form(session.made)) == (900, (False, True))
    await session.pay()
    order = await session.order()
    assert (order["discount"], order["total_amount"], order["subscription"]["amount"]) == (None, 0, 900)
    assert await count(shop, discount) == 1
    assert order["subscription"]["discount_id"] == discount["id"]


async def test_a_hundred_confirm_with_the_last_code_at_once(shop: Shop) -> None:
    """Half of them hold it, half of them send it; half of them need no card."""
    discount = await make_discount(shop, code="LAST", max_redemptions=1, basis_points=10_000)
    products = [await make_product(shop), await make_product(shop, **MONTHLY)]
    sessions = [
        await open_session(shop, products[number % 2], **({"discount_id": discount["id"]} if number % 4 < 2 else {}))
        for number in range(100)
    ]

    async def confirm(number: int, session: Session) -> int:
        email = f"buyer{number}@example.com"
        return (await session.confirm(customer_email=email, discount_code="LAST")).status_code

    replies = await asyncio.gather(*(confirm(number, session) for number, session in enumerate(sessions)))
    assert Counter(replies) == {200: 1, 422: 99}
    await finish(shop)
    assert await count(shop, discount) == 1
    (order,) = good(await shop.client.get("/v1/orders/"))["items"]
    assert (order["discount_amount"], order["total_amount"]) == (1000, 0)


async def test_a_discount_without_limit_holds_nobody_up(shop: Shop) -> None:
    discount = await make_discount(shop)
    sessions = [await open_session(shop, await make_product(shop), discount_id=discount["id"]) for _ in range(8)]
    replies = await asyncio.gather(
        *(session.confirm(customer_email=f"b{number}@example.com") for number, session in enumerate(sessions))
    )
    assert {reply.status_code for reply in replies} == {200}
    await finish(shop)
    assert await count(shop, discount) == 8


async def test_the_invariants_find_redemptions_and_discounts_that_do_not_fit(shop: Shop, other_shop: Shop) -> None:
    discount, foreign = await make_discount(shop), await make_discount(other_shop)
    product = await make_product(shop)
    opened, paid = [await open_session(shop, product, discount_id=discount["id"]) for _ in range(2)]
    await paid.pay()
    await shop.check()
    database = shop.app.database
    await database.execute(sa.update(DiscountRedemptionRow).values(checkout_id=UUID(opened.id)))
    await database.execute(
        sa.update(CheckoutRow).where(CheckoutRow.c.id == UUID(opened.id)).values(discount_id=UUID(foreign["id"]))
    )
    assert set(await broken_invariants(database)) == {
        "checkout: a session has a discount of its own organization",
        "checkout: whoever confirmed with a discount redeemed it",
        "checkout: whoever did not confirm redeemed nothing",
    }
    await database.execute(sa.update(DiscountRedemptionRow).values(checkout_id=UUID(paid.id)))
    await database.execute(
        sa.update(CheckoutRow).where(CheckoutRow.c.id == UUID(opened.id)).values(discount_id=UUID(discount["id"]))
    )
