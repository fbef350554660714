"""The first sale, from the product to the verified webhooks, by code that only knows the official client."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from polar_sdk import Polar, models
from polar_sdk.webhooks import validate_event

from boreal.main import openapi
from tests.sdk.selling import BUYER
from tests.support.live import Live, Merchant, until
from tests.support.receiver import Received, Receiver, open_receiver
from tests.support.reference import operations

EXPECTED = {
    "product": ["product.created"],
    "checkout": ["checkout.created", "checkout.updated", "checkout.updated"],
    "customer": ["customer.created"],
    "state": ["customer.state_changed"],
    "order": ["order.created", "order.updated", "order.paid", "order.updated"],  # at last, the invoice
}


OURS = Path(__file__).parents[1] / "contract" / "ours.txt"


def test_the_client_has_every_operation_under_the_name_that_the_document_gives_it() -> None:
    polar = Polar(access_token="x")
    ours = OURS.read_text().splitlines()
    for method, path, operation in operations(openapi()):
        if f"{method.upper()} {path}" in ours:
            continue
        target: Any = polar
        for part in operation["operationId"].split(":"):
            target = getattr(target, part.replace("-", "_"))
        assert callable(target)


async def test_the_first_sale(live: Live, merchant: Merchant) -> None:
    async with open_receiver() as receiver, client(live, merchant) as polar:
        endpoint = await polar.webhooks.create_webhook_endpoint_async(
            request={
                "url": f"{receiver.url}/webhooks",
                "format_": models.WebhookFormat.RAW,
                "events": list(models.WebhookEventType),
            }
        )
        product = await polar.products.create_async(
            request={"name": "Boreal Pro", "prices": [{"amount_type": "fixed", "price_amount": 2400}]}
        )
        checkout = await polar.checkouts.create_async(request={"products": [product.id], "metadata": {"plan": "pro"}})
        assert checkout.url == f"{live.base_url}/checkout/{checkout.client_secret}"
        confirmed = await polar.checkouts.client_confirm_async(
            client_secret=checkout.client_secret,
            checkout_confirm_stripe={**BUYER, "confirmation_token_id": "pm_card_visa"},
        )
        await until(lambda: has_succeeded(polar, checkout.id))
        order = await the_order(polar)
        assert (order.status, order.total_amount, order.checkout_id) == (models.OrderStatus.PAID, 2400, checkout.id)
        assert (order.metadata, order.product_id) == ({"plan": "pro"}, product.id)
        customer = await polar.customers.get_async(id=order.customer_id)
        assert (customer.email, customer.name) == ("ada@example.com", "Ada Lovelace")
        state = await polar.customers.get_state_async(id=customer.id)
        assert (state.id, state.active_subscriptions) == (customer.id, [])
        session = await polar.customer_sessions.create_async(request={"customer_id": customer.id})
        for token in (session.token, confirmed.customer_session_token):
            mine = await polar.customer_portal.orders.get_async(security={"customer_session": token}, id=order.id)
            assert (mine.id, mine.total_amount) == (order.id, 2400)
        await until(lambda: has_everything(receiver))
        the_webhooks_are_right(receiver.requests, endpoint.secret, subjects(product, checkout, customer, order))


def client(live: Live, merchant: Merchant) -> Polar:
    return Polar(access_token=merchant.token, server_url=live.base_url)


async def has_succeeded(polar: Polar, checkout_id: str) -> bool:
    checkout = await polar.checkouts.get_async(id=checkout_id)
    return checkout.status is models.CheckoutStatus.SUCCEEDED


async def the_order(polar: Polar) -> models.Order:
    """The one order, once its mail has gone out with the invoice."""

    async def invoiced() -> models.Order | None:
        page = await polar.orders.list_async()
        assert page is not None
        (order,) = page.result.items
        return order if order.is_invoice_generated else None

    order: models.Order = await until(invoiced)
    assert await polar.orders.get_async(id=order.id) == order
    return order


def subjects(product: Any, checkout: Any, customer: Any, order: Any) -> dict[str, str]:
    ids = {"product": product.id, "checkout": checkout.id, "customer": customer.id, "order": order.id}
    return {**ids, "state": customer.id}


def kind(event: str) -> str:
    """What an event is about; the state of a customer is rendered apart from the customer."""
    return "state" if event == "customer.state_changed" else event.partition(".")[0]


async def has_everything(receiver: Receiver) -> bool:
    arrived = Counter(kind(request.json["type"]) for request in receiver.requests)
    return arrived >= Counter({subject: len(events) for subject, events in EXPECTED.items()})


def the_webhooks_are_right(received: list[Received], secret: str, ids: dict[str, str]) -> None:
    """Each verifies, none came twice, and those of one subject came in the order in which they happened."""
    events: dict[str, list[Any]] = defaultdict(list)
    for request in received:
        payload = validate_event(request.body, dict(request.headers), secret)
        events[kind(payload.TYPE)].append(payload)
    assert len({request.headers["webhook-id"] for request in received}) == len(received)
    assert {request.path for request in received} == {"/webhooks"}
    assert {subject: [event.TYPE for event in found] for subject, found in events.items()} == EXPECTED
    assert {subject: {event.data.id for event in found} for subject, found in events.items()} == {
        subject: {id} for subject, id in ids.items()
    }
    assert [event.data.status for event in events["checkout"]] == ["open", "confirmed", "succeeded"]
    assert [event.data.total_amount for event in events["order"]] == [2400] * 4
