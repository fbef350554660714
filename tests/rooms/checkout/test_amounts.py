"""What a session costs: fixed, chosen and seat prices, tax, free products (catalog spec 6.4, 6.8, 10.1, 11)."""

import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa

from boreal.providers.ports import TaxQuotes, TaxRefused
from boreal.rooms.billing.subscriptions.tables import SubscriptionPriceRow
from boreal.rooms.usage.public import MeterRow
from tests.support.catalog import FREE, fixed, make_product, seats
from tests.support.checkout import (
    FlatTax,
    Session,
    create,
    faults,
    good,
    malformed,
    open_session,
    problem,
    processor_of,
)
from tests.support.shop import Shop, open_shop

TIERS = seats((1, 4, 1000), (5, 9, 900), (10, None, 800))
AMOUNTS = ("amount", "discount_amount", "net_amount", "tax_amount", "total_amount")
FLAGS = (
    "is_discount_applicable",
    "is_free_product_price",
    "is_payment_required",
    "is_payment_setup_required",
    "is_payment_form_required",
)


def custom(**values: int) -> dict[str, Any]:
    return {"amount_type": "custom", **values}


def sums(view: Mapping[str, Any]) -> tuple[Any, ...]:
    assert view["subtotal_amount"] == view["net_amount"]
    return tuple(view[name] for name in AMOUNTS)


def flags(view: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(view[name] for name in FLAGS)


@pytest.fixture
def tax() -> FlatTax:
    return FlatTax(basis_points=2000)


@pytest.fixture
async def taxed(dsn: str, tax: FlatTax) -> AsyncIterator[Shop]:
    """A shop whose sales are taxed at 20 %."""
    async with open_shop(dsn, adapters={TaxQuotes: tax}) as opened:
        yield opened
        await opened.check()


@pytest.mark.example("catalog 11.1")
async def test_a_fixed_price_without_a_country(shop: Shop) -> None:
    made = (await open_session(shop, await make_product(shop, fixed(1000)))).made
    assert sums(made) == (1000, 0, 1000, None, 1000)
    assert flags(made) == (True, False, True, False, True)


async def test_the_amount_of_a_fixed_price_cannot_be_chosen(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, fixed(1000)), amount=70)
    assert session.made["amount"] == 1000
    assert good(await session.update(amount=80))["amount"] == 1000
    assert good(await session.patch(amount=90))["amount"] == 1000


@pytest.mark.example("catalog 11.2")
async def test_a_fixed_price_with_tax(taxed: Shop, tax: FlatTax) -> None:
    product = await make_product(taxed, fixed(1000))
    session = await open_session(taxed, product)
    assert sums(session.made) == (1000, 0, 1000, None, 1000)
    seen = good(await session.update(customer_billing_address={"country": "FR"}))
    assert sums(seen) == (1000, 0, 1000, 200, 1200)
    preset = await open_session(taxed, product, customer_billing_address={"country": "FR"})
    assert sums(preset.made) == (1000, 0, 1000, 200, 1200)
    assert tax.asked == [(1000, "FR")] * 2
    await session.pay()
    order = await session.order()
    told = ("subtotal_amount", "discount_amount", "net_amount", "tax_amount", "total_amount", "due_amount")
    assert [order[name] for name in told] == [1000, 0, 1000, 200, 1200, 1200]
    assert [item["tax_amount"] for item in order["items"]] == [0]


async def test_tax_is_rounded_half_away_from_zero_on_the_whole_net_amount(dsn: str) -> None:
    async with open_shop(dsn, adapters={TaxQuotes: FlatTax(basis_points=2500)}) as shop:
        address = {"country": "FR"}
        five = await open_session(shop, await make_product(shop, TIERS), seats=5, customer_billing_address=address)
        assert sums(five.made) == (4500, 0, 4500, 1125, 5625)
        half = await open_session(shop, await make_product(shop, fixed(1002)), customer_billing_address=address)
        assert sums(half.made) == (1002, 0, 1002, 251, 1253)


async def test_what_needs_no_form_is_not_taxed(taxed: Shop, tax: FlatTax) -> None:
    for body in ({}, {"customer_billing_address": {"country": "FR"}}):
        for price in (FREE, custom(minimum_amount=0, preset_amount=0)):
            made = (await open_session(taxed, await make_product(taxed, price), **body)).made
            assert sums(made) == (0, 0, 0, 0, 0)
            assert flags(made)[2:] == (False, False, False)
    assert tax.asked == []


async def test_tax_follows_the_amount(taxed: Shop) -> None:
    product = await make_product(taxed, custom(minimum_amount=0, preset_amount=1000))
    session = await open_session(taxed, product, customer_billing_address={"country": "FR"})
    assert sums(session.made) == (1000, 0, 1000, 200, 1200)
    assert sums(good(await session.update(amount=0))) == (0, 0, 0, 0, 0)
    assert sums(good(await session.update(amount=555))) == (555, 0, 555, 111, 666)


class NoAnswer:
    """A tax source that cannot say."""

    async def quote(self, net_amount: int, **_: Any) -> Any:
        raise TaxRefused("Invalid postal code provided")


async def test_a_tax_that_cannot_be_computed_is_unknown_until_it_is_due(dsn: str) -> None:
    async with open_shop(dsn, adapters={TaxQuotes: NoAnswer()}) as shop:
        session = await open_session(shop, await make_product(shop))
        seen = good(await session.update(customer_billing_address={"country": "US", "postal_code": "0"}))
        assert sums(seen) == (1000, 0, 1000, None, 1000)
        assert faults(await session.confirm(None, customer_name=None)) == [
            ("customer_billing_address", "value_error", "Invalid postal code provided"),
            ("customer_name", "missing", "Field is required."),
            ("confirmation_token_id", "missing", "Confirmation token is required."),
        ]


@pytest.mark.example("catalog 11.10")
async def test_pay_what_you_want(shop: Shop) -> None:
    product = await make_product(shop, custom(minimum_amount=2500, preset_amount=5000))
    assert (await open_session(shop, product)).made["amount"] == 5000
    assert faults(await create(shop, product, amount=2000)) == [
        ("amount", "greater_than_equal", "Amount is below minimum.")
    ]
    session = await open_session(shop, product, amount=3000)
    assert session.made["amount"] == 3000
    assert faults(await session.update(amount=2000)) == [("amount", "greater_than_equal", "Amount is below minimum.")]
    assert faults(await session.confirm(amount=2000)) == [("amount", "greater_than_equal", "Amount is below minimum.")]
    assert (await session.view())["amount"] == 3000
    await session.pay(amount=4000)
    assert (await session.order())["total_amount"] == 4000


@pytest.mark.example("catalog 11.11")
async def test_nothing_or_at_least_fifty_cents(shop: Shop) -> None:
    product = await make_product(shop, custom(minimum_amount=0))
    (first, *_) = malformed(await create(shop, product, amount=30))
    assert first[1:] == ("amount", "value_error", "Value error, Amount must be 0 or at least 50 cents")
    assert (await open_session(shop, product, amount=0)).made["amount"] == 0
    session = await open_session(shop, product, amount=50)
    assert session.made["amount"] == 50
    assert malformed(await session.update(amount=30)) == [
        ("amount", "value_error", "Value error, Amount must be 0 or at least 50 cents")
    ]


async def test_no_more_than_the_maximum(shop: Shop) -> None:
    product = await make_product(shop, custom(minimum_amount=50, maximum_amount=700))
    above = [("amount", "less_than_equal", "Amount is above maximum.")]
    assert faults(await create(shop, product, amount=701)) == above
    session = await open_session(shop, product, amount=700)
    assert faults(await session.patch(amount=701)) == above
    assert faults(await session.confirm(amount=701)) == above


@pytest.mark.example("catalog 11.14")
async def test_all_seats_cost_what_their_tier_says(shop: Shop) -> None:
    product = await make_product(shop, TIERS)
    expected = {1: 1000, 4: 4000, 5: 4500, 9: 8100, 10: 8000, 1000: 800_000}
    for number, amount in expected.items():
        made = (await open_session(shop, product, seats=number)).made
        assert (made["seats"], made["amount"], made["price_per_seat"]) == (number, amount, amount // number)
    session = await open_session(shop, product)
    for number, amount in expected.items():
        seen = good(await session.update(seats=number))
        assert (seen["seats"], seen["amount"], seen["price_per_seat"]) == (number, amount, amount // number)


@pytest.mark.example("catalog 11.16")
async def test_bounds_of_seats(shop: Shop) -> None:
    product = await make_product(shop, seats((3, 10, 500)))
    session = await open_session(shop, product)
    assert (session.made["seats"], session.made["amount"]) == (3, 1500)
    below = [("seats", "greater_than_equal", "Minimum 3 seats required.")]
    above = [("seats", "less_than_equal", "Maximum 10 seats allowed.")]
    for number, refusal in ((2, below), (11, above)):
        assert faults(await create(shop, product, seats=number)) == refusal
        assert faults(await session.update(seats=number)) == refusal
        assert faults(await session.patch(seats=number)) == refusal
        assert faults(await session.confirm(seats=number)) == refusal
    await session.pay(seats=4)
    order = await session.order()
    assert (order["seats"], order["total_amount"]) == (4, 2000)


async def test_other_prices_have_no_seats(shop: Shop) -> None:
    product = await make_product(shop)
    session = await open_session(shop, product)
    refusal = [("seats", "value_error", "Seats can only be set for seat-based pricing.")]
    assert faults(await create(shop, product, seats=1)) == refusal
    assert faults(await session.update(seats=1)) == refusal
    assert (session.made["seats"], session.made["price_per_seat"]) == (None, None)


async def test_more_than_anybody_can_pay_at_once_is_refused_by_the_processor(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, seats((1, None, 99_999_999))), seats=1000)
    assert session.made["total_amount"] == 99_999_999_000
    assert problem(await session.confirm())[:2] == (400, "PaymentError")


async def test_a_free_product_needs_an_email_only(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, FREE))
    assert sums(session.made) == (0, 0, 0, 0, 0)
    assert flags(session.made) == (False, True, False, False, False)
    await shop.facts()
    body = dict.fromkeys(("customer_name", "customer_billing_address", "customer_email"))
    assert faults(await session.confirm(None, **body)) == [("customer_email", "missing", "Field is required.")]
    done = await session.pay(None, **{**body, "customer_email": "free@example.com"})
    assert done["status"] == "succeeded"
    assert done["payment_processor_metadata"] == {}
    assert (await session.order())["total_amount"] == 0
    assert [fact for fact in await shop.facts() if fact != "customer.state_changed"] == [
        "customer.created",
        "checkout.updated",
        "order.created",
        "order.updated",
        "order.paid",
        "checkout.updated",
    ]
    assert await processor_of(shop).list_methods("cus_unknown") == []


async def test_a_free_plan_sets_up_nothing(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop, FREE, recurring_interval="month"))
    assert flags(session.made) == (False, True, False, False, False)
    await session.pay(None)
    assert (await session.order())["subscription"]["status"] == "active"


async def test_paying_nothing_for_what_one_could_pay_for(shop: Shop) -> None:
    product = await make_product(shop, custom(minimum_amount=0, preset_amount=500))
    session: Session = await open_session(shop, product, amount=0)
    assert flags(session.made)[2:] == (False, False, False)
    assert (await session.pay(None))["status"] == "succeeded"


async def test_a_plan_of_nothing_needs_no_method(shop: Shop) -> None:
    product = await make_product(shop, custom(minimum_amount=0, preset_amount=0), recurring_interval="month")
    session = await open_session(shop, product)
    assert flags(session.made) == (True, False, False, False, False)
    assert flags(good(await session.update(amount=500))) == (True, False, True, True, True)


@pytest.mark.example("catalog 11.17")
async def test_what_is_metered_is_no_item_but_belongs_to_the_subscription(shop: Shop) -> None:
    meter_id = uuid.uuid4()
    blank = dict.fromkeys(("modified_at", "archived_at", "archived_seq"))
    await shop.app.database.execute(
        MeterRow.insert(),
        id=meter_id,
        created_at=shop.clock.now(),
        organization_id=shop.organization_id,
        name="Calls",
        filter={"conjunction": "and", "clauses": []},
        aggregation={"func": "count"},
        metadata={},
        **blank,
    )
    metered = {"amount_type": "metered_unit", "unit_amount": "0.5", "meter_id": str(meter_id)}
    product = await make_product(shop, fixed(1500), metered, recurring_interval="month")
    session = await open_session(shop, product)
    assert session.made["amount"] == 1500
    assert flags(session.made)[2:] == (True, True, True)
    await session.pay()
    order = await session.order()
    assert [item["amount"] for item in order["items"]] == [1500]
    prices = await shop.app.database.fetch(sa.select(SubscriptionPriceRow).order_by(SubscriptionPriceRow.c.position))
    sold = [price["id"] for price in product["prices"]]
    assert [(str(row["product_price_id"]), row["amount"]) for row in prices] == [(sold[0], 1500), (sold[1], 0)]
    alone = await open_session(shop, await make_product(shop, metered, recurring_interval="month"))
    assert (alone.made["amount"], alone.made["tax_amount"]) == (0, 0)
    assert flags(alone.made)[2:] == (False, True, True)
