"""What a report counts of orders and checkouts (usage spec 7.4, 7.5)."""

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUUID

from boreal.core.checkouts import CheckoutStatus
from boreal.core.metrics import Figures
from boreal.core.orders import OrderStatus
from boreal.kit.db import Record
from boreal.rooms.billing.public import OrderRow, SubscriptionRow
from boreal.rooms.checkout.public import CheckoutRow
from boreal.rooms.insights.metrics.grids import START, counts, period_of
from boreal.rooms.insights.metrics.scope import Given, narrow

O = OrderRow.c  # noqa: E741

_SETTLED = sa.or_(
    *(O.status == status.value for status in (OrderStatus.PAID, OrderStatus.REFUNDED, OrderStatus.PARTIALLY_REFUNDED))
)
_PAYOUT = O.net_amount - O.platform_fee_amount - O.refunded_amount


def _orders(given: Given, *columns: Any) -> sa.Select[Any]:
    """The orders that count: settled, and of a product."""
    return narrow(
        sa.select(*columns).where(_SETTLED, O.product_id.is_not(None)),
        given=given,
        organization_id=O.organization_id,
        customer_id=O.customer_id,
        sells=O.product_id.in_,
    )


@cache
def orders(given: Given) -> sa.Select[Any]:
    """Per period and kind of sale: how many orders, of how many subscriptions, and what they brought.

    An order of a subscription that started in the same period is of a *new* one, otherwise of a *renewed* one.
    """
    period = period_of(O.created_at)
    kind = sa.case(
        (O.subscription_id.is_(None), "one_time_products"),
        (period_of(SubscriptionRow.c.started_at) == period, "new_subscriptions"),
        else_="renewed_subscriptions",
    )
    placed = (
        _orders(
            given,
            period.label("period"),
            kind.label("kind"),
            O.subscription_id,
            O.net_amount.label("net"),
            _PAYOUT.label("payout"),
        )
        .outerjoin(SubscriptionRow, SubscriptionRow.c.id == O.subscription_id)
        .where(counts(O.created_at))
        .subquery()
    )
    return sa.select(
        placed.c.period,
        placed.c.kind,
        sa.func.count().label("orders"),
        sa.func.count(placed.c.subscription_id.distinct()).label("subscriptions"),
        sa.cast(sa.func.sum(placed.c.net), sa.BigInteger).label("net"),
        sa.cast(sa.func.sum(placed.c.payout), sa.BigInteger).label("payout"),
    ).group_by(placed.c.period, placed.c.kind)


def add_orders(figures: Figures, rows: list[Record]) -> None:
    """Enters what `orders` found."""
    for row in rows:
        index, kind = row["period"] - 1, row["kind"]
        sold = row["subscriptions"] if kind == "renewed_subscriptions" else row["orders"]
        if kind != "new_subscriptions":  # those are counted by their start, ordered or not
            figures.add(kind, index, sold)
        figures.add("orders", index, row["orders"])
        for prefix in ("", f"{kind}_"):
            figures.add(f"{prefix}revenue", index, row["net"])
            figures.add(f"{prefix}net_revenue", index, row["payout"])


@cache
def history(given: Given) -> sa.Select[Any]:
    """What orders before the report brought."""
    return _orders(
        given,
        sa.cast(sa.func.coalesce(sa.func.sum(O.net_amount), 0), sa.BigInteger).label("net"),
        sa.cast(sa.func.coalesce(sa.func.sum(_PAYOUT), 0), sa.BigInteger).label("payout"),
    ).where(O.created_at < START)


def add_history(figures: Figures, rows: list[Record]) -> None:
    """Enters what `history` found."""
    (row,) = rows
    figures.revenue_before, figures.net_revenue_before = row["net"], row["payout"]


@cache
def checkouts(given: Given) -> sa.Select[Any]:
    """Per period: how many checkout sessions were opened, and how many of them ended in a sale."""
    period = period_of(CheckoutRow.c.created_at).label("period")
    succeeded = CheckoutRow.c.status == CheckoutStatus.SUCCEEDED.value
    columns: tuple[Any, ...] = (
        period,
        sa.func.count().label("opened"),
        sa.func.count().filter(succeeded).label("succeeded"),
    )
    return narrow(
        sa.select(*columns).where(counts(CheckoutRow.c.created_at)).group_by(period),
        given=given,
        organization_id=CheckoutRow.c.organization_id,
        customer_id=CheckoutRow.c.customer_id,
        sells=lambda products: CheckoutRow.c.product_ids.overlap(
            sa.func.array(products.scalar_subquery(), type_=ARRAY(PgUUID))
        ),
    )


def add_checkouts(figures: Figures, rows: list[Record]) -> None:
    """Enters what `checkouts` found."""
    for row in rows:
        figures.add("checkouts", row["period"] - 1, row["opened"])
        figures.add("succeeded_checkouts", row["period"] - 1, row["succeeded"])
