"""Subscriptions, plans and discounts for tests of the book, without a database."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from boreal.core.calendar import RecurringInterval, add
from boreal.core.discounts import Discount, DiscountDuration, DiscountType
from boreal.core.plans import Plan, new_plan
from boreal.core.prices import AmountType, Price, PriceSource, SeatTier
from boreal.core.products import Product
from boreal.core.subscriptions import Subscription, SubscriptionStatus

MONTH, YEAR, WEEK, DAY = (
    RecurringInterval.MONTH,
    RecurringInterval.YEAR,
    RecurringInterval.WEEK,
    RecurringInterval.DAY,
)
BIRTH = datetime(2024, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    """A moment in UTC: `2025-02-15` or `2025-02-15T12:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def product(interval: RecurringInterval = MONTH, count: int = 1, *, name: str = "Pro") -> Product:
    """A recurring product."""
    return Product(
        id=uuid.uuid4(),
        created_at=BIRTH,
        modified_at=None,
        organization_id=uuid.UUID(int=2),
        name=name,
        description=None,
        recurring_interval=interval,
        recurring_interval_count=count,
        trial_interval=None,
        trial_interval_count=None,
        is_archived=False,
        metadata={},
    )


def price(kind: AmountType = AmountType.FIXED, amount: int = 1000, **values: Any) -> Price:
    """A price in dollars."""
    return Price(
        id=uuid.uuid4(),
        created_at=BIRTH,
        modified_at=None,
        organization_id=uuid.UUID(int=2),
        product_id=uuid.uuid4(),
        source=PriceSource.CATALOG,
        position=0,
        is_archived=False,
        amount_type=kind,
        price_currency="usd",
        price_amount=amount if kind is AmountType.FIXED else None,
        **values,
    )


def plan(amount: int | None, interval: RecurringInterval = MONTH, count: int = 1) -> Plan:
    """A plan with one fixed price, or a free one."""
    kind = AmountType.FREE if amount is None else AmountType.FIXED
    return new_plan(product(interval, count), [price(kind, amount or 0)], seats=None)


def seat_plan(seats: int, *tiers: tuple[int, int | None, int]) -> Plan:
    """A plan priced by seats: (least, most, price of each)."""
    ladder = tuple(SeatTier(min_seats=least, max_seats=most, price_per_seat=each) for least, most, each in tiers)
    return new_plan(product(), [price(AmountType.SEAT_BASED, seat_tiers=ladder)], seats=seats)


def percent(basis_points: int, **values: Any) -> Discount:
    """A discount of a share, for ever unless told otherwise."""
    return _discount(type=DiscountType.PERCENTAGE, basis_points=basis_points, **values)


def off(amount: int, **values: Any) -> Discount:
    """A discount of an amount."""
    return _discount(type=DiscountType.FIXED, amount=amount, currency="usd", **values)


def _discount(**values: Any) -> Discount:
    blank: dict[str, Any] = {
        "id": uuid.uuid4(),
        "created_at": BIRTH,
        "modified_at": None,
        "deleted_at": None,
        "organization_id": uuid.UUID(int=2),
        "name": "Sale",
        "duration": DiscountDuration.FOREVER,
        "duration_in_months": None,
        "amount": None,
        "currency": None,
        "basis_points": None,
        "code": None,
        "code_key": None,
        "starts_at": None,
        "ends_at": None,
        "max_redemptions": None,
        "redemptions_count": 1,
        "product_ids": [],
        "metadata": {},
    }
    return Discount(**{**blank, **values})


def subscription(of: Plan, start: str = "2025-06-01", end: str | None = None, **values: Any) -> Subscription:
    """An active subscription to a plan in the period that begins then."""
    begins = at(start)
    interval, count = of.product.recurring_interval, of.product.recurring_interval_count
    assert interval is not None
    assert count is not None
    blank: dict[str, Any] = {
        "id": uuid.UUID(int=1),
        "created_at": begins,
        "modified_at": None,
        "organization_id": uuid.UUID(int=2),
        "customer_id": uuid.UUID(int=3),
        "product_id": of.product.id,
        "discount_id": None,
        "checkout_id": None,
        "payment_method_id": None,
        "status": SubscriptionStatus.ACTIVE,
        "amount": of.base_amount,
        "currency": "usd",
        "seats": None,
        "recurring_interval": interval,
        "recurring_interval_count": count,
        "anchor_day": begins.day,
        "current_period_start": begins,
        "current_period_end": at(end) if end else add(begins, interval, count, anchor_day=begins.day),
        "trial_start": None,
        "trial_end": None,
        "started_at": begins,
        "discount_applied_at": None,
        "metadata": {},
        "custom_field_data": {},
    }
    return Subscription(**{**blank, **values})


def units(text: str) -> Decimal:
    """A number of units."""
    return Decimal(text)
