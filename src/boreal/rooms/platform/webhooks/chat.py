"""Events as messages for Discord and Slack (platform spec 8.8).

A story says in one line what happened, with a few named values below it; each chat has its own way to write it down.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import structlog
from babel.dates import format_date

from boreal.core.webhooks import WebhookFormat
from boreal.kit.formats import format_money

_log = structlog.get_logger("boreal.webhooks")

Data = Mapping[str, Any]
Fields = tuple[tuple[str, str], ...]

_LOCALE = "en_US"
_COLOR = 25343
_FOOTER = "Sent by Boreal"
_LONGEST_VALUE = 1000  # Discord refuses more than 1024 characters
_REVOKED = ("canceled", "unpaid")


@dataclass(frozen=True, slots=True)
class Sender:
    """The organization on whose behalf a message is sent."""

    name: str
    avatar_url: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """What happened, and the values to show with it in order."""

    text: str
    fields: Fields


def message(format: WebhookFormat, event: str, data: Data, *, sender: Sender) -> str | None:
    """The JSON body for a chat, or None for an event that is not worth a message. `data` is the raw payload's."""
    try:
        story = story_of(event, data, sender=sender)
    except (AttributeError, LookupError, TypeError, ValueError):
        # Facts are dispatched in order: one that cannot be told must not hold up everybody's events.
        _log.exception("chat_story_failed", fact=event, subject_id=data.get("id"))
        story = Story(event, (("Organization", sender.name),))
    if story is None:
        return None
    body = _discord(story, event, sender) if format is WebhookFormat.DISCORD else _slack(story, event, sender)
    return orjson.dumps(body).decode()


def story_of(event: str, data: Data, *, sender: Sender) -> Story | None:
    """The story of an event; a subscription that merely renewed has none."""
    noun = event.partition(".")[0]
    if noun == "order":
        return _order(event, data)
    if noun == "subscription":
        return _subscription(event, data)
    if noun == "refund":
        text = "Refund Created" if event == "refund.created" else "Refund Updated"
        return Story(text, (("Amount", _money(data["amount"], data)), ("Status", data["status"])))
    return Story(event, (("Object", str(data["id"])), ("Organization", sender.name)))


def _order(event: str, order: Data) -> Story:
    is_refund = event == "order.refunded"
    fields: Fields = (
        ("Product", order["description"]),
        ("Refunded", _money(order["refunded_amount"], order))
        if is_refund
        else ("Amount", _money(order["net_amount"], order)),
        ("Customer", order["customer"]["email"]),
    )
    if order["subscription_id"]:
        fields += (("Subscription", "Yes"),)
    if is_refund and order["status"] == "refunded":
        fields += (("Fully Refunded", "Yes"),)
    return Story("Order Refunded" if is_refund else "New Order", fields)


_SENTENCES = {
    "subscription.active": "Subscription is now active.",
    "subscription.canceled": "Subscription has been canceled.",
    "subscription.uncanceled": "Subscription has been uncanceled.",
    "subscription.revoked": "Subscription has been revoked.",
    "subscription.past_due": "Subscription payment is past due.",
}


def _subscription(event: str, subscription: Data) -> Story | None:
    fields: Fields = (
        ("Product", subscription["product"]["name"]),
        ("Amount", _price(subscription)),
        ("Customer", subscription["customer"]["email"]),
    )
    if event == "subscription.created":
        return Story("New Subscription", fields)
    if event == "subscription.updated":
        event = _what_changed(subscription) or ""
    if event not in _SENTENCES:
        return None
    fields += (("Status", subscription["status"]),)
    end = subscription["ends_at"] or subscription["ended_at"]
    if event == "subscription.canceled" and end:
        day = format_date(datetime.fromisoformat(end).date(), format="medium", locale=_LOCALE)
        fields += (("Ends At", day),)
    return Story(_SENTENCES[event], fields)


def _what_changed(subscription: Data) -> str | None:
    """Which of the other events an update amounts to, by the state it led to."""
    if subscription["status"] in _REVOKED:
        return "subscription.revoked"
    if subscription["status"] == "past_due":
        return "subscription.past_due"
    return "subscription.canceled" if subscription["ends_at"] or subscription["ended_at"] else None


def _money(amount: int, data: Data) -> str:
    return format_money(amount, data["currency"], _LOCALE)


def _price(subscription: Data) -> str:
    """`$9.00/month`, `$24.00/3 months`, or `Free`."""
    if not subscription["amount"]:
        return "Free"
    count, interval = subscription["recurring_interval_count"], subscription["recurring_interval"]
    period = interval if count == 1 else f"{count} {interval}s"
    return f"{_money(subscription['amount'], subscription)}/{period}"


def _value(text: str | None) -> str:
    return (text or "–")[:_LONGEST_VALUE]


def _discord(story: Story, event: str, sender: Sender) -> dict[str, Any]:
    author: dict[str, Any] = {"name": sender.name}
    embed: dict[str, Any] = {
        "color": _COLOR,
        "author": author,
        "footer": {"text": _FOOTER},
        "title": story.text,
        "description": event,
        "fields": [{"name": name, "value": _value(text)} for name, text in story.fields],
    }
    if sender.avatar_url:
        author["icon_url"] = sender.avatar_url
        embed["thumbnail"] = {"url": sender.avatar_url}
    return {"content": story.text, "embeds": [embed]}


def _slack(story: Story, event: str, sender: Sender) -> dict[str, Any]:
    elements: list[dict[str, Any]] = [{"type": "mrkdwn", "text": f"{_escaped(sender.name)} · {event}"}]
    if sender.avatar_url:
        elements.insert(0, {"type": "image", "image_url": sender.avatar_url, "alt_text": sender.name})
    section = {
        "type": "section",
        "text": {"type": "mrkdwn", "text": story.text},
        "fields": [{"type": "mrkdwn", "text": f"*{name}*\n{_escaped(_value(text))}"} for name, text in story.fields],
    }
    return {"text": story.text, "blocks": [section, {"type": "context", "elements": elements}]}


def _escaped(text: str) -> str:
    """Slack reads these three as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
