"""The OpenAPI document as generators of SDKs rely on it (platform spec 1.9)."""

import re
from typing import Annotated, Any

import pytest
from fastapi import Query

from boreal.kit.auth import MERCHANT, PORTAL, PUBLIC, Actor
from boreal.kit.routing import Routes
from boreal.main import openapi
from boreal.surfaces import document
from tests.support.catalog import make_product
from tests.support.reference import names, operations
from tests.support.shop import Shop, client_of

OPERATIONS = [(f"{method} {path}", operation) for method, path, operation in operations(openapi())]
SCHEMAS = openapi()["components"]["schemas"]

PRICES = {"custom", "fixed", "free", "metered_unit", "seat_based"}


def operation(name: str) -> dict[str, Any]:
    return dict(OPERATIONS)[name]


def small(routes: Routes) -> dict[str, Any]:
    """The document of a few routes made for a test."""
    return document.openapi([routes], {})


def things() -> Routes:
    """A resource with one operation for each kind of caller."""
    routes = Routes("/v1/things", tags=("portal", "things"))

    @routes.get("/", audience=MERCHANT, scopes=("things:read",), name="list", mcp=True)
    async def list_things(actor: Actor, type: Annotated[str | None, Query()] = None) -> None: ...

    @routes.post("/mine", audience=PORTAL, scopes=("portal:write",))
    async def create(actor: Actor) -> None: ...

    @routes.get("/seen", audience=PUBLIC, scopes=())
    async def seen(type: Annotated[str | None, Query()] = None) -> None: ...

    @routes.get("/hidden", audience=PUBLIC, scopes=(), public=False)
    async def hidden() -> None: ...

    return routes


def test_it_is_the_polar_api_in_openapi_3_1() -> None:
    assert openapi()["openapi"] == "3.1.0"
    assert (openapi()["info"]["title"], openapi()["info"]["version"]) == ("Polar API", "0.1.0")


async def test_the_served_document_says_where_it_is_served(shop: Shop) -> None:
    async with client_of(shop.boreal, None) as anybody:
        served = (await anybody.get("/openapi.json")).json()
    assert served.pop("servers") == [{"url": "http://boreal.test", "x-speakeasy-server-id": "sandbox"}]
    assert served.keys() == openapi().keys()
    assert served["paths"].keys() == openapi()["paths"].keys()


def test_operation_ids_are_tags_and_function() -> None:
    assert operation("GET /v1/products/")["operationId"] == "products:list"
    assert operation("GET /v1/customer-portal/orders/{id}")["operationId"] == "customer_portal:orders:get"
    assert operation("POST /v1/webhooks/endpoints")["operationId"] == "webhooks:create_webhook_endpoint"
    ids = [found["operationId"] for _, found in OPERATIONS]
    assert len(set(ids)) == len(ids)


def test_tags_say_what_is_public_and_what_the_mcp_server_offers() -> None:
    assert operation("GET /v1/products/")["tags"] == ["products", "public", "mcp"]
    assert operation("GET /v1/checkouts/")["tags"] == ["checkouts", "public"]
    assert operation("GET /v1/customer-portal/orders/")["tags"] == ["customer_portal", "orders", "public"]
    assert [name for name, found in OPERATIONS if "public" not in found["tags"]] == []


def test_what_is_not_public_is_not_in_the_document() -> None:
    assert list(small(things())["paths"]) == ["/v1/things/", "/v1/things/mine", "/v1/things/seen"]
    assert [
        name for name, _ in OPERATIONS if "/v1/checkouts/custom" in name or not name.split()[1].startswith("/v1/")
    ] == []


@pytest.mark.parametrize(("name", "found"), OPERATIONS)
def test_group_and_method_of_the_sdk_make_the_operation_id(name: str, found: dict[str, Any]) -> None:
    group, method = found["x-speakeasy-group"], found["x-speakeasy-name-override"]
    assert found["operationId"] == f"{group.replace('.', ':')}:{method}"


def test_who_may_call_is_said() -> None:
    assert operation("GET /v1/orders/")["x-polar-allowed-subjects"] == ["Organization", "User"]
    assert operation("GET /v1/customer-portal/orders/")["x-polar-allowed-subjects"] == ["Customer", "Member"]
    assert "Anonymous" in operation("GET /v1/checkouts/client/{client_secret}")["x-polar-allowed-subjects"]


def test_tools_of_the_mcp_server_have_scopes_and_everything_else_is_disabled() -> None:
    listed = {name: found["x-speakeasy-mcp"] for name, found in OPERATIONS}
    assert listed["GET /v1/products/"] == {"disabled": False, "scopes": ["read", "products"]}
    assert listed["DELETE /v1/customers/{id}"] == {"disabled": False, "scopes": ["write", "customers"]}
    for name, found in OPERATIONS:
        assert listed[name]["disabled"] == ("mcp" not in found["tags"]), name
    tools = {name.split("/")[2] for name in listed if not listed[name]["disabled"]}
    served = {"products", "orders", "payments", "customers", "metrics", "organization-access-tokens", "subscriptions"}
    served |= {"customer-meters"}
    assert tools == served  # platform spec 15.1


def test_lists_and_only_lists_have_pagination() -> None:
    pagination = {
        "type": "offsetLimit",
        "inputs": [
            {"name": "page", "in": "parameters", "type": "page"},
            {"name": "limit", "in": "parameters", "type": "limit"},
        ],
        "outputs": {"results": "$.items", "numPages": "$.pagination.max_page"},
    }
    lists = {name for name, found in OPERATIONS if any("ListResource_" in schema for schema in names(found))}
    assert "GET /v1/products/" in lists
    assert {
        name: found["x-speakeasy-pagination"] for name, found in OPERATIONS if "x-speakeasy-pagination" in found
    } == dict.fromkeys(lists, pagination)


def test_a_parameter_called_type_has_another_name_in_sdks() -> None:
    listed, _, seen = (found for _, _, found in operations(small(things())))
    for found in (listed, seen):
        (parameter,) = found["parameters"]
        assert (parameter["name"], parameter["x-speakeasy-name-override"]) == ("type", "type_filter")


def test_security_schemes() -> None:
    schemes = openapi()["components"]["securitySchemes"]
    bearer = {name for name, scheme in schemes.items() if (scheme["type"], scheme.get("scheme")) == ("http", "bearer")}
    assert bearer == {"access_token", "oat", "pat", "customer_session", "member_session"}
    assert schemes["oidc"]["type"] == "openIdConnect"
    assert set(schemes) == bearer | {"oidc"}


def test_merchants_use_the_access_token_the_portal_sessions_and_everybody_nothing() -> None:
    made = small(things())
    assert made["security"] == [{"access_token": []}]
    merchant, portal, anybody = (found for _, _, found in operations(made))
    assert "security" not in merchant
    assert portal["security"] == [{"customer_session": []}, {"member_session": []}]
    assert anybody["security"] == []


def test_there_is_one_schema_for_input_and_output() -> None:
    assert [name for name in SCHEMAS if re.search(r"-(Input|Output)$", name)] == []


def test_every_reference_leads_to_a_schema() -> None:
    assert names(openapi()) - set(SCHEMAS) == set()
    mapped = {
        target.rpartition("/")[2]
        for union in unions(openapi())
        for target in union["discriminator"]["mapping"].values()
    }
    assert mapped and mapped <= set(SCHEMAS)


def unions(node: Any) -> list[dict[str, Any]]:
    """Every discriminated union in a part of a document."""
    if isinstance(node, list):
        return [found for item in node for found in unions(item)]
    if not isinstance(node, dict):
        return []
    here = [node] if "mapping" in node.get("discriminator", {}) else []
    return here + [found for item in node.values() for found in unions(item)]


@pytest.mark.parametrize(
    ("schema", "member", "discriminator", "values"),
    [
        ("ProductPrice", None, "amount_type", PRICES),
        ("LegacyRecurringProductPrice", None, "amount_type", {"custom", "fixed", "free"}),
        ("ProductCreateOneTime", "prices", "amount_type", PRICES),
        ("ProductCreateRecurring", "prices", "amount_type", PRICES),
        ("CheckoutProductsCreate", "prices", "amount_type", PRICES),
        ("CustomField", None, "type", {"checkbox", "date", "number", "select", "text"}),
        ("Meter", "aggregation", "func", {"avg", "count", "max", "min", "sum", "unique"}),
    ],
)
def test_unions_are_told_apart_by_a_member(
    schema: str, member: str | None, discriminator: str, values: set[str]
) -> None:
    place = SCHEMAS[schema] if member is None else SCHEMAS[schema]["properties"][member]
    (union,) = unions(place)
    assert union["discriminator"]["propertyName"] == discriminator
    assert set(union["discriminator"]["mapping"]) == values


def test_metadata_is_asked_for_as_a_deep_object() -> None:
    (metadata,) = [found for found in operation("GET /v1/orders/")["parameters"] if found["name"] == "metadata"]
    assert (metadata["in"], metadata["style"], metadata["required"]) == ("query", "deepObject", False)


def test_names_of_schemas_are_the_contracts() -> None:
    assert {"SubscriptionRecurringInterval", "OrderBillingReason", "OrganizationSocialPlatforms"} <= set(SCHEMAS)
    assert SCHEMAS["ProductPriceType"]["title"] == "ProductPriceType"
    assert "RecurringInterval" not in SCHEMAS


async def test_deprecated_members_are_emitted_though_the_document_hides_them(shop: Shop) -> None:
    """Orders spec 1.4, catalog spec 6.4."""
    product = await make_product(shop)
    made = await shop.client.post("/v1/checkouts/", json={"products": [product["id"]]})
    checkout = made.json()
    async with client_of(shop.boreal, None) as buyer:
        body = {
            "customer_name": "Ada",
            "customer_email": "ada@example.com",
            "customer_billing_address": {"country": "FR"},
            "confirmation_token_id": "pm_card_visa",
        }
        await buyer.post(f"/v1/checkouts/client/{checkout['client_secret']}/confirm", json=body)
    await shop.settle()
    (order,) = (await shop.client.get("/v1/orders/")).json()["items"]
    for resource, schema, hidden in (
        (checkout, "Checkout", {"subtotal_amount", "customer_billing_address_fields"}),
        (order, "Order", {"product_price_id", "product_price", "user", "amount", "from_balance_amount"}),
    ):
        assert resource.keys() - SCHEMAS[schema]["properties"].keys() == hidden
        assert hidden <= resource.keys()
