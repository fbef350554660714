"""Events as chat messages (platform spec 8.8)."""

import json
from typing import Any

import pytest

from boreal.core.webhooks import WebhookFormat
from boreal.rooms.platform.webhooks.chat import Fields, Sender, message, story_of
from tests.rooms.platform.happenings import deliveries, listen, rename
from tests.support.receiver import open_receiver
from tests.support.shop import Shop

SENDER = Sender(name="Acme <Ltd>", avatar_url="https://acme.example/logo.png")
CUSTOMER = {"email": "ada@example.com"}
ORDER = {
    "id": "o",
    "description": "Pro & more",
    "net_amount": 123456,
    "refunded_amount": 500,
    "currency": "usd",
    "customer": CUSTOMER,
    "subscription_id": None,
    "status": "paid",
}
SUBSCRIPTION = {
    "id": "s",
    "product": {"name": "Pro"},
    "amount": 900,
    "currency": "usd",
    "recurring_interval": "month",
    "recurring_interval_count": 1,
    "customer": CUSTOMER,
    "status": "active",
    "ends_at": None,
    "ended_at": None,
}
BASICS: Fields = (("Product", "Pro"), ("Amount", "$9.00/month"), ("Customer", "ada@example.com"))
ENDS: Fields = (("Status", "active"), ("Ends At", "Feb 3, 2026"))
CANCELED = "Subscription has been canceled."


def told(event: str, data: dict[str, Any]) -> tuple[str, Fields] | None:
    story = story_of(event, data, sender=SENDER)
    return (story.text, story.fields) if story else None


@pytest.mark.parametrize("event", ["order.created", "order.updated", "order.paid"])
def test_orders(event: str) -> None:
    fields: Fields = (("Product", "Pro & more"), ("Amount", "$1,234.56"), ("Customer", "ada@example.com"))
    assert told(event, ORDER) == ("New Order", fields)
    assert told(event, {**ORDER, "subscription_id": "s"}) == ("New Order", (*fields, ("Subscription", "Yes")))


def test_refunded_orders() -> None:
    fields: Fields = (("Product", "Pro & more"), ("Refunded", "$5.00"), ("Customer", "ada@example.com"))
    assert told("order.refunded", ORDER) == ("Order Refunded", fields)
    fully = {**ORDER, "subscription_id": "s", "status": "refunded"}
    more: Fields = (("Subscription", "Yes"), ("Fully Refunded", "Yes"))
    assert told("order.refunded", fully) == ("Order Refunded", fields + more)


def test_new_subscriptions() -> None:
    assert told("subscription.created", SUBSCRIPTION) == ("New Subscription", BASICS)
    for change, amount in (
        ({"amount": None}, "Free"),
        ({"amount": 0}, "Free"),
        ({"recurring_interval_count": 3}, "$9.00/3 months"),
        ({"currency": "jpy", "recurring_interval": "year"}, "¥900/year"),
    ):
        story = told("subscription.created", {**SUBSCRIPTION, **change})
        assert story is not None and story[1][1] == ("Amount", amount)


@pytest.mark.parametrize(
    ("event", "change", "expected"),
    [
        ("active", {}, ("Subscription is now active.", (*BASICS, ("Status", "active")))),
        ("uncanceled", {}, ("Subscription has been uncanceled.", (*BASICS, ("Status", "active")))),
        ("past_due", {"status": "past_due"}, ("Subscription payment is past due.", (*BASICS, ("Status", "past_due")))),
        ("revoked", {"status": "canceled"}, ("Subscription has been revoked.", (*BASICS, ("Status", "canceled")))),
        ("canceled", {"ends_at": "2026-02-03T00:00:00Z"}, (CANCELED, BASICS + ENDS)),
        ("canceled", {"ended_at": "2026-02-03T00:00:00Z"}, (CANCELED, BASICS + ENDS)),
        ("updated", {}, None),
        ("updated", {"ends_at": "2026-02-03T00:00:00Z"}, (CANCELED, BASICS + ENDS)),
        (
            "updated",
            {"status": "unpaid", "ended_at": "2026-02-03T00:00:00Z"},
            ("Subscription has been revoked.", (*BASICS, ("Status", "unpaid"))),
        ),
        ("updated", {"status": "past_due"}, ("Subscription payment is past due.", (*BASICS, ("Status", "past_due")))),
    ],
)
def test_changed_subscriptions(event: str, change: dict[str, Any], expected: tuple[str, Fields] | None) -> None:
    assert told(f"subscription.{event}", {**SUBSCRIPTION, **change}) == expected


def test_refunds_and_everything_else() -> None:
    refund = {"amount": 250, "currency": "eur", "status": "pending"}
    fields: Fields = (("Amount", "€2.50"), ("Status", "pending"))
    assert told("refund.created", refund) == ("Refund Created", fields)
    assert told("refund.updated", refund) == ("Refund Updated", fields)
    other: Fields = (("Object", "c"), ("Organization", "Acme <Ltd>"))
    assert told("customer.state_changed", {"id": "c"}) == ("customer.state_changed", other)


def test_discord() -> None:
    body = json.loads(message(WebhookFormat.DISCORD, "order.paid", ORDER, sender=SENDER) or "")
    assert body == {
        "content": "New Order",
        "embeds": [
            {
                "color": 25343,
                "author": {"name": "Acme <Ltd>", "icon_url": "https://acme.example/logo.png"},
                "thumbnail": {"url": "https://acme.example/logo.png"},
                "footer": {"text": "Sent by Boreal"},
                "title": "New Order",
                "description": "order.paid",
                "fields": [
                    {"name": "Product", "value": "Pro & more"},
                    {"name": "Amount", "value": "$1,234.56"},
                    {"name": "Customer", "value": "ada@example.com"},
                ],
            }
        ],
    }
    plain = json.loads(message(WebhookFormat.DISCORD, "order.paid", ORDER, sender=Sender("Acme", None)) or "")
    assert plain["embeds"][0]["author"] == {"name": "Acme"}
    assert "thumbnail" not in plain["embeds"][0]


def test_slack() -> None:
    body = json.loads(message(WebhookFormat.SLACK, "order.paid", ORDER, sender=SENDER) or "")
    assert body == {
        "text": "New Order",
        "blocks": [
            {
                "type": "section",
                "text": {"type": "mrkdwn", "text": "New Order"},
                "fields": [
                    {"type": "mrkdwn", "text": "*Product*\nPro &amp; more"},
                    {"type": "mrkdwn", "text": "*Amount*\n$1,234.56"},
                    {"type": "mrkdwn", "text": "*Customer*\nada@example.com"},
                ],
            },
            {
                "type": "context",
                "elements": [
                    {"type": "image", "image_url": "https://acme.example/logo.png", "alt_text": "Acme <Ltd>"},
                    {"type": "mrkdwn", "text": "Acme &lt;Ltd&gt; · order.paid"},
                ],
            },
        ],
    }


def test_what_a_chat_would_refuse_is_avoided() -> None:
    order = {**ORDER, "description": "x" * 5000, "customer": {"email": None}}
    body = json.loads(message(WebhookFormat.DISCORD, "order.paid", order, sender=SENDER) or "")
    product, _, customer = (field["value"] for field in body["embeds"][0]["fields"])
    assert (len(product), customer) == (1000, "–")
    assert message(WebhookFormat.DISCORD, "subscription.updated", SUBSCRIPTION, sender=SENDER) is None


async def test_chat_endpoints_get_messages_frozen_and_signed(shop: Shop) -> None:
    async with open_receiver() as receiver:
        await listen(shop, f"{receiver.url}/discord", format="discord")
        await listen(shop, f"{receiver.url}/slack", format="slack")
        await rename(shop.app, shop.organization_id, "Acme")
        await shop.settle()
        bodies = {one.path: one.json for one in receiver.requests}
        assert bodies["/discord"]["embeds"][0]["fields"] == [
            {"name": "Object", "value": str(shop.organization_id)},
            {"name": "Organization", "value": "Acme"},
        ]
        assert bodies["/slack"]["text"] == "organization.updated"
        assert all(one.headers["webhook-signature"].startswith("v1,") for one in receiver.requests)
        shown = {one["webhook_event"]["payload"].encode() for one in await deliveries(shop)}
        assert shown == {one.body for one in receiver.requests}


def test_what_cannot_be_told_is_named_at_least() -> None:
    """A fact whose payload lacks what its story needs holds up nobody."""
    body = json.loads(message(WebhookFormat.SLACK, "order.paid", {"id": "o"}, sender=SENDER) or "")
    assert body["text"] == "order.paid"
