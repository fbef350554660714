"""Changing open sessions: who may change what, switching products, order of the checks, locks (catalog spec 6.10)."""

import uuid
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.rooms.checkout.checkouts.tables import CheckoutRow
from tests.support.catalog import FREE, fixed, make_product, seats
from tests.support.checkout import Session, faults, good, malformed, open_session, problem
from tests.support.organizations import block, set_subscription_settings
from tests.support.shop import Shop

MONTHLY = {"recurring_interval": "month"}
LOCKED = (409, "CheckoutLocked", "Checkout is currently being processed. Please try again.")
SECOND = (403, "AlreadyActiveSubscriptionError", "You already have an active subscription.")

_HOLD = sa.select(CheckoutRow.c.id).where(CheckoutRow.c.id == sa.bindparam("id", type_=PgUUID)).with_for_update()

SHARED: dict[str, Any] = {
    "is_business_customer": True,
    "customer_name": "Ada",
    "customer_email": "ada@example.com",
    "customer_billing_name": "Ada Ltd",
    "customer_billing_address": {
        "country": "FR",
        "line1": "1 rue X",
        "line2": None,
        "city": "Paris",
        "postal_code": "75001",
        "state": None,
    },
    "customer_tax_id": "FR61954506077",
}
SERVER: dict[str, Any] = {
    "allow_discount_codes": False,
    "require_billing_address": True,
    "allow_trial": False,
    "trial_interval": "week",
    "trial_interval_count": 2,
    "customer_ip_address": "192.0.2.1",
    "metadata": {"a": 1},
    "customer_metadata": {"b": True},
    "success_url": "https://x.io/ok",
    "return_url": "https://x.io/",
    "embed_origin": "https://x.io",
}


async def test_both_sides_may_change_the_buyer(shop: Shop) -> None:
    product = await make_product(shop)
    for change in ("patch", "update"):
        session = await open_session(shop, product)
        await shop.facts()
        seen = good(await getattr(session, change)(**SHARED))
        assert {name: seen[name] for name in SHARED} == SHARED
        assert seen["modified_at"] == "2026-01-15T12:00:00Z"
        await shop.saw("checkout.updated")
        assert {name: (await session.view())[name] for name in SHARED} == SHARED


async def test_the_rest_is_for_the_merchant(shop: Shop) -> None:
    product = await make_product(shop, **MONTHLY)
    session = await open_session(shop, product, metadata={"old": "gone"})
    before = await session.view()
    assert good(await session.patch(**SERVER)) | SERVER == await session.view()
    other = await open_session(shop, product)
    untouched = {name: value for name, value in SERVER.items() if name != "allow_trial"}
    good(await other.update(**untouched, currency="eur", discount_id=str(uuid.uuid4())))
    after = await other.view()
    assert {name: after[name] for name in untouched} == {name: other.made[name] for name in untouched}
    assert before["metadata"] == {"old": "gone"}


async def test_what_is_not_sent_stays_and_null_clears(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop), **SHARED, success_url="https://x.io/ok")
    assert {name: good(await session.update())[name] for name in SHARED} == SHARED
    nulls = ("customer_name", "customer_email", "customer_billing_name", "customer_tax_id")
    cleared = good(await session.update(**dict.fromkeys((*nulls, "is_business_customer", "amount", "seats"))))
    assert {name: cleared[name] for name in nulls} == dict.fromkeys(nulls)
    assert cleared["is_business_customer"] is True
    assert cleared["customer_billing_address"] == SHARED["customer_billing_address"]
    assert good(await session.update(customer_name="  ", customer_tax_id=""))["customer_name"] is None
    back = good(await session.patch(success_url=None, metadata={}, customer_metadata=None, allow_discount_codes=None))
    assert back["success_url"] == f"{back['url']}/confirmation"
    assert (back["metadata"], back["allow_discount_codes"]) == ({}, True)


async def test_an_address_replaces_the_one_before(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop), **SHARED)
    seen = good(await session.update(customer_billing_address={"country": "de"}))
    empty = dict.fromkeys(("line1", "line2", "city", "postal_code", "state"))
    assert seen["customer_billing_address"] == {"country": "DE", **empty}


async def test_switching_products(shop: Shop) -> None:
    first = await make_product(shop, fixed(1000))
    flexible = await make_product(shop, {"amount_type": "custom", "minimum_amount": 50, "preset_amount": 700})
    team = await make_product(shop, seats((3, 10, 500)))
    session = await open_session(shop, first, flexible, team)
    assert [item["id"] for item in session.made["products"]] == [item["id"] for item in (first, flexible, team)]

    def shown(view: dict[str, Any]) -> tuple[Any, ...]:
        assert view["product"]["id"] == view["product_id"]
        return view["product_id"], view["product_price_id"], view["amount"], view["seats"]

    def at(product: dict[str, Any], amount: int, number: int | None = None) -> tuple[Any, ...]:
        return product["id"], product["prices"][0]["id"], amount, number

    assert shown(good(await session.update(product_id=flexible["id"]))) == at(flexible, 700)
    assert shown(good(await session.update(amount=900))) == at(flexible, 900)
    assert shown(good(await session.update(product_id=team["id"]))) == at(team, 1500, 3)
    assert shown(good(await session.update(product_id=team["id"], seats=5))) == at(team, 2500, 5)
    assert shown(good(await session.update(product_id=team["id"]))) == at(team, 2500, 5)
    assert shown(good(await session.patch(product_id=flexible["id"], amount=800))) == at(flexible, 800)
    assert shown(good(await session.patch(product_id=first["id"], amount=800))) == at(first, 1000)
    refusal = [("seats", "less_than_equal", "Maximum 10 seats allowed.")]
    assert faults(await session.update(product_id=team["id"], seats=11)) == refusal
    assert shown(await session.view()) == at(first, 1000)
    await session.pay(product_id=team["id"], seats=4)
    assert (await session.order())["product_id"] == team["id"]


async def test_seats_that_the_other_product_does_not_sell(shop: Shop) -> None:
    small, large = await make_product(shop, seats((1, 5, 100))), await make_product(shop, seats((10, None, 50)))
    session = await open_session(shop, small, large, seats=4)
    seen = good(await session.update(product_id=large["id"]))
    assert (seen["seats"], seen["amount"]) == (10, 500)
    assert good(await session.update(product_id=small["id"], seats=2))["seats"] == 2


async def test_products_that_cannot_be_switched_to(shop: Shop) -> None:
    first, second, stranger = [await make_product(shop) for _ in range(3)]
    session = await open_session(shop, first, second)
    elsewhere = [("product_id", "value_error", "Product is not available in this checkout.")]
    assert faults(await session.update(product_id=stranger["id"])) == elsewhere
    assert faults(await session.patch(product_id=str(uuid.uuid4()))) == elsewhere
    good(await shop.client.patch(f"/v1/products/{second['id']}", json={"is_archived": True}))
    assert faults(await session.update(product_id=second["id"])) == [
        ("product_id", "value_error", "Product is archived.")
    ]


async def test_a_price_is_named_together_with_its_product(shop: Shop) -> None:
    first, second = await make_product(shop), await make_product(shop, fixed(2000))
    session = await open_session(shop, first, second)
    price = second["prices"][0]["id"]
    assert good(await session.update(product_price_id=price))["product_id"] == first["id"]
    assert good(await session.update(product_id=second["id"], product_price_id=price))["amount"] == 2000
    refusal = [("product_price_id", "value_error", "Price is not available in this checkout.")]
    assert faults(await session.update(product_id=first["id"], product_price_id=price)) == refusal
    assert faults(await session.update(product_id=first["id"], product_price_id=str(uuid.uuid4()))) == refusal


async def test_the_target_of_a_switch_keeps_the_prices_made_for_the_session(shop: Shop) -> None:
    first, second = await make_product(shop), await make_product(shop)
    session = await open_session(shop, first, second, prices={second["id"]: [fixed(777)]})
    assert session.made["amount"] == 1000
    made = session.made["prices"][second["id"]][0]
    seen = good(await session.update(product_id=second["id"]))
    assert (seen["amount"], seen["product_price_id"]) == (777, made["id"])
    catalog = second["prices"][0]["id"]
    assert faults(await session.update(product_id=second["id"], product_price_id=catalog)) == [
        ("product_price_id", "value_error", "Price is not available in this checkout.")
    ]
    assert good(await session.update(product_id=first["id"]))["amount"] == 1000
    await session.pay(product_id=second["id"])
    assert (await session.order())["total_amount"] == 777


async def test_switching_the_currency(shop: Shop) -> None:
    product = await make_product(shop, {"amount_type": "custom", "minimum_amount": 50, "preset_amount": 700})
    free = await make_product(shop, FREE)
    session = await open_session(shop, product, free, amount=900)
    refusal = [("currency", "value_error", "Product is not available in the specified currency.")]
    assert faults(await session.patch(currency="eur")) == refusal
    assert faults(await session.patch(currency="eur", product_id=product["id"])) == refusal
    assert good(await session.patch(currency="usd"))["amount"] == 700
    assert good(await session.patch(currency="eur", product_id=free["id"]))["currency"] == "eur"
    assert good(await session.update(product_id=product["id"]))["currency"] == "usd"


async def test_discounts_do_not_exist(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    nothing = "Discount does not exist."
    assert faults(await session.update(discount_code="SAVE")) == [("discount_code", "value_error", nothing)]
    assert faults(await session.patch(discount_id=str(uuid.uuid4()))) == [("discount_id", "value_error", nothing)]
    good(await session.update(discount_code=None))
    good(await session.patch(discount_id=None, discount_code="SAVE"))
    good(await session.patch(allow_discount_codes=False))
    assert good(await session.update(discount_code="SAVE"))["discount"] is None


async def test_the_order_of_the_checks(shop: Shop) -> None:
    """Everything is wrong at once; each mistake that is corrected brings the next one to light."""
    await set_subscription_settings(shop, allow_multiple_subscriptions=False)
    plan = await make_product(
        shop, {"amount_type": "custom", "minimum_amount": 2500, "maximum_amount": 9000}, **MONTHLY
    )
    await (await open_session(shop, plan)).pay()
    session = await open_session(shop, await make_product(shop), plan)
    nobody = str(uuid.uuid4())
    body: dict[str, Any] = {
        "product_id": nobody,
        "currency": "eur",
        "product_price_id": nobody,
        "amount": 2000,
        "seats": 3,
        "discount_id": nobody,
        "customer_tax_id": "DE1",
        "customer_email": "ada@example.com",
    }
    steps: list[tuple[tuple[str, str, str], dict[str, Any]]] = [
        (("product_id", "value_error", "Product is not available in this checkout."), {"product_id": plan["id"]}),
        (("currency", "value_error", "Product is not available in the specified currency."), {"currency": None}),
        (
            ("product_price_id", "value_error", "Price is not available in this checkout."),
            {"product_price_id": None},
        ),
        (("amount", "greater_than_equal", "Amount is below minimum."), {"amount": 9001}),
        (("amount", "less_than_equal", "Amount is above maximum."), {"amount": 3000}),
        (("seats", "value_error", "Seats can only be set for seat-based pricing."), {"seats": None}),
        (("discount_id", "value_error", "Discount does not exist."), {"discount_id": None}),
        (
            ("customer_billing_address", "missing", "Country is required to validate tax ID."),
            {"customer_billing_address": {"country": "DE"}},
        ),
        (("customer_tax_id", "value_error", "Invalid tax ID."), {"customer_tax_id": None}),
    ]
    await shop.facts()
    for fault, correction in steps:
        assert faults(await session.patch(**body)) == [fault]
        body |= correction
    assert problem(await session.patch(**body)) == SECOND
    assert await session.view() == session.made
    await shop.saw()
    assert good(await session.patch(**{**body, "customer_email": "new@example.com"}))["amount"] == 3000


async def test_somebody_else_holds_the_session(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    async with shop.app.database.transaction() as connection:
        await connection.fetchrow(_HOLD, id=UUID(session.id))
        assert problem(await session.update(customer_name="Ada")) == LOCKED
        assert problem(await session.patch(customer_name="Ada")) == LOCKED
        assert problem(await session.confirm()) == LOCKED
        assert good(await session.get())["status"] == "open"
    assert good(await session.update(customer_name="Ada"))["customer_name"] == "Ada"


async def test_a_session_that_is_not_open(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    good(await session.confirm())
    confirmed = (403, "NotOpenCheckout", f"Checkout {session.id} is not open: confirmed")
    for reply in (await session.update(amount=1000), await session.patch(metadata={}), await session.confirm()):
        assert problem(reply) == confirmed
    await shop.settle()
    assert problem(await session.update(amount=1000))[2] == f"Checkout {session.id} is not open: succeeded"
    assert good(await session.get())["status"] == "succeeded"


async def test_a_blocked_organization(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    await block(shop)
    assert problem(await session.update(customer_name="Ada")) == (403, "NotPermitted", "Not permitted")
    assert problem(await session.confirm()) == (403, "NotPermitted", "Not permitted")
    assert good(await session.get())["status"] == "open"


class TestOneSubscription:
    """An organization that allows one subscription per customer (catalog spec 6.11)."""

    @pytest.fixture
    async def second(self, shop: Shop) -> Session:
        """A session for another plan; ada@example.com has one already."""
        await (await open_session(shop, await make_product(shop, **MONTHLY))).pay()
        return await open_session(shop, await make_product(shop, **MONTHLY))

    async def test_is_found_by_email(self, second: Session) -> None:
        assert problem(await second.update(customer_email="ADA@example.com")) == SECOND
        assert problem(await second.patch(customer_email="ada@example.com")) == SECOND
        assert problem(await second.confirm()) == SECOND
        assert (await second.pay(customer_email="bob@example.com"))["status"] == "succeeded"

    async def test_is_not_looked_for_at_creation(self, shop: Shop, second: Session) -> None:
        (customer,) = good(await shop.client.get("/v1/customers/"))["items"]
        linked = await open_session(shop, second.made["product"], customer_id=customer["id"])
        assert problem(await linked.update(customer_name="Ada")) == SECOND
        assert problem(await linked.confirm()) == SECOND

    async def test_does_not_concern_what_is_bought_once(self, shop: Shop, second: Session) -> None:
        once = await open_session(shop, await make_product(shop))
        assert (await once.pay())["status"] == "succeeded"

    async def test_is_a_choice_of_the_organization(self, shop: Shop, second: Session) -> None:
        await set_subscription_settings(shop, allow_multiple_subscriptions=True)
        assert (await second.pay())["status"] == "succeeded"


async def test_malformed_changes(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    cases: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
        ({"amount": 30}, ("amount", "value_error", "Value error, Amount must be 0 or at least 50 cents")),
        ({"seats": 1001}, ("seats", "less_than_equal", "Input should be less than or equal to 1000")),
        ({"customer_billing_address": {"line1": "x"}}, ("customer_billing_address", "country", "missing")),
        (
            {"customer_billing_address": {"country": "CA", "state": "YT"}},
            ("customer_billing_address", "value_error", "Value error, Invalid CA province"),
        ),
        (
            {"customer_billing_address": {"country": "US", "state": "XX"}},
            ("customer_billing_address", "value_error", "Value error, Invalid US state"),
        ),
        ({"product_id": "1"}, ("product_id", "uuid_parsing")),
    ]
    for body, expected in cases:
        for reply in (await session.update(**body), await session.patch(**body), await session.confirm(**body)):
            (found,) = malformed(reply)
            assert found[: len(expected)] == expected
    for country in ("CU", "IR", "KP", "SY", "RU"):
        (found,) = malformed(await session.update(customer_billing_address={"country": country}))
        assert found[:3] == ("customer_billing_address", "country", "enum")
