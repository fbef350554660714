"""A subscription with everything that its bill depends on, read at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.billing_run import Entry, EntryType
from boreal.core.checkouts import in_currency
from boreal.core.customers import Customer
from boreal.core.discounts import Discount
from boreal.core.payments import PaymentMethod
from boreal.core.plans import BilledPrice, Plan, new_plan
from boreal.core.products import Product
from boreal.core.seats import SeatStatus
from boreal.core.subscriptions import Subscription
from boreal.kit.app import App
from boreal.kit.db import Row, Runs
from boreal.kit.tx import Tx
from boreal.rooms.billing.orders.tables import OrderRow
from boreal.rooms.billing.payments.tables import PaymentMethodRow
from boreal.rooms.billing.seats.tables import CustomerSeatRow
from boreal.rooms.billing.subscriptions.tables import (
    BillingEntryRow,
    ScheduledChangeRow,
    SubscriptionPriceRow,
    SubscriptionRow,
)
from boreal.rooms.billing.usage.tables import UsageSpanRow
from boreal.rooms.catalog.public import PRICES, ProductPriceRow, ProductRow, price_of, read_discounts, read_products
from boreal.rooms.customers.public import CustomerRow
from boreal.rooms.platform.public import OrganizationRow

_ORGANIZATION = (
    "id",
    "name",
    "slug",
    "blocked_at",
    "deleted_at",
    "subscription_settings",
    "feature_settings",
    "invoice_numbering",
    "customer_invoice_prefix",
    "default_presentment_currency",
)
_PARTS: dict[str, dict[str, str]] = {
    name: {column.name: f"{name}__{column.name}" for column in table.columns}
    for name, table in {
        "subscription": SubscriptionRow,
        "customer": CustomerRow,
        "product": ProductRow,
        "method": PaymentMethodRow,
        "scheduled": ScheduledChangeRow,
    }.items()
} | {"organization": {name: f"organization__{name}" for name in _ORGANIZATION}}


def _labelled(name: str, table: sa.Table) -> list[sa.ColumnElement[Any]]:
    return [table.c[column].label(label) for column, label in _PARTS[name].items()]


# The order of the present period waits for the answer of the processor to its first charge.
_IS_UNDECIDED = (
    sa.exists()
    .where(
        OrderRow.c.subscription_id == SubscriptionRow.c.id,
        OrderRow.c.period_number == SubscriptionRow.c.period_number,
        OrderRow.c.status == "pending",
        OrderRow.c.first_failed_at.is_(None),
    )
    .correlate(SubscriptionRow)
)
_ID = sa.bindparam("id", type_=PgUUID)
_ASSIGNED_SEATS = (
    sa.select(sa.func.count())
    .select_from(CustomerSeatRow)
    .where(
        CustomerSeatRow.c.subscription_id == _ID,
        CustomerSeatRow.c.status != SeatStatus.REVOKED.value,
    )
)
_USAGE_WAITS = (
    sa.exists()
    .where(
        UsageSpanRow.c.subscription_id == SubscriptionRow.c.id,
        UsageSpanRow.c.order_id.is_(None),
        ~UsageSpanRow.c.is_forgone,
    )
    .correlate(SubscriptionRow)
)
_WAITING = (
    sa.select(sa.func.count())
    .select_from(BillingEntryRow)
    .where(BillingEntryRow.c.subscription_id == _ID, BillingEntryRow.c.order_id.is_(None))
)
_STANDING = (
    sa.select(
        *_labelled("subscription", SubscriptionRow),
        *_labelled("customer", CustomerRow),
        *_labelled("product", ProductRow),
        *_labelled("organization", OrganizationRow),
        *_labelled("method", PaymentMethodRow),
        *_labelled("scheduled", ScheduledChangeRow),
        _IS_UNDECIDED.label("is_undecided"),
        _ASSIGNED_SEATS.scalar_subquery().label("assigned_seats"),
        _WAITING.scalar_subquery().label("waiting"),
        _USAGE_WAITS.label("usage_waits"),
    )
    .join_from(SubscriptionRow, CustomerRow, CustomerRow.c.id == SubscriptionRow.c.customer_id)
    .join(ProductRow, ProductRow.c.id == SubscriptionRow.c.product_id)
    .join(OrganizationRow, OrganizationRow.c.id == SubscriptionRow.c.organization_id)
    .outerjoin(
        PaymentMethodRow,
        sa.and_(PaymentMethodRow.c.id == SubscriptionRow.c.payment_method_id, PaymentMethodRow.c.deleted_at.is_(None)),
    )
    .outerjoin(ScheduledChangeRow, ScheduledChangeRow.c.subscription_id == SubscriptionRow.c.id)
    .where(SubscriptionRow.c.id == _ID)
)
_LOCK = (
    sa.select(
        SubscriptionRow,
        sa.select(ScheduledChangeRow.c.id)
        .where(ScheduledChangeRow.c.subscription_id == _ID)
        .scalar_subquery()
        .label("scheduled_id"),
        _ASSIGNED_SEATS.scalar_subquery().label("assigned_seats"),
        _WAITING.scalar_subquery().label("waiting"),
    )
    .where(SubscriptionRow.c.id == _ID)
    .with_for_update(of=SubscriptionRow, key_share=True)
)
_PRICES = (
    PRICES.add_columns(SubscriptionPriceRow.c.amount)
    .join(SubscriptionPriceRow, SubscriptionPriceRow.c.product_price_id == ProductPriceRow.c.id)
    .where(SubscriptionPriceRow.c.subscription_id == _ID)
    .order_by(SubscriptionPriceRow.c.position)
)
_PENDING = (
    sa.select(BillingEntryRow)
    .where(BillingEntryRow.c.subscription_id == _ID, BillingEntryRow.c.order_id.is_(None))
    .order_by(BillingEntryRow.c.position)
)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A change that waits for the end of the period: another product, or another number of seats.

    `plan` is what the subscription would be billed by; None if that product cannot be billed so any more.
    """

    id: UUID
    product_id: UUID | None
    seats: int | None
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A subscription as it stands: whose it is, what it is billed by, what waits to be billed, and how it is paid.

    `method` is None when there is none that could be charged. `pending` are entries that no order has taken yet.
    `is_undecided` says that the first charge for the present period has not ended yet. `assigned_seats` are those that
    somebody holds or is invited to. `usage_waits` says that it has usage, perhaps none, that no order has taken.
    """

    subscription: Subscription
    customer: Customer
    organization: Mapping[str, Any]
    plan: Plan
    discount: Discount | None
    method: PaymentMethod | None
    pending: tuple[Entry, ...]
    usage_waits: bool
    scheduled: Scheduled | None
    is_undecided: bool
    assigned_seats: int


async def read_standing(app: App, runs: Runs | Tx, id: UUID) -> Standing | None:
    """The standing of a subscription, whoever asks; None if there is none."""
    row = await runs.fetchrow(_STANDING, id=id)
    if row is None:
        return None
    load = app.transactions.nouns.load
    subscription = load(Subscription, _part(row, "subscription"))
    prices = [BilledPrice(price_of(found), found["amount"]) for found in await runs.fetch(_PRICES, id=id)]
    discounts = await read_discounts(runs, [subscription.discount_id] if subscription.discount_id else [])
    method = _part(row, "method")
    plan = Plan(load(Product, _part(row, "product")), tuple(prices))
    waiting = await runs.fetch(_PENDING, id=id) if row["waiting"] else ()
    return Standing(
        subscription=subscription,
        customer=load(Customer, _part(row, "customer")),
        organization=_part(row, "organization"),
        plan=plan,
        discount=discounts.get(subscription.discount_id) if subscription.discount_id else None,
        method=load(PaymentMethod, method) if method["id"] is not None else None,
        pending=tuple(_entry(found) for found in waiting),
        usage_waits=row["usage_waits"],
        scheduled=await _scheduled(runs, _part(row, "scheduled"), subscription, plan),
        is_undecided=row["is_undecided"],
        assigned_seats=row["assigned_seats"],
    )


async def lock_standing(app: App, tx: Tx, seen: Standing) -> bool:
    """Locks the subscription, whose customer is locked already; whether it still stands as it was read.

    Usage is not looked at: what of it is billed was closed before.
    """
    row = await tx.fetchrow(_LOCK, id=seen.subscription.id)
    assert row is not None
    now = (
        app.transactions.nouns.load(Subscription, row),
        row["scheduled_id"],
        row["assigned_seats"],
        row["waiting"],
    )
    scheduled_id = seen.scheduled.id if seen.scheduled else None
    return now == (seen.subscription, scheduled_id, seen.assigned_seats, len(seen.pending))


async def _scheduled(
    runs: Runs | Tx, row: Mapping[str, Any], subscription: Subscription, plan: Plan
) -> Scheduled | None:
    if row["id"] is None:
        return None
    try:
        if row["product_id"] is not None:
            seats = row["seats"] or subscription.seats
            detail = (await read_products(runs, [row["product_id"]]))[row["product_id"]]
            wanted = new_plan(detail.product, in_currency(detail.prices, subscription.currency), seats=seats)
        else:
            wanted = plan.with_seats(row["seats"])
    except ValueError:
        return Scheduled(row["id"], row["product_id"], row["seats"], None)
    return Scheduled(row["id"], row["product_id"], row["seats"], wanted)


def _part(row: Row, name: str) -> Any:
    return {column: row[label] for column, label in _PARTS[name].items()}


def _entry(row: Row) -> Entry:
    return Entry(
        type=EntryType(row["type"]),
        amount=row["amount"],
        discount_amount=row["discount_amount"],
        product_price_id=row["product_price_id"],
        product_name=row["product_name"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
    )
