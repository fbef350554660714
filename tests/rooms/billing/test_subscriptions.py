"""What subscriptions show to other rooms and to webhooks (orders spec 5, catalog spec 6.11)."""

from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from boreal.kit.routing import dump
from boreal.rooms.billing.orders import rendering
from boreal.rooms.billing.orders.schemas import Order as OrderShape
from boreal.rooms.billing.public import active_subscriptions
from boreal.rooms.billing.room import room
from boreal.rooms.billing.subscriptions import queries
from boreal.rooms.billing.subscriptions.schemas import Subscription as SubscriptionShape
from tests.rooms.billing.buying import MONTHLY, buy, make_customer, make_product
from tests.support.catalog import make_custom_field
from tests.support.checkout import good
from tests.support.shop import Shop


async def subscribe(shop: Shop, customer: dict[str, Any], **values: Any) -> dict[str, Any]:
    return (await buy(shop, customer, await make_product(shop, **MONTHLY), **values))["subscription"]


async def test_the_payload_of_subscription_events(shop: Shop) -> None:
    customer = await make_customer(shop, external_id="usr_1")
    product = await make_product(shop, **MONTHLY)
    order = await buy(shop, customer, product, metadata={"plan": "gold"}, seats=3)
    async with shop.app.database.transaction() as connection:
        payload = await queries.payload(connection, UUID(order["subscription_id"]))
    TypeAdapter(SubscriptionShape).validate_json(dump(payload))
    assert payload["product"]["prices"] == payload["prices"]
    assert str(payload["price_id"]) == product["prices"][0]["id"]
    assert payload["price"] == payload["prices"][0]
    assert payload["customer"]["external_id"] == "usr_1"
    assert payload["user"]["id"] == payload["user_id"] == UUID(customer["id"])
    assert (payload["metadata"], payload["seats"], payload["meters"]) == ({"plan": "gold"}, 3, [])
    assert payload["discount"] is None


async def test_a_subscription_keeps_its_price_when_the_product_gets_another(shop: Shop) -> None:
    product = await make_product(shop, **MONTHLY)
    order = await buy(shop, await make_customer(shop), product)
    body = {"prices": [{"amount_type": "fixed", "price_amount": 5000, "price_currency": "usd"}]}
    assert (await shop.client.patch(f"/v1/products/{product['id']}", json=body)).status_code == 200
    async with shop.app.database.transaction() as connection:
        payload = await queries.payload(connection, UUID(order["subscription_id"]))
    assert [price["price_amount"] for price in payload["prices"]] == [1000]
    assert [price["price_amount"] for price in payload["product"]["prices"]] == [5000]
    shown = (await shop.client.get(f"/v1/orders/{order['id']}")).json()
    assert shown["product_price"]["price_amount"] == 1000


async def test_the_payload_of_order_events_is_what_the_api_shows(shop: Shop) -> None:
    order = await buy(shop, await make_customer(shop), await make_product(shop))
    async with shop.app.database.transaction() as connection:
        payload = await rendering.payload(connection, UUID(order["id"]))
    TypeAdapter(OrderShape).validate_json(dump(payload))
    assert TypeAdapter(Any).validate_json(dump(payload)) == order


def test_every_order_and_subscription_event_of_the_contract_has_a_shape() -> None:
    assert {name for name in room.payload_schemas if name.startswith("order.")} == {
        "order.created",
        "order.updated",
        "order.paid",
        "order.refunded",
    }
    assert len([name for name in room.payload_schemas if name.startswith("subscription.")]) == 7
    assert set(room.renderers) == {"order", "subscription", "refund", "customer_seat"}


async def test_active_subscriptions_are_those_on_trial_or_paid_for(shop: Shop) -> None:
    ada, bob = await make_customer(shop), await make_customer(shop, "bob@example.com")
    await subscribe(shop, bob)
    field = await make_custom_field(shop, "size")
    late = await subscribe(shop, ada)
    await shop.advance(days=31)  # there is no card to charge
    assert good(await shop.client.get(f"/v1/subscriptions/{late['id']}"))["status"] == "past_due"
    active = await subscribe(shop, ada, metadata={"a": 1}, custom_field_data={field["id"]: "L"})
    trial = await subscribe(shop, ada, trial_days=7)
    found = await active_subscriptions(shop.app.database, UUID(ada["id"]))
    assert {str(item["id"]): item["status"] for item in found} == {active["id"]: "active", trial["id"]: "trialing"}
    (first,) = [item for item in found if str(item["id"]) == active["id"]]
    assert first["metadata"] == {"a": 1}
    assert first["custom_field_data"] == {"size": "L"}
    assert set(first) == {
        *("id", "created_at", "modified_at", "custom_field_data", "metadata", "status", "amount", "currency"),
        *("recurring_interval", "current_period_start", "current_period_end", "trial_start", "trial_end"),
        *("cancel_at_period_end", "canceled_at", "started_at", "ends_at", "product_id", "discount_id", "meters"),
    }
