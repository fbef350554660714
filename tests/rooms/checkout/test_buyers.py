"""Who buys: prefill from a customer, the fixed e-mail, addresses, businesses, tax ids (catalog spec 6.5 to 6.7)."""

from typing import Any

import pytest

from tests.support.catalog import FREE, make_product
from tests.support.checkout import create, faults, good, open_session
from tests.support.shop import Shop

EMPTY = dict.fromkeys(("line1", "line2", "city", "postal_code", "state"))
STREET = {"country": "FR", "line1": "1 rue X", "city": "Paris", "postal_code": "75001"}
KNOWN: dict[str, Any] = {
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "external_id": "ada-1",
    "billing_address": STREET,
    "tax_id": ["FR61954506077", "eu_vat"],
}
BOUGHT = ("customer_email", "customer_name", "customer_billing_name", "customer_billing_address", "customer_tax_id")


async def make_customer(shop: Shop, **values: Any) -> dict[str, Any]:
    return good(await shop.client.post("/v1/customers/", json=values), 201)


async def test_a_known_customer_is_filled_in(shop: Shop) -> None:
    customer = await make_customer(shop, **KNOWN)
    product = await make_product(shop)
    for named in (
        {"customer_id": customer["id"]},
        {"external_customer_id": "ada-1"},
        {"customer_external_id": "ada-1"},
    ):
        made = (await open_session(shop, product, **named)).made
        assert (made["customer_id"], made["external_customer_id"]) == (customer["id"], "ada-1")
        assert made["customer_external_id"] == "ada-1"
        assert [made[name] for name in BOUGHT] == [
            "ada@example.com",
            "Ada Lovelace",
            "Ada Lovelace",
            {**EMPTY, **STREET},
            "FR61954506077",
        ]
        # A billing name of her own would make it a business; her address does not ask for a whole one.
        assert (made["is_business_customer"], made["require_billing_address"]) == (False, False)


async def test_what_the_request_says_goes_first(shop: Shop) -> None:
    customer = await make_customer(shop, **KNOWN)
    body = {
        "customer_name": "A. L.",
        "customer_email": "other@example.com",
        "customer_billing_name": "Ada Ltd",
        "customer_billing_address": {**EMPTY, "country": "DE"},
        "customer_tax_id": "DE136695976",
    }
    made = (await open_session(shop, await make_product(shop), customer_id=customer["id"], **body)).made
    assert {name: made[name] for name in body} == body


async def test_the_id_goes_before_the_external_id(shop: Shop) -> None:
    ada, bob = await make_customer(shop, **KNOWN), await make_customer(shop, email="bob@example.com", external_id="b")
    made = (await open_session(shop, await make_product(shop), customer_id=ada["id"], external_customer_id="b")).made
    assert (made["customer_id"], made["external_customer_id"]) == (ada["id"], "ada-1")
    assert bob["id"] != ada["id"]


async def test_customers_of_others_do_not_exist(shop: Shop, other_shop: Shop) -> None:
    foreign = await make_customer(other_shop, **KNOWN)
    product = await make_product(shop)
    assert faults(await create(shop, product, customer_id=foreign["id"])) == [
        ("customer_id", "value_error", "Customer does not exist.")
    ]
    made = (await open_session(shop, product, external_customer_id="ada-1")).made
    assert (made["customer_id"], made["external_customer_id"]) == (None, "ada-1")


async def test_the_email_of_a_linked_customer_is_fixed(shop: Shop) -> None:
    customer = await make_customer(shop, **KNOWN)
    session = await open_session(shop, await make_product(shop), customer_id=customer["id"])
    assert good(await session.update(customer_email="eve@example.com"))["customer_email"] == "ada@example.com"
    assert good(await session.patch(customer_email=None))["customer_email"] == "ada@example.com"
    confirmed = good(await session.confirm(customer_email="eve@example.com"))
    assert (confirmed["customer_email"], confirmed["customer_id"]) == ("ada@example.com", customer["id"])
    await shop.settle()
    assert (await session.order())["customer"]["email"] == "ada@example.com"


async def test_an_unknown_external_id_leaves_the_email_open(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop), external_customer_id="new-1")
    assert good(await session.update(customer_email="eve@example.com"))["customer_email"] == "eve@example.com"
    await session.pay(customer_email="new@example.com")
    customer = (await session.order())["customer"]
    assert (customer["email"], customer["external_id"]) == ("new@example.com", "new-1")


async def test_an_order_belongs_to_the_customer_with_the_email(shop: Shop) -> None:
    customer = await make_customer(shop, **KNOWN, metadata={"vip": True, "plan": "old"})
    session = await open_session(
        shop, await make_product(shop), external_customer_id="another", customer_metadata={"plan": "new"}
    )
    await shop.facts()
    await session.pay(customer_email="ADA@example.com", customer_name="Ada King", customer_billing_name="AK")
    assert [fact for fact in await shop.facts() if fact != "customer.state_changed"][:2] == [
        "customer.updated",
        "checkout.updated",
    ]
    (after,) = good(await shop.client.get("/v1/customers/"))["items"]
    assert after["id"] == customer["id"]
    assert (after["email"], after["external_id"], after["name"]) == ("ada@example.com", "ada-1", "Ada King")
    assert after["billing_address"] == {**EMPTY, "country": "FR"}
    assert after["tax_id"] == KNOWN["tax_id"]
    assert after["metadata"] == {"vip": True, "plan": "new"}


async def test_a_customer_who_bought_as_a_business_is_one_again(shop: Shop) -> None:
    product = await make_product(shop)
    first = await open_session(shop, product)
    await first.pay(is_business_customer=True, customer_billing_name="Ada Ltd", customer_billing_address=STREET)
    (customer,) = good(await shop.client.get("/v1/customers/"))["items"]
    again = (await open_session(shop, product, customer_id=customer["id"])).made
    assert (again["is_business_customer"], again["customer_billing_name"]) == (True, "Ada Ltd")
    private = await open_session(shop, product, customer_id=customer["id"], is_business_customer=False)
    assert private.made["is_business_customer"] is False


@pytest.mark.example("catalog 11.29")
@pytest.mark.parametrize(
    ("address", "required"),
    [
        ({"country": "FR"}, False),
        ({"country": "FR", "city": "Paris"}, True),
        ({"country": "CA", "state": "CA-QC"}, False),
        ({"country": "CA", "state": "CA-QC", "city": "Montreal"}, True),
    ],
)
async def test_a_preset_address_may_ask_for_the_whole_one(shop: Shop, address: dict[str, str], required: bool) -> None:
    made = (await open_session(shop, await make_product(shop), customer_billing_address=address)).made
    assert made["require_billing_address"] is required


async def test_addresses_are_stored_in_one_form(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    for sent, stored in [
        ({"country": "us", "state": "ny", "line1": " "}, {"country": "US", "state": "US-NY"}),
        ({"country": "CA", "state": "CA-BC"}, {"country": "CA", "state": "CA-BC"}),
        ({"country": "FR", "state": "IDF", "city": " Paris "}, {"country": "FR", "state": "IDF", "city": "Paris"}),
    ]:
        seen = good(await session.update(customer_billing_address=sent))
        assert seen["customer_billing_address"] == {**EMPTY, **stored}


async def test_what_the_form_asks_of_the_address(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))

    async def asked(**changes: Any) -> tuple[str, ...]:
        seen = good(await session.patch(**changes))
        modes = seen["billing_address_fields"]
        old = seen["customer_billing_address_fields"]
        assert old == {name: mode == "required" for name, mode in modes.items()}
        assert modes["country"] == "required"
        assert modes["line1"] == modes["city"] == modes["postal_code"]
        return modes["line1"], modes["line2"], modes["state"]

    required, optional, disabled = "required", "optional", "disabled"
    assert await asked() == (disabled, disabled, disabled)
    assert await asked(customer_billing_address={"country": "FR"}) == (disabled, disabled, disabled)
    assert await asked(is_business_customer=True) == (required, optional, optional)
    assert await asked(is_business_customer=False) == (disabled, disabled, disabled)
    assert await asked(require_billing_address=True) == (required, optional, optional)
    assert await asked(require_billing_address=False) == (disabled, disabled, disabled)
    assert await asked(customer_billing_address={"country": "CA"}) == (disabled, disabled, required)
    assert await asked(customer_billing_address={"country": "US"}) == (required, optional, required)


async def test_a_business_needs_the_form(shop: Shop) -> None:
    flexible = {"amount_type": "custom", "minimum_amount": 0, "preset_amount": 900}
    session = await open_session(shop, await make_product(shop, flexible), is_business_customer=True)
    assert session.made["is_business_customer"] is True
    assert good(await session.update(amount=0))["is_business_customer"] is False
    assert good(await session.update(amount=900))["is_business_customer"] is False
    assert good(await session.update(amount=0, is_business_customer=True))["is_business_customer"] is False
    kept = good(await session.patch(is_business_customer=True, require_billing_address=True))
    assert kept["is_business_customer"] is True


async def test_a_business_confirms_with_its_name_and_its_whole_address(shop: Shop) -> None:
    session = await open_session(shop, await make_product(shop))
    assert faults(await session.confirm(is_business_customer=True)) == [
        ("customer_billing_name", "missing", "Field is required."),
        ("customer_billing_address", "line1", "missing", "Field is required."),
        ("customer_billing_address", "city", "missing", "Field is required."),
        ("customer_billing_address", "postal_code", "missing", "Field is required."),
        ("customer_billing_address", "value_error", "Full billing address is required."),
    ]
    body = {"is_business_customer": True, "customer_billing_name": "Ada Ltd", "customer_billing_address": STREET}
    await session.pay(**body, customer_tax_id="FR 61 954 506 077")
    order = await session.order()
    assert order["billing_name"] == "Ada Ltd"
    assert order["customer"]["tax_id"] == ["FR61954506077", "eu_vat"]


async def test_an_address_that_the_merchant_requires(shop: Shop) -> None:
    paid = await open_session(shop, await make_product(shop), require_billing_address=True)
    assert [fault[:2] for fault in faults(await paid.confirm())] == [
        ("customer_billing_address", "line1"),
        ("customer_billing_address", "city"),
        ("customer_billing_address", "postal_code"),
        ("customer_billing_address", "value_error"),
    ]
    free = await open_session(shop, await make_product(shop, FREE), require_billing_address=True)
    assert faults(await free.confirm(None, customer_billing_address=None)) == [
        ("customer_billing_address", "value_error", "Full billing address is required.")
    ]
    assert (await free.pay(None, customer_billing_address={"country": "FR", "city": "Paris"}))["status"] == "succeeded"


async def test_tax_ids(shop: Shop) -> None:
    product = await make_product(shop)
    no_country = [("customer_billing_address", "missing", "Country is required to validate tax ID.")]
    invalid = [("customer_tax_id", "value_error", "Invalid tax ID.")]
    assert faults(await create(shop, product, customer_tax_id="FR61954506077")) == no_country
    session = await open_session(shop, product)
    assert faults(await session.update(customer_tax_id="FR61954506077")) == no_country
    assert faults(await session.update(customer_tax_id="x", customer_billing_address={"country": "FR"})) == invalid
    french = {"customer_billing_address": {"country": "FR"}, "customer_tax_id": "fr 619 545 060 77"}
    assert good(await session.update(**french))["customer_tax_id"] == "FR61954506077"
    assert good(await session.update(customer_name="Ada"))["customer_tax_id"] == "FR61954506077"
    # Any member's number is good in any other of the union, but not elsewhere.
    german = good(await session.update(customer_billing_address={"country": "DE"}))
    assert german["customer_tax_id"] == "FR61954506077"
    assert faults(await session.update(customer_billing_address={"country": "US"})) == invalid
    assert (await session.view())["customer_billing_address"]["country"] == "DE"
    american = good(await session.update(customer_billing_address={"country": "US"}, customer_tax_id="91-1144442"))
    assert american["customer_tax_id"] == "911144442"
    assert good(await session.update(customer_tax_id=None))["customer_tax_id"] is None
    assert good(await session.update(**french))["customer_tax_id"] is not None
    assert good(await session.update(customer_tax_id=""))["customer_tax_id"] is None


async def test_a_number_that_the_merchant_wrote_down_is_checked_with_the_next_country(shop: Shop) -> None:
    values = {"billing_address": {"country": "FR"}, "tax_id": ["whatever", "eu_vat"]}
    customer = await make_customer(shop, email="ada@example.com", **values)
    session = await open_session(shop, await make_product(shop), customer_id=customer["id"])
    assert good(await session.update(customer_billing_address=STREET))["customer_tax_id"] == "whatever"
    assert faults(await session.update(customer_billing_address={"country": "DE"})) == [
        ("customer_tax_id", "value_error", "Invalid tax ID.")
    ]
