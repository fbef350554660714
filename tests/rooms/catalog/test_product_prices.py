"""Prices of products: their kinds, limits and replacement (catalog spec 2.3 to 2.5), and the door for rooms above."""

import asyncio
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from pydantic import TypeAdapter

from boreal.core.prices import AmountType, Price, PriceSource
from boreal.kit.auth import Actor, Subject
from boreal.kit.problems import Fault
from boreal.rooms.catalog import public
from boreal.rooms.catalog.invariants import INVARIANTS
from tests.support.catalog import FREE, fixed, make_product, seats
from tests.support.checkout import good
from tests.support.shop import Shop
from tests.support.usage import make_meter

CREATES = TypeAdapter(public.ProductPricesCreate)
METER = uuid.uuid4()


def metered(meter_id: UUID = METER, **fields: Any) -> dict[str, Any]:
    return {"amount_type": "metered_unit", "meter_id": str(meter_id), "unit_amount": "0.5", **fields}


def common(price: dict[str, Any], product: dict[str, Any], **own: Any) -> dict[str, Any]:
    """The members that every price has, and its own."""
    return {
        "id": price["id"],
        "created_at": "2026-01-15T12:00:00Z",
        "modified_at": None,
        "source": "catalog",
        "is_archived": False,
        "product_id": product["id"],
        "type": "one_time",
        "recurring_interval": None,
        **own,
    }


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({**FREE, "price_currency": "usd", "x": 1}, {"amount_type": "free"}),
        (
            {"amount_type": "custom"},
            {
                "amount_type": "custom",
                "price_currency": "usd",
                "minimum_amount": 50,
                "maximum_amount": None,
                "preset_amount": None,
            },
        ),
        (
            {"amount_type": "custom", "minimum_amount": 0, "maximum_amount": 1_000_000, "preset_amount": 0},
            {
                "amount_type": "custom",
                "price_currency": "usd",
                "minimum_amount": 0,
                "maximum_amount": 1_000_000,
                "preset_amount": 0,
            },
        ),
        (
            {"amount_type": "fixed", "price_amount": 99_999_999, "price_currency": "usd"},
            {"amount_type": "fixed", "price_currency": "usd", "price_amount": 99_999_999},
        ),
        (
            seats((5, 9, 900), (10, None, 800), (1, 4, 1000)),
            {
                "amount_type": "seat_based",
                "price_currency": "usd",
                "price_per_seat": 1000,
                "seat_tiers": {
                    "tiers": [
                        {"min_seats": 1, "max_seats": 4, "price_per_seat": 1000},
                        {"min_seats": 5, "max_seats": 9, "price_per_seat": 900},
                        {"min_seats": 10, "max_seats": None, "price_per_seat": 800},
                    ],
                    "minimum_seats": 1,
                    "maximum_seats": None,
                },
            },
        ),
    ],
)
async def test_each_kind_has_its_own_members(shop: Shop, asked: dict[str, Any], shown: dict[str, Any]) -> None:
    made = await make_product(shop, asked)
    assert made["prices"] == [common(made["prices"][0], made, **shown)]
    assert (await shop.client.get(f"/v1/products/{made['id']}")).json() == made


GAP = "Value error, Amount must be 0 (for free) or at least 50 cents"


REFUSED: list[tuple[dict[str, Any], tuple[Any, ...], str, str | None]] = [
    (fixed(49), ("fixed", "price_amount"), "greater_than_equal", None),
    (fixed(100_000_000), ("fixed", "price_amount"), "less_than_equal", None),
    ({**fixed(), "price_amount": "1000"}, ("fixed", "price_amount"), "int_type", None),
    (
        {**fixed(), "price_currency": "eur"},
        ("fixed", "price_currency"),
        "string_pattern_mismatch",
        "String should match pattern 'usd'",
    ),
    ({**fixed(), "price_currency": "xusd"}, ("fixed", "price_currency"), "string_pattern_mismatch", None),
    ({"amount_type": "custom", "minimum_amount": 49}, ("custom", "minimum_amount"), "value_error", GAP),
    ({"amount_type": "custom", "minimum_amount": -1}, ("custom", "minimum_amount"), "greater_than_equal", None),
    ({"amount_type": "custom", "preset_amount": 1}, ("custom", "preset_amount"), "value_error", GAP),
    ({"amount_type": "custom", "preset_amount": 1_000_001}, ("custom", "preset_amount"), "less_than_equal", None),
    ({"amount_type": "custom", "maximum_amount": 49}, ("custom", "maximum_amount"), "greater_than_equal", None),
    (
        seats((1, 4, 100), (6, None, 90)),
        ("seat_based", "seat_tiers", "tiers"),
        "value_error",
        "Value error, Gap or overlap between tiers: tier ending at 4 and tier starting at 6",
    ),
    (
        seats((1, None, 100), (5, None, 90)),
        ("seat_based", "seat_tiers", "tiers"),
        "value_error",
        "Value error, Only the last tier can have unlimited max_seats (None)",
    ),
    (seats(), ("seat_based", "seat_tiers", "tiers"), "too_short", None),
    (seats((0, None, 1)), ("seat_based", "seat_tiers", "tiers", 0, "min_seats"), "greater_than_equal", None),
    (metered(unit_amount="0"), ("metered_unit", "unit_amount"), "greater_than", None),
    (metered(unit_amount="100000"), ("metered_unit", "unit_amount"), "decimal_whole_digits", None),
    (metered(unit_amount="0.0000000000001"), ("metered_unit", "unit_amount"), "decimal_max_places", None),
    (metered(cap_amount=2**31), ("metered_unit", "cap_amount"), "less_than_equal", None),
    ({"amount_type": "tip"}, (), "union_tag_invalid", None),
]


async def test_amounts_out_of_bounds_are_refused(shop: Shop) -> None:
    product = await make_product(shop)
    for price, place, type, msg in REFUSED:
        created = await shop.client.post("/v1/products/", json={"name": "Pro", "prices": [price]})
        updated = await shop.client.patch(f"/v1/products/{product['id']}", json={"prices": [price]})
        labelled = ("body", "ProductCreateOneTime", "prices", 0)
        for reply, prefix in ((created, labelled), (updated, ("body", "prices", 0))):
            assert reply.status_code == 422, price
            found = [fault for fault in reply.json()["detail"] if tuple(fault["loc"]) == (*prefix, *place)]
            assert [fault["type"] for fault in found] == [type], reply.json()
            assert msg in (None, found[0]["msg"])


@pytest.mark.parametrize("other", [fixed(), FREE, {"amount_type": "custom"}, seats((1, None, 100))])
async def test_a_product_has_one_static_price(shop: Shop, other: dict[str, Any]) -> None:
    expected = {"type": "value_error", "loc": ["body", "prices"], "msg": "Only one static price is allowed."}
    body = {"name": "Pro", "recurring_interval": "month", "prices": [fixed(), other]}
    (fault,) = (await shop.client.post("/v1/products/", json=body)).json()["detail"]
    assert fault.items() >= expected.items()
    product = await make_product(shop)
    kept = {"id": product["prices"][0]["id"]}
    (fault,) = (await shop.client.patch(f"/v1/products/{product['id']}", json={"prices": [kept, other]})).json()[
        "detail"
    ]
    assert fault.items() >= expected.items()


async def test_prices_are_replaced_and_the_old_ones_vanish(shop: Shop) -> None:
    product = await make_product(shop, fixed(1000))
    url = f"/v1/products/{product['id']}"
    await shop.advance(minutes=1)
    changed = (await shop.client.patch(url, json={"prices": [seats((1, None, 500))]})).json()
    assert [price["amount_type"] for price in changed["prices"]] == ["seat_based"]
    assert (await shop.client.get(url)).json() == changed
    old = UUID(product["prices"][0]["id"])
    archived = (await public.read_prices(shop.app.database, [old]))[old]
    assert (archived.is_archived, archived.price_amount, archived.modified_at) == (True, 1000, shop.clock.now())
    await shop.saw("product.created", "product.updated")


async def test_a_price_is_kept_by_its_id_whatever_else_is_sent(shop: Shop) -> None:
    product = await make_product(shop, fixed(1000))
    url = f"/v1/products/{product['id']}"
    (price,) = product["prices"]
    for kept in ({"id": price["id"]}, {**price, "price_amount": 1, "amount_type": "tip"}):
        changed = (await shop.client.patch(url, json={"prices": [kept]})).json()
        assert changed["prices"] == [price]


async def test_only_live_prices_of_this_product_can_be_kept(shop: Shop) -> None:
    product, other = await make_product(shop, fixed(1000)), await make_product(shop)
    url = f"/v1/products/{product['id']}"
    replaced = (await shop.client.patch(url, json={"prices": [fixed(2000)]})).json()
    wrong = [{"id": id} for id in (product["prices"][0]["id"], other["prices"][0]["id"], str(uuid.uuid4()))]
    reply = await shop.client.patch(url, json={"prices": [wrong[0], fixed(3000), *wrong[1:], FREE]})
    assert [(fault["loc"], fault["msg"]) for fault in reply.json()["detail"]] == [
        (["body", "prices", 0], "Price does not exist."),
        (["body", "prices", 2], "Price does not exist."),
        (["body", "prices", 3], "Price does not exist."),
        (["body", "prices"], "Only one static price is allowed."),
    ]
    (fault,) = (await shop.client.patch(url, json={"prices": []})).json()["detail"]
    assert (
        fault.items()
        >= {
            "type": "too_short",
            "loc": ["body", "prices"],
            "msg": "At least one price is required.",
        }.items()
    )
    assert (await shop.client.get(url)).json() == replaced


async def test_prices_replaced_at_the_same_time_leave_one(shop: Shop) -> None:
    product = await make_product(shop)
    url = f"/v1/products/{product['id']}"
    replies = await asyncio.gather(*(shop.client.patch(url, json={"prices": [fixed(100 + i)]}) for i in range(6)))
    assert [reply.status_code for reply in replies] == [200] * 6
    assert len((await shop.client.get(url)).json()["prices"]) == 1


def test_rules_for_metered_prices() -> None:
    other = uuid.uuid4()
    wanted = CREATES.validate_python([metered(), fixed(), metered(other), metered()])
    loc = ("body", "prices", "some-product")
    known = {METER, other}
    used = Fault((*loc, 3, "meter_id"), "Meter is already used for another price.", input=METER)
    assert public.price_faults(wanted, recurring=True, loc=loc, known_meter_ids=known) == [used]
    assert public.price_faults(wanted[:3], recurring=True, loc=loc, known_meter_ids=known) == []
    assert public.price_faults(wanted[2:3], recurring=True, loc=loc) == [
        Fault((*loc, 0, "meter_id"), "Meter does not exist.", input=other)
    ]
    assert [fault.msg for fault in public.price_faults(wanted[:1], recurring=False, loc=loc)] == [
        "Metered pricing is not supported on one-time products.",
        "Meter does not exist.",
    ]


def test_the_meter_of_a_kept_price_is_taken(price: Price) -> None:
    wanted = [*CREATES.validate_python([metered()]), price]
    (fault,) = public.price_faults(wanted, recurring=True, loc=("body", "prices"), known_meter_ids={METER})
    assert fault.loc == ("body", "prices", 0, "meter_id")
    assert fault.msg == "Meter is already used for another price."


@pytest.fixture
def price(shop: Shop) -> Price:
    """A metered price, which no request can make yet."""
    return Price(
        id=uuid.uuid4(),
        created_at=shop.clock.now(),
        modified_at=None,
        organization_id=shop.organization_id,
        product_id=uuid.uuid4(),
        source=PriceSource.CATALOG,
        position=0,
        is_archived=False,
        amount_type=AmountType.METERED_UNIT,
        price_currency="usd",
        meter_id=METER,
        unit_amount=Decimal("0.50"),
        cap_amount=700,
        meter_name="API calls",
    )


async def test_a_metered_price_is_stored_exactly(shop: Shop, price: Price) -> None:
    product = await make_product(shop, recurring_interval="month")
    id = UUID(product["id"])
    tiny = replace(price, product_id=id, unit_amount=Decimal("12345.000000000001"))
    async with shop.app.transaction(shop.organization_id) as tx:
        await public.insert_prices(tx, [tiny])
    read = (await public.read_prices(shop.app.database, [tiny.id]))[tiny.id]
    assert read == replace(tiny, meter_name=None)
    detail = (await public.read_products(shop.app.database, [id]))[id]
    assert [price.amount_type for price in detail.prices] == [AmountType.FIXED, AmountType.METERED_UNIT]
    assert (
        public.render_price(price, detail.product).items()
        >= {
            "amount_type": "metered_unit",
            "price_currency": "usd",
            "unit_amount": "0.5",
            "cap_amount": 700,
            "meter_id": METER,
            "meter": {"id": METER, "name": "API calls"},
            "type": "recurring",
            "recurring_interval": "month",
        }.items()
    )


async def test_ad_hoc_prices_are_stored_but_never_on_the_product(shop: Shop) -> None:
    product = await make_product(shop, fixed(1000))
    id = UUID(product["id"])
    detail = (await public.read_products(shop.app.database, [id]))[id]
    creates = CREATES.validate_python([fixed(777)])
    assert public.price_faults(creates, recurring=False, loc=("body", "prices", product["id"])) == []
    now = shop.clock.now()
    made = public.new_price(creates[0], product=detail.product, source=PriceSource.AD_HOC, position=0, now=now)
    async with shop.app.transaction(shop.organization_id) as tx:
        await public.insert_prices(tx, [made])
    assert await public.read_prices(shop.app.database, [made.id]) == {made.id: made}
    assert (made.price_amount, made.organization_id) == (777, shop.organization_id)
    assert (await shop.client.get(f"/v1/products/{id}")).json() == product
    assert await public.find_price(shop.app.database, merchant(shop), made.id) is None
    reply = await shop.client.patch(f"/v1/products/{id}", json={"prices": [{"id": str(made.id)}]})
    assert reply.json()["detail"][0]["msg"] == "Price does not exist."
    await shop.client.patch(f"/v1/products/{id}", json={"prices": [FREE]})
    assert not (await public.read_prices(shop.app.database, [made.id]))[made.id].is_archived


def merchant(shop: Shop) -> Actor:
    return Actor(Subject.organization, organization_ids=(shop.organization_id,))


async def test_prices_and_products_are_found_by_those_who_may_see_them(shop: Shop, other_shop: Shop) -> None:
    product, theirs = await make_product(shop, fixed(1000)), await make_product(other_shop)
    ids = [UUID(product["id"]), UUID(theirs["id"]), uuid.uuid4()]
    await shop.client.patch(f"/v1/products/{ids[0]}", json={"is_archived": True, "prices": [fixed(2000)]})
    database, old = shop.app.database, UUID(product["prices"][0]["id"])
    assert set(await public.find_products(database, merchant(shop), ids)) == {ids[0]}
    assert set(await public.read_products(database, ids)) == set(ids[:2])
    assert await public.read_products(database, []) == {}
    found = await public.find_price(database, merchant(shop), old)
    assert found is not None
    assert (found[0].price_amount, found[0].is_archived) == (1000, True)
    assert [price.price_amount for price in found[1].prices] == [2000]
    assert await public.find_price(database, merchant(other_shop), old) is None
    assert await public.find_price(database, merchant(shop), uuid.uuid4()) is None


async def test_views_of_a_product(shop: Shop) -> None:
    product = await make_product(shop, metadata={"a": 1})
    detail = (await public.read_products(shop.app.database, [UUID(product["id"])]))[UUID(product["id"])]
    checkout = public.render_checkout_product(detail)
    public.CheckoutProduct.model_validate(checkout)
    assert set(public.render_product(detail)) - set(checkout) == {"metadata", "attached_custom_fields"}
    order = public.render_order_product(detail.product)
    assert set(checkout) - set(order) == {"prices", "benefits", "medias"}
    assert order["metadata"] == {"a": 1}
    organization = {"name": "Acme"}
    shown = public.render_customer_order_product(detail, organization)
    assert shown == {**checkout, "organization": organization}


class Undone(Exception):
    """Rolls a transaction back."""


async def broken(shop: Shop, *statements: str) -> set[str]:
    """The invariants that statements break; nothing stays of them."""
    found = set()
    with pytest.raises(Undone):
        async with shop.app.database.transaction() as connection:
            for statement in statements:
                await connection.raw.execute(statement)
            found = {name for name, query in INVARIANTS.items() if await connection.fetch(query)}
            raise Undone
    return found


async def test_invariants_find_what_breaks_them(shop: Shop, other_shop: Shop) -> None:
    await make_product(shop)
    assert await broken(shop) == set()
    assert await broken(shop, f"UPDATE product_prices SET organization_id = '{other_shop.organization_id}'") == {
        "a price belongs to the organization of its product"
    }
    assert await broken(shop, "UPDATE product_prices SET is_archived = true") == {"a product has a live price"}
    metered_now = (
        "UPDATE product_prices SET amount_type = 'metered_unit', price_amount = NULL, unit_amount = 1, "
        f"meter_id = '{METER}'"
    )
    assert await broken(shop, metered_now) == {"only a recurring product has metered prices"}
    again = """
        INSERT INTO product_prices (id, created_at, organization_id, product_id, source, position, is_archived,
            amount_type, price_currency, price_amount, seat_tiers)
        SELECT gen_random_uuid(), created_at, organization_id, product_id, source, position, is_archived,
            amount_type, price_currency, price_amount, seat_tiers FROM product_prices
    """
    with pytest.raises(asyncpg.UniqueViolationError):
        await shop.app.database.execute(sa.text(again))
    assert await broken(shop, "DROP INDEX uq_product_prices_static", again) == {
        "a product has at most one live static price"
    }


async def test_tiers_are_read_as_they_were_sent(shop: Shop) -> None:
    """Old clients see a metered price at the greatest of its prices."""
    meter = await make_meter(shop)
    sent = {"mode": "volume", "tiers": [{"up_to": 10, "unit_amount": "0.50"}, {"unit_amount": 0.25}]}
    price = {"amount_type": "metered_unit", "meter_id": meter["id"], "tiers": sent}
    product = await make_product(shop, price, recurring_interval="month")
    (made,) = product["prices"]
    assert (made["amount_type"], made["unit_amount"]) == ("metered_unit", "0.5")
    assert made["tiers"] == {
        "mode": "volume",
        "tiers": [{"up_to": 10, "unit_amount": "0.5"}, {"up_to": None, "unit_amount": "0.25"}],
    }
    kept = await shop.client.patch(f"/v1/products/{product['id']}", json={"prices": [{"id": made["id"]}]})
    assert good(kept)["prices"] == [made]
    flat = {"amount_type": "metered_unit", "meter_id": meter["id"], "unit_amount": "1"}
    replaced = good(await shop.client.patch(f"/v1/products/{product['id']}", json={"prices": [flat]}))["prices"]
    assert [(one["unit_amount"], one["tiers"]) for one in replaced] == [("1", None)]


@pytest.mark.parametrize(
    "tiers",
    [
        [{"unit_amount": "1"}],
        [{"up_to": 10, "unit_amount": "1"}, {"up_to": 20, "unit_amount": "1"}],
        [{"up_to": 10, "unit_amount": "1"}, {"up_to": 10, "unit_amount": "1"}, {"unit_amount": "1"}],
        [{"up_to": 10, "unit_amount": "0"}, {"unit_amount": "0"}],
        [{"up_to": 10, "unit_amount": "-1"}, {"unit_amount": "1"}],
        [{"up_to": 0, "unit_amount": "1"}, {"unit_amount": "1"}],
    ],
)
async def test_tiers_are_in_order_and_price_everything(shop: Shop, tiers: list[dict[str, Any]]) -> None:
    meter = await make_meter(shop)
    price = {"amount_type": "metered_unit", "meter_id": meter["id"], "tiers": {"mode": "graduated", "tiers": tiers}}
    body = {"name": "Pro", "recurring_interval": "month", "prices": [price]}
    assert (await shop.client.post("/v1/products/", json=body)).status_code == 422
