"""The OpenAPI document, as SDK generators rely on it (platform spec 1.9). Made without a database.

FastAPI describes paths and schemas from the routes' signatures; what an SDK generator needs beyond that is added here:
security schemes, the contract's names of schemas, a section of webhooks.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from boreal.core.webhooks import event_type
from boreal.kit.routing import Routes
from boreal.rooms.platform.public import webhook_payload
from boreal.surfaces.idempotent import MAX_KEY_LENGTH

_SCHEMAS = "#/components/schemas/"

_SECURITY = {
    "oidc": {"type": "openIdConnect", "openIdConnectUrl": "/.well-known/openid-configuration"},
    **{
        name: {"type": "http", "scheme": "bearer", "description": text}
        for name, text in {
            "access_token": "An organization access token, or any other bearer token.",
            "oat": "An organization access token.",
            "pat": "A personal access token.",
            "customer_session": "A customer session token.",
            "member_session": "A member session token.",
        }.items()
    },
}

_CONTRACT_NAMES = {
    "BillingReason": "OrderBillingReason",
    "CancellationReason": "CustomerCancellationReason",
    "PriceSource": "ProductPriceSource",
    "PriceType": "ProductPriceType",
    "ProrationBehavior": "SubscriptionProrationBehavior",
    "RecurringInterval": "SubscriptionRecurringInterval",
    "SocialPlatform": "OrganizationSocialPlatforms",
}
"""Words of ours that the contract knows under another name."""

_MALFORMED = {"$ref": f"{_SCHEMAS}HTTPValidationError"}

_METHODS = frozenset({"get", "put", "post", "delete", "patch"})

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes it safe to send the request again: within 24 hours the same request under the same key gets "
    "the same reply and has no second effect; another request under it is refused with 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "title": "Idempotency-Key"},
}


def openapi(routes: Iterable[Routes], payloads: Mapping[str, type[Any]]) -> dict[str, Any]:
    """The document of these routes, with one webhook per payload schema; where it is served adds its `servers`."""
    listed = [route for resource in routes for route in resource.router.routes]
    described = get_openapi(
        title="Polar API",
        version="0.1.0",
        openapi_version="3.1.0",
        summary="Boreal speaks the Polar API.",
        routes=listed,
        webhooks=_webhooks(payloads).routes,
        separate_input_output_schemas=False,
    )
    document: dict[str, Any] = _refer_as_contract(described)
    _name_as_contract(document["components"]["schemas"])
    document["components"]["securitySchemes"] = _SECURITY
    document["security"] = [{"access_token": []}]
    for operation in operations(document):
        _free_type(operation)
        _can_be_malformed(operation)
        _may_be_a_file(operation)
    for item in document["paths"].values():
        for method in _METHODS & item.keys() - {"get"}:
            item[method].setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    return document


def operations(document: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Every operation under the paths of a document."""
    for item in document["paths"].values():
        yield from (operation for method, operation in item.items() if method in _METHODS)


def _name_as_contract(schemas: dict[str, Any]) -> None:
    for ours, theirs in _CONTRACT_NAMES.items():
        if ours in schemas:
            schemas[theirs] = {**schemas.pop(ours), "title": theirs}


def _refer_as_contract(node: Any) -> Any:
    """The same document with every reference (also those of discriminators) under the contract's name."""
    if isinstance(node, dict):
        return {key: _refer_as_contract(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_refer_as_contract(item) for item in node]
    if isinstance(node, str) and node.startswith(_SCHEMAS):
        name = node.removeprefix(_SCHEMAS)
        return _SCHEMAS + _CONTRACT_NAMES.get(name, name)
    return node


def _free_type(operation: dict[str, Any]) -> None:
    """A query parameter `type` is called `type_filter` in SDKs, where `type` would be a word of the language."""
    for parameter in operation.get("parameters", ()):
        if (parameter["in"], parameter["name"]) == ("query", "type"):
            parameter["x-speakeasy-name-override"] = "type_filter"


def _can_be_malformed(operation: dict[str, Any]) -> None:
    """An operation that names refusals of its own with 422 can be sent something malformed all the same."""
    schema = operation["responses"].get("422", {}).get("content", {}).get("application/json", {}).get("schema")
    if schema is not None and _MALFORMED not in (schema, *schema.get("anyOf", ())):
        operation["responses"]["422"]["content"]["application/json"]["schema"] = {
            "anyOf": [*schema.get("anyOf", (schema,)), _MALFORMED]
        }


def _may_be_a_file(operation: dict[str, Any]) -> None:
    """Exports answer with CSV, which stands beside the JSON that the contract names."""
    if operation["x-speakeasy-name-override"] == "export":
        operation["responses"]["200"]["content"]["text/csv"] = {"schema": {"type": "string"}}


def _webhooks(payloads: Mapping[str, type[Any]]) -> APIRouter:
    router = APIRouter()
    for event, schema in sorted(payloads.items()):
        router.add_api_route(
            event,
            _receiver(webhook_payload(event_type(event), schema)),
            methods=["POST"],
            name=event,
            operation_id=f"_endpoint{event.replace('.', '_')}_post",
            summary=event,
        )
    return router


def _receiver(model: type[Any]) -> Any:
    async def receive(body: Any) -> None:
        """Sent to the endpoints that subscribed to it."""

    receive.__annotations__ = {"body": model, "return": None}
    return receive
