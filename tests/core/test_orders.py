"""Orders, subscriptions and payments: amounts, lifecycles, and the facts of every change."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from boreal.core import orders, payments, subscriptions
from boreal.core.calendar import RecurringInterval
from boreal.core.orders import BillingReason, Order, OrderStatus, Purchase, PurchaseItem, invoice_number
from boreal.core.payments import PaymentStatus
from boreal.core.products import Product
from boreal.core.subscriptions import Subscription, SubscriptionStatus

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def order(**values: Any) -> Order:
    defaults: dict[str, Any] = {
        "id": uuid.UUID(int=1),
        "created_at": NOW,
        "modified_at": None,
        "organization_id": uuid.UUID(int=2),
        "customer_id": uuid.UUID(int=3),
        "product_id": uuid.UUID(int=4),
        "discount_id": None,
        "subscription_id": None,
        "checkout_id": uuid.UUID(int=5),
        "status": OrderStatus.PAID,
        "billing_reason": BillingReason.PURCHASE,
        "subtotal_amount": 1000,
        "discount_amount": 0,
        "tax_amount": 200,
        "currency": "usd",
        "taxability_reason": None,
        "tax_rate": None,
        "billing_name": "Ada",
        "billing_address": {"country": "FR"},
        "tax_id": None,
        "invoice_number": "ACME-AAAAAAAA-0001",
        "seats": None,
        "metadata": {},
        "custom_field_data": {},
        "period_start": None,
    }
    return Order(**{**defaults, **values})


def subscription(**values: Any) -> Subscription:
    defaults: dict[str, Any] = {
        "id": uuid.UUID(int=1),
        "created_at": NOW,
        "modified_at": None,
        "organization_id": uuid.UUID(int=2),
        "customer_id": uuid.UUID(int=3),
        "product_id": uuid.UUID(int=4),
        "discount_id": None,
        "checkout_id": None,
        "payment_method_id": None,
        "status": SubscriptionStatus.ACTIVE,
        "amount": 1000,
        "currency": "usd",
        "seats": None,
        "recurring_interval": RecurringInterval.MONTH,
        "recurring_interval_count": 1,
        "anchor_day": 15,
        "current_period_start": NOW,
        "current_period_end": NOW + timedelta(days=31),
        "trial_start": None,
        "trial_end": None,
        "started_at": NOW,
        "discount_applied_at": None,
        "metadata": {},
        "custom_field_data": {},
    }
    return Subscription(**{**defaults, **values})


def test_amounts_add_up() -> None:
    owing = order(subtotal_amount=1000, discount_amount=100, tax_amount=180, applied_balance_amount=-300)
    assert (owing.net_amount, owing.total_amount, owing.due_amount) == (900, 1080, 780)
    assert order(applied_balance_amount=-5000).due_amount == 0
    assert order(applied_balance_amount=40).due_amount == 1240


@pytest.mark.parametrize(
    ("prefix", "number", "short_id", "expected"),
    [
        ("ACME", 1, "RWIWVQKRTF", "ACME-RWIWVQKRTF-0001"),
        ("ACME", 42, None, "ACME-0042"),
        ("ACME", 9999, None, "ACME-9999"),
        ("ACME", 10000, None, "ACME-10000"),
    ],
)
def test_invoice_numbers(prefix: str, number: int, short_id: str | None, expected: str) -> None:
    assert invoice_number(prefix, number, customer_short_id=short_id) == expected


def test_an_order_born_paid_tells_three_facts_and_a_pending_one_its_birth() -> None:
    assert orders.facts(None, order()) == ("order.created", "order.updated", "order.paid")
    assert orders.facts(None, order(status=OrderStatus.PENDING)) == ("order.created",)


def test_paying_a_pending_order_tells_updated_and_paid() -> None:
    pending = order(status=OrderStatus.PENDING)
    assert orders.facts(pending, replace(pending, status=OrderStatus.PAID)) == ("order.updated", "order.paid")


@pytest.mark.parametrize(
    "change",
    [
        {"status": OrderStatus.REFUNDED, "refunded_amount": 1000},
        {"billing_name": "Grace"},
        {"is_invoice_generated": True},
    ],
)
def test_any_other_change_of_an_order_tells_updated(change: dict[str, Any]) -> None:
    assert orders.facts(order(), replace(order(), modified_at=LATER, **change)) == ("order.updated",)


def test_a_failed_attempt_to_collect_and_the_platforms_fee_tell_nothing() -> None:
    pending = order(status=OrderStatus.PENDING)
    assert orders.facts(pending, replace(pending, modified_at=LATER, next_payment_attempt_at=LATER)) == ()
    fee = {"platform_fee_amount": 80, "platform_fee_currency": "usd"}
    assert orders.facts(order(), replace(order(), modified_at=LATER, **fee)) == ()


def test_a_refund_that_is_reverted_is_not_paid_again() -> None:
    refunded = order(status=OrderStatus.REFUNDED)
    assert orders.facts(refunded, replace(refunded, status=OrderStatus.PAID)) == ("order.updated",)


@pytest.mark.parametrize("status", [SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING])
def test_a_new_subscription_tells_created_active_updated(status: SubscriptionStatus) -> None:
    assert subscriptions.facts(None, subscription(status=status)) == (
        "subscription.created",
        "subscription.active",
        "subscription.updated",
    )


ENDED = {"status": SubscriptionStatus.CANCELED, "ends_at": LATER, "ended_at": LATER}


@pytest.mark.parametrize(
    ("before", "change", "told"),
    [
        ({"status": SubscriptionStatus.TRIALING}, {"status": SubscriptionStatus.ACTIVE}, ()),
        ({}, {"current_period_end": LATER}, ()),
        ({}, {"status": SubscriptionStatus.PAST_DUE, "past_due_at": LATER}, ("past_due",)),
        ({"status": SubscriptionStatus.PAST_DUE}, {"status": SubscriptionStatus.ACTIVE}, ("active",)),
        ({}, {"cancel_at_period_end": True, "canceled_at": LATER, "ends_at": LATER}, ("canceled",)),
        ({"canceled_at": NOW, "ends_at": LATER}, {"canceled_at": None, "ends_at": None}, ("uncanceled",)),
        ({}, {"canceled_at": LATER, **ENDED}, ("canceled", "revoked")),
        ({"canceled_at": NOW}, {"canceled_at": LATER, **ENDED}, ("revoked",)),
        ({"canceled_at": NOW}, ENDED, ("revoked",)),
    ],
    ids=["trial over", "renewed", "failed", "recovered", "cancel", "uncancel", "revoke", "revoke canceled", "ended"],
)
def test_changes_of_a_subscription(before: dict[str, Any], change: dict[str, Any], told: tuple[str, ...]) -> None:
    was = subscription(**before)
    after = replace(was, modified_at=LATER, **change)
    assert subscriptions.facts(was, after) == ("subscription.updated", *(f"subscription.{name}" for name in told))


def test_no_change_of_a_subscription_tells_nothing() -> None:
    assert subscriptions.facts(subscription(), subscription()) == ()


@pytest.mark.parametrize(
    ("statuses", "transitions", "allowed"),
    [
        (
            OrderStatus,
            orders.TRANSITIONS,
            "None>pending None>paid pending>paid paid>partially_refunded paid>refunded partially_refunded>paid "
            "partially_refunded>refunded refunded>paid refunded>partially_refunded",
        ),
        (
            SubscriptionStatus,
            subscriptions.TRANSITIONS,
            "None>trialing None>active trialing>active trialing>past_due trialing>canceled active>trialing "
            "active>past_due active>canceled past_due>active past_due>canceled",
        ),
        (
            PaymentStatus,
            payments.TRANSITIONS,
            "None>pending None>succeeded None>failed pending>succeeded pending>failed",
        ),
    ],
)
def test_every_pair_of_statuses(statuses: Any, transitions: Any, allowed: str) -> None:
    pairs = {f"{was}>{becomes}" for was, becomes in product([None, *statuses], statuses) if becomes in transitions[was]}
    assert pairs == set(allowed.split())


def test_a_purchase_adds_up() -> None:
    sold = Product(
        id=uuid.UUID(int=4),
        created_at=NOW,
        modified_at=None,
        organization_id=uuid.UUID(int=2),
        name="Pro",
        description=None,
        recurring_interval=None,
        recurring_interval_count=None,
        trial_interval=None,
        trial_interval_count=None,
        is_archived=False,
        metadata={},
    )
    values: dict[str, Any] = {
        "organization_id": sold.organization_id,
        "checkout_id": uuid.UUID(int=5),
        "product": sold,
        "items": (PurchaseItem(amount=1000, product_price_id=uuid.UUID(int=6)),),
        "currency": "usd",
        "metadata": {},
        "custom_field_data": {},
    }
    assert Purchase(**values, subtotal_amount=1000).discount_amount == 0
    with pytest.raises(ValueError, match="do not add up to 999"):
        Purchase(**values, subtotal_amount=999)
    with pytest.raises(ValueError, match="has a trial of a product that is bought once"):
        Purchase(**values, subtotal_amount=1000, trial_end=LATER)
