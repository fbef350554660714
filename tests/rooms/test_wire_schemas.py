"""What the wire shapes of the rooms accept and refuse, with the places and messages that clients depend on."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter, ValidationError

from boreal.core.countries import BLOCKED_COUNTRY_CODES, CountryAlpha2, CountryAlpha2Input
from boreal.core.scopes import AvailableScope, Scope
from boreal.core.tax_ids import TaxIDFormat
from boreal.core.webhooks import WebhookEventType
from boreal.rooms.catalog.products.price_schemas import (
    ExistingProductPrice,
    ProductPriceCreate,
    ProductPriceFixedCreate,
)
from boreal.rooms.catalog.products.schemas import (
    ProductBenefitsUpdate,
    ProductCreate,
    ProductCreateOneTime,
    ProductUpdate,
)
from boreal.rooms.checkout.checkouts.schemas import (
    CheckoutConfirmStripe,
    CheckoutCreate,
    CheckoutPriceCreate,
    CheckoutProductCreate,
    CheckoutProductsCreate,
    CheckoutUpdate,
    CheckoutUpdatePublic,
)
from boreal.rooms.customers.customers.addresses import AddressInput
from boreal.rooms.customers.customers.schemas import CustomerCreate, CustomerUpdate
from boreal.rooms.customers.sessions.schemas import CustomerSessionCreate
from boreal.rooms.platform.organizations.schemas import OrganizationCreate, OrganizationUpdate
from boreal.rooms.platform.public import webhook_payload
from boreal.rooms.platform.tokens.schemas import OrganizationAccessTokenCreate, OrganizationAccessTokenUpdate
from boreal.rooms.platform.webhooks.schemas import WebhookEndpointCreate

ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
FIXED = {"amount_type": "fixed", "price_amount": 1000}
MONTHLY = {"name": "Pro", "recurring_interval": "month", "prices": [FIXED]}
RECURRING = "function-after[is_complete_configuration(), ProductCreateRecurring]"
TRIAL = "Both trial_interval and trial_interval_count must be set together."


def accept(shape: Any, body: Any) -> Any:
    return TypeAdapter(shape).validate_python(body)


def errors(shape: Any, body: Any) -> list[tuple[str, tuple[str | int, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        accept(shape, body)
    return [(error["type"], error["loc"], error["msg"]) for error in caught.value.errors()]


def tiers(*bounds: tuple[int, int | None]) -> dict[str, Any]:
    listed = [{"min_seats": low, "max_seats": high, "price_per_seat": 1000} for low, high in bounds]
    return {"amount_type": "seat_based", "seat_tiers": {"tiers": listed}}


def metered(unit_amount: Any) -> dict[str, Any]:
    return {"amount_type": "metered_unit", "meter_id": ID, "unit_amount": unit_amount}


def test_vocabularies_have_the_sizes_of_the_contract():
    assert (len(Scope), len(AvailableScope), len(WebhookEventType)) == (68, 66, 31)
    assert (len(CountryAlpha2), len(CountryAlpha2Input), len(TaxIDFormat)) == (249, 244, 74)
    assert set(Scope) - set(AvailableScope) == {"web:read", "web:write"}
    assert set(CountryAlpha2) - set(CountryAlpha2Input) == BLOCKED_COUNTRY_CODES


# Products


def test_a_product_body_is_told_apart_by_its_interval():
    assert accept(ProductCreate, MONTHLY).recurring_interval_count == 1
    one_time = accept(ProductCreate, {"name": "Book", "prices": [FIXED], "trial_interval": "day"})
    assert isinstance(one_time, ProductCreateOneTime)
    assert not hasattr(one_time, "trial_interval")


def test_errors_of_a_product_body_name_both_members_of_the_union():
    assert errors(ProductCreate, {**MONTHLY, "name": "no"}) == [
        ("string_too_short", (RECURRING, "name"), "String should have at least 3 characters"),
        ("string_too_short", ("ProductCreateOneTime", "name"), "String should have at least 3 characters"),
        ("none_required", ("ProductCreateOneTime", "recurring_interval"), "Input should be None"),
    ]


def test_half_a_trial_is_a_missing_member_of_the_body():
    assert ("missing", (RECURRING,), TRIAL) in errors(ProductCreate, {**MONTHLY, "trial_interval": "month"})
    assert errors(ProductUpdate, {"trial_interval_count": 7}) == [("missing", (), TRIAL)]
    assert errors(CheckoutUpdate, {"trial_interval_count": 7}) == [("missing", (), TRIAL)]


def test_a_null_half_of_a_trial_alone_clears_both():
    assert accept(ProductUpdate, {"trial_interval": None}).model_fields_set == {
        "trial_interval",
        "trial_interval_count",
    }
    assert accept(ProductUpdate, {}).model_fields_set == set()


REFUSED_PRICES = [
    ({**FIXED, "price_amount": 49}, "greater_than_equal", ("fixed", "price_amount"), None),
    ({**FIXED, "price_amount": 100_000_000}, "less_than_equal", ("fixed", "price_amount"), None),
    ({**FIXED, "price_amount": "1000"}, "int_type", ("fixed", "price_amount"), None),
    ({**FIXED, "price_amount": True}, "int_type", ("fixed", "price_amount"), None),
    (
        {**FIXED, "price_currency": "xusd"},
        "string_pattern_mismatch",
        ("fixed", "price_currency"),
        "String should match pattern 'usd'",
    ),
    (
        {"amount_type": "custom", "minimum_amount": 1},
        "value_error",
        ("custom", "minimum_amount"),
        "Value error, Amount must be 0 (for free) or at least 50 cents",
    ),
    (
        {"amount_type": "custom", "preset_amount": 49},
        "value_error",
        ("custom", "preset_amount"),
        "Value error, Amount must be 0 (for free) or at least 50 cents",
    ),
    ({"amount_type": "custom", "minimum_amount": -1}, "greater_than_equal", ("custom", "minimum_amount"), None),
    ({"amount_type": "custom", "maximum_amount": 0}, "greater_than_equal", ("custom", "maximum_amount"), None),
    ({"amount_type": "custom", "preset_amount": 1_000_001}, "less_than_equal", ("custom", "preset_amount"), None),
    (
        tiers((1, 4), (6, None)),
        "value_error",
        ("seat_based", "seat_tiers", "tiers"),
        "Value error, Gap or overlap between tiers: tier ending at 4 and tier starting at 6",
    ),
    (
        tiers((1, 4), (4, None)),
        "value_error",
        ("seat_based", "seat_tiers", "tiers"),
        "Value error, Gap or overlap between tiers: tier ending at 4 and tier starting at 4",
    ),
    (
        tiers((1, None), (5, None)),
        "value_error",
        ("seat_based", "seat_tiers", "tiers"),
        "Value error, Only the last tier can have unlimited max_seats (None)",
    ),
    (tiers(), "too_short", ("seat_based", "seat_tiers", "tiers"), None),
    (tiers((0, 1)), "greater_than_equal", ("seat_based", "seat_tiers", "tiers", 0, "min_seats"), None),
    (tiers((5, 2)), "value_error", ("seat_based", "seat_tiers", "tiers", 0), None),
    (metered(0), "greater_than", ("metered_unit", "unit_amount"), None),
    (metered("100000"), "decimal_whole_digits", ("metered_unit", "unit_amount"), None),
    (metered("0.0000000000001"), "decimal_max_places", ("metered_unit", "unit_amount"), None),
    (metered(True), "decimal_type", ("metered_unit", "unit_amount"), None),
    ({**metered(1), "cap_amount": 2**31}, "less_than_equal", ("metered_unit", "cap_amount"), None),
    ({"price_amount": 1000}, "union_tag_not_found", (), None),
    ({"amount_type": "barter"}, "union_tag_invalid", (), None),
]


@pytest.mark.parametrize(("price", "kind", "place", "message"), REFUSED_PRICES)
def test_prices_are_refused_at_their_place(price, kind, place, message):
    found = errors(ProductPriceCreate, price)
    assert [(k, p) for k, p, _ in found] == [(kind, place)]
    assert message is None or found[0][2] == message


def test_prices_have_the_defaults_of_the_contract():
    assert accept(ProductPriceCreate, {"amount_type": "custom"}).model_dump() == {
        "amount_type": "custom",
        "price_currency": "usd",
        "minimum_amount": 50,
        "maximum_amount": None,
        "preset_amount": None,
    }
    assert accept(ProductPriceCreate, {"amount_type": "custom", "minimum_amount": 0}).minimum_amount == 0
    assert accept(ProductPriceCreate, {"amount_type": "free", "price_amount": 5}).model_dump() == {
        "amount_type": "free"
    }


def test_tiers_are_kept_in_ascending_order():
    price = accept(ProductPriceCreate, tiers((10, None), (1, 4), (5, 9)))
    assert [tier.min_seats for tier in price.seat_tiers.tiers] == [1, 5, 10]


@pytest.mark.parametrize("sent", ["0.000000000001", "99999.999999999999", 0.1, 2])
def test_unit_amounts_are_exact_decimals(sent):
    assert accept(ProductPriceCreate, metered(sent)).unit_amount == Decimal(str(sent))


def test_a_price_with_an_id_is_kept_whatever_else_is_sent_with_it():
    prices = accept(ProductUpdate, {"prices": [{"id": ID, **FIXED, "price_amount": 1}, FIXED]}).prices
    assert [type(price) for price in prices] == [ExistingProductPrice, ProductPriceFixedCreate]
    assert errors(ProductUpdate, {"prices": [{"id": "price_1", **FIXED}]})[0][1] == ("prices", 0, "id", "id")
    assert errors(ProductUpdate, {"prices": [{**FIXED, "price_amount": 1}]})[0][1] == (
        "prices",
        0,
        "fixed",
        "price_amount",
    )


@pytest.mark.parametrize("element", [{}, {"amount_type": []}, 5, None])
def test_an_element_that_is_no_price_is_refused(element):
    assert [(k, p) for k, p, _ in errors(ProductUpdate, {"prices": [element]})] == [
        ("union_tag_not_found", ("prices", 0))
    ]


def test_a_product_needs_a_price_and_lists_nothing_twice():
    assert ("too_short", (RECURRING, "prices")) in [
        (k, p) for k, p, _ in errors(ProductCreate, {**MONTHLY, "prices": []})
    ]
    field = {"custom_field_id": ID, "required": True}
    assert [
        (k, p) for k, p, _ in errors(ProductUpdate, {"medias": [ID, ID], "attached_custom_fields": [field] * 2})
    ] == [
        ("value_error", ("medias", 1)),
        ("value_error", ("attached_custom_fields", 1)),
    ]
    assert errors(ProductBenefitsUpdate, {"benefits": [ID, ID]})[0][1] == ("benefits", 1)


# Checkouts


def test_a_checkout_names_its_product_in_three_ways():
    assert isinstance(accept(CheckoutCreate, {"products": [ID]}), CheckoutProductsCreate)
    assert isinstance(accept(CheckoutCreate, {"product_id": ID, "currency": "eur"}), CheckoutProductCreate)
    assert isinstance(accept(CheckoutCreate, {"product_price_id": ID}), CheckoutPriceCreate)
    assert errors(CheckoutCreate, {}) == [
        ("missing", (f"function-after[is_complete_configuration(), {name}]", member), "Field required")
        for name, member in (
            ("CheckoutProductsCreate", "products"),
            ("CheckoutProductCreate", "product_id"),
            ("CheckoutPriceCreate", "product_price_id"),
        )
    ]


def test_the_document_shows_only_the_first_way():
    app = FastAPI()

    @app.post("/")
    async def create(body: CheckoutCreate) -> None: ...

    body = app.openapi()["paths"]["/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["$ref"] == "#/components/schemas/CheckoutProductsCreate"


@pytest.mark.parametrize("amount", [1, 49])
def test_amounts_below_the_minimum_charge_are_refused(amount):
    assert errors(CheckoutUpdatePublic, {"amount": amount}) == [
        ("value_error", ("amount",), "Value error, Amount must be 0 or at least 50 cents")
    ]


@pytest.mark.parametrize("amount", [0, 50, 99_999_999, None])
def test_amounts_may_be_nothing_or_a_charge(amount):
    assert accept(CheckoutUpdatePublic, {"amount": amount}).amount == amount


@pytest.mark.parametrize("seats", [0, 1001, "5", True])
def test_seats_are_a_number_from_1_to_1000(seats):
    assert errors(CheckoutUpdatePublic, {"seats": seats})[0][1] == ("seats",)


def test_the_former_name_of_the_external_customer_id_still_works():
    body = {"products": [ID], "customer_external_id": " user_1 "}
    assert accept(CheckoutCreate, body).external_customer_id == "user_1"
    assert accept(CustomerSessionCreate, {"customer_external_id": "user_1"}).external_customer_id == "user_1"
    assert ("missing", ("CustomerSessionCustomerExternalIDCreate", "external_customer_id"), "Field required") in errors(
        CustomerSessionCreate, {}
    )


def test_blank_answers_of_a_form_are_nulls():
    body = {"customer_name": " ", "customer_email": "", "customer_billing_name": "", "customer_tax_id": " "}
    sent = accept(CheckoutConfirmStripe, body).model_dump(exclude_unset=True)
    assert sent == dict.fromkeys(body)


def test_a_buyer_can_only_give_up_a_trial():
    assert accept(CheckoutUpdatePublic, {"allow_trial": False}).allow_trial is False
    assert errors(CheckoutUpdatePublic, {"allow_trial": True}) == [
        ("literal_error", ("allow_trial",), "Input should be False")
    ]


def test_a_checkout_lists_no_product_twice_and_checks_its_own_prices():
    assert errors(CheckoutProductsCreate, {"products": [ID, ID]})[0][:2] == ("value_error", ("products", 1))
    assert errors(CheckoutProductsCreate, {"products": [ID], "prices": {ID: [{**FIXED, "price_amount": 1}]}})[0][1] == (
        "prices",
        ID,
        0,
        "fixed",
        "price_amount",
    )


# Addresses


@pytest.mark.parametrize(
    ("country", "state", "kept"),
    [
        ("US", "NY", "US-NY"),
        ("us", "us-ny", "US-NY"),
        ("US", "DC", "US-DC"),
        ("CA", "QC", "CA-QC"),
        ("US", "CA", "US-CA"),
        ("CA", " CA-ON ", "CA-ON"),
        ("FR", "Île-de-France", "Île-de-France"),
        ("US", "  ", None),
    ],
)
def test_states_get_the_prefix_of_their_country(country, state, kept):
    assert accept(AddressInput, {"country": country, "state": state}).state == kept


@pytest.mark.parametrize(
    ("country", "state", "message"),
    [
        ("US", "PR", "Value error, Invalid US state"),
        ("US", "CA-ON", "Value error, Invalid US state"),
        ("CA", "YT", "Value error, Invalid CA province"),
    ],
)
def test_an_unknown_state_is_refused_at_the_address(country, state, message):
    body = {"customer_billing_address": {"country": country, "state": state}}
    assert errors(CheckoutUpdate, body) == [("value_error", ("customer_billing_address",), message)]


@pytest.mark.parametrize("country", ["CU", "IR", "KP", "SY", "RU", "XX", "USA"])
def test_blocked_and_unknown_countries_are_refused(country):
    body = {"email": "a@example.com", "billing_address": {"country": country}}
    assert errors(CustomerCreate, body)[0][:2] == ("enum", ("billing_address", "country"))


# Customers


def test_customers_are_normalised():
    body = {"email": "A@EXAMPLE.com", "external_id": " ", "name": " Ada ", "tax_id": ["FR61954506077", "eu_vat"]}
    customer = accept(CustomerCreate, body)
    assert (customer.email, customer.external_id, customer.name) == ("A@example.com", None, "Ada")
    assert customer.tax_id == ("FR61954506077", "eu_vat")
    assert customer.type is None


@pytest.mark.parametrize(
    ("tax_id", "place"),
    [
        (["1"], ("tax_id", 1)),
        (["1", "xx_vat"], ("tax_id", 1)),
        (["1", "eu_vat", "2"], ("tax_id",)),
        ("1", ("tax_id",)),
    ],
)
def test_a_tax_id_is_a_number_and_a_known_format(tax_id, place):
    assert [where for _, where, _ in errors(CustomerUpdate, {"tax_id": tax_id})] == [place]


# Platform


def test_an_organization_is_named_by_a_free_slug():
    assert accept(OrganizationCreate, {"name": "Acme", "slug": "ACME-inc"}).slug == "acme-inc"
    for slug in ("checkout", "a--b", "-ab", "a b", "été", ".well-known", "ab"):
        assert [where for _, where, _ in errors(OrganizationCreate, {"name": "Acme", "slug": slug})] == [("slug",)]


def test_an_organization_keeps_its_name_and_no_borrowed_logo():
    assert errors(OrganizationUpdate, {"name": None})[0][1] == ("name",)
    assert "name" not in accept(OrganizationUpdate, {"email": None}).model_fields_set
    assert accept(OrganizationUpdate, {"avatar_url": "https://img.logo.dev/acme.com"}).avatar_url is None
    assert accept(OrganizationUpdate, {"avatar_url": "https://example.com/a.png"}).avatar_url is not None


@pytest.mark.parametrize(
    ("platform", "url", "fine"),
    [
        ("x", "https://twitter.com/acme", True),
        ("youtube", "https://www.youtube.com/@acme", True),
        ("github", "https://example.com/github.com", False),
        ("other", "https://example.com", True),
    ],
)
def test_social_links_lead_to_their_platform(platform, url, fine):
    body = {"socials": [{"platform": platform, "url": url}]}
    if fine:
        assert accept(OrganizationUpdate, body).socials[0].platform == platform
    else:
        assert errors(OrganizationUpdate, body)[0][:2] == ("value_error", ("socials", 0, "url"))


def test_settings_are_replaced_whole_but_features_are_merged():
    assert accept(OrganizationUpdate, {"feature_settings": {"wallets_enabled": True}}).model_dump(
        exclude_unset=True
    ) == {"feature_settings": {"wallets_enabled": True}}
    assert [kind for kind, _, _ in errors(OrganizationUpdate, {"notification_settings": {"new_order": True}})] == [
        "missing"
    ]


def test_a_token_has_a_scope_and_a_future():
    body = {"comment": "CI", "scopes": ["products:read"], "expires_in": "P30D"}
    assert accept(OrganizationAccessTokenCreate, body).expires_in == timedelta(days=30)
    assert errors(OrganizationAccessTokenCreate, {**body, "expires_in": 0})[0][1] == ("expires_in",)
    assert errors(OrganizationAccessTokenCreate, {**body, "scopes": []})[0][0] == "too_short"
    assert errors(OrganizationAccessTokenCreate, {**body, "scopes": ["web:read"]})[0][:2] == ("enum", ("scopes", 0))
    assert errors(OrganizationAccessTokenUpdate, {"scopes": []})[0][0] == "too_short"


def test_a_webhook_endpoint_may_want_no_event_but_not_a_short_secret():
    body = {"url": "https://example.com", "format": "raw", "events": []}
    assert accept(WebhookEndpointCreate, body).url == "https://example.com/"
    assert errors(WebhookEndpointCreate, {**body, "secret": "s" * 31})[0][1] == ("secret",)
    assert errors(WebhookEndpointCreate, {**body, "events": ["order.made"]})[0][:2] == ("enum", ("events", 0))


def test_webhook_payloads_are_named_after_their_event():
    shape = webhook_payload(WebhookEventType.CUSTOMER_STATE_CHANGED, dict)
    assert shape.__name__ == "WebhookCustomerStateChangedPayload"
    body = {"type": "customer.state_changed", "timestamp": "2026-01-15T12:00:00Z", "data": {}}
    assert accept(shape, body).type == "customer.state_changed"
    assert errors(shape, {**body, "type": "customer.created"})[0][0] == "literal_error"
