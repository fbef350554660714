"""The mails about orders: the right kind, the right amounts, nothing from elsewhere."""

import re

import pytest

from boreal.rooms.billing.mails.rendering import render_order_mail

ORGANIZATION = {"name": "Northwind"}
PORTAL = "https://shop.example/northwind/portal?customer_session_token=t&x=1"
SUBSCRIPTION = {
    "status": "active",
    "amount": 2400,
    "currency": "usd",
    "recurring_interval": "month",
    "recurring_interval_count": 3,
    "trial_end": None,
    "current_period_start": "2026-02-21T10:00:00Z",
    "current_period_end": "2026-05-21T10:00:00Z",
}


def order(**fields):
    return {
        "billing_reason": "purchase",
        "paid": True,
        "created_at": "2026-02-21T10:00:00Z",
        "invoice_number": "NW-1",
        "description": "Atlas",
        "currency": "usd",
        "items": [{"label": "Atlas", "amount": 2400}],
        "discount": None,
        "subtotal_amount": 2400,
        "discount_amount": 0,
        "tax_amount": 456,
        "total_amount": 2856,
        "applied_balance_amount": 0,
        "due_amount": 2856,
        "billing_name": None,
        "billing_address": {"country": "DE", "city": "Berlin", "postal_code": "10117"},
        "customer": {"name": "Ada"},
        "product": {"name": "Atlas"},
        "subscription": None,
    } | fields


def test_a_receipt_names_what_was_paid():
    mail = render_order_mail(order(), ORGANIZATION, PORTAL)
    assert mail.subject == "Your receipt from Northwind: Atlas"
    for line in ("Atlas: $24.00", "Tax: $4.56", "Paid: $28.56", "Invoice: NW-1", "Billed to: Ada, 10117 Berlin, DE"):
        assert line in mail.text
    assert "$28.56" in mail.html
    assert PORTAL in mail.text
    assert PORTAL.replace("&", "&amp;") in mail.html
    assert "\n\n\n" not in mail.text


@pytest.mark.parametrize(
    ("status", "reason", "subject", "sentence"),
    [
        (
            "active",
            "subscription_create",
            "You are subscribed to Atlas",
            "Your subscription renews on May 21, 2026 and then every 3 months, at $24.00 before discounts and tax.",
        ),
        (
            "trialing",
            "subscription_create",
            "Your trial of Atlas has started",
            "Your trial ends on May 21, 2026. Then you pay $24.00 every 3 months, before discounts and tax.",
        ),
        (
            "active",
            "subscription_cycle",
            "Your receipt from Northwind: Atlas renewed",
            "It renews on May 21, 2026, at $24.00 every 3 months before tax.",
        ),
        ("active", "subscription_update", "Your subscription is now Atlas", "is settled here"),
        ("canceled", "subscription_cycle", "Your last receipt from Northwind: Atlas", "has ended"),
    ],
)
def test_the_first_order_of_a_subscription_tells_what_comes_next(status, reason, subject, sentence):
    bought = order(billing_reason=reason, subscription=SUBSCRIPTION | {"status": status})
    mail = render_order_mail(bought, ORGANIZATION, PORTAL)
    assert mail.subject == subject
    assert sentence in mail.text
    assert sentence in mail.html


def test_who_pays_for_usage_is_told_so():
    bought = order(billing_reason="subscription_create", subscription=SUBSCRIPTION | {"status": "active"})
    usage = "What you use is billed on top of that."
    assert usage in render_order_mail(bought, ORGANIZATION, PORTAL, bills_usage=True).text
    assert usage not in render_order_mail(bought, ORGANIZATION, PORTAL).text
    leaving = order(subscription=SUBSCRIPTION | {"status": "active", "cancel_at_period_end": True})
    assert usage not in render_order_mail(leaving, ORGANIZATION, PORTAL, bills_usage=True).text


def test_the_price_of_a_renewal_is_told_before_discounts():
    discounted = SUBSCRIPTION | {"status": "active", "amount": 400}
    mail = render_order_mail(order(billing_reason="subscription_create", subscription=discounted), ORGANIZATION, PORTAL)
    assert "at $24.00 before discounts and tax" in mail.text


def test_discount_and_balance_are_told():
    bought = order(
        discount={"name": "Spring"},
        discount_amount=400,
        applied_balance_amount=-456,
        due_amount=2000,
        total_amount=2456,
    )
    text = render_order_mail(bought, ORGANIZATION, PORTAL).text
    assert "Spring: -$4.00" in text
    assert "Total: $24.56" in text
    assert "From your balance: -$4.56" in text
    assert "Paid: $20.00" in text


def test_an_order_that_is_not_paid_does_not_say_so():
    mail = render_order_mail(order(paid=False), ORGANIZATION, PORTAL)
    assert mail.subject.startswith("Your invoice from")
    assert ("Due" in mail.text, "Paid" in mail.text) == (True, False)


def test_names_are_escaped_and_a_subject_is_one_line():
    name = "<script>\r\nBcc: eve@example.com 世界地図"
    mail = render_order_mail(order(product={"name": name}, items=[{"label": name, "amount": 1}]), ORGANIZATION, PORTAL)
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject
    assert "<script>" not in mail.html
    assert "世界地図" in mail.html
    assert "世界地図" in mail.text


def test_a_mail_loads_nothing():
    html = render_order_mail(order(), ORGANIZATION, PORTAL).html
    loaded = re.findall(r"""(?:src|url|@import)\s*[=(]?\s*["']?(https?:[^"')\s]+)""", html)
    assert loaded == []
    assert not re.search(r"<link[^>]+stylesheet", html)


def test_amounts_follow_the_locale():
    assert "Paid: 28,56\u00a0$" in render_order_mail(order(), ORGANIZATION, PORTAL, locale="de").text
