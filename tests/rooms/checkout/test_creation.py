"""Making sessions: what a new one holds, which requests are refused, and in which order (catalog spec 6.3, 6.4)."""

import uuid
from dataclasses import replace
from typing import Any

import pytest

from boreal.core.scopes import AvailableScope
from boreal.kit.auth import Actor, Subject
from boreal.kit.problems import Invalid, NotPermitted
from boreal.kit.secrets import token_checksum
from boreal.rooms.checkout.checkouts.creation import create as create_command
from boreal.rooms.checkout.checkouts.schemas import CheckoutProductsCreate
from tests.support.catalog import FREE, fixed, make_product, seats
from tests.support.checkout import create, faults, good, malformed, open_session
from tests.support.organizations import block
from tests.support.shop import Shop

NOBODY = str(uuid.uuid4())


async def test_a_new_session(shop: Shop) -> None:
    product = await make_product(shop)
    session = await open_session(shop, product, metadata={"plan": "pro"}, customer_metadata={"tier": 1})
    await shop.saw("product.created", "checkout.created")
    made = session.made
    secret = made["client_secret"]
    assert secret.startswith("polar_c_")
    assert len(secret) == len("polar_c_") + 43
    assert secret[-6:] == token_checksum(secret[8:-6])
    assert made["url"] == f"http://boreal.test/checkout/{secret}"
    assert made["success_url"] == f"{made['url']}/confirmation"
    assert made["created_at"] == "2026-01-15T12:00:00Z"
    assert made["expires_at"] == "2026-01-15T13:00:00Z"
    assert made["modified_at"] is None
    assert made["status"] == "open"
    assert made["payment_processor"] == "stripe"
    assert made["metadata"] == {"plan": "pro"}
    assert made["customer_metadata"] == {"tier": 1}
    assert made["organization_id"] == str(shop.organization_id)
    assert made["product_id"] == made["product"]["id"] == product["id"]
    assert made["product_price_id"] == made["product_price"]["id"] == product["prices"][0]["id"]
    assert made["products"] == [made["product"]]
    assert made["prices"] == {product["id"]: product["prices"]}
    assert (made["amount"], made["currency"], made["seats"]) == (1000, "usd", None)
    assert (made["allow_discount_codes"], made["require_billing_address"], made["allow_trial"]) == (True, False, True)
    assert made["is_business_customer"] is False
    empty = ("return_url", "embed_origin", "discount", "discount_id", "customer_id", "customer_email", "trial_end")
    assert {name: made[name] for name in empty} == dict.fromkeys(empty)
    assert made["attached_custom_fields"] == []
    assert made["custom_field_data"] == {}
    assert await session.view() == made


async def test_buyers_see_less(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop), metadata={"secret": "margin"})
    seen = good(await session.get())
    hidden = {
        "metadata",
        "customer_metadata",
        "external_customer_id",
        "customer_external_id",
        "subscription_id",
        "trial_interval",
        "trial_interval_count",
    }
    assert set(session.made) - set(seen) == hidden
    assert set(seen) - set(session.made) == {"organization"}
    assert set(seen["organization"]) == {
        "id",
        "created_at",
        "modified_at",
        "name",
        "slug",
        "avatar_url",
        "proration_behavior",
        "allow_customer_updates",
    }


async def test_old_forms_of_the_request_and_the_old_address(shop: Shop) -> None:
    product = await make_product(shop)
    by_product = good(await create(shop, product_id=product["id"]), 201)
    by_price = good(await create(shop, product_price_id=product["prices"][0]["id"]), 201)
    assert by_product["product_id"] == by_price["product_id"] == product["id"]
    old = "/v1/checkouts/custom"
    made = good(await shop.client.post(f"{old}/", json={"products": [product["id"]]}), 201)
    assert good(await shop.client.get(f"{old}/{made['id']}")) == made
    assert good(await shop.client.get(f"{old}/client/{made['client_secret']}"))["id"] == made["id"]
    assert good(await shop.client.get(f"{old}/"))["pagination"]["total_count"] == 3


async def test_products_that_cannot_be_sold(shop: Shop, other_shop: Shop) -> None:
    live = await make_product(shop)
    archived = await make_product(shop)
    good(await shop.client.patch(f"/v1/products/{archived['id']}", json={"is_archived": True}))
    foreign = await make_product(other_shop)
    ids = [live["id"], foreign["id"], archived["id"], NOBODY]
    assert faults(await create(shop, products=ids)) == [
        ("products", 1, "value_error", "Product does not exist."),
        ("products", 2, "value_error", "Product is archived."),
        ("products", 3, "value_error", "Product does not exist."),
    ]
    assert faults(await create(shop, product_id=archived["id"])) == [
        ("product_id", "value_error", "Product is archived.")
    ]
    assert faults(await create(shop, product_id=foreign["id"])) == [
        ("product_id", "value_error", "Product does not exist.")
    ]


async def test_prices_that_cannot_be_sold(shop: Shop, other_shop: Shop) -> None:
    def named(reply: Any) -> Any:
        ((place, kind, words),) = faults(reply)
        assert (place, kind) == ("product_price_id", "value_error")
        return words

    product = await make_product(shop)
    foreign = await make_product(other_shop)
    old = product["prices"][0]["id"]
    good(await shop.client.patch(f"/v1/products/{product['id']}", json={"prices": [fixed(2000)]}))
    assert named(await create(shop, product_price_id=old)) == "Price is archived."
    assert named(await create(shop, product_price_id=foreign["prices"][0]["id"])) == "Price does not exist."
    assert named(await create(shop, product_price_id=NOBODY)) == "Price does not exist."
    product = good(await shop.client.patch(f"/v1/products/{product['id']}", json={"is_archived": True}))
    assert named(await create(shop, product_price_id=product["prices"][0]["id"])) == "Product is archived."


async def test_products_of_several_organizations(shop: Shop, other_shop: Shop) -> None:
    ids = [(await make_product(each))["id"] for each in (shop, other_shop)]
    both = (shop.organization_id, other_shop.organization_id)
    user = Actor(Subject.user, scopes=frozenset(AvailableScope), organization_ids=both)
    with pytest.raises(Invalid) as refused:
        await create_command(shop.app, user, CheckoutProductsCreate(products=ids))
    (fault,) = refused.value.faults
    assert (fault.loc, fault.msg) == (("body", "products"), "Products must all belong to the same organization.")


async def test_a_blocked_organization_sells_nothing(shop: Shop) -> None:
    product = await make_product(shop)
    actor = Actor(Subject.user, organization_ids=(shop.organization_id,))
    await block(shop)
    with pytest.raises(NotPermitted):
        await create_command(shop.app, actor, CheckoutProductsCreate(products=[product["id"]]))
    assert (await create(shop, product)).status_code == 401


async def test_prices_are_in_dollars(shop: Shop) -> None:
    words = "Product is not available in the specified currency."
    product = await make_product(shop)
    assert faults(await create(shop, product, currency="eur")) == [("products", 0, "value_error", words)]
    assert faults(await create(shop, product_id=product["id"], currency="jpy")) == [
        ("product_id", "value_error", words)
    ]
    assert (await open_session(shop, product, currency="usd")).made["currency"] == "usd"
    free = await make_product(shop, FREE)
    assert (await open_session(shop, free)).made["currency"] == "usd"
    assert (await open_session(shop, free, currency="eur")).made["currency"] == "eur"
    (first, *_) = malformed(await create(shop, product, currency="xxx"))
    assert first[1:3] == ("currency", "enum")


async def test_prices_made_for_one_session(shop: Shop) -> None:
    one, two = await make_product(shop, fixed(1000)), await make_product(shop, fixed(3000))
    session = await open_session(shop, one, two, prices={one["id"]: [fixed(700)]})
    made = session.made
    (price,) = made["prices"][one["id"]]
    assert (made["amount"], price["price_amount"], price["source"]) == (700, 700, "ad_hoc")
    assert made["product_price_id"] == price["id"]
    assert made["prices"][two["id"]] == two["prices"]
    assert made["product"]["prices"] == one["prices"]
    assert good(await shop.client.get(f"/v1/products/{one['id']}"))["prices"] == one["prices"]
    assert (await session.pay())["status"] == "succeeded"
    order = await session.order()
    assert order["subtotal_amount"] == 700
    assert [(item["amount"], item["product_price_id"]) for item in order["items"]] == [(700, price["id"])]


async def test_prices_made_for_one_session_keep_the_rules(shop: Shop) -> None:
    once, monthly = await make_product(shop), await make_product(shop, recurring_interval="month")
    metered = {"amount_type": "metered_unit", "unit_amount": 1, "meter_id": NOBODY}
    prices = {NOBODY: [fixed()], once["id"]: [fixed(), FREE, metered], monthly["id"]: [metered]}
    assert faults(await create(shop, once, monthly, prices=prices)) == [
        ("prices", NOBODY, "value_error", "Product is not set on that checkout."),
        ("prices", once["id"], "value_error", "Only one static price is allowed."),
        ("prices", once["id"], 2, "value_error", "Metered pricing is not supported on one-time products."),
        ("prices", once["id"], 2, "meter_id", "value_error", "Meter does not exist."),
        ("prices", monthly["id"], 0, "meter_id", "value_error", "Meter does not exist."),
    ]
    (first, *_) = malformed(await create(shop, once, prices={once["id"]: []}))
    assert first[1:4] == ("prices", once["id"], "too_short")


async def test_the_order_of_the_checks(shop: Shop) -> None:
    """Everything is wrong at once; each mistake that is corrected brings the next one to light."""
    product = await make_product(shop, {"amount_type": "custom", "minimum_amount": 2500})
    body: dict[str, Any] = {
        "products": [NOBODY],
        "prices": {NOBODY: [fixed()]},
        "currency": "eur",
        "amount": 2000,
        "discount_id": NOBODY,
        "customer_tax_id": "FR61954506077",
        "seats": 3,
        "subscription_id": NOBODY,
        "customer_id": NOBODY,
    }
    steps: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        (("products", 0, "value_error", "Product does not exist."), {"products": [product["id"]]}),
        (("prices", NOBODY, "value_error", "Product is not set on that checkout."), {"prices": None}),
        (
            ("products", 0, "value_error", "Product is not available in the specified currency."),
            {"currency": "usd"},
        ),
        (("amount", "greater_than_equal", "Amount is below minimum."), {"amount": None}),
        (("discount_id", "value_error", "Discount does not exist."), {"discount_id": None}),
        (
            ("customer_billing_address", "missing", "Country is required to validate tax ID."),
            {"customer_billing_address": {"country": "DE"}, "customer_tax_id": "DE1"},
        ),
        (("customer_tax_id", "value_error", "Invalid tax ID."), {"customer_tax_id": None}),
        (("seats", "value_error", "Seats can only be set for seat-based pricing."), {"seats": None}),
        (("subscription_id", "value_error", "Subscription does not exist."), {"subscription_id": None}),
        (("customer_id", "value_error", "Customer does not exist."), {"customer_id": None}),
    ]
    for fault, correction in steps:
        assert faults(await create(shop, **body)) == [fault]
        body |= correction
    assert good(await create(shop, **body), 201)["amount"] == 2500
    assert await shop.facts() == ["product.created", "checkout.created"]


async def test_who_may_make_and_see_sessions(shop: Shop, other_shop: Shop) -> None:
    product = await make_product(shop)
    session = await open_session(shop, product)
    assert (await session.buyer.post("/v1/checkouts/", json={"products": [product["id"]]})).status_code == 401
    assert (await session.buyer.get("/v1/checkouts/")).status_code == 401
    foreign = replace(session, shop=other_shop)
    assert (await other_shop.client.get(f"/v1/checkouts/{session.id}")).status_code == 404
    assert (await foreign.patch(amount=1000)).status_code == 404
    assert (await session.buyer.get("/v1/checkouts/client/polar_c_unknown")).status_code == 404
    assert (await session.buyer.patch("/v1/checkouts/client/polar_c_unknown", json={})).status_code == 404
    assert (await session.buyer.post("/v1/checkouts/client/polar_c_unknown/confirm", json={})).status_code == 404


@pytest.mark.parametrize(
    ("body", "place", "kind"),
    [
        ({"amount": 49}, ("amount",), "value_error"),
        ({"amount": -1}, ("amount",), "greater_than_equal"),
        ({"amount": 100_000_000}, ("amount",), "less_than_equal"),
        ({"seats": 0}, ("seats",), "greater_than_equal"),
        ({"seats": 1001}, ("seats",), "less_than_equal"),
        ({"customer_email": "ada"}, ("customer_email",), "value_error"),
        ({"customer_name": "a" * 257}, ("customer_name",), "string_too_long"),
        ({"success_url": "ftp://x.io"}, ("success_url",), "url_scheme"),
        ({"return_url": "nowhere"}, ("return_url",), "url_parsing"),
        ({"customer_billing_address": {"country": "RU"}}, ("customer_billing_address", "country"), "enum"),
        ({"customer_billing_address": {"country": "US", "state": "GU"}}, ("customer_billing_address",), "value_error"),
        ({"trial_interval": "day"}, (), "missing"),
        ({"metadata": {"a": None}}, ("metadata", "a", "constrained-str"), "string_type"),
        ({"metadata": {"a": ""}}, ("metadata", "a", "constrained-str"), "string_too_short"),
        ({"customer_ip_address": "1.2.3"}, ("customer_ip_address",), "ip_any_address"),
    ],
)
async def test_malformed_requests(shop: Shop, body: dict[str, Any], place: tuple[str, ...], kind: str) -> None:
    product = await make_product(shop, seats((1, None, 100)))
    label = "function-after[is_complete_configuration(), CheckoutProductsCreate]"
    found = malformed(await create(shop, product, **body))
    assert found[0][:-1] == (label, *place, kind)
