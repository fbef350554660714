"""The OpenAPI document, as SDK generators rely on it (platform spec 1.9). Made without a database."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from boreal.core.webhooks import WebhookEventType
from boreal.kit.routing import Routes
from boreal.rooms.platform.public import webhook_payload

_BEARER = {
    name: {"type": "http", "scheme": "bearer", "description": text}
    for name, text in {
        "access_token": "An organization access token, or any other bearer token.",
        "oat": "An organization access token.",
        "pat": "A personal access token.",
        "customer_session": "A customer session token.",
        "member_session": "A member session token.",
    }.items()
}


def openapi(
    routes: Iterable[Routes], payloads: Mapping[str, type[Any]], *, server: str | None = None
) -> dict[str, Any]:
    """The document of these routes, with one webhook per payload schema."""
    listed = [route for resource in routes for route in resource.router.routes]
    document = get_openapi(
        title="Polar API",
        version="0.1.0",
        openapi_version="3.1.0",
        summary="Boreal speaks the Polar API.",
        routes=listed,
        webhooks=_webhooks(payloads).routes,
        separate_input_output_schemas=False,
        servers=[{"url": server, "x-speakeasy-server-id": "production"}] if server else None,
    )
    document["components"]["securitySchemes"] = _BEARER
    document["security"] = [{"access_token": []}]
    return document


def _webhooks(payloads: Mapping[str, type[Any]]) -> APIRouter:
    router = APIRouter()
    for event, schema in sorted(payloads.items()):
        router.add_api_route(
            event,
            _receiver(webhook_payload(WebhookEventType(event), schema)),
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
