"""What who watches a session is told, change by change (catalog spec 8)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from boreal.core.checkout_news import Glance, news
from boreal.core.checkouts import CheckoutStatus

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
OPEN = Glance(CheckoutStatus.OPEN, None, None, is_told=True)
CONFIRMED = Glance(CheckoutStatus.CONFIRMED, NOW, None, is_told=True)
BOUGHT = Glance(CheckoutStatus.SUCCEEDED, NOW + timedelta(seconds=1), UUID(int=1), is_told=True)


def said(before: Glance, after: Glance) -> list[str]:
    return [
        "".join((key.removeprefix("checkout."), *(f" {status}" for status in payload.values())))
        for key, payload in news(before, after)
    ]


def test_nothing_new() -> None:
    assert said(OPEN, OPEN) == []
    assert said(replace(OPEN, is_told=None), OPEN) == []
    assert said(OPEN, replace(OPEN, is_told=False)) == []


def test_every_change_is_told() -> None:
    assert said(OPEN, replace(OPEN, modified_at=NOW)) == ["updated open", "webhook_event_delivered open"]
    assert said(OPEN, replace(CONFIRMED, is_told=False)) == ["updated confirmed"]
    assert said(CONFIRMED, replace(OPEN, modified_at=BOUGHT.modified_at))[0] == "updated open"


def test_a_purchase() -> None:
    waiting = replace(BOUGHT, is_told=False)
    assert said(CONFIRMED, waiting) == ["subscription_created", "order_created", "updated succeeded"]
    assert said(waiting, BOUGHT) == ["webhook_event_delivered succeeded"]
    once = replace(BOUGHT, subscription_id=None)
    assert said(OPEN, once) == ["order_created", "updated succeeded", "webhook_event_delivered succeeded"]


def test_a_subscription_that_was_there_before_is_told_when_it_is_bought() -> None:
    upgrading = replace(CONFIRMED, subscription_id=BOUGHT.subscription_id)
    assert said(upgrading, replace(BOUGHT, is_told=False))[0] == "subscription_created"


def test_when_it_is_over() -> None:
    assert BOUGHT.is_over
    assert not replace(BOUGHT, is_told=False).is_over
    assert not replace(BOUGHT, is_told=None).is_over
    assert not CONFIRMED.is_over
    assert replace(OPEN, status=CheckoutStatus.EXPIRED).is_over
