"""Wire shapes of webhook endpoints, of the events sent to them, and of each attempt (platform spec 8)."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from boreal.core.webhooks import OwnEventType, WebhookEventType, WebhookFormat
from boreal.kit.schemas import UUID4, Boolean, HttpUrlString, Identified, Schema, Timestamped

Secret = Annotated[str, Field(min_length=32)]


class WebhookEndpoint(Identified, Timestamped):
    """Where events are sent; the secret is always shown in clear."""

    url: HttpUrlString
    format: WebhookFormat
    secret: str
    organization_id: UUID4
    events: list[WebhookEventType]
    enabled: bool


class WebhookEndpointCreate(Schema):
    """A new endpoint. Whether plain http is allowed for its host depends on the settings of the installation."""

    url: HttpUrlString
    secret: Annotated[Secret | None, Field(deprecated=True)] = None
    format: WebhookFormat
    events: list[WebhookEventType]
    organization_id: UUID4 | None = None


class WebhookEndpointUpdate(Schema):
    """Changes of an endpoint; what is null stays as it is."""

    url: HttpUrlString | None = None
    secret: Annotated[Secret | None, Field(deprecated=True)] = None
    format: WebhookFormat | None = None
    events: list[WebhookEventType] | None = None
    enabled: Boolean | None = None


class WebhookEvent(Identified, Timestamped):
    """One event for one endpoint. `succeeded` is null until its outcome is final; archived, it has no payload."""

    last_http_code: int | None
    succeeded: bool | None
    skipped: bool
    payload: str | None
    type: WebhookEventType
    is_archived: bool


class WebhookDelivery(Identified, Timestamped):
    """One attempt to deliver an event; there is no HTTP code when the endpoint could not be reached."""

    succeeded: bool
    http_code: int | None
    response: str | None
    webhook_event: WebhookEvent


class OwnEvents(Schema):
    """The events of an endpoint that the public contract does not know."""

    events: Annotated[list[OwnEventType], Field(max_length=len(OwnEventType) * 2)]


class OwnWebhookEvent(WebhookEvent):
    """An event that the public contract does not know, for one endpoint."""

    type: OwnEventType  # type: ignore[assignment]  # in place of those of the contract


class OwnWebhookDelivery(WebhookDelivery):
    """One attempt to deliver such an event."""

    webhook_event: OwnWebhookEvent


def webhook_payload(event: WebhookEventType | OwnEventType, data: type[Any]) -> type[Schema]:
    """The shape of a raw delivery of `event` about `data`: `checkout.created` is a WebhookCheckoutCreatedPayload."""
    words = re.split(r"[._]", event)
    return create_model(
        f"Webhook{''.join(word.capitalize() for word in words)}Payload",
        __base__=Schema,
        __doc__=f"Body of a `{event}` delivery.",
        type=(Literal[event.value], ...),  # type: ignore[arg-type]  # a literal that only run time knows
        timestamp=(datetime, ...),
        data=(data, ...),
    )
