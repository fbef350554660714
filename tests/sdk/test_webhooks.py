"""Webhook endpoints and deliveries through the official client, with a real receiver."""

from datetime import timedelta
from typing import Any

import pytest
from polar_sdk import Polar, models
from polar_sdk.webhooks import WebhookVerificationError, validate_event

from tests.sdk.selling import make_product, pages
from tests.support.live import until as eventually
from tests.support.receiver import Reply, open_receiver

UNKNOWN = "5f1b9a4e-6b9e-4a55-9d7f-2f8f0b8a1c11"
PRODUCTS = [models.WebhookEventType.PRODUCT_CREATED, models.WebhookEventType.PRODUCT_UPDATED]


def make_endpoint(polar: Polar, url: str = "https://example.com/hooks", **values: Any) -> models.WebhookEndpoint:
    body: Any = {"url": url, "format_": models.WebhookFormat.RAW, "events": PRODUCTS, **values}
    return polar.webhooks.create_webhook_endpoint(request=body)


def test_an_endpoint_is_made_changed_and_deleted(polar: Polar) -> None:
    made = make_endpoint(polar)
    assert (made.url, made.format_, made.enabled) == ("https://example.com/hooks", models.WebhookFormat.RAW, True)
    assert (made.events, made.secret[:10]) == (PRODUCTS, "polar_whs_")
    assert polar.webhooks.get_webhook_endpoint(id=made.id) == made
    other = make_endpoint(polar, "https://example.com/chat", format_=models.WebhookFormat.SLACK, events=[])
    assert pages(polar.webhooks.list_webhook_endpoints(limit=1)) == [other, made]
    changes = {"url": "https://example.com/new", "events": PRODUCTS[:1], "enabled": False}
    changed = polar.webhooks.update_webhook_endpoint(id=made.id, webhook_endpoint_update=changes)
    assert (changed.url, changed.events, changed.enabled) == ("https://example.com/new", PRODUCTS[:1], False)
    reset = polar.webhooks.reset_webhook_endpoint_secret(id=made.id)
    assert (reset.id, reset.secret != made.secret) == (made.id, True)
    assert polar.webhooks.delete_webhook_endpoint(id=made.id) is None
    assert pages(polar.webhooks.list_webhook_endpoints()) == [other]


async def test_deliveries_are_listed_and_sent_again(polar: Polar) -> None:
    async with open_receiver() as receiver:
        receiver.script(Reply(status=500, body=b"not now"))
        endpoint = make_endpoint(polar, f"{receiver.url}/hooks")
        product = make_product(polar)
        (failed,) = await eventually(deliveries(polar, 1))
        assert (failed.succeeded, failed.http_code, failed.response) == (False, 500, "not now")
        event = failed.webhook_event
        assert (event.type, event.succeeded, event.skipped) == (PRODUCTS[0], None, False)
        polar.webhooks.redeliver_webhook_event(id=event.id)
        succeeded, _ = await eventually(deliveries(polar, 2))
        assert (succeeded.succeeded, succeeded.http_code) == (True, 200)
        assert (succeeded.webhook_event.id, succeeded.webhook_event.succeeded) == (event.id, True)
        first, second = receiver.requests
    assert first.body == second.body == (event.payload or "").encode()
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == event.id
    payload = validate_event(second.body, dict(second.headers), endpoint.secret)
    assert isinstance(payload, models.WebhookProductCreatedPayload)
    assert payload.data.id == product.id
    listed = polar.webhooks.list_webhook_deliveries
    assert pages(listed(endpoint_id=endpoint.id, limit=1)) == [
        succeeded,
        failed.model_copy(update={"webhook_event": succeeded.webhook_event}),
    ]
    assert [found.id for found in pages(listed(succeeded=False))] == [failed.id]
    assert [found.id for found in pages(listed(http_code_class=models.HTTPCodeClass.TWOXX))] == [succeeded.id]
    assert [found.id for found in pages(listed(query=failed.id))] == [failed.id]
    assert pages(listed(event_type=PRODUCTS[1])) == []
    assert pages(listed(endpoint_id=UNKNOWN)) == []
    assert [found.id for found in pages(listed(start_timestamp=failed.created_at))] == [succeeded.id]
    assert pages(listed(end_timestamp=failed.created_at - timedelta(seconds=1))) == []


def deliveries(polar: Polar, count: int) -> Any:
    """The latest deliveries, newest first, once there are so many."""

    async def look() -> list[models.WebhookDelivery] | None:
        found = pages(polar.webhooks.list_webhook_deliveries())
        return found if len(found) >= count else None

    return look


async def test_only_the_secret_of_the_endpoint_verifies(polar: Polar) -> None:
    async with open_receiver() as receiver:
        endpoint = make_endpoint(polar, receiver.url)
        make_product(polar)
        (received,) = await receiver.wait_for(1)
    headers = dict(received.headers)
    assert validate_event(received.body, headers, endpoint.secret).TYPE == "product.created"
    for body, secret in ((received.body, "polar_whs_" + "x" * 32), (received.body + b" ", endpoint.secret)):
        with pytest.raises(WebhookVerificationError):
            validate_event(body, headers, secret)


def test_what_is_wrong_is_said_by_typed_errors(polar: Polar) -> None:
    with pytest.raises(models.HTTPValidationError) as plain:
        make_endpoint(polar, "http://example.com/hooks")
    assert [fault.loc for fault in plain.value.data.detail or []] == [["body", "url"]]
    for call in (
        lambda: polar.webhooks.get_webhook_endpoint(id=UNKNOWN),
        lambda: polar.webhooks.update_webhook_endpoint(id=UNKNOWN, webhook_endpoint_update={}),
        lambda: polar.webhooks.delete_webhook_endpoint(id=UNKNOWN),
        lambda: polar.webhooks.reset_webhook_endpoint_secret(id=UNKNOWN),
        lambda: polar.webhooks.redeliver_webhook_event(id=UNKNOWN),
    ):
        with pytest.raises(models.ResourceNotFound):
            call()
